/**
 * What is known of the stationary state of card A5 under either law of batches, to leading order in η,
 * and the size of the first order that is left out.
 *
 * One unit of time is a step for independent batches, an epoch of M steps without replacement.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import { type Minimum, minimize } from "../../engine/minimize.ts";
import {
  type AdditiveNoise,
  additiveNoise,
  type BatchNoise,
  batchNoise,
  type ContinuousCurrent,
  continuousCurrent,
  type DerivativesAt,
  effectiveLossShift,
  epochCovariance,
  gaussianClosure,
  integralDeviation,
  noisyBump,
  TANH_START,
  tanhRegression,
  tanhSamples,
} from "../../models/index.ts";
import { predictionOf } from "../outcome.ts";
import type { Law, RegressionParameters } from "./settings.ts";

type Rows = readonly (readonly number[])[];

export interface Problem {
  readonly minimum: Minimum;
  readonly at: DerivativesAt;
  /** At the minimum. */
  readonly noise: BatchNoise;
  readonly samples: number;
}

export function problemOf(p: RegressionParameters): Problem {
  const data = noisyBump();
  const minimum = minimize(tanhRegression(p.decay), data, { start: TANH_START });
  const at: DerivativesAt = (w) => tanhSamples(w, p.decay);
  const noise = batchNoise(at(minimum.theta), p.batchSize);
  requireNoise(p, noise, minimum);
  return { minimum, at, noise, samples: data.samples };
}

/** Entropy production needs noise, and a restoring force, in every direction. */
function requireNoise({ decay }: RegressionParameters, noise: BatchNoise, minimum: Minimum): void {
  const { noiseCovariance } = noise;
  const spectrum = new EigenvalueDecomposition(new Matrix(noiseCovariance), {
    assumeSymmetric: true,
  }).realEigenvalues;
  const [least, most] = [Math.min(...spectrum), Math.max(...spectrum)];
  if (least > 1e-12 * most && minimum.flatDirections === 0) return;
  throw new ArgumentError(
    `decay: at ${decay} a unit of the network is off at the minimum, so that the least eigenvalue of the ` +
      `noise is ${least.toExponential(1)} of ${most.toExponential(1)} and no entropy production is defined; give a smaller decay.`,
  );
}

/** Sizes of the first neglected order: relative ones, and that of ⟨e^{−σ}⟩ − 1. */
export interface Neglected {
  readonly shift: number;
  readonly covariance: number;
  readonly area: number;
  /** null where nothing is known of it. */
  readonly integral: number | null;
}

export interface LawTheory {
  readonly law: Law;
  /** Steps of a unit of time. */
  readonly unit: number;
  /** Stationary ⟨w⟩ − w*, to leading order. */
  readonly shift: readonly number[];
  /** Predicted covariance at the ends of units, and the start's. */
  readonly covariance: Rows;
  /** Current and form of σ, per unit, and ⟨σ⟩ to leading order. */
  readonly continuous: ContinuousCurrent;
  readonly entropyProduction: number;
  /** Where σ is measured from. */
  readonly center: readonly number[];
  readonly neglected: Neglected;
  /** Is there a stationary state that the leading order describes? */
  readonly holds: boolean;
  readonly warnings: readonly string[];
}

/**
 * Relative size of the neglected order above which nothing is predicted: means and covariances of the
 * card are to 5 % and 3 %.
 */
const LARGEST_NEGLECTED = 0.2;
const LARGEST_EPOCH = 1;

export const theoryOf = (law: Law, p: RegressionParameters, problem: Problem): LawTheory =>
  law === "distinct" ? independentBatches(p, problem) : epochs(p, problem);

const norm = (x: readonly number[]): number => Math.hypot(...x);

function independentBatches(p: RegressionParameters, problem: Problem): LawTheory {
  const { minimum, at, noise } = problem;
  const { learningRate, batchSize } = p;
  const found = predictionOf(() => additiveNoise({ ...noise, learningRate }));
  const continuous = found.exact?.continuous ?? continuousCurrent({ ...noise, learningRate });
  const covariance = found.exact?.covariance ?? continuous.covariance;
  const closure = gaussianClosure(at, minimum.theta, covariance, batchSize);
  const closed = predictionOf(() => additiveNoise({ ...closure, learningRate })).exact;
  const center = closure.shift.map((x, k) => x + minimum.theta[k]!);
  const integral = Math.abs(integralDeviation(at, { ...continuous, center, covariance }, p));
  const relative = integral / continuous.entropyProduction;
  const holds = found.exact !== null && closed !== null && relative <= LARGEST_NEGLECTED;
  return {
    law: "distinct",
    unit: 1,
    shift: closure.shift,
    covariance,
    continuous,
    entropyProduction: found.exact?.entropyProduction ?? continuous.entropyProduction,
    center: closure.shift,
    neglected: {
      shift: relative,
      covariance: closed === null ? Number.NaN : largestChange(closed.covariance, covariance),
      area: found.exact === null ? Number.NaN : areaChange(found.exact, closed),
      integral,
    },
    holds,
    warnings: [
      ...found.warnings,
      ...(holds || found.exact === null
        ? []
        : [
            `no prediction: at learningRate ${learningRate} noise and curvature change so much over the cloud ` +
              `that <exp(-sigma)> is off by ${relative.toPrecision(2)} of <sigma>, above ` +
              `${LARGEST_NEGLECTED}; lower learningRate.`,
          ]),
    ],
  };
}

/** Largest relative change of a variance. */
const largestChange = (changed: Rows, covariance: Rows): number =>
  Math.max(...covariance.map((row, i) => Math.abs(changed[i]![i]! / row[i]! - 1)));

/** Relative change of the area matrix from continuous to discrete time, and by averages over the cloud. */
function areaChange(exact: AdditiveNoise, closed: AdditiveNoise | null): number {
  const along = (A: Rows, C: Rows): number =>
    A.reduce((sum, row, i) => sum + row.reduce((own, a, j) => own + a * C[i]![j]!, 0), 0);
  const { current } = exact.continuous;
  const slope = (A: Rows): number => along(A, current) / along(current, current) - 1;
  return Math.abs(slope(exact.areaRate)) + (closed ? Math.abs(slope(closed.areaRate)) : 0);
}

function epochs(p: RegressionParameters, problem: Problem): LawTheory {
  const { minimum, at, noise, samples } = problem;
  const { learningRate: eta, batchSize } = p;
  const derivatives = at(minimum.theta);
  const unit = samples / batchSize;
  // D = (η⁴/2) Cov X: noise of covariance 2D/(ηM)² in steps of rate ηM has H S + S H = (2/(ηM)) D.
  const spread = epochCovariance(derivatives, batchSize).map((row) =>
    row.map((x) => (eta / unit) ** 2 * x),
  );
  const continuous = continuousCurrent({
    hessian: noise.hessian,
    noiseCovariance: spread,
    learningRate: eta * unit,
  });
  const shift = effectiveLossShift(derivatives, { batchSize, learningRate: eta });
  const { covariance } = continuous;
  const anharmonic = gaussianClosure(at, minimum.theta, covariance, batchSize).shift;
  const stiffness = eta * unit * minimum.eigenvalues.at(-1)!;
  const holds = stiffness <= LARGEST_EPOCH;
  return {
    law: "reshuffled",
    unit,
    shift,
    covariance,
    continuous,
    entropyProduction: continuous.entropyProduction,
    center: shift,
    neglected: {
      // Orders beside the effective loss: of η M h, its expansion's, and of the cloud, anharmonic.
      shift: norm(anharmonic) / norm(shift) + stiffness / 2,
      covariance: stiffness / 2,
      area: Number.NaN,
      integral: null,
    },
    holds,
    warnings: holds
      ? []
      : [
          `no prediction: an epoch at learningRate ${eta} changes the stiffest mode by ${stiffness.toPrecision(3)} ` +
            `of itself, above ${LARGEST_EPOCH}, where the effective loss is no leading order; lower learningRate.`,
        ],
  };
}

/**
 * Share of a false mean at the start that is still there on average over the observed steps, along the
 * softest mode: replicas start about the predicted mean, so that its errors are seen only as far as they
 * have grown.
 *
 * On steps b … b + T − 1: ⟨r^t⟩ = r^b (1 − r^T)/(T (1 − r)), r = 1 − ηh.
 */
export function hiddenShare(
  { minimum }: Problem,
  times: { readonly learningRate: number; readonly burnIn: number; readonly steps: number },
): number {
  const r = 1 - times.learningRate * minimum.eigenvalues[0]!;
  return (r ** times.burnIn * (1 - r ** times.steps)) / (times.steps * (1 - r));
}
