/** The numbers of card C3 from a Record: ratios of both relations, residual, laws of small rates. */
import {
  type Estimate,
  jackknife,
  type MomentumSettings,
  ratioOfMeans,
  replicaMean,
  replicaMoments,
  replicaTimeMeans,
  telescopingResidual,
} from "../../analysis/index.ts";
import type { EnsembleState, MomentsRecord, RunInfo, SeriesRecord } from "../../engine/index.ts";
import { MOMENTS_BLOCK } from "../../engine/observe/moments.ts";
import type { SmallRate } from "../../models/theory/index.ts";
import { dot } from "../dot.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32 } from "../systematic.ts";

/** What was measured, and with which hyperparameters. */
export interface Dissipation {
  readonly settings: Required<MomentumSettings>;
  /** (η/2)(1+μ)/(1−ν) */
  readonly kappa: number;
  readonly steps: number;
  /** λ */
  readonly weightDecay: number;
  /** c, the minimum, [param] */
  readonly center: readonly number[];
  readonly record: {
    readonly moments: MomentsRecord;
    readonly series: SeriesRecord;
    readonly run: RunInfo;
  };
  /** States before the first and after the last observed step. */
  readonly start: EndState;
  readonly end: EndState;
}

/** With the mean loss over the data of each replica, no weight decay. */
export interface EndState extends EnsembleState {
  readonly loss: ArrayLike<number>;
}

/** Relative error beyond which the laws of small rates, and expansions in the rate, say nothing. */
const SMALL = 0.3;
/** What may be missing of stationarity, relative: the tolerance of card C3 for FDR1. */
const STATIONARY = 0.01;

interface Side {
  readonly centered: Float64Array;
  readonly raw: Float64Array;
  readonly velocitySquare: Float64Array;
}

function firstRelation({ record }: Dissipation): Side {
  const of = (i: string): Float64Array => replicaMoments(record.moments, { i });
  const [raw, shift] = [of("theta.g"), of("c.g")];
  return { raw, centered: raw.map((x, r) => x - shift[r]!), velocitySquare: of("v.v") };
}

/** State of one replica, [param]. */
function part({ theta, velocity }: EnsembleState, r: number, params: number) {
  const slice = (data: ArrayLike<number>): number[] =>
    Array.from({ length: params }, (_, q) => data[r * params + q]!);
  return { theta: slice(theta.data), velocity: slice(velocity!.data) };
}

/**
 * Residual of the telescoping identity of each replica, relative to the Cauchy-Schwarz bound of the
 * sum, √(Σ|θ−c|² Σ|G|²) + κΣ|v|².
 */
function residuals(measured: Dissipation, sides: Side): Float64Array {
  const { record, center, steps, settings } = measured;
  const of = (i: string): Float64Array => replicaMoments(record.moments, { i });
  const [thetaSquare, along, gradientSquare] = [of("theta.theta"), of("c.theta"), of("g.g")];
  const c2 = dot(center, center);
  return sides.centered.map((thetaG, r) => {
    const [start, end] = [measured.start, measured.end].map((state) =>
      part(state, r, center.length),
    );
    const shift = dot(end!.velocity, end!.velocity) - dot(start!.velocity, start!.velocity);
    const distance = Math.max(0, thetaSquare[r]! - 2 * along[r]! + c2);
    const sums = {
      thetaG: steps * thetaG,
      velocitySquare: steps * sides.velocitySquare[r]! + shift,
      magnitude: steps * Math.sqrt(distance * gradientSquare[r]!),
      start: start!,
      end: end!,
      center,
    };
    return telescopingResidual(sums, settings);
  });
}

/** The largest of the replicas: no average, so no standard error. */
function largest(values: Float64Array): Estimate {
  const finite = values.filter(Number.isFinite);
  return {
    value: finite.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    standardError: finite.length > 0 ? 0 : Number.NaN,
    n: finite.length,
    method: `largest of ${finite.length} replicas`,
    warnings: [],
  };
}

/**
 * Rounding in the residual, 4 standard deviations. θ' = θ + ηv' is rounded by 2⁻²⁴|θ_p|, which the
 * identity divides by η: relative to |θ−c||G|, 2⁻²⁴|θ|/(η|G|) a step, and 1/√T of it in a sum of T
 * steps; sums of n records in float32 round by 2⁻²⁴√n of their size.
 */
function rounding({ record, settings, steps }: Dissipation): number {
  const of = (i: string): number =>
    estimateOf(() => replicaMean(replicaMoments(record.moments, { i }))).value;
  const step = Math.sqrt(of("theta.theta") / of("g.g")) / settings.learningRate;
  return 4 * F32 * (step / Math.sqrt(steps) + Math.sqrt(MOMENTS_BLOCK));
}

/** FDR2 from the series of full-data quantities. */
function secondRelation({ record, kappa, settings }: Dissipation) {
  const of = (quantity: string): Float64Array => replicaTimeMeans(record.series, { quantity });
  const square = of("fullGradientSquare");
  const right = of("velocityCurvature").map((x) => kappa * x);
  const { learningRate: eta, momentum: mu, dampening: nu } = settings;
  const third = of("velocityThirdDerivative").map(
    (x) => (eta ** 2 * (2 + mu) * x) / (6 * (1 - nu)),
  );
  const replicas = square.length;
  const data = Float64Array.from(
    { length: 3 * replicas },
    (_, i) => [square, right, third][i % 3]![Math.floor(i / 3)]!,
  );
  const samples = { data, replicas, k: 3 };
  const options = { biasCorrected: true };
  return {
    square,
    ratio: () => ratioOfMeans(square, right),
    corrected: () => jackknife(samples, (m) => m[0]! / (m[1]! - m[2]!), options),
    anharmonic: () => jackknife(samples, (m) => m[2]! / m[1]!),
  };
}

/**
 * How far a run is from stationary: what the change of |θ−c|² (of f) from its first to its last step
 * takes from the ratio of FDR1 (of FDR2), relative, with its error.
 */
function drift(measured: Dissipation, center: readonly number[], right: Float64Array): Estimate {
  const { steps, settings } = measured;
  const { learningRate: eta, momentum: mu, dampening: nu } = settings;
  const change = right.map((_, r) => {
    const [first, last] = [measured.start, measured.end].map((state) => {
      const { theta, velocity } = part(state, r, center.length);
      const deviation = theta.map((x, q) => x - center[q]!);
      return { square: dot(deviation, deviation), cross: dot(deviation, velocity) };
    });
    const square = ((1 - mu) * (last!.square - first!.square)) / (2 * eta);
    return (square + mu * (last!.cross - first!.cross)) / ((1 - nu) * steps);
  });
  return estimateOf(() => ratioOfMeans(marked(change, right), right));
}

/** Stationarity of f: ⟨|∇f|²⟩ lacks (1−μ)(f_T − f_0)/((1−ν)ηT). */
function lossDrift(measured: Dissipation, square: Float64Array): Estimate {
  const { steps, settings, weightDecay, center } = measured;
  const { learningRate: eta, momentum: mu, dampening: nu } = settings;
  const change = square.map((_, r) => {
    const [first, last] = [measured.start, measured.end].map((state) => {
      const { theta } = part(state, r, center.length);
      return state.loss[r]! + 0.5 * weightDecay * dot(theta, theta);
    });
    return ((1 - mu) * (last! - first!)) / ((1 - nu) * eta * steps);
  });
  return estimateOf(() => ratioOfMeans(marked(change, square), square));
}

/** Not a number where the replica froze. */
const marked = (values: Float64Array, by: Float64Array): Float64Array =>
  values.map((value, r) => (Number.isFinite(by[r]!) ? value : Number.NaN));

/** Is it stationary, but for what the replicas cannot tell or the card tolerates? */
const isStationary = ({ value, standardError }: Estimate): boolean =>
  Math.abs(value) <= Math.max(STATIONARY, 4 * standardError);

interface Claim {
  readonly predicted: number;
  readonly systematic: number;
}

/** All quantities of the card, and what is doubtful about them. */
export function networkQuantities(
  measured: Dissipation,
  exact: SmallRate | null,
): { quantities: Quantity[]; warnings: string[] } {
  const { kappa, center } = measured;
  const first = firstRelation(measured);
  const second = secondRelation(measured);
  const right = first.velocitySquare.map((x) => kappa * x);
  const drifts = {
    raw: drift(measured, new Array<number>(center.length).fill(0), right),
    centered: drift(measured, center, right),
    loss: lossDrift(measured, second.square),
  };
  const claims = claimsOf(measured, exact, drifts, estimateOf(second.anharmonic));
  const quantity = (
    name: keyof typeof claims,
    estimator: () => Estimate,
    unit: string,
  ): Quantity => ({
    name,
    condition: {},
    estimate: estimateOf(estimator),
    unit,
    predicted: claims[name]?.predicted ?? null,
    systematic: claims[name]?.systematic ?? 0,
  });
  const quantities = [
    quantity("FDR1 ratio", () => ratioOfMeans(first.raw, right), "1"),
    quantity("FDR1 ratio, centered", () => ratioOfMeans(first.centered, right), "1"),
    quantity("telescoping residual", () => largest(residuals(measured, first)), "1"),
    quantity("FDR2 ratio", second.ratio, "1"),
    quantity("FDR2 ratio, third order", second.corrected, "1"),
    quantity("|grad f|^2", () => replicaMean(second.square), "(loss/θ)²"),
    quantity("|v|^2", () => replicaMean(first.velocitySquare), "(θ/η)²"),
  ];
  return { quantities, warnings: doubts(exact, drifts) };
}

type Drifts = Readonly<Record<"raw" | "centered" | "loss", Estimate>>;

/**
 * What theory says of each quantity, null where it says nothing.
 *
 * FDR1 holds in a stationary state; what the end points show to be missing of one is its systematic
 * error, up to the card's tolerance (more than that only where the replicas' scatter covers it). FDR2 is an expansion in the rate: its error is the next term, which the third derivative
 * along the velocity measures, and for the third order that term times the `correction`.
 */
function claimsOf(
  measured: Dissipation,
  exact: SmallRate | null,
  drifts: Drifts,
  anharmonic: Estimate,
) {
  const stationary = (found: Estimate): Claim | null =>
    isStationary(found)
      ? { predicted: 1, systematic: Math.min(STATIONARY, Math.abs(found.value)) }
      : null;
  const next = Math.abs(anharmonic.value);
  const order = exact?.correction.curved ?? Number.POSITIVE_INFINITY;
  // What is still to come of |∇f|² counts as well: the drift of f is lost in float32 at tiny rates.
  const expansion = (error: number): Claim | null => {
    const claim = order + exact!.transient <= SMALL ? stationary(drifts.loss) : null;
    return claim && { predicted: 1, systematic: claim.systematic + exact!.transient + error };
  };
  const law = (predicted: number, error: number): Claim | null =>
    error <= SMALL ? { predicted, systematic: predicted * error } : null;
  return {
    "FDR1 ratio": stationary(drifts.raw),
    "FDR1 ratio, centered": stationary(drifts.centered),
    "telescoping residual": { predicted: 0, systematic: rounding(measured) },
    "FDR2 ratio": exact && expansion(next * (1 + order)),
    "FDR2 ratio, third order": exact && expansion(next * order),
    "|grad f|^2": exact && law(exact.gradientSquare, order + exact.transient),
    "|v|^2": exact && law(exact.velocitySquare, exact.correction.noise),
  };
}

function doubts(exact: SmallRate | null, drifts: Drifts): string[] {
  const warnings = Object.entries({
    "FDR1 ratio": drifts.raw,
    "FDR1 ratio, centered": drifts.centered,
    "FDR2 ratio": drifts.loss,
  })
    .filter(([, found]) => !isStationary(found))
    .map(
      ([name, { value, standardError }]) =>
        `${name}: no prediction, the replicas still drift: from the first to the last step they ` +
        `took ${(100 * value).toFixed(2)} ± ${(100 * standardError).toFixed(2)} % from it; raise ` +
        "burnIn, or lower learningRate",
    );
  if (exact === null) return warnings;
  const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
  const error = exact.correction.curved + exact.transient;
  if (error > SMALL) {
    warnings.push(
      `FDR2, |grad f|^2: no prediction, expansions in the rate may be off by ${percent(error)} ` +
        `(${percent(exact.transient)} still relaxing), they are compared up to ${percent(SMALL)}; ` +
        "lower learningRate, or raise burnIn or batchSize",
    );
  }
  if (exact.correction.noise > SMALL) {
    warnings.push(
      `|v|^2: no prediction, the law of small rates may be off by ` +
        `${percent(exact.correction.noise)}, it is compared up to ${percent(SMALL)}; lower ` +
        "learningRate, or raise batchSize",
    );
  }
  return warnings;
}
