/**
 * The laws of small rates about the prototypes network's minimum, from its own derivatives in
 * float64: Hessian modes, gradient noise along them, and how both change over the stationary cloud.
 */
import type { Minimum } from "../../engine/minimize.ts";
import { type FullData, referenceFullData } from "../../engine/referenceFullData.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { prototypeNetwork, prototypes } from "../../models/prototypeNetwork.ts";
import {
  batchNoiseFactor,
  type IndependentSampling,
  type SmallRate,
  smallRate,
} from "../../models/theory/index.ts";
import { dot } from "../dot.ts";

export interface NetworkSmallRateOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly batchSize: number;
  readonly sampling: IndependentSampling;
  readonly burnIn: number;
}

/** Points of the cloud, in pairs c ± z, and random vectors a trace is taken with at each. */
const PAIRS = 8;
const PROBES = 4;

/**
 * Estimates of tr C and tr(H C), C the covariance of samples' gradients: the second by random signs
 * ζ, as y·H y with y = N^−½ Σ ζ_i (g_i − ḡ), whose mean it is. The same seed gives the same signs.
 */
function traces(f: FullData, theta: Float64Array, seed: number): { noise: number; curved: number } {
  const gradients = f.sampleGradients(theta);
  const mean = f.gradient(theta).slice();
  const N = gradients.length;
  const noise = gradients.reduce((sum, g) => sum + dot(g, g), 0) / N - dot(mean, mean);
  const uniform = mulberry32(seed);
  let curved = 0;
  for (let probe = 0; probe < PROBES; probe++) {
    const y = new Float64Array(theta.length);
    for (const g of gradients) {
      const sign = uniform() < 0.5 ? -1 : 1;
      for (let q = 0; q < y.length; q++) y[q]! += (sign * (g[q]! - mean[q]!)) / Math.sqrt(N);
    }
    curved += dot(y, f.curvature(theta, y)) / PROBES;
  }
  return { noise, curved };
}

/** Relative change of tr C and tr(H C) from the minimum to the mean over a Gaussian cloud about it. */
function cloudChange(f: FullData, { theta, eigenvectors }: Minimum, variance: readonly number[]) {
  const uniform = mulberry32(1);
  const here = { noise: 0, curved: 0 };
  const cloud = { noise: 0, curved: 0 };
  for (let pair = 0; pair < PAIRS; pair++) {
    const z = new Float64Array(theta.length);
    for (const [k, u] of eigenvectors.entries()) {
      const size = Math.sqrt(variance[k]!) * gaussian(uniform);
      for (let q = 0; q < z.length; q++) z[q]! += size * u[q]!;
    }
    const center = traces(f, theta, pair);
    here.noise += 2 * center.noise;
    here.curved += 2 * center.curved;
    for (const sign of [-1, 1]) {
      const moved = traces(
        f,
        theta.map((x, q) => x + sign * z[q]!),
        pair,
      );
      cloud.noise += moved.noise;
      cloud.curved += moved.curved;
    }
  }
  return { noise: cloud.noise / here.noise - 1, curved: cloud.curved / here.curved - 1 };
}

/** What a minibatch's noise depends on. */
export type NetworkNoiseOptions = Pick<
  NetworkSmallRateOptions,
  "weightDecay" | "batchSize" | "sampling"
>;

/** σ_k, variance of a minibatch gradient along each Hessian mode at the minimum, [mode]. */
export function networkNoise(p: NetworkNoiseOptions, minimum: Minimum): number[] {
  const data = prototypes();
  const f = referenceFullData(prototypeNetwork(), data, p.weightDecay);
  const factor = batchNoiseFactor(data.samples, p.batchSize, p.sampling);
  const gradients = f.sampleGradients(minimum.theta);
  return minimum.eigenvectors.map((u) => {
    const squares = gradients.reduce((sum, g) => sum + dot(u, g) ** 2, 0);
    return (factor * squares) / data.samples;
  });
}

/** θ → tr Σ_B(θ), the trace of a minibatch gradient's covariance. */
export function networkNoiseTrace(p: NetworkNoiseOptions): (theta: Float64Array) => number {
  const data = prototypes();
  const f = referenceFullData(prototypeNetwork(), data, p.weightDecay);
  const factor = batchNoiseFactor(data.samples, p.batchSize, p.sampling);
  return (theta) => {
    const gradients = f.sampleGradients(theta);
    const mean = f.gradient(theta);
    const squares = gradients.reduce((sum, g) => sum + dot(g, g), 0);
    return factor * (squares / data.samples - dot(mean, mean));
  };
}

/** @throws ArgumentError as `smallRate` does. */
export function networkSmallRate(p: NetworkSmallRateOptions, minimum: Minimum): SmallRate {
  const f = referenceFullData(prototypeNetwork(), prototypes(), p.weightDecay);
  return smallRate({
    ...p,
    curvature: [...minimum.eigenvalues],
    noise: networkNoise(p, minimum),
    change: (variance) => cloudChange(f, minimum, variance),
  });
}
