/**
 * Error bars of entropies from neighbor distances: the scatter of the same estimator on blocks of
 * samples.
 *
 * Its variance falls as 1/n (T. B. Berrett, R. J. Samworth, M. Yuan, Ann. Statist. 47, 288 (2019)), so
 * that of n samples is the variance between blocks over their number. Deleting single samples will not
 * do: a neighbor distance is no smooth function of the sample.
 */

/** More blocks know their scatter better, 1/√(2·31) of it, and leave fewer samples in each. */
const BLOCKS = 32;

export interface SampleBlock {
  /** Numbers of the samples in it, as the caller counts them. */
  readonly rows: readonly number[];
  readonly entropy: number;
}

export interface BlockScatter {
  readonly blocks: readonly SampleBlock[];
  /** √(Σ (S_b − S̄)²/(B(B − 1))) */
  readonly standardError: number;
}

/**
 * Equal consecutive blocks of at least `fewest` samples, at most 32; `entropyOf` is given [from, to) of
 * the samples, `rows` are their numbers.
 */
export function blockScatter(
  rows: readonly number[],
  fewest: number,
  entropyOf: (from: number, to: number) => number,
): BlockScatter {
  const count = Math.min(BLOCKS, Math.floor(rows.length / fewest));
  const size = Math.floor(rows.length / count);
  const blocks = Array.from({ length: count }, (_, b) => ({
    rows: rows.slice(b * size, (b + 1) * size),
    entropy: entropyOf(b * size, (b + 1) * size),
  }));
  return { blocks, standardError: scatterError(blocks.map(({ entropy }) => entropy)) };
}

/** Standard error of the mean of independent values. */
export function scatterError(values: readonly number[]): number {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (n * (n - 1)));
}
