/**
 * Entropy of a law from visits of the cells of a grid, in one to three dimensions.
 *
 *   h = −Σ_c p_c ln(p_c/V) + bias correction,  p_c shares of the samples, V volume of a cell
 *
 * It is the entropy of the law averaged over cells, above that of the law by ⟨Σ_i w_i² (∂_i ln p)²⟩/24
 * for cells of small widths w. Independent samples: correction (m − 1)/(2n), m occupied cells (G. A.
 * Miller, in Information Theory in Psychology (1955), Madow's remark); visits of runs are correlated,
 * so that of records of densities is taken from the jackknife over groups of replicas, which for
 * independent visits is the same to O(1/n²). Variance: G. P. Basharin, Theory Probab. Appl. 4, 333
 * (1959). Left out: kernels, cells of unequal size.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { DensityRecord, GridAxis } from "../engine/record.ts";
import type { GridChoice } from "./densityField.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { cellVolume } from "./gridField.ts";
import { checkIndependentGrid } from "./groups.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { refuse } from "./refusal.ts";
import { checkCondition } from "./seriesSource.ts";

/** Samples a cell below which the correction, ½(m−1)/n, is no longer small: what it leaves is (m/n)²/12. */
const SAMPLES_PER_CELL = 5;
/** Share of the samples beyond the grid that may be left out. */
const MOST_OUTSIDE = 0.01;
const LARGEST_CORRECTION = 1 / (2 * SAMPLES_PER_CELL);

export interface HistogramOptions {
  /** The grid, one axis a coordinate, at most three; half-open cells. */
  readonly grid: readonly GridAxis[];
  /** Give a warning in place of a refusal. */
  readonly quiet?: boolean;
}

/**
 * Entropy in nats from independent samples [replica, k <= 3], with the correction of Miller and Madow.
 *
 * standardError: √((Σ p ln² p − (Σ p ln p)²)/n − (m−1)/(2n²)), of the counts; not covered: the width of
 * the cells (file head), and cells so rare that none of n samples fell into them, which a warning
 * speaks of when cells visited once suggest that they matter. Samples that are not finite are left out, those beyond the grid as well, with
 * a warning.
 *
 * @throws RefusalError for fewer than 5 samples an occupied cell or more than 1 % beyond the grid,
 *   unless `quiet`; always when none lies on it.
 * @throws ArgumentError when axes and coordinates differ in number, or are more than three.
 * @example
 * const axis = { name: "x", from: -5, to: 5, bins: 40 };
 * histogramEntropy({ data: centers, replicas: 10_000, k: 2 }, { grid: [axis, { ...axis, name: "y" }] })
 */
export function histogramEntropy(
  samples: ReplicaSamples,
  { grid, quiet = false }: HistogramOptions,
): Estimate {
  const where = "histogramEntropy";
  const { data, replicas, k } = samples;
  if (grid.length !== k || k < 1 || k > 3) {
    throw new ArgumentError(
      `${where}: ${grid.length} axes for ${k} coordinates; give one for each of 1 to 3.`,
    );
  }
  const counts = new Float64Array(grid.reduce((cells, { bins }) => cells * bins, 1));
  let [n, finite] = [0, 0];
  for (let r = 0; r < replicas; r++) {
    const row = data.subarray(r * k, (r + 1) * k);
    if (!row.every(Number.isFinite)) continue;
    finite++;
    const cell = cellOf(grid, row);
    if (cell < 0) continue;
    n++;
    counts[cell]!++;
  }
  const warnings =
    finite < replicas ? [`${replicas - finite} of ${replicas} samples are not finite`] : [];
  const method = `histogram of ${n} samples, bias-corrected (Miller–Madow)`;
  if (n === 0) {
    refuse(`${where}: no sample lies on the grid; widen it.`, noEstimate(method));
  }
  const { entropy, squares, occupied } = plugIn(counts, n);
  const once = counts.reduce((sum, count) => sum + (count === 1 ? 1 : 0), 0);
  // Of equal p the first term should be 0 and is (m − 1)/n², which is taken out of it.
  const scatter = (occupied - 1) / (n * n);
  const variance = Math.max(0, (squares - entropy ** 2) / n - scatter) + scatter / 2;
  // Of Poisson counts with as many cells in each octave of λ, as in tails, E[c ln c] − λ ln λ −
  // (1 − e^{−λ})/2 adds up to about what λ e^{−λ}, the share visited once, does.
  const hidden = once / n;
  if (hidden > Math.sqrt(variance) / 4) {
    warnings.push(
      `${where}: ${once} of ${occupied} cells were visited once; rare cells hide about ` +
        `${hidden.toPrecision(2)} nats`,
    );
  }
  const estimate: Estimate = {
    value: entropy + Math.log(cellVolume(grid)) + (occupied - 1) / (2 * n),
    standardError: Math.sqrt(variance),
    n,
    method,
    warnings,
  };
  const few =
    n < SAMPLES_PER_CELL * occupied
      ? `${where}: ${n} samples in ${occupied} cells, need ${SAMPLES_PER_CELL} a cell; add replicas ` +
        "or take fewer bins."
      : null;
  return judged(where, estimate, 1 - n / finite, few, quiet);
}

function cellOf(grid: readonly GridAxis[], row: Float64Array): number {
  let cell = 0;
  for (const [i, { from, to, bins }] of grid.entries()) {
    const at = Math.floor(((row[i]! - from) / (to - from)) * bins);
    if (!(at >= 0 && at < bins)) return -1;
    cell = cell * bins + at;
  }
  return cell;
}

/** −Σ p ln p, Σ p ln² p, and the number of cells with p > 0. */
function plugIn(counts: Float64Array, n: number) {
  let [entropy, squares, occupied] = [0, 0, 0];
  for (const count of counts) {
    if (!(count > 0)) continue;
    const log = Math.log(count / n);
    entropy -= (count / n) * log;
    squares += (count / n) * log * log;
    occupied++;
  }
  return { entropy, squares, occupied };
}

/** Says what lies beyond the grid; refuses where that is much, or samples are too few. */
function judged(
  where: string,
  estimate: Estimate,
  outside: number,
  few: string | null,
  quiet: boolean,
): Estimate {
  const share = `${where}: ${(100 * outside).toPrecision(2)} % of the samples lie beyond the grid`;
  let result = estimate;
  if (outside > MOST_OUTSIDE) {
    result = refuse(`${share}; widen its range.`, result, quiet);
  } else if (outside > 0) {
    result = { ...result, warnings: [...result.warnings, `${share}, which is left out`] };
  }
  return few === null ? result : refuse(few, result, quiet);
}

/**
 * Entropy in nats of the time-averaged law that a `density` observable counted; grids of one to three
 * axes, projections as they are.
 *
 * The jackknife over the record's groups of replicas gives the correction and standardError, without
 * independence of the visits of a replica.
 *
 * @throws RefusalError when the correction passes 0.1 nats or more than 1 % of the visits lie beyond
 *   the grid, unless `quiet`; always with fewer than two groups of replicas.
 * @throws ArgumentError when the condition is not there, or replicas interact.
 * @example densityEntropy(record.density)
 */
export function densityEntropy(
  record: DensityRecord,
  { condition = 0, quiet = false }: GridChoice & { readonly quiet?: boolean } = {},
): Estimate {
  const where = "densityEntropy";
  checkIndependentGrid(where, record);
  const [conditions, groups] = record.outside.axes.map(({ length }) => length) as [number, number];
  checkCondition(where, condition, conditions);
  const cells = record.grid.reduce((product, { bins }) => product * bins, 1);
  const rows = Array.from({ length: groups }, (_, g) => {
    const row = condition * groups + g;
    const counts = Float64Array.from(record.counts.data.subarray(row * cells, (row + 1) * cells));
    return { counts, n: counts.reduce((a, b) => a + b, 0), outside: record.outside.data[row]! };
  }).filter(({ n }) => n > 0);
  const G = rows.length;
  const method = `histogram of visits, jackknife over ${G} groups of replicas, bias-corrected`;
  if (G < 2) {
    refuse(
      `${where}: ${G} groups of replicas have visits, need 2; add replicas.`,
      noEstimate(method),
    );
  }
  const total = new Float64Array(cells);
  for (const { counts } of rows) for (let c = 0; c < cells; c++) total[c]! += counts[c]!;
  const n = rows.reduce((sum, row) => sum + row.n, 0);
  const full = plugIn(total, n).entropy;
  const without = rows.map(
    (row) =>
      plugIn(
        total.map((count, c) => count - row.counts[c]!),
        n - row.n,
      ).entropy - full,
  );
  const mean = without.reduce((sum, value) => sum + value, 0) / G;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const correction = -(G - 1) * mean;
  const estimate: Estimate = {
    value: full + correction + Math.log(cellVolume(record.grid)),
    standardError: Math.sqrt(((G - 1) / G) * squares),
    n: G,
    method,
    warnings: [],
  };
  const outside = rows.reduce((sum, row) => sum + row.outside, 0);
  const few =
    correction > LARGEST_CORRECTION
      ? `${where}: the correction for few visits is ${correction.toPrecision(2)} nats, more than ` +
        `${LARGEST_CORRECTION}; add replicas or steps, or take fewer bins.`
      : null;
  return judged(where, estimate, outside / (n + outside), few, quiet);
}
