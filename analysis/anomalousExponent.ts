/**
 * Exponent of anomalous diffusion, ⟨|θ_{t+k} − θ_t|²⟩ ∝ kᶜ, from the curves of replicas.
 *
 * c is the slope of ordinary least squares of ln(mean square) on ln k: 1 is ordinary diffusion. Points of
 * one curve are correlated, since a replica that went far early is far later; the error therefore comes
 * from whole curves of replicas, drawn with repetition (`resampling.ts`), never from the scatter about
 * the line. What is no power law shows in a crossover: two slopes that differ beyond errors.
 *
 * D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, for the slope. Left out: fits of the
 * amplitude, weights (a slope with fixed weights is that of any exact curve too).
 */
import { ArgumentError } from "../engine/errors.ts";
import type { DisplacementRecord } from "../engine/record.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { checkIndependent } from "./groups.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";
import { resampledMeans, resampledUnits } from "./resampling.ts";

export interface ExponentChoice {
  /** Number of the condition; 0 unless given. */
  readonly condition?: number;
  /** Lags of the window, both included; all unless given. */
  readonly from?: number;
  readonly to?: number;
  /** Halve the window at crossovers until none is left, keeping the wider side. Default false. */
  readonly chooseWindow?: boolean;
}

/** Where the slope changes. */
export interface Crossover {
  /** Lag at which the lines of both sides meet. */
  readonly lag: number;
  readonly before: Estimate;
  readonly after: Estimate;
  /** Of as large a difference, in errors, at any lag of a single power law. */
  readonly pValue: number;
}

export interface AnomalousExponent {
  readonly exponent: Estimate;
  /** Lags of the window that was used. */
  readonly lags: readonly number[];
  /** Of each lag of the window. */
  readonly meanSquare: readonly Estimate[];
  /** Slopes between neighboring lags of the window, at their geometric mean. */
  readonly localSlopes: readonly { readonly lag: number; readonly slope: Estimate }[];
  /** The largest change of slope in the window, where it is significant; null where none is. */
  readonly crossover: Crossover | null;
}

/** Fewer replicas do not know their own scatter. */
const LEAST_REPLICAS = 8;
const LEAST_LAGS = 3;
const DRAWS = 999;
/** Points of a line on either side of a crossover; both have the one between them. */
const SIDE = 3;
const SIGNIFICANT = 0.01;
/** Changes of slope that are no crossover, however well they are measured. */
const SMALL_CHANGE = 0.1;

/**
 * c = Σ (X − X̄) Y/Σ (X − X̄)², X = ln k, Y = ln ⟨|θ_{t+k} − θ_t|²⟩ + Var/(2 mean²).
 *
 * `meanSquare` of the record is [condition, replica, lag]. The last term takes away what the logarithm
 * of a mean of R replicas is too low by, to order 1/R. Error: standard deviation over 999 resamplings
 * of replicas times √(R/(R − 1)); covers all correlation between lags and origins, and not curvature:
 * compare with the slope of an exact curve on the same lags. A crossover is reported where slopes
 * before and after some lag differ by more than 0.1 with p < 1 %, the search over lags accounted for.
 *
 * @throws ArgumentError for a condition or window that is not in the record, or replicas that interact;
 *   RefusalError for fewer than 8 replicas with finite values, fewer than 3 lags, or nothing that moves.
 * @see arXiv 2107.09133; B. Efron, R. J. Tibshirani (1993), ch. 6
 * @example anomalousExponent(record.displacement, { from: 10, to: 1000 }).exponent
 */
export function anomalousExponent(
  record: DisplacementRecord,
  { condition = 0, from = 1, to = Infinity, chooseWindow = false }: ExponentChoice = {},
): AnomalousExponent {
  checkIndependent("anomalousExponent", record, "observe series and average these over groups");
  const curves = curvesOf(record, condition, from, to);
  const { lags, rows, replicas } = curves;
  const method = `least squares of ln⟨|Δθ|²⟩ on ln lag, bootstrap over ${rows.length} replicas`;
  checkCurves(curves, noEstimate(method));
  const warnings = replicaWarnings(replicas - rows.length, replicas);
  const fit = fitted(lags, rows, method);
  let window: readonly [number, number] = [0, lags.length];
  let found = crossoverIn(fit, window);
  while (chooseWindow && found) {
    // The point at the corner belongs to neither side.
    const [low, high] = window;
    const before = [low, found.split] as const;
    const after = [found.split + 1, high] as const;
    const span = ([a, b]: readonly [number, number]): number =>
      b - a < LEAST_LAGS ? 0 : fit.x[b - 1]! - fit.x[a]!;
    if (Math.max(span(before), span(after)) === 0) break;
    window = span(before) > span(after) ? before : after;
    found = crossoverIn(fit, window);
  }
  const used = lags.slice(...window);
  if (used.length < lags.length) {
    warnings.push(
      `lags ${used[0]} to ${used[used.length - 1]} were chosen out of ${lags[0]} to ` +
        `${lags[lags.length - 1]}, where the slope changes; give from and to, if these are not meant`,
    );
  }
  const crossover = found?.crossover ?? null;
  if (crossover) warnings.push(crossoverWarning(crossover));
  const exponent = fit.slope(...window);
  return {
    exponent: { ...exponent, warnings },
    lags: used,
    meanSquare: fit.meanSquare.slice(...window),
    localSlopes: used.slice(1).map((lag, i) => ({
      lag: Math.sqrt(lag * used[i]!),
      slope: fit.slope(window[0] + i, window[0] + i + 2),
    })),
    crossover,
  };
}

const shown = ({ value, standardError }: Estimate): string =>
  `${value.toFixed(3)} ± ${standardError.toFixed(3)}`;

const crossoverWarning = ({ lag, before, after }: Crossover): string =>
  `no single power law: the slope is ${shown(before)} below and ${shown(after)} above lag ` +
  `${lag.toPrecision(3)}; give a window on one side`;

interface Curves {
  readonly lags: readonly number[];
  /** Finite ones, [replica][lag]. */
  readonly rows: readonly Float64Array[];
  readonly replicas: number;
}

function curvesOf(
  { meanSquare, lags, counts }: DisplacementRecord,
  condition: number,
  from: number,
  to: number,
): Curves {
  const [conditions, replicas] = meanSquare.axes.map(({ length }) => length) as [number, number];
  if (!(Number.isInteger(condition) && condition >= 0 && condition < conditions)) {
    throw new ArgumentError(
      `anomalousExponent: condition ${condition} is not in the record; there are ${conditions}, from 0 on.`,
    );
  }
  if (!(from < to)) {
    throw new ArgumentError(
      `anomalousExponent: lags from ${from} to ${to}; give from below to, in SGD steps.`,
    );
  }
  const chosen = lags.flatMap((lag, l) => (counts[l]! > 0 && lag >= from && lag <= to ? [l] : []));
  const rows = Array.from({ length: replicas }, (_, r) => {
    const row = (condition * replicas + r) * lags.length;
    return Float64Array.from(chosen, (l) => meanSquare.data[row + l]!);
  }).filter((row) => row.every(Number.isFinite));
  return { lags: chosen.map((l) => lags[l]!), rows, replicas };
}

function checkCurves({ lags, rows, replicas }: Curves, estimate: Estimate): void {
  if (lags.length < LEAST_LAGS) {
    refuse(
      `anomalousExponent: ${lags.length} observed lags are in the window, a slope needs ${LEAST_LAGS}; ` +
        "widen the window, or observe more lags.",
      estimate,
    );
  }
  if (rows.length < LEAST_REPLICAS) {
    refuse(
      `anomalousExponent: ${rows.length} of ${replicas} replicas have finite displacements, the error ` +
        `needs ${LEAST_REPLICAS}; use more replicas.`,
      { ...estimate, n: rows.length },
    );
  }
  const still = lags.findIndex((_, l) => !rows.some((row) => row[l]! > 0));
  if (still >= 0) {
    refuse(
      `anomalousExponent: nothing moved within ${lags[still]} steps, and 0 has no logarithm; observe ` +
        "longer lags, or parameters that move.",
      estimate,
    );
  }
}

/** Slopes on ranges of lags, of the curve and of its resamplings. */
interface Fit {
  /** ln k. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** ln of resampled means, [draw][lag]. */
  readonly drawn: readonly Float64Array[];
  /** Resampled deviations times this have the spread of the estimate. */
  readonly inflation: number;
  readonly slope: (low: number, high: number) => Estimate;
  readonly meanSquare: readonly Estimate[];
}

function fitted(lags: readonly number[], rows: readonly Float64Array[], method: string): Fit {
  const n = rows.length;
  const x = lags.map(Math.log);
  const meanSquare = lags.map((_, l): Estimate => {
    const mean = rows.reduce((sum, row) => sum + row[l]!, 0) / n;
    const squares = rows.reduce((sum, row) => sum + (row[l]! - mean) ** 2, 0);
    const standardError = Math.sqrt(squares / (n - 1) / n);
    return { value: mean, standardError, n, method: `mean over ${n} replicas`, warnings: [] };
  });
  // E ln m̄ = ln m − Var(m̄)/(2 m²) + O(1/R²).
  const y = meanSquare.map(
    ({ value, standardError }) => Math.log(value) + (standardError / value) ** 2 / 2,
  );
  const units = resampledUnits(rows);
  const drawn = resampledMeans(units, DRAWS).map((means) => means.map(Math.log));
  const inflation = Math.sqrt(units.sums.length / (units.sums.length - 1));
  const slope = (low: number, high: number): Estimate => {
    const slopes = drawn.map((values) => slopeOf(x, values, low, high));
    const standardError = inflation * standardDeviation(slopes);
    return { value: slopeOf(x, y, low, high), standardError, n, method, warnings: [] };
  };
  return { x, y, drawn, inflation, slope, meanSquare };
}

/** Least squares on points `low` to `high`, the last excluded. */
function slopeOf(x: ArrayLike<number>, y: ArrayLike<number>, low: number, high: number): number {
  let [meanX, meanY] = [0, 0];
  for (let k = low; k < high; k += 1) {
    meanX += x[k]! / (high - low);
    meanY += y[k]! / (high - low);
  }
  let [spread, product] = [0, 0];
  for (let k = low; k < high; k += 1) {
    spread += (x[k]! - meanX) ** 2;
    product += (x[k]! - meanX) * (y[k]! - meanY);
  }
  return product / spread;
}

function standardDeviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Σ of squared distances from the least-squares line of points `low` to `high`. */
function residual(x: readonly number[], y: readonly number[], low: number, high: number): number {
  const slope = slopeOf(x, y, low, high);
  const points = y.slice(low, high).map((value, k) => value - slope * x[low + k]!);
  const mean = points.reduce((sum, value) => sum + value, 0) / points.length;
  return points.reduce((sum, value) => sum + (value - mean) ** 2, 0);
}

/** A significant change of slope among points `low` to `high`, at point `split`. */
function crossoverIn(
  { x, y, drawn, inflation, slope }: Fit,
  [low, high]: readonly [number, number],
): { crossover: Crossover; split: number } | null {
  const splits: number[] = [];
  for (let k = low + SIDE - 1; k <= high - SIDE; k += 1) splits.push(k);
  if (splits.length === 0) return null;
  const change = (values: ArrayLike<number>, split: number): number =>
    slopeOf(x, values, split, high) - slopeOf(x, values, low, split + 1);
  const largest = new Float64Array(drawn.length);
  let statistic = 0;
  for (const split of splits) {
    const value = change(y, split);
    // About their own mean: resampled logarithms are not corrected for their bias.
    const changes = drawn.map((values) => change(values, split));
    const mean = changes.reduce((sum, one) => sum + one, 0) / changes.length;
    const error = standardDeviation(changes);
    statistic = Math.max(statistic, Math.abs(value) / (inflation * error));
    changes.forEach((one, d) => {
      largest[d] = Math.max(largest[d]!, Math.abs(one - mean) / error);
    });
  }
  const asLarge = largest.reduce((count, one) => count + (one >= statistic ? 1 : 0), 1);
  const pValue = asLarge / (drawn.length + 1);
  const misfit = (split: number): number =>
    residual(x, y, low, split + 1) + residual(x, y, split, high);
  const split = splits.reduce((best, k) => (misfit(k) < misfit(best) ? k : best));
  if (!(pValue < SIGNIFICANT && Math.abs(change(y, split)) > SMALL_CHANGE)) return null;
  const [before, after] = [slope(low, split + 1), slope(split, high)];
  const corner = meetingPoint(x, y, [low, split, high], before.value, after.value);
  return { crossover: { lag: Math.exp(corner), before, after, pValue }, split };
}

/** Where the lines of both sides meet, or the point between them if that is outside of the window. */
function meetingPoint(
  x: readonly number[],
  y: readonly number[],
  [low, split, high]: readonly [number, number, number],
  before: number,
  after: number,
): number {
  const mean = (values: readonly number[], a: number, b: number): number =>
    values.slice(a, b).reduce((sum, value) => sum + value, 0) / (b - a);
  const left = mean(y, low, split + 1) - before * mean(x, low, split + 1);
  const right = mean(y, split, high) - after * mean(x, split, high);
  const meeting = (left - right) / (after - before);
  return meeting > x[low]! && meeting < x[high - 1]! ? meeting : x[split]!;
}
