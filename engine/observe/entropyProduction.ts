/**
 * Observable `entropyProduction`: the entropy that every trajectory produces, σ of a step and sums of
 * consecutive σ, summed on the device for the fluctuation theorems.
 *
 *   σ_n = (z_n − c)ᵀ Q (z_{n+1} − z_n),  Q = S⁻¹ C D⁻¹  (z_n at the start: C is antisymmetric, so
 *   Ito's and Stratonovich's sums agree)
 *
 * with covariance S, current (area matrix) C and diffusion D of the stationary state, from theory or
 * from a fit. For each length n of sums: σ, σ², e^{−σ} − 1, its square, and their product; the
 * exponential by `exp_minus_one`, without cancellation, cut where −σ passes 40. Source: arXiv
 * 2306.03521; U. Seifert, Rep. Prog. Phys. 75, 126001 (2012). Left out: c and Q themselves, and forms
 * that depend on z.
 *
 * Cost per record and replica: K² + 2K operations for K coordinates (and K² memory accesses above
 * `LOCAL_COORDINATES`), an exponential for each sum that ends, 1 or 2 read-add-writes for each event of a
 * histogram; device memory of 4 (K + 6 lengths + 3 bins + 1) bytes a replica.
 */
import { ArgumentError, LimitError } from "../errors.ts";
import { isFullData } from "./fullData.ts";
import { GROUPS, MAX_CELLS } from "./grid.ts";
import { MAX_COORDINATES } from "./moments.ts";
import { type Quantity, type QuantityContext, quantityName } from "./quantity.ts";
import { requireEvery } from "./series.ts";

type Rows = readonly (readonly number[])[];

/** Counts of sums of `window` σ by bins of |σ|; `width` of a bin in nats, or one for each condition. */
export interface EntropyHistogramSpec {
  readonly window: number;
  readonly width: number | readonly number[];
  readonly bins: number;
}

export interface EntropyProductionSpec {
  readonly kind: "entropyProduction";
  /** null: all parameters. */
  readonly of: readonly Quantity[] | null;
  /** c, [coordinate], or one for each condition. */
  readonly center: readonly number[] | Rows;
  /** Q, [coordinate, coordinate], or one for each condition. */
  readonly form: Rows | readonly Rows[];
  readonly every: number;
  readonly windows: readonly number[];
  readonly histograms: readonly EntropyHistogramSpec[];
}

/** Numbers a replica sums for each length: σ, σ², e, e², σe with e = e^{−σ} − 1. */
export const ENTROPY_SUMS = 5;
/** Lengths of sums at most. */
const MAX_WINDOWS = 16;
/** σ beyond which e^{|σ|} is no float32 that can be summed. */
const LARGEST_SIGMA = 80;

/**
 * Sums the entropy production of trajectories, per replica and for each of `windows`, the numbers of
 * consecutive σ that make an event; and counts events by |σ| for the detailed theorem.
 *
 * `every` is the sampling time: z_n and z_{n+1} are that many steps apart, an epoch say, and events
 * follow one another without gap. No event crosses two calls of `observe`. z − c must be small numbers
 * with all their digits: give parameters that are displacements from the minimum. nats.
 *
 * @throws ArgumentError, LimitError for lengths and bins that make no sums.
 * @see arXiv 2306.03521; U. Seifert, Rep. Prog. Phys. 75, 126001 (2012), section 3
 * @example
 * entropyProduction({
 *   center: [0, 0],
 *   form: [[0, 0.3], [-0.3, 0]],
 *   windows: [1, 10],
 *   histograms: [{ window: 1, width: 0.02, bins: 40 }],
 * })
 */
export function entropyProduction(options: {
  readonly of?: readonly Quantity[];
  readonly center: readonly number[] | Rows;
  readonly form: Rows | readonly Rows[];
  readonly every?: number;
  readonly windows?: readonly number[];
  readonly histograms?: readonly EntropyHistogramSpec[];
}): EntropyProductionSpec {
  const { of = null, center, form, every = 1, windows: given = [1], histograms = [] } = options;
  requireEvery("entropyProduction", every);
  const windows = [...new Set(given)].sort((a, b) => a - b);
  for (const window of windows) {
    if (Number.isInteger(window) && window >= 1) continue;
    throw new ArgumentError(
      `entropyProduction: windows has ${window}; give numbers of consecutive σ, whole and >= 1.`,
    );
  }
  if (windows.length === 0 || windows.length > MAX_WINDOWS) {
    throw new LimitError(
      `entropyProduction: ${windows.length} lengths in windows; give 1 to ${MAX_WINDOWS}.`,
    );
  }
  checkHistograms(histograms, windows);
  return { kind: "entropyProduction", of, center, form, every, windows, histograms };
}

function checkHistograms(
  histograms: readonly EntropyHistogramSpec[],
  windows: readonly number[],
): void {
  const counted = histograms.map(({ window }) => window);
  const foreign = counted.find(
    (window, i) => !windows.includes(window) || counted.indexOf(window) < i,
  );
  if (foreign !== undefined) {
    throw new ArgumentError(
      `entropyProduction: histograms has the length ${foreign} twice, or windows ${windows.join(", ")} ` +
        "has it not; give one histogram for a length that is in windows.",
    );
  }
  for (const { width, bins } of histograms) {
    const widest = Math.max(...[width].flat());
    const narrowest = Math.min(...[width].flat());
    if (!Number.isInteger(bins) || bins < 1 || bins > MAX_CELLS) {
      throw new LimitError(
        `entropyProduction: ${bins} bins; use a whole number from 1 to ${MAX_CELLS}.`,
      );
    }
    if (!(narrowest > 0 && bins * widest <= LARGEST_SIGMA)) {
      throw new ArgumentError(
        `entropyProduction: ${bins} bins of width ${[width].flat().join(", ")}; give widths above 0 ` +
          `whose bins end below ${LARGEST_SIGMA} nats, where e^|σ| fits float32.`,
      );
    }
  }
}

/** What a spec means for a model and its conditions. */
export interface EntropyLayout {
  readonly coordinates: readonly Quantity[];
  /** [condition][coordinate] */
  readonly center: Rows;
  /** [condition][coordinate][coordinate] */
  readonly form: readonly Rows[];
  /** Of each histogram, by condition, nats. */
  readonly widths: Rows;
  /** Words of sums, of histograms, and kept from step to step, per lane. */
  readonly sums: number;
  readonly binWords: number;
  readonly kept: number;
}

export const histogramWords = ({ bins }: EntropyHistogramSpec): number => 3 * bins + 1;

/** Sampling times in a window of readback so that a group's counts stay whole numbers. */
export const entropyBlock = (replicas: number, longest: number): number =>
  Math.max(1, Math.min(longest, Math.floor(2 ** 23 / Math.ceil(replicas / GROUPS))));

/** @throws ArgumentError, LimitError for a center or form that do not fit the coordinates. */
export function entropyLayout(
  spec: EntropyProductionSpec,
  context: QuantityContext,
): EntropyLayout {
  const coordinates = spec.of ?? context.model.coordinateNames;
  const size = coordinates.length;
  const full = coordinates.map(quantityName).find(isFullData);
  if (full !== undefined) {
    throw new ArgumentError(
      `entropyProduction: ${full} is not known on the device at every step; name coordinates.`,
    );
  }
  if (size > MAX_COORDINATES) {
    throw new LimitError(
      `entropyProduction: ${size} coordinates need a form of ${size ** 2} numbers, the limit is ` +
        `${MAX_COORDINATES} coordinates; choose some with of, or projections on a subspace.`,
    );
  }
  const { conditions } = context;
  const center = eachCondition<readonly number[]>("center", spec.center, conditions, 1);
  const form = eachCondition<Rows>("form", spec.form, conditions, 2);
  const widths = spec.histograms.map(({ width }) =>
    eachCondition<number>("width", width, conditions, 0),
  );
  const fits = (row: readonly number[]): boolean =>
    row.length === size && row.every(Number.isFinite);
  if (!center.every(fits) || !form.every((rows) => rows.length === size && rows.every(fits))) {
    throw new ArgumentError(
      `entropyProduction: center and form must be finite, [${size}] and [${size}, ${size}], for the ` +
        `coordinates ${coordinates.slice(0, 3).map(quantityName).join(", ")}${size > 3 ? ", …" : ""}.`,
    );
  }
  const open = spec.windows.filter((window) => window > 1).length;
  return {
    ...{ coordinates, center, form, widths },
    sums: ENTROPY_SUMS * spec.windows.length,
    binWords: spec.histograms.reduce((sum, one) => sum + histogramWords(one), 0),
    kept: size + open,
  };
}

/** One value, an array of `depth` levels, for all conditions; or a list of one each. */
function eachCondition<T>(
  name: string,
  given: T | readonly T[],
  conditions: number,
  depth: number,
): readonly T[] {
  let levels = 0;
  for (let inner: unknown = given; Array.isArray(inner); inner = inner[0]) levels += 1;
  if (levels <= depth) return new Array<T>(conditions).fill(given as T);
  const list = given as readonly T[];
  if (list.length === conditions) return list;
  throw new ArgumentError(
    `entropyProduction: ${name} is given for ${list.length} conditions, there are ${conditions}; ` +
      "give one for all, or one each.",
  );
}
