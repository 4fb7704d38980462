/**
 * The linear theory with curvature and noise averaged over the stationary cloud (statistical
 * linearization): what anharmonicity does to first order in the learning rate.
 *
 *   H̄ = ⟨∇²L(θ)⟩,  Σ̄ = ⟨Σ_B(θ)⟩ over a Gaussian cloud c + z;  ⟨∇L zᵀ⟩ = H̄ S exactly for Gaussian z
 *
 * The cloud is the linear theory's in all modes, as wide as it has become since the minimum, about
 * c = θ* − H⁻¹⟨∇L⟩ with the mean over the cloud about θ*. Left out: what the cloud's own change does to
 * the averages, of second order.
 *
 * Source: T. K. Caughey, J. Acoust. Soc. Am. 35, 1706 (1963) (equivalent linearization).
 */
import { discreteLyapunov, type Rows } from "../../analysis/index.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import type { ContinuousCurrent } from "../../models/theory/index.ts";
import { dot } from "../dot.ts";
import { add, identity, type Lagged, laggedOf, product, trace, transpose } from "./matrices.ts";
import type { Landscape } from "./theory.ts";

export interface CloudSettings {
  readonly learningRate: number;
  readonly burnIn: number;
  readonly steps: number;
}

/** Stationary numbers of the averaged linear process, σ by the form of the minimum. */
export interface CloudTheory extends Lagged {
  readonly covariance: Rows;
  /** ⟨σ⟩, nats per step. */
  readonly sigma: number;
  /** ⟨e^{−σ}⟩ − 1 to leading order. */
  readonly integral: number;
  /** Var σ/(2⟨σ⟩) */
  readonly varianceRatio: number;
}

/** Points of the cloud, in pairs c ± z. */
const PAIRS = 16;

interface Averages {
  readonly gradient: Float64Array;
  /** Uᵀ H U and Uᵀ Σ_B U, [mode, mode]. */
  readonly hessian: Rows;
  readonly noise: Rows;
}

/** At one point. */
function at({ f, subspace, factor }: Landscape, theta: Float64Array): Averages {
  const { directions } = subspace;
  const gradient = f.gradient(theta).slice();
  const products = directions.map((u) => f.curvature(theta, Float64Array.from(u)).slice());
  const gradients = f.sampleGradients(theta);
  const along = directions.map((u) => {
    const mean = dot(gradient, u);
    return gradients.map((g) => dot(g, u) - mean);
  });
  return {
    gradient,
    hessian: products.map((hu) => directions.map((u) => dot(hu, u))),
    noise: along.map((a) => along.map((b) => (factor * dot(a, b)) / gradients.length)),
  };
}

/** Width of a mode's cloud relative to the stationary one, mean over the observed steps. */
function grown(rate: number, { burnIn, steps }: CloudSettings): number {
  const [before, during] = [2 * rate * burnIn, 2 * rate * steps];
  return 1 - (Math.exp(-before) * -Math.expm1(-during)) / during;
}

/** Means over the cloud about `center`; the same seed has the same displacements. */
function averages(scene: Landscape, center: Float64Array, settings: CloudSettings): Averages {
  const { eigenvalues, eigenvectors } = scene.minimum;
  const { learningRate } = settings;
  const width = scene.noise.map((sigma, k) => {
    const h = eigenvalues[k]!;
    const variance = (learningRate * sigma) / (2 * h);
    return Math.sqrt(variance * grown(learningRate * h, settings));
  });
  const uniform = mulberry32(1);
  const points = Array.from({ length: PAIRS }, () => {
    const z = new Float64Array(center.length);
    eigenvectors.forEach((u, k) => {
      const size = width[k]! * gaussian(uniform);
      for (let q = 0; q < z.length; q += 1) z[q]! += size * u[q]!;
    });
    return [-1, 1].map((sign) => center.map((x, q) => x + sign * z[q]!));
  }).flat();
  const found = points.map((theta) => at(scene, theta));
  const mean = (of: (one: Averages) => Rows): Rows =>
    found
      .map(of)
      .reduce((sum, one) => add(sum, one, 1))
      .map((row) => row.map((x) => x / found.length));
  return {
    gradient: center.map(
      (_, q) => found.reduce((sum, { gradient }) => sum + gradient[q]!, 0) / found.length,
    ),
    hessian: mean(({ hessian }) => hessian),
    noise: mean(({ noise }) => noise),
  };
}

/** c = θ* − H⁻¹⟨∇L⟩, each mode as far as it has come. */
function displaced(
  scene: Landscape,
  gradient: Float64Array,
  settings: CloudSettings,
): Float64Array {
  const { theta, eigenvalues, eigenvectors } = scene.minimum;
  const center = theta.slice();
  eigenvectors.forEach((u, k) => {
    const h = eigenvalues[k]!;
    const rate = (settings.learningRate * h) / 2;
    const shift = (-dot(u, gradient) / h) * grown(rate, settings);
    for (let q = 0; q < center.length; q += 1) center[q]! += shift * u[q]!;
  });
  return center;
}

/**
 * What the observed process should be to first order in its anharmonicity.
 *
 * @throws ArgumentError where the averaged process has no stationary state.
 */
export function cloudTheory(
  scene: Landscape,
  { form }: ContinuousCurrent,
  settings: CloudSettings,
): CloudTheory {
  const first = averages(scene, scene.minimum.theta, settings);
  const center = displaced(scene, first.gradient, settings);
  const { hessian, noise } = averages(scene, center, settings);
  const eta = settings.learningRate;
  const F = add(identity(hessian.length), hessian, -eta);
  const step = noise.map((row, i) => row.map((x, j) => (eta * eta * (x + noise[j]![i]!)) / 2));
  const S = discreteLyapunov(F, step);
  // μ(z) = zᵀ Q (F − 1) z, variance of σ given z: zᵀ Q step Qᵀ z.
  const drift = product(form, add(F, identity(F.length), -1));
  const even = drift.map((row, i) => row.map((x, j) => (x + drift[j]![i]!) / 2));
  const sigma = trace(product(drift, S));
  const spread = trace(product(product(product(form, step), transpose(form)), S));
  const ofMean = product(even, S);
  return {
    ...laggedOf(S, product(S, transpose(F))),
    covariance: S,
    sigma,
    integral: spread / 2 - sigma,
    varianceRatio: (spread + 2 * trace(product(ofMean, ofMean))) / (2 * sigma),
  };
}
