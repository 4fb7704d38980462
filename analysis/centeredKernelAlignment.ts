/**
 * Linear centered kernel alignment (CKA): how alike two hidden layers see the same inputs.
 *
 * CKA(X, Y) = |YᵀX|²/(|XᵀX| |YᵀY|), columns of X and Y centered over the probes, Frobenius norms.
 * Source: S. Kornblith, M. Norouzi, H. Lee, G. Hinton, Similarity of neural network representations
 * revisited, ICML 2019, arXiv 1905.00414, eqs. 3 and 4. Left out: other kernels, and the unbiased
 * (debiased HSIC) form; independent layers have about √(pq)/(n − 1), which a warning says where it
 * matters.
 */
import { RefusalError } from "../engine/errors.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { type PairStatistics, pairStatistics } from "./pairStatistics.ts";

/** What a layer makes of the probe inputs, row-major [probe, unit]. */
export interface Activations {
  readonly data: ArrayLike<number>;
  readonly probes: number;
  readonly units: number;
}

/** Alignments of all pairs of replicas, and their mean. */
export interface AlignmentMatrix {
  /** CKA, [replica of the first net, replica of the second], row-major; NaN for frozen replicas. */
  readonly values: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly mean: Estimate;
}

/** Share of the variance below which a layer is constant up to the rounding of float32. */
const CONSTANT = 1e-12;
/** Alignment of independent layers, from the number of probes alone, that is worth a warning. */
const NOTABLE = 0.05;

/** A layer about its mean over the probes, column by column, and |XᵀX|. */
interface Centered {
  /** [unit, probe] */
  readonly columns: readonly Float64Array[];
  readonly norm: number;
}

function crossNorm(x: readonly Float64Array[], y: readonly Float64Array[]): number {
  let squares = 0;
  for (const a of x) {
    for (const b of y) {
      let product = 0;
      for (let i = 0; i < a.length; i += 1) product += a[i]! * b[i]!;
      squares += product * product;
    }
  }
  return Math.sqrt(squares);
}

/** null for a layer that is not finite. */
function centered({ data, probes, units }: Activations): Centered | null {
  const columns: Float64Array[] = [];
  let scale = 0;
  for (let k = 0; k < units; k += 1) {
    const column = Float64Array.from({ length: probes }, (_, i) => data[i * units + k]!);
    const mean = column.reduce((sum, value) => sum + value, 0) / probes;
    for (let i = 0; i < probes; i += 1) {
      scale += column[i]! ** 2;
      column[i] = column[i]! - mean;
    }
    columns.push(column);
  }
  if (!Number.isFinite(scale)) return null;
  const norm = crossNorm(columns, columns);
  if (!(norm > CONSTANT * scale)) {
    throw new RefusalError(
      `centeredKernelAlignment: ${units} units vary over ${probes} probes by ${norm.toPrecision(2)} ` +
        `beside a mean square of ${scale.toPrecision(2)}: the layer is constant, and has no direction to ` +
        "align; use other probes, or leave the dead layer out.",
      noEstimate("linear CKA"),
    );
  }
  return { columns, norm };
}

function checkProbes(x: Activations, y: Activations): void {
  const { probes } = x;
  const units = Math.max(x.units, y.units);
  if (y.probes !== probes || x.data.length !== probes * x.units) {
    throw new RefusalError(
      `centeredKernelAlignment: ${probes} and ${y.probes} probes, ${x.data.length} numbers for ` +
        `${x.units} units; give activations of the same probes, [probe, unit].`,
      noEstimate("linear CKA"),
    );
  }
  if (probes <= units) {
    throw new RefusalError(
      `centeredKernelAlignment: ${probes} probes for ${units} units: any two layers would look alike; ` +
        "give more probes than units, better ten times as many.",
      noEstimate("linear CKA"),
    );
  }
}

const alignmentOf = (x: Centered | null, y: Centered | null): number =>
  x === null || y === null ? Number.NaN : crossNorm(x.columns, y.columns) ** 2 / (x.norm * y.norm);

/**
 * Linear CKA of two layers on the same probes, in [0, 1].
 *
 * |YᵀX|²/(|XᵀX| |YᵀY|), X and Y centered; 1 where the layers agree up to a rotation and a factor. Error:
 * float64 rounding; as an estimate over the probes' law, biased up by about √(pq)/(probes − 1). NaN for
 * activations that are not finite.
 *
 * @throws RefusalError for a constant layer, for probes that differ, or no more probes than units.
 * @see arXiv 1905.00414, eq. 4
 * @example
 * const layer = { data: [1, 0, 0, 1, -1, 2, 3, 1], probes: 4, units: 2 };
 * centeredKernelAlignment(layer, layer); // 1
 */
export function centeredKernelAlignment(x: Activations, y: Activations): number {
  checkProbes(x, y);
  return alignmentOf(centered(x), centered(y));
}

/** Alignment that independent layers would have on so few probes. */
const chanceAlignment = (x: Activations, y: Activations): number =>
  Math.sqrt(x.units * y.units) / (x.probes - 1);

function estimate(found: PairStatistics, x: Activations, y: Activations, what: string): Estimate {
  const chance = chanceAlignment(x, y);
  const warnings = [...found.warnings];
  if (chance > NOTABLE) {
    warnings.push(
      `independent layers would have an alignment of about ${chance.toPrecision(2)} on ${x.probes} ` +
        "probes; give more",
    );
  }
  const { value, standardError, n } = found;
  return { value, standardError, n, method: `linear CKA, ${what}`, warnings };
}

function refuseFew(
  first: readonly Activations[],
  second: readonly Activations[] | null,
  least: number,
): void {
  const few = Math.min(first.length, second?.length ?? Infinity);
  if (few >= least) return;
  throw new RefusalError(
    `alignmentMatrix: ${few} replica${few === 1 ? "" : "s"} of a net, whose pairs say nothing of ` +
      `their scatter; use at least ${least}.`,
    noEstimate("linear CKA"),
  );
}

/**
 * Linear CKA between replicas of two nets, or of one net among themselves, and the mean over pairs.
 *
 * Pairs share replicas: the standard error is that of a mean over pairs whose rows and columns are
 * independent replicas (`pairStatistics`). Of one net the diagonal is 1 and not in the mean. Cost: pairs
 * × probes × units².
 *
 * @throws RefusalError for constant layers, too few probes, and fewer than 2 replicas of each net
 *   (4 of a single one).
 * @see arXiv 1905.00414
 * @example
 * const layer = (turn: number) => ({
 *   data: Float64Array.from({ length: 40 }, (_, i) => Math.cos(turn * i)),
 *   probes: 20,
 *   units: 2,
 * });
 * alignmentMatrix([layer(1), layer(2)], [layer(3), layer(4)]).mean.value;
 */
export function alignmentMatrix(
  first: readonly Activations[],
  second: readonly Activations[] | null = null,
): AlignmentMatrix {
  refuseFew(first, second, second === null ? 4 : 2);
  const others = second ?? first;
  checkProbes(first[0]!, others[0]!);
  const x = first.map(centered);
  const y = second === null ? x : second.map(centered);
  const [rows, columns] = [x.length, y.length];
  const values = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) values[i * columns + j] = alignmentOf(x[i]!, y[j]!);
  }
  const what =
    second === null
      ? `pairs of ${rows} replicas of one net`
      : `${rows} × ${columns} pairs of replicas of two nets`;
  const found = pairStatistics(values, rows, columns, second === null);
  return { values, rows, columns, mean: estimate(found, first[0]!, others[0]!, what) };
}
