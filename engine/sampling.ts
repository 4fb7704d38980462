/**
 * Minibatch laws: which samples the batch of a step holds.
 *
 * CPU twin of `shaders/sampling/*.wgsl`, index by index. A batch is a pure function of (law, seed,
 * condition, replica, step, N, m): nothing is carried from step to step. The laws differ in
 * physics, not in detail: `noiseFactor` and the correlations between steps set the diffusion.
 */
import { ArgumentError } from "./errors.ts";
import {
  below,
  laneKey,
  STREAM_MINIBATCH,
  STREAM_ORDER,
  threefry2x32,
  type Words,
} from "./random.ts";

/**
 * - `withReplacement`: m independent uniform indices;
 * - `distinct`: a fresh uniform set of m distinct samples at each step;
 * - `reshuffled`: one uniform permutation per epoch, cut into ⌊N/m⌋ consecutive batches;
 * - `sequential`: the samples in their given order, cut into batches;
 * - `symmetric`: a permutation cut into batches, walked forward, then backward;
 * - `fullBatch`: all samples, batch size ignored.
 */
export type SamplingLaw = keyof typeof SAMPLING_SHADERS;

/** Law → WGSL file, path below `shaders/`. */
export const SAMPLING_SHADERS = {
  withReplacement: "sampling/with_replacement",
  distinct: "sampling/distinct",
  reshuffled: "sampling/reshuffled",
  sequential: "sampling/sequential",
  symmetric: "sampling/symmetric",
  fullBatch: "sampling/full_batch",
} as const;

export const SAMPLING_LAWS = Object.keys(SAMPLING_SHADERS) as readonly SamplingLaw[];

/** The law keeps an order in a storage buffer, `order` [position, lane] of N · lanes words. */
export const storesOrder = (law: SamplingLaw): boolean =>
  law === "reshuffled" || law === "symmetric";

/** One trajectory of an ensemble. With common noise, `condition` is 0 for all. */
export interface Lane {
  readonly seed: number;
  readonly condition: number;
  /** Global number of the replica. */
  readonly replica: number;
}

const minibatchKey = ({ seed, condition, replica }: Lane): Words =>
  laneKey(seed, STREAM_MINIBATCH, condition, replica);

/** Draw number `b` of a step: word b mod 2 of pair ⌊b/2⌋, as an index in [0, range). */
function drawBelow(key: Words, step: number, b: number, range: number): number {
  const draw = b >>> 1;
  const component = b % 2 === 0 ? 0 : 1;
  const word = threefry2x32(key, [step, draw])[component];
  return below(word, range, { key, step, draw, component });
}

function withReplacement(lane: Lane, step: number, samples: number, batchSize: number) {
  const key = minibatchKey(lane);
  return Uint32Array.from({ length: batchSize }, (_, b) => drawBelow(key, step, b, samples));
}

/** Floyd's algorithm; Bentley & Floyd, CACM 30 (1987) 754. */
function distinct(lane: Lane, step: number, samples: number, batchSize: number) {
  const key = minibatchKey(lane);
  const chosen = new Set<number>();
  for (let b = 0; b < batchSize; b++) {
    const last = samples - batchSize + b;
    const index = drawBelow(key, step, b, last + 1);
    chosen.add(chosen.has(index) ? last : index);
  }
  return Uint32Array.from(chosen);
}

/**
 * The permutation of an epoch (`reshuffled`) or cycle (`symmetric`): Fisher–Yates from the
 * identity, exactly uniform over all N! orders.
 * @returns sample at each position, [position]
 * @see Durstenfeld, CACM 7 (1964) 420
 */
export function epochOrder(lane: Lane, epoch: number, samples: number): Uint32Array {
  const key = laneKey(lane.seed, STREAM_ORDER, lane.condition, lane.replica);
  const order = Uint32Array.from({ length: samples }, (_, position) => position);
  for (let swap = 0; swap + 1 < samples; swap++) {
    const last = samples - 1 - swap;
    const other = drawBelow(key, epoch, swap, last + 1);
    const moved = order[last]!;
    order[last] = order[other]!;
    order[other] = moved;
  }
  return order;
}

/** Which stored order a step's batch is cut from, and which of its M batches it is. */
const PLACES = {
  reshuffled: (step: number, batches: number) => ({
    order: Math.floor(step / batches),
    batch: step % batches,
  }),
  symmetric: (step: number, batches: number) => {
    const s = step % (2 * batches);
    return {
      order: Math.floor(step / (2 * batches)),
      batch: s < batches ? s : 2 * batches - 1 - s,
    };
  },
} as const;

/** The batches of a shuffled law; the last order is kept, so an epoch in sequence is shuffled once. */
function shuffledBatches(
  law: keyof typeof PLACES,
  lane: Lane,
  samples: number,
  batchSize: number,
): (step: number) => Uint32Array {
  const batches = Math.floor(samples / batchSize);
  let kept = -1;
  let indices = new Uint32Array(0);
  return (step) => {
    const { order, batch } = PLACES[law](step, batches);
    if (order !== kept) indices = epochOrder(lane, order, samples) as Uint32Array<ArrayBuffer>;
    kept = order;
    return indices.slice(batch * batchSize, (batch + 1) * batchSize);
  };
}

function sequential(_lane: Lane, step: number, samples: number, batchSize: number) {
  const first = (step % Math.floor(samples / batchSize)) * batchSize;
  return Uint32Array.from({ length: batchSize }, (_, b) => first + b);
}

const fullBatch = (_lane: Lane, _step: number, samples: number) =>
  Uint32Array.from({ length: samples }, (_, b) => b);

const TWINS = { withReplacement, distinct, sequential, fullBatch } as const;

/**
 * The batches of one trajectory: step ↦ indices, the same as `batchIndices`, at the cost of one
 * shuffle an epoch when steps follow each other.
 * @returns sample indices, [batchSize]; [samples] for `fullBatch`
 */
export function batchSequence(
  law: SamplingLaw,
  lane: Lane,
  samples: number,
  batchSize: number,
): (step: number) => Uint32Array {
  if (law === "reshuffled" || law === "symmetric") {
    return shuffledBatches(law, lane, samples, batchSize);
  }
  return (step) => TWINS[law](lane, step, samples, batchSize);
}

/**
 * Samples of the batch of one step.
 * @param step number of the SGD step, an integer in [0, 2³²)
 * @returns sample indices, [batchSize]; [samples] for `fullBatch`
 * @example
 * const batch = batchIndices("distinct", { seed: 1, condition: 0, replica: 0 }, 0, 256, 16);
 */
export const batchIndices = (
  law: SamplingLaw,
  lane: Lane,
  step: number,
  samples: number,
  batchSize: number,
): Uint32Array => batchSequence(law, lane, samples, batchSize)(step);

/** Steps after which every sample was visited once; null for laws without epochs. */
export function batchesPerEpoch(
  law: SamplingLaw,
  samples: number,
  batchSize: number,
): number | null {
  if (law === "fullBatch") return 1;
  if (law === "withReplacement" || law === "distinct") return null;
  return Math.floor(samples / batchSize);
}

/**
 * Noise factor f of a batch: Cov(mean of the batch's gradients) = f C, with C the covariance of the
 * single-sample gradient over the N samples (divisor N).
 *
 * f = 1/m with replacement; f = (N − m)/(m(N − 1)) for m distinct samples. A batch of `reshuffled`
 * or `symmetric` alone is a uniform set of m distinct samples and has the same f, but the batches of
 * an epoch sum to a constant (for m dividing N), so the diffusion over many steps is not f per step.
 * @throws ArgumentError for `sequential`, whose batches are not random
 * @see Cochran, Sampling Techniques (1977), theorem 2.2
 */
export function noiseFactor(law: SamplingLaw, samples: number, batchSize: number): number {
  if (law === "sequential") {
    throw new ArgumentError(
      "noiseFactor: sequential batches are not random and have no noise factor; " +
        'use "reshuffled" for a random order.',
    );
  }
  if (law === "withReplacement") return 1 / batchSize;
  if (law === "fullBatch" || batchSize === samples) return 0;
  return (samples - batchSize) / (batchSize * (samples - 1));
}

/** What to do with the N mod m samples that fill no batch of an epoch. */
export type LastBatch = "error" | "drop";

/** Divisors of `samples` around `batchSize`, nearest below and above. */
function nearestDivisors(samples: number, batchSize: number): number[] {
  let lower = batchSize;
  while (samples % lower !== 0) lower--;
  let upper = batchSize;
  while (samples % upper !== 0) upper++;
  return [lower, upper];
}

/**
 * Checks that a law, a data set and a batch size fit.
 * @throws ArgumentError that says what does not fit and what would
 */
export function validateSampling(
  law: SamplingLaw,
  samples: number,
  batchSize: number,
  lastBatch: LastBatch = "error",
): void {
  if (!Number.isInteger(samples) || samples < 1 || samples >= 2 ** 32) {
    throw new ArgumentError(
      `sampling: the data set has ${samples} samples; give an integer of at least 1, below 2^32.`,
    );
  }
  if (law === "fullBatch") return;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ArgumentError(
      `sampling: batchSize is ${batchSize}; give an integer from 1 to ${samples}.`,
    );
  }
  if (law === "withReplacement") return;
  if (batchSize > samples) {
    throw new ArgumentError(
      `sampling: a ${law} batch of ${batchSize} needs as many samples, the data set has ${samples}; ` +
        'use a smaller batchSize or sampling: "withReplacement".',
    );
  }
  if (law === "distinct" || lastBatch === "drop" || samples % batchSize === 0) return;
  const [lower, upper] = nearestDivisors(samples, batchSize);
  throw new ArgumentError(
    `sampling: ${law} batches of ${batchSize} do not divide ${samples} samples, ` +
      `${samples % batchSize} are left over in each epoch; use a batchSize that divides, ` +
      `the nearest are ${lower} and ${upper}, or lastBatch: "drop".`,
  );
}
