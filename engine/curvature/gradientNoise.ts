/**
 * The gradient over the data and the covariance C of the samples' gradients, at every replica's θ.
 *
 *   C = (1/N) Σ_i (g_i − ḡ)(g_i − ḡ)ᵀ,  g_i = ∇l_i,  a batch's mean gradient has the covariance f C
 *
 * Means over the data first, then squares of differences. Left out: noise that is not the data's
 * (`gradientNoise` of the rule, clipping, draws), correlations between the batches of an epoch.
 */
import { ArgumentError } from "../errors.ts";
import type { GradientNoiseRecord } from "../record.ts";
import type { Slice } from "../run/dataPass.ts";
import type { LaneAccess, Lender } from "../run/laneAccess.ts";
import { type Directions, directionSet } from "./directions.ts";
import { laneField, measureInfo, noiseFactors, place, voidFrozen } from "./measureRecord.ts";
import { openNoisePass } from "./noisePass.ts";
import { decayWords, firstLane, type MeasureOptions, requireData, slicesOf } from "./slices.ts";

export interface GradientNoiseOptions extends MeasureOptions {
  /** u_k, [direction][param] for all replicas, or a Field [direction, condition, replica, param]. */
  readonly directions?: Directions;
}

/** A block's sums of products stay in the registers and arrays of one invocation. */
const MOST_DIRECTIONS = 32;

/**
 * |∇f|², tr C, and along directions u_k the numbers u_k·∇f and u_k·C u_l, of every replica.
 *
 * ∇f includes weight decay. C is that of one sample; times `noiseFactors` (f, by sampling law and batch
 * size) it is that of a batch. Units: loss²/θ² (times |u|²), loss/θ times |u|. Cost: two passes over the
 * data, 2 N gradients, and N multiply-adds for each parameter and direction; in stages (large models, the
 * schedules `workgroup` and `batched`) one pass, and one more for each direction. Error: float32, about
 * 10⁻⁶ relative in tr C, in stages 10⁻⁶ of tr C + |ḡ|²; in ∇f about 10⁻⁶ of the samples' gradients. NaN
 * for frozen replicas.
 *
 * @throws ArgumentError for a model with draws, whose noise is not that of the data, for more than
 *   32 directions, or some that are none; ShapeError where they do not fit.
 * @example
 * const { eigenvectors } = minimize(model, data, { start: 0.1 });
 * const noise = await gradientNoise(ensemble, { directions: eigenvectors.slice(-8) });
 */
export function gradientNoise(
  ensemble: Lender,
  { directions, signal }: GradientNoiseOptions = {},
): Promise<GradientNoiseRecord> {
  const where = "gradientNoise";
  return ensemble.lend(where, (access) => noiseAlong(where, access, directions, signal));
}

/** The same for lanes that are lent. */
export async function noiseAlong(
  where: string,
  access: LaneAccess,
  given?: Directions,
  signal?: AbortSignal,
): Promise<GradientNoiseRecord & { readonly covariance: { readonly data: Float64Array } }> {
  requireData(where, access);
  const { model, lanes } = access.resolved;
  if (model.draws.length > 0) {
    throw new ArgumentError(
      `${where}: the loss of ${model.name} draws random numbers, so that its noise is not that of the ` +
        "data alone; take the scatter of the minibatch gradient with moments instead.",
    );
  }
  const set = given && directionSet(where, given, access);
  const K = set?.count ?? 0;
  if (K > MOST_DIRECTIONS) {
    throw new ArgumentError(
      `${where}: ${K} directions are given, at most ${MOST_DIRECTIONS} are taken at a time; call it ` +
        "again for the others.",
    );
  }
  const unit = "loss²/θ²";
  const record = {
    kind: "gradientNoise" as const,
    ...measureInfo(access),
    noiseFactors: noiseFactors(access),
    parameters: model.parameterCount,
    gradientSquare: laneField(access, unit, []),
    trace: laneField(access, unit, []),
    along: laneField(access, "loss/θ", [["direction", K]]),
    covariance: laneField(access, unit, [
      ["direction", K],
      ["direction'", K],
    ]),
  };
  const pass = await openNoisePass(access, K);
  const theta = await access.memory.readStates();
  try {
    for (const slice of slicesOf(access, pass.widest)) {
      signal?.throwIfAborted();
      const directions = set ? set.pack(slice, 0, K) : new Float32Array(1);
      const { means, sums } = await pass.run(slice, directions);
      const gradient = withDecay(access, means, theta, slice);
      place(record.gradientSquare, squares(gradient, slice.lanes), slice, lanes);
      place(record.along, projections(gradient, directions, K, slice.lanes), slice, lanes);
      place(record.trace, sums.subarray(0, slice.lanes), slice, lanes);
      place(record.covariance, symmetric(sums, K, slice.lanes), slice, lanes);
    }
  } finally {
    pass.destroy();
  }
  const frozen = await access.memory.readFrozen();
  for (const field of [record.gradientSquare, record.trace, record.along, record.covariance]) {
    voidFrozen(frozen, field);
  }
  return record;
}

/** ∇f = ḡ + λθ, [param, lane of the slice]. */
function withDecay(
  access: LaneAccess,
  means: Float32Array,
  states: Float32Array,
  slice: Slice,
): Float64Array {
  const decay = decayWords(access);
  const { lanes, replicas } = access.resolved;
  const width = states.length / lanes;
  return Float64Array.from(means, (mean, at) => {
    const lane = firstLane(slice) + (at % slice.lanes);
    const p = Math.floor(at / slice.lanes);
    const lambda = decay[Math.floor(lane / replicas.count)]!;
    return mean + lambda * states[lane * width + p]!;
  });
}

function squares(gradient: Float64Array, lanes: number): Float64Array {
  const out = new Float64Array(lanes);
  gradient.forEach((g, at) => {
    out[at % lanes]! += g * g;
  });
  return out;
}

/** [direction, lane] */
function projections(
  gradient: Float64Array,
  directions: Float32Array,
  count: number,
  lanes: number,
): Float64Array {
  const out = new Float64Array(count * lanes);
  for (let k = 0; k < count; k += 1) {
    gradient.forEach((g, at) => {
      out[k * lanes + (at % lanes)]! += g * directions[k * gradient.length + at]!;
    });
  }
  return out;
}

/** [direction, direction', lane] of the lower triangle that follows the trace. */
function symmetric(sums: Float64Array, count: number, lanes: number): Float64Array {
  const out = new Float64Array(count * count * lanes);
  for (let k = 0; k < count; k += 1) {
    for (let l = 0; l < count; l += 1) {
      const [high, low] = [Math.max(k, l), Math.min(k, l)];
      const from = (1 + (high * (high + 1)) / 2 + low) * lanes;
      out.set(sums.subarray(from, from + lanes), (k * count + l) * lanes);
    }
  }
  return out;
}
