/** What is known beforehand of card C1: exact values, where they hold, and the rounding of float32. */
import type { SamplingLaw } from "../../engine/sampling.ts";
import type { Dataset } from "../../models/dataset.ts";
import {
  fourthMomentRadius,
  meanRadius,
  type RegressionMomentum,
  regressionMinimum,
  regressionMomentum,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { F32, F32_BLOCK_SUM, roundingWalk, transient } from "../systematic.ts";

/** Laws whose batches do not depend on θ, so that E[G|θ] = ∇f. */
const INDEPENDENT = ["distinct", "withReplacement", "fullBatch"] as const;
type Independent = (typeof INDEPENDENT)[number];

const isIndependent = (law: string): law is Independent =>
  (INDEPENDENT as readonly string[]).includes(law);

/** The parameters of the experiment that theory and estimators need. */
export interface FdrRegressionSettings {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
}

export interface RegressionPrediction {
  readonly minimum: readonly number[];
  readonly hessian: readonly (readonly number[])[];
  /** Exact moments; null without a stationary state or fourth moments, and for laws with epochs. */
  readonly exact: RegressionMomentum | null;
  /** A stationary state with noise is known to exist: FDR1 holds. */
  readonly stationary: boolean;
  /** Batches differ: both sides are more than rounding. */
  readonly noisy: boolean;
  /** E[G|θ] = ∇f, and averages of squares have error bars: FDR2 can be tested. */
  readonly independent: boolean;
  /** Slowest relaxation of what the observables hold, as `durations` takes it, in steps. */
  readonly memory: number;
  /**
   * What is left of the start after `burnIn` steps, relative. Beyond `MAX_LEFT` nothing is predicted.
   */
  readonly leftOfStart: (burnIn: number) => number;
  /** Bias of either side relative to `right` = κ⟨|v|²⟩, centered and raw. */
  readonly bias: (burnIn: number, right: number) => { centered: number; raw: number };
  /** Bias of an element (i, j) of the matrix form, in units of the loss. */
  readonly elementBias: (burnIn: number, i: number, j: number) => number;
  /**
   * Largest relative residual that float32 leaves of the telescoping identity; null without a
   * stationary state, where sizes grow without bound.
   */
  readonly residual: (steps: number) => number | null;
  readonly warnings: readonly string[];
}

/** Exact values and bounds for the settings; warnings where nothing is predicted. */
export function predictRegression(p: FdrRegressionSettings, data: Dataset): RegressionPrediction {
  const problem = { inputs: data.fields.x!.data, targets: data.fields.y!.data };
  const { minimum, hessian } = regressionMinimum({ ...problem, weightDecay: p.weightDecay });
  const independent = isIndependent(p.sampling);
  // Batches of an epoch are distinct; that law's moments bound theirs and tell whether they settle.
  const law = isIndependent(p.sampling) ? p.sampling : "distinct";
  const found = predictionOf(() => regressionMomentum({ ...p, ...problem, sampling: law }));
  const { exact } = found;
  const noiseless = exact !== null && !(exact.right > 0);
  const tail =
    independent && exact !== null ? fourthMomentRadius({ ...p, ...problem, sampling: law }) : 0;
  const settings = { ...p, minimum, exact };
  const fromMoments = exact ? -2 / Math.log(exact.momentRadius) : 1;
  const fromMean = -1 / Math.log(Math.min(1 - 1e-9, meanRadius(hessian, p)));
  // Epochs move the mean of θ, which is forgotten half as fast as second moments.
  const relaxation = Math.max(1, independent ? fromMoments : Math.max(fromMoments, fromMean));
  const leftOfStart = (burnIn: number): number =>
    transient(independent ? burnIn : burnIn / 2, relaxation);
  return {
    minimum,
    hessian,
    exact: independent && !noiseless && tail < 1 ? exact : null,
    stationary: exact !== null && !noiseless,
    noisy: !noiseless,
    independent: independent && tail < 1,
    memory: exact === null ? 1 : independent ? relaxation : 2 * relaxation,
    leftOfStart,
    bias: (burnIn, right) => rounding(settings, right, leftOfStart(burnIn)),
    elementBias: (burnIn, i, j) =>
      exact === null ? 0 : elementRounding({ ...settings, exact }, leftOfStart(burnIn), i, j),
    residual: (steps) => (exact === null ? null : residualBound(settings, steps, tail)),
    warnings: [...found.warnings, ...remarks(p, independent, noiseless, tail)],
  };
}

const ONE_PATH =
  "sequential batches are the same for all replicas, which take one path: standard errors are 0 and " +
  "relations hold to rounding.";

function remarks(
  p: FdrRegressionSettings,
  independent: boolean,
  noiseless: boolean,
  tail: number,
): string[] {
  if (noiseless) {
    const [fact, remedy] =
      p.sampling === "fullBatch"
        ? ["the full batch holds", "choose another sampling"]
        : [`${p.sampling} batches of ${p.batchSize} hold`, "lower batchSize"];
    return [
      `no prediction: ${fact} every sample, the gradient has no noise and both sides of each ` +
        `relation vanish; ${remedy}.`,
    ];
  }
  if (tail >= 1) {
    return [
      `no prediction for OL, OR and FDR2 lhs, rhs: fourth moments of w grow by ${tail.toPrecision(3)} ` +
        "a step, so averages of squares have power-law tails and no honest error bar; FDR1 holds on " +
        "each path. Lower learningRate or raise batchSize.",
    ];
  }
  if (independent) return [];
  return [
    ...(p.sampling === "sequential" ? [ONE_PATH] : []),
    `no prediction for OL, OR and FDR2 lhs, rhs: ${p.sampling} batches depend on each other within ` +
      "an epoch, so E[G|θ] differs from ∇f; FDR1, its matrix form and FDR2 with G hold.",
  ];
}

interface Scales extends FdrRegressionSettings {
  readonly minimum: readonly number[];
  readonly exact: RegressionMomentum | null;
}

const norm = (values: readonly number[]): number => Math.hypot(...values);
const trace = (rows: readonly (readonly number[])[]): number =>
  rows.reduce((sum, row, i) => sum + row[i]!, 0);

/** Root mean squares of θ − w* and of G; |G| <= (|v'| + μ|v|)/(1 − ν). */
function sizes({ exact, momentum, dampening }: Scales): { theta: number; gradient: number } {
  if (exact === null) return { theta: 0, gradient: 0 };
  const velocity = Math.sqrt(trace(exact.velocityCovariance));
  return {
    theta: Math.sqrt(trace(exact.covariance)),
    gradient: ((1 + momentum) / (1 - dampening)) * velocity,
  };
}

/**
 * Rounding of sums of (θ−c)G, terms of size |θ−c| and `gradient`: a random walk. One periodic path
 * (`sequential`) repeats its roundings: the worst case of sums, and of the storage of w as of a force.
 */
function productRounding(
  { sampling, learningRate }: Scales,
  { theta, gradient, w }: { theta: number; gradient: number; w: number },
): number {
  if (sampling !== "sequential") return roundingWalk() * theta * gradient;
  return theta * (F32_BLOCK_SUM * gradient + (F32 * w) / learningRate);
}

/**
 * Three roundings, relative to `right`: of the sums on the device (worst case for squares,
 * `productRounding` for (θ−c)·G, whose terms are larger than their mean); of θ' = θ + ηv', which is
 * stored to 2⁻²⁴|w| and so diffuses by d(2⁻²⁴|w|)²/3 a step, beside η²⟨|v|²⟩; and of the start.
 */
function rounding(scales: Scales, right: number, start: number) {
  const { learningRate: eta, momentum, dampening, minimum } = scales;
  const { theta, gradient } = sizes(scales);
  const kappa = ((eta / 2) * (1 + momentum)) / (1 - dampening);
  const w = norm(minimum);
  const diffusion = (minimum.length * (F32 * w) ** 2) / 3;
  const stored = diffusion / (eta * eta * (right / kappa));
  const relative = F32_BLOCK_SUM + start + stored;
  const products = (size: number): number =>
    productRounding(scales, { theta: size, gradient, w }) / right;
  return { centered: relative + products(theta), raw: relative + products(theta + w) };
}

/**
 * The same three roundings of ⟨δᵀA G⟩ − κ⟨vᵀA v⟩, A_ij = A_ji = 1, each with the sizes of its own
 * components; roundings of different parameters are independent and do not diffuse together.
 */
function elementRounding(
  scales: Scales & { readonly exact: RegressionMomentum },
  start: number,
  i: number,
  j: number,
): number {
  const { learningRate: eta, momentum, dampening, minimum } = scales;
  const size = (matrix: readonly (readonly number[])[], k: number): number =>
    Math.sqrt(matrix[k]![k]!);
  const { covariance: S, velocityCovariance: V } = scales.exact;
  const kappa = ((eta / 2) * (1 + momentum)) / (1 - dampening);
  const places =
    i === j
      ? [[i, i]]
      : [
          [i, j],
          [j, i],
        ];
  const products = places.map(([a, b]) =>
    productRounding(scales, {
      theta: size(S, a!),
      gradient: ((1 + momentum) / (1 - dampening)) * size(V, b!),
      w: Math.abs(minimum[b!]!),
    }),
  );
  const squares = (F32_BLOCK_SUM + start) * kappa * places.length * size(V, i) * size(V, j);
  const stored = i === j ? (kappa * (F32 * minimum[i]!) ** 2) / (3 * eta * eta) : 0;
  return products.reduce((sum, value) => sum + value, squares + stored);
}

/**
 * 10⁻⁵ for the sums, and what the rounding of θ' = θ + ηv' leaves: each step adds (θ−w*)·ε/η with
 * |ε| about 2⁻²⁴|w|/√3, a random walk of T terms beside T|θ−w*||G|. Five deviations, for the largest
 * of thousands of replicas; on the periodic path of `sequential` roundings repeat and add up. Where
 * fourth moments do not exist one burst may decide a block's sum, and what is added after it rounds at
 * its worst.
 */
function residualBound(scales: Scales, steps: number, tail: number): number {
  const { learningRate: eta, momentum, dampening, minimum, sampling } = scales;
  const { gradient } = sizes(scales);
  const sums = tail < 1 ? 1e-5 : F32_BLOCK_SUM;
  if (!(gradient > 0)) return sums;
  const kick = (F32 * norm(minimum)) / eta;
  const step = (kick * (1 - momentum)) / (1 - dampening) / gradient;
  return sums + step * (sampling === "sequential" ? 1 : 5 / Math.sqrt(3 * steps));
}
