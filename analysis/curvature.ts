/**
 * Estimates from measures of the curvature and of the gradient's noise (`engine/curvature/`).
 *
 * The replica is the unit: what differs between replicas at one step, and the randomness of the
 * probes, are both in its scatter. Left out: correlation in time, of which a measure at one step has
 * none.
 */
import { ArgumentError } from "../engine/errors.ts";
import type {
  EigenpairsRecord,
  Field,
  GradientNoiseRecord,
  TraceRecord,
} from "../engine/record.ts";
import { type Estimate, noEstimate, scaled, withWarnings } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { refuse } from "./refusal.ts";
import { replicaMean } from "./replicas.ts";

export interface MeasureChoice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
}

function requireCondition(where: string, condition: number, conditions: number): void {
  if (Number.isInteger(condition) && condition >= 0 && condition < conditions) return;
  throw new ArgumentError(`${where}: no condition ${condition} among ${conditions}.`);
}

/** Values of a condition's replicas at one place of a Field [outer, condition, replica]. */
function replicasOf(where: string, { axes, data }: Field, outer: number, condition: number) {
  const [conditions, replicas] = axes.slice(-2).map(({ length }) => length) as [number, number];
  requireCondition(where, condition, conditions);
  const from = (outer * conditions + condition) * replicas;
  return data.subarray(from, from + replicas);
}

const batchFactor = (
  where: string,
  { noiseFactors }: { readonly noiseFactors: readonly number[] },
  condition: number,
): number => {
  requireCondition(where, condition, noiseFactors.length);
  const factor = noiseFactors[condition]!;
  if (Number.isFinite(factor)) return factor;
  throw new ArgumentError(
    `${where}: batches in a fixed order are not random and have no covariance; use another sampling law.`,
  );
};

/**
 * tr M over replicas and probes, M as the record says: H, or H C.
 *
 * Value: mean over replicas of each one's mean over probes. Error: scatter of replicas, the probes'
 * randomness included; with a single replica that of its probes. Unbiased.
 *
 * @throws ArgumentError for a condition that is none; RefusalError when no replica is left.
 * @see M. F. Hutchinson, Commun. Stat. Simul. 19, 433 (1990)
 * @example hessianTrace(await hessianProbes(ensemble, { probes: 16 }))
 */
export function hessianTrace(
  { values }: TraceRecord,
  { condition = 0 }: MeasureChoice = {},
): Estimate {
  const where = "hessianTrace";
  const probes = values.axes[0]!.length;
  const columns = Array.from({ length: probes }, (_, probe) =>
    replicasOf(where, values, probe, condition),
  );
  const replicas = columns[0]!.length;
  if (replicas === 1 && probes > 1) {
    const alone = replicaMean(columns.map(([value]) => value!));
    return { ...alone, method: `mean over ${probes} probes at one point` };
  }
  const means = Float64Array.from(
    { length: replicas },
    (_, r) => columns.reduce((sum, column) => sum + column[r]!, 0) / probes,
  );
  const found = replicaMean(means);
  return { ...found, method: `${found.method} of ${probes} probes each` };
}

/**
 * tr(H Σ_B) over replicas and probes, Σ_B = f C the covariance of a batch's gradient.
 *
 * @throws ArgumentError for a record of tr H, or batches that are not random.
 * @example curvedNoise(await curvedNoiseProbes(ensemble, { probes: 16 }))
 */
export function curvedNoise(record: TraceRecord, choice: MeasureChoice = {}): Estimate {
  if (record.matrix !== "H C") {
    throw new ArgumentError(
      "curvedNoise: the record holds probes of H; give one of curvedNoiseProbes.",
    );
  }
  const factor = batchFactor("curvedNoise", record, choice.condition ?? 0);
  return scaled(hessianTrace(record, choice), factor);
}

/**
 * Eigenvalue number `pair` of the Hessian, mean over replicas.
 *
 * Error: scatter of the replicas and, added in squares, the mean residual, within which each replica's
 * value is known to be an eigenvalue (the Rayleigh quotient is much closer: residual²/gap).
 *
 * @throws ArgumentError for a pair or condition that is none; RefusalError when no replica is left.
 */
export function hessianEigenvalue(
  { values, residuals }: EigenpairsRecord,
  { pair = 0, condition = 0 }: MeasureChoice & { readonly pair?: number } = {},
): Estimate {
  const where = "hessianEigenvalue";
  const pairs = values.axes[0]!.length;
  if (!(Number.isInteger(pair) && pair >= 0 && pair < pairs)) {
    throw new ArgumentError(`${where}: no pair ${pair} among ${pairs}.`);
  }
  const mean = replicaMean(replicasOf(where, values, pair, condition));
  const residual = replicaMean(replicasOf(where, residuals, pair, condition)).value;
  const scatter = mean.n > 1 ? mean.standardError : 0;
  return {
    ...mean,
    standardError: Math.hypot(scatter, residual),
    method: `${mean.method}, residual ${residual.toExponential(1)}`,
  };
}

/**
 * tr Σ_B = f tr C, the trace of the covariance of a batch's gradient, mean over replicas.
 *
 * Error: scatter of the replicas. loss²/θ².
 * @throws ArgumentError for a condition that is none, or batches that are not random.
 */
export function noiseTrace(
  record: GradientNoiseRecord,
  { condition = 0 }: MeasureChoice = {},
): Estimate {
  const where = "noiseTrace";
  const factor = batchFactor(where, record, condition);
  return scaled(replicaMean(replicasOf(where, record.trace, 0, condition)), factor);
}

/**
 * Signal-to-noise ratio of a batch's gradient, |∇f|/√tr Σ_B: mean over replicas, or root mean square.
 *
 * Error: scatter of the replicas, by the jackknife for the root.
 *
 * @throws ArgumentError for a condition that is none, or batches that are not random.
 * @throws RefusalError without noise: a full batch, or samples whose gradients are all the same.
 * @see arXiv 2505.23489: it vanishes with the rate where noise stays finite at the minimum, and stays of
 *   order 1 where gradient and noise vanish together
 * @example signalToNoise(await gradientNoise(ensemble), { average: "rootMeanSquare" })
 */
export function signalToNoise(
  record: GradientNoiseRecord,
  {
    condition = 0,
    average = "mean",
  }: MeasureChoice & { readonly average?: "mean" | "rootMeanSquare" } = {},
): Estimate {
  const where = "signalToNoise";
  const factor = batchFactor(where, record, condition);
  const squares = replicasOf(where, record.gradientSquare, 0, condition);
  const noise = replicasOf(where, record.trace, 0, condition);
  if (factor === 0 || noise.some((trace) => trace === 0)) {
    return refuse(
      `${where}: the gradient of a batch has no noise, so that the ratio is infinite; use a smaller ` +
        "batchSize, or a point where samples differ.",
      noEstimate("ratio of gradient and noise"),
    );
  }
  const ratios = Float64Array.from(squares, (square, r) => square / (factor * noise[r]!));
  if (average === "mean") return replicaMean(ratios.map(Math.sqrt));
  const mean = replicaMean(ratios);
  const live = ratios.filter(Number.isFinite);
  const root = jackknife({ data: live, replicas: live.length, k: 1 }, ([m]) => Math.sqrt(m!));
  return withWarnings(root, mean.warnings);
}

/**
 * T = η tr Σ_B/(2P), the temperature that gradient noise gives P parameters, in units of the loss.
 *
 * With isotropic noise it is the temperature of the Gibbs law at small rates; with any noise, U − U₀ =
 * P T/2 and dU/dS = T along a ladder of rates, whatever the Hessian. For SGD without momentum or other noise. Error:
 * scatter of the replicas; not covered: the next order in η, as h η/2 in a mode of curvature h.
 *
 * @throws ArgumentError with momentum or noise that is not the data's, for a condition that is none, or batches that are not random.
 * @see arXiv 2505.23489 (temperature by the learning rate); U − U₀ = η tr Σ_B/4 at small rates
 */
export function gradientNoiseTemperature(
  record: GradientNoiseRecord,
  { condition = 0 }: MeasureChoice = {},
): Estimate {
  const trace = noiseTrace(record, { condition });
  const setting = record.conditions[condition]!;
  const { learningRate } = setting;
  const other = ["momentum", "temperature", "gradientNoise"].find((name) => setting[name]);
  if (other !== undefined || learningRate === undefined) {
    const fact = other === undefined ? "there is no learningRate" : `${other} is ${setting[other]}`;
    throw new ArgumentError(
      `gradientNoiseTemperature: ${fact}, and T = eta tr C/(2P) is that of plain SGD; use ` +
        "equipartitionTemperature.",
    );
  }
  return scaled(trace, learningRate / (2 * record.parameters));
}
