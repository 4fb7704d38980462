/**
 * Is a record stationary? A verdict with its reasons, for experiments to print before they
 * average.
 *
 * Three questions: do early and late times have the same mean (Geweke z), the same spread (Geweke
 * z of (x − x̄)²), and do the replicas explore the same values (split R̂)? No test of a finite
 * record can prove stationarity: a process slower than the record looks frozen, not drifting, and
 * only replicas that started apart betray it, through R̂.
 */
import { autocovariance, commonMean } from "./autocovariance.ts";
import { gewekeOf } from "./geweke.ts";
import { halves, rHatOfHalves } from "./rHat.ts";
import { replicaSeries, type SeriesChoice, type SeriesSource } from "./seriesSource.ts";

/** Below this a record cannot tell anything. */
const MIN_SAMPLES = 20;

export interface StationarityOptions extends SeriesChoice {
  /** R̂ accepted without a question; default 1.01. */
  readonly rHat?: number;
  /** |z| accepted; default 4. */
  readonly z?: number;
}

export interface Stationarity {
  readonly stationary: boolean;
  readonly rHat: number;
  /** What R̂ was compared with. */
  readonly rHatLimit: number;
  /** z of early against late means. */
  readonly geweke: number;
  /** z of early against late squared deviations from the common mean. */
  readonly gewekeSpread: number;
  /** One sentence for each question answered with no; empty when stationary. */
  readonly reasons: readonly string[];
}

/**
 * The verdict for one quantity and condition.
 *
 * R̂ must not exceed 1.01, or what autocorrelation alone explains: with halves of n samples and
 * correlation time τ (about the halves' own means), R̂² − (n−1)/n averages τ/(n − τ) and scatters by
 * √(2/(2R−1)) of that, and τ by its own error; 4 standard deviations are allowed.
 * That needs about 25 τ a series; shorter ones meet the bare 1.01. |z| must not exceed 4. A
 * stationary record of many replicas is refused about once in 10⁴ times, one of 10 or fewer about
 * once in 100. Transients within the error bars pass.
 *
 * @throws ArgumentError for a quantity or condition not in the record; RefusalError when no
 *   replica is finite.
 * @see `splitRHat`, `rankNormalizedRHat`, `geweke`.
 * @example stationarity(record.loss).stationary
 */
export function stationarity(
  source: SeriesSource,
  { rHat: accepted = 1.01, z = 4, ...choice }: StationarityOptions = {},
): Stationarity {
  const found = replicaSeries("stationarity", source, choice);
  const { series, length, name } = found;
  if (length < MIN_SAMPLES) return tooShort(name, length, accepted);
  const parts = halves(series);
  const rHat = rHatOfHalves(parts);
  const rHatLimit = Math.max(accepted, explainedRHat(parts));
  const drift = gewekeOf(series);
  const mean = commonMean(series);
  const spread = gewekeOf(series.map((x) => Float64Array.from(x, (v) => (v - mean) ** 2)));
  const reasons: string[] = [];
  if (!(rHat <= rHatLimit)) {
    const steps = Math.floor(length / 2) * found.every;
    reasons.push(
      `${name}: split R-hat ${rHat.toFixed(4)} exceeds ${rHatLimit.toFixed(4)}: halves of replicas ` +
        `differ by more than correlation within ${steps} steps explains`,
    );
  }
  for (const [what, score] of [
    ["mean", drift],
    ["spread", spread],
  ] as const) {
    if (Math.abs(score) <= z) continue;
    const windows = "first 10 % against last 50 %";
    reasons.push(`${name}: the ${what} drifts, ${windows}: z = ${score.toFixed(1)}`);
  }
  const stationary = reasons.length === 0;
  return { stationary, rHat, rHatLimit, geweke: drift, gewekeSpread: spread, reasons };
}

const tooShort = (name: string, length: number, rHatLimit: number): Stationarity => ({
  stationary: false,
  rHat: Number.NaN,
  rHatLimit,
  geweke: Number.NaN,
  gewekeSpread: Number.NaN,
  reasons: [`${name}: ${length} samples are too few to tell, need ${MIN_SAMPLES}`],
});

/** The largest R̂ that a stationary series with the halves' own correlation time would show. */
function explainedRHat(parts: readonly Float64Array[]): number {
  const n = parts[0]!.length;
  const found = timeWithinParts(parts);
  // Halves too short to know τ: nothing is excused.
  if (found === null) return 1;
  const { tau, relativeVariance } = found;
  const scatter = Math.sqrt(2 / (parts.length - 1) + relativeVariance);
  return Math.sqrt((n - 1) / n + (tau / (n - tau)) * (1 + 4 * scatter));
}

/** A window this many τ loses e^{−6} of an exponential ρ. */
const WINDOW = 3;

/**
 * τ in samples from deviations of each part from its own mean, or null when the window would take
 * more than 3/4 of a part.
 *
 * The own mean lowers every C(t) by its variance σ²τ/n, so a window of s = 2M+1 lags gives
 * τ(1 − s/n)/(1 − τ/n), which is solved for τ; its relative variance 2s/(samples) grows with it.
 */
function timeWithinParts(
  parts: readonly Float64Array[],
): { tau: number; relativeVariance: number } | null {
  const n = parts[0]!.length;
  const centered = parts.map((part) => {
    const mean = commonMean([part]);
    return part.map((x) => x - mean);
  });
  const covariance = autocovariance(centered, 0, Math.floor((3 * n) / 8));
  if (!(covariance[0]! > 0)) return null;
  let sum = 1;
  for (let lag = 1; lag < covariance.length; lag++) {
    sum += (2 * covariance[lag]!) / covariance[0]!;
    const lags = 2 * lag + 1;
    const left = 1 - lags / n;
    const tau = Math.max(0, sum / (left + sum / n));
    if (lag >= WINDOW * tau) {
      return { tau, relativeVariance: (2 * lags) / (parts.length * n) / left ** 2 };
    }
  }
  return null;
}
