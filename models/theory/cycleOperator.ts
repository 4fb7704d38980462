/**
 * What a cycle of minibatch steps does to second moments, averaged exactly over the batches.
 *
 * Any step that is affine in the state (with a batch drawn by a law and fresh noise) has a
 * `MomentOperator`; independent batches average it, an epoch averages products over all orders.
 * The average over the (m!)⁻ᴹ N! ordered partitions of a set follows from those of its subsets:
 * the first batch B of a set is uniform among its subsets of m samples, so
 *   epoch(S) = ⟨epoch(S∖B) · B⟩_B,   forward and backward(S) = ⟨B · both(S∖B) · B⟩_B.
 * Left out: more work than a few seconds (refused).
 */
import { ArgumentError } from "../../engine/errors.ts";
import { addProduct, followedBy, type MomentOperator } from "./affineMoments.ts";
import { checkBatchSize } from "./batchNoise.ts";
import type { SamplingLaw } from "./cycleMoments.ts";
import { bitCount, forEachBatch } from "./subsets.ts";

/** Multiplications: a few seconds. */
const MAX_WORK = 1e9;
/** Numbers kept at a time: 256 MB. */
const MAX_ENTRIES = 2 ** 25;
/** Sets of samples are bit masks of 32-bit integers. */
const MAX_SAMPLES = 30;

export interface CycleOptions {
  readonly samples: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
  /** The operator of one step with the batch of these samples (with repeats, if drawn so). */
  readonly step: (batch: readonly number[]) => MomentOperator;
}

export interface CycleOperator {
  readonly operator: MomentOperator;
  /** Steps in a cycle: 1, an epoch of N/m, or 2N/m forward and backward. */
  readonly steps: number;
}

/**
 * The operator of a cycle: one step for `withReplacement`, `distinct` and `fullBatch`, one epoch
 * for `reshuffled` and `sequential`, a permutation forward, then backward, for `symmetric`.
 *
 * @throws ArgumentError for batches that do not fit, or an average that takes too long.
 */
export function cycleOperator(options: CycleOptions): CycleOperator {
  const { samples, batchSize, sampling } = options;
  checkBatchSize("cycleOperator", samples, batchSize, sampling === "withReplacement");
  const batches = samples / batchSize;
  switch (sampling) {
    case "fullBatch":
      return { operator: options.step(range(0, samples)), steps: 1 };
    case "distinct":
    case "withReplacement":
      return { operator: averageOverBatches(options), steps: 1 };
    case "sequential":
      checkEpoch(options);
      return { operator: sequentialEpoch(options), steps: batches };
    case "reshuffled":
    case "symmetric":
      checkEpoch(options);
      return {
        operator: averageOverOrders(options),
        steps: sampling === "symmetric" ? 2 * batches : batches,
      };
  }
}

const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

function checkEpoch({ samples, batchSize }: CycleOptions): void {
  if (samples % batchSize !== 0) {
    throw new ArgumentError(
      `cycleOperator: batchSize ${batchSize} does not divide ${samples} samples, so an epoch of ` +
        "whole batches does not exist; choose a divisor.",
    );
  }
}

function sequentialEpoch({ samples, batchSize, step }: CycleOptions): MomentOperator {
  let epoch = step(range(0, batchSize));
  for (let first = batchSize; first < samples; first += batchSize) {
    epoch = followedBy(epoch, step(range(first, batchSize)));
  }
  return epoch;
}

/** Mean over all sets of m samples, or over all multisets with their multinomial weights. */
function averageOverBatches({ samples, batchSize, sampling, step }: CycleOptions): MomentOperator {
  const repeats = sampling === "withReplacement";
  const { dimension, entries: first } = step(range(0, batchSize).map((i) => i % samples));
  const sets = repeats
    ? binomial(samples + batchSize - 1, batchSize)
    : binomial(samples, batchSize);
  checkWork(samples, batchSize, sets * first.length, first.length);
  const total = new Float64Array(first.length);
  const all = samples ** batchSize;
  const visit = (batch: number[], next: number, orders: number, run: number) => {
    if (batch.length === batchSize) {
      const weight = repeats ? orders / all : 1 / sets;
      for (const [k, entry] of step(batch).entries.entries()) total[k]! += weight * entry;
      return;
    }
    for (let i = next; i < samples; i++) {
      const again = batch.at(-1) === i ? run + 1 : 1;
      visit([...batch, i], repeats ? i : i + 1, (orders * (batch.length + 1)) / again, again);
    }
  };
  visit([], 0, 1, 0);
  return { dimension, entries: total };
}

function averageOverOrders({ samples: N, batchSize: m, sampling, step }: CycleOptions) {
  const symmetric = sampling === "symmetric";
  const members = (set: number) => range(0, N).filter((i) => (set >> i) & 1);
  const { dimension, entries: first } = step(range(0, m));
  const n = Math.sqrt(first.length);
  const { sets, splits } = partitionCounts(N, m);
  const products = splits * n ** 3 * (symmetric ? 2 : 1);
  checkWork(N, m, products, (sets + binomial(N, m)) * first.length);
  const steps = new Map<number, Float64Array>();
  const done = new Map<number, Float64Array>();
  const full = 2 ** N - 1;
  forEachBatch(full, m, (batch) => {
    const { entries } = step(members(batch));
    steps.set(batch, entries);
    done.set(batch, symmetric ? squared(entries, n) : entries);
  });
  for (let set = 1; set <= full; set++) {
    const size = bitCount(set);
    if (size % m !== 0 || size === m) continue;
    const total = new Float64Array(n * n);
    forEachBatch(set, m, (batch) => {
      const inner = done.get(set & ~batch)!;
      const outer = steps.get(batch)!;
      if (!symmetric) {
        addProduct(total, inner, outer, n);
        return;
      }
      const half = new Float64Array(n * n);
      addProduct(half, inner, outer, n);
      addProduct(total, outer, half, n);
    });
    const count = binomial(size, m);
    for (let k = 0; k < total.length; k++) total[k]! /= count;
    done.set(set, total);
  }
  return { dimension, entries: done.get(full)! };
}

function squared(entries: Float64Array, n: number): Float64Array {
  const square = new Float64Array(n * n);
  addProduct(square, entries, entries, n);
  return square;
}

/** How many sets of whole batches there are, and how many ways to take a batch from them. */
function partitionCounts(N: number, m: number): { sets: number; splits: number } {
  let sets = 0;
  let splits = 0;
  for (let size = m; size <= N; size += m) {
    sets += binomial(N, size);
    splits += binomial(N, size) * binomial(size, m);
  }
  return { sets, splits };
}

function binomial(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i;
  return Math.round(value);
}

function checkWork(samples: number, batchSize: number, work: number, entries: number): void {
  if (samples > MAX_SAMPLES || work > MAX_WORK || entries > MAX_ENTRIES) {
    throw new ArgumentError(
      `cycleOperator: the exact average over batches of ${batchSize} of ${samples} samples takes ` +
        `${work.toExponential(1)} multiplications and ${entries.toExponential(1)} numbers in ` +
        `memory (at most ${MAX_WORK.toExponential(0)}, ${MAX_ENTRIES.toExponential(0)}, and ` +
        `${MAX_SAMPLES} samples); use fewer samples, or fullBatch or sequential sampling.`,
    );
  }
}
