/**
 * Standard errors from blocks of time, where one trajectory is all there is.
 *
 * Blocks much longer than τ are nearly independent, and their scatter is that of independent
 * units (H. Flyvbjerg and H. G. Petersen, J. Chem. Phys. 91, 461 (1989)). With several replicas
 * prefer `timeAverage`: replicas are independent exactly.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import { windowedTime } from "./integratedTime.ts";
import { refuse } from "./refusal.ts";
import { replicaSeries, type SeriesChoice, type SeriesSource } from "./seriesSource.ts";

/**
 * A block must hold this many τ. The variance of a block mean is σ²τ/b (1 − τ/(2b)) for an
 * exponential ρ, neighboring blocks share the missing part: the error is low by τ/(4b) = 2.5 %.
 */
const TIMES_PER_BLOCK = 10;

export interface BlockOptions extends SeriesChoice {
  /** Default 20: the error is known to 1/√(2·19) = 16 %. */
  readonly blocks?: number;
  /** Give a warning in place of a refusal. */
  readonly quiet?: boolean;
}

/**
 * Mean over time of the replica-averaged series, error from the scatter of block means.
 *
 * x̄ = Σ_b x̄_b/n, standardError = sd(x̄_b)/√n, n blocks of equal length; samples that do not fill a
 * block are left out at the beginning.
 *
 * @throws RefusalError<Estimate> when a block is shorter than 10 τ (the memory 1 + 2Σ|ρ| of the
 *   averaged series) or τ cannot be found; `quiet` turns that into a warning.
 * @throws ArgumentError for fewer than 2 blocks or more blocks than samples.
 */
export function blockMean(
  source: SeriesSource,
  { blocks = 20, quiet = false, ...choice }: BlockOptions = {},
): Estimate {
  const { series, every, length, name, warnings } = replicaSeries("blockMean", source, choice);
  if (!Number.isInteger(blocks) || blocks < 2 || blocks > length) {
    throw new ArgumentError(
      `blockMean(${name}): ${blocks} blocks of ${length} samples; give 2 to ${length} blocks.`,
    );
  }
  const averaged = averageOverReplicas(series);
  const size = Math.floor(length / blocks);
  const means = blockMeans(averaged.subarray(length - size * blocks), size);
  const value = mean(means);
  const squares = means.reduce((sum, x) => sum + (x - value) ** 2, 0);
  const estimate: Estimate = {
    value,
    standardError: Math.sqrt(squares / (blocks - 1) / blocks),
    n: blocks,
    method: `mean over ${blocks} blocks of ${size * every} steps`,
    warnings,
  };
  // A constant series has no τ and needs none.
  if (squares === 0) return estimate;
  const { memory: tau, closed } = windowedTime([averaged], mean(averaged));
  if (closed && size >= TIMES_PER_BLOCK * tau) return estimate;
  const needed = Math.ceil(TIMES_PER_BLOCK * tau * blocks * every);
  return refuse(
    `blockMean(${name}): a block of ${size * every} steps is ${(size / tau).toPrecision(3)} τ, ` +
      `need ${TIMES_PER_BLOCK} (τ ≈ ${(tau * every).toPrecision(3)} steps${closed ? "" : " at least"}); ` +
      `observe at least ${needed} steps or more replicas.`,
    estimate,
    quiet,
  );
}

function averageOverReplicas(series: readonly ArrayLike<number>[]): Float64Array {
  const averaged = new Float64Array(series[0]!.length);
  for (const values of series) {
    for (let t = 0; t < averaged.length; t++) averaged[t]! += values[t]! / series.length;
  }
  return averaged;
}

const mean = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function blockMeans(values: Float64Array, size: number): Float64Array {
  return Float64Array.from({ length: values.length / size }, (_, block) =>
    mean(values.subarray(block * size, (block + 1) * size)),
  );
}
