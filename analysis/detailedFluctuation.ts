/**
 * The detailed fluctuation theorem p(σ)/p(−σ) = e^σ, tested in bins of |σ| without bias by their width.
 *
 * In bin b: N₊ events with σ > 0, and W = Σ e^{|σ|} over those with σ < 0. The theorem says ⟨N₊⟩ = ⟨W⟩,
 * so ln(N₊/W) is 0; a slope a ≠ 1 of ln[p(σ)/p(−σ)] against σ makes it (a − 1)|σ|. Fitting
 * ln(N₊/N₋) at bin centers instead is biased, because events crowd at the bins' inner ends.
 */
import { ArgumentError } from "../engine/errors.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import { refuse } from "./refusal.ts";

/** Counts of events by bin of |σ|, of independent groups of replicas, each [group, bin]. */
export interface EventCounts {
  readonly groups: number;
  readonly bins: number;
  /** Width of a bin of |σ|, nats; events beyond the last are left out. */
  readonly width: number;
  readonly positive: Float64Array;
  readonly negative: Float64Array;
  /** Σ e^{|σ|} over the negative ones. */
  readonly weighted: Float64Array;
}

/** No events yet. @throws ArgumentError for a width that is not positive. */
export function emptyCounts(groups: number, bins: number, width: number): EventCounts {
  if (!(width > 0)) throw new ArgumentError(`emptyCounts: width is ${width}; give one above 0.`);
  const zeros = (): Float64Array => new Float64Array(groups * bins);
  const counts = { positive: zeros(), negative: zeros(), weighted: zeros() };
  return { groups, bins, width, ...counts };
}

/** Adds events of a group, in place. */
export function countEvents(counts: EventCounts, group: number, sigmas: Float64Array): void {
  const { bins, width } = counts;
  for (const sigma of sigmas) {
    const bin = Math.floor(Math.abs(sigma) / width);
    if (!(bin < bins)) continue;
    const at = group * bins + bin;
    if (sigma > 0) counts.positive[at]! += 1;
    else {
      counts.negative[at]! += 1;
      counts.weighted[at]! += Math.exp(-sigma);
    }
  }
}

/** ln(N₊/W) of one bin. */
export interface FluctuationBin {
  /** Center of the bin, nats. */
  readonly sigma: number;
  readonly logRatio: Estimate;
  /** ln(N₊/N₋) − |σ| at the center: the biased form. */
  readonly atCenter: number;
  readonly events: number;
}

export interface DetailedFluctuation {
  /** a of ln[p(σ)/p(−σ)] = aσ, 1 by the theorem. */
  readonly slope: Estimate;
  /** Mean of ln(N₊/W) over bins, weighted by their events; 0 by the theorem. */
  readonly meanLogRatio: Estimate;
  readonly bins: readonly FluctuationBin[];
}

/** Fewer events of either sign leave a logarithm too skew for an error bar. */
const LEAST_EVENTS = 100;

/**
 * Slope and mean of the log ratios, and every bin's own, from at least two groups.
 *
 * slope = 1 + Σ w s r/Σ w s², mean = Σ w r/Σ w, r = ln(N₊/W), s the bin's center, w = N₊N₋/(N₊ + N₋)
 * with the numbers of all groups, kept fixed. Errors: bias-corrected jackknife over groups. Bins with
 * fewer than 100 events of either sign are left out, and those with a center beyond `within` nats:
 * where the theorem fails, the slope depends on how far it is fitted.
 *
 * @throws RefusalError when no bin has enough events.
 * @see arXiv 2306.03521; Seifert (2012), section 3
 */
export function detailedFluctuation(
  counts: EventCounts,
  { within = Infinity }: { readonly within?: number } = {},
): DetailedFluctuation {
  const { bins, groups, width } = counts;
  const total = (data: Float64Array, bin: number): number => {
    let sum = 0;
    for (let g = 0; g < groups; g += 1) sum += data[g * bins + bin]!;
    return sum;
  };
  const numbers = Array.from({ length: bins }, (_, bin) => ({
    bin,
    center: (bin + 0.5) * width,
    positive: total(counts.positive, bin),
    negative: total(counts.negative, bin),
  })).filter(
    ({ center, positive, negative }) =>
      center <= within && Math.min(positive, negative) >= LEAST_EVENTS,
  );
  if (numbers.length === 0) {
    const none = `detailedFluctuation: no bin of |σ| has ${LEAST_EVENTS} events of either sign`;
    refuse(`${none}; observe more steps or replicas.`, noEstimate(none));
  }
  const columns = groupColumns(
    counts,
    numbers.map(({ bin }) => bin),
  );
  const ratio = (m: Float64Array, k: number): number => Math.log(m[2 * k]! / m[2 * k + 1]!);
  const weights = numbers.map(
    ({ positive, negative }) => (positive * negative) / (positive + negative),
  );
  const estimate = (f: (m: Float64Array) => number): Estimate =>
    jackknife(columns, f, { biasCorrected: true });
  const average = (
    m: Float64Array,
    of: (center: number) => number,
    over: (c: number) => number,
  ) => {
    let [above, below] = [0, 0];
    numbers.forEach(({ center }, k) => {
      above += weights[k]! * of(center) * ratio(m, k);
      below += weights[k]! * over(center);
    });
    return above / below;
  };
  return {
    slope: estimate(
      (m) =>
        1 +
        average(
          m,
          (s) => s,
          (s) => s * s,
        ),
    ),
    meanLogRatio: estimate((m) =>
      average(
        m,
        () => 1,
        () => 1,
      ),
    ),
    bins: numbers.map(({ center, positive, negative }, k) => ({
      sigma: center,
      logRatio: estimate((m) => ratio(m, k)),
      atCenter: Math.log(positive / negative) - center,
      events: positive + negative,
    })),
  };
}

/** N₊ and W of the chosen bins, [group, 2 · bin]. */
function groupColumns(
  { groups, bins, positive, weighted }: EventCounts,
  chosen: readonly number[],
) {
  const k = 2 * chosen.length;
  const data = new Float64Array(groups * k);
  for (let g = 0; g < groups; g += 1) {
    chosen.forEach((bin, i) => {
      data[g * k + 2 * i] = positive[g * bins + bin]!;
      data[g * k + 2 * i + 1] = weighted[g * bins + bin]!;
    });
  }
  return { data, replicas: groups, k };
}
