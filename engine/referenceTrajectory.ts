/**
 * The float64 twin of the schedules: one replica's SGD trajectory on the CPU.
 *
 *   G_t = (1/B) Σ_{b ∈ batch_t} ∇l_b(θ_t) + λ θ_t + s ξ_t,   (θ_{t+1}, v_{t+1}) = update(θ_t, v_t, G_t)
 *
 * Same minibatches, noise draws and initial state as `shaders/schedules/thread.wgsl`; nothing is
 * rounded to float32 (the device holds θ, data and hyperparameters in it). It knows no bounds and
 * never freezes a replica.
 */
import { type Initial, initialState } from "./initial.ts";
import type { Model } from "./model.ts";
import { laneKey, normalPair, STREAM_GRADIENT_NOISE, threefry2x32 } from "./random.ts";
import { compileReference } from "./reference.ts";
import { completeSetting } from "./run/conditions.ts";
import { batchSequence, type Lane, type SamplingLaw } from "./sampling.ts";
import type { Setting, UpdateRule } from "./update/updateRule.ts";
import type { DataSource } from "./wgsl/row.ts";

/** A state of one replica before the update of `step`. */
export interface ReferenceState {
  readonly step: number;
  /** [param] */
  readonly theta: Float64Array;
  /** [param]; kept also where the device keeps none (v' = −(1 − ν)G then). */
  readonly velocity: Float64Array;
}

/** What an observable sees at one step; the arrays are the trajectory's own and change after. */
export interface ReferenceMoment extends ReferenceState {
  /** Mean over the minibatch; no weight decay. */
  readonly loss: number;
  /** G, [param] */
  readonly gradient: Float64Array;
}

/** Numbers of each step, [step], under the names of `series`. */
export interface ReferenceSeries {
  readonly loss: Float64Array;
  readonly "theta.theta": Float64Array;
  readonly "g.g": Float64Array;
  readonly "theta.g": Float64Array;
  readonly "v.v": Float64Array;
}

export interface TrajectoryRequest {
  readonly model: Model;
  readonly data: DataSource;
  readonly rule: UpdateRule;
  /** Hyperparameters; those left out are the rule's. Batch size is N under `fullBatch`. */
  readonly setting?: Setting;
  readonly sampling: SamplingLaw;
  readonly initial: Initial;
  /** `condition` is 0 for all conditions of an ensemble with common noise. */
  readonly lane: Lane;
  /** The lane's condition, where `lane` says 0 for all: the initial law may be its own. */
  readonly ownCondition?: number;
  readonly steps: number;
  /** Continues from this state instead of the initial one. */
  readonly from?: ReferenceState;
  /** Fill in `series`. */
  readonly record?: boolean;
  /** Called before each update. */
  readonly onStep?: (moment: ReferenceMoment) => void;
}

export interface Trajectory extends ReferenceState {
  /** null unless `record` was asked for. */
  readonly series: ReferenceSeries | null;
}

type MinibatchGradient = (batch: Uint32Array, gradient: Float64Array) => number;

/** The fields of every sample, as views. */
export const sampleViews = (
  { fields }: Model,
  data: DataSource,
): readonly Readonly<Record<string, Float64Array>>[] => {
  const columns = fields.map(({ name, size }) => {
    const values = Float64Array.from(data.fields[name]!.data);
    return { name, row: (i: number) => values.subarray(i * size, (i + 1) * size) };
  });
  return Array.from({ length: data.samples }, (_, i) =>
    Object.fromEntries(columns.map(({ name, row }) => [name, row(i)])),
  );
};

/** The parameter blocks of θ by name, as views. */
export const paramViews = ({ params }: Model, theta: Float64Array): Record<string, Float64Array> =>
  Object.fromEntries(
    params.map(({ name, offset, size }) => [name, theta.subarray(offset, offset + size)]),
  );

/** At the θ of an array that may change: returns (1/B) Σ l_b, writes (1/B) Σ ∇l_b to `gradient`. */
function minibatchGradient(model: Model, data: DataSource, theta: Float64Array): MinibatchGradient {
  const run = compileReference([model.loss, ...model.gradients]);
  const rows = sampleViews(model, data);
  const params = paramViews(model, theta);
  return (batch, gradient) => {
    gradient.fill(0);
    let total = 0;
    for (const sample of batch) {
      const [loss, ...blocks] = run({ params, sample: rows[sample]! });
      total += loss![0]!;
      blocks.forEach((block, k) => {
        const { offset } = model.params[k]!;
        for (let i = 0; i < block.length; i += 1) gradient[offset + i]! += block[i]!;
      });
    }
    for (let p = 0; p < gradient.length; p += 1) gradient[p]! /= batch.length;
    return total / batch.length;
  };
}

/** Adds λθ + sξ_t; ξ comes in pairs, one draw for parameters 2d and 2d + 1. */
function addDecayAndNoise(
  gradient: Float64Array,
  theta: Float64Array,
  { weightDecay = 0, gradientNoise = 0 }: Setting,
  noiseKey: readonly [number, number],
  step: number,
): void {
  for (let p = 0; p < gradient.length; p += 1) gradient[p]! += weightDecay * theta[p]!;
  if (gradientNoise === 0) return;
  for (let p = 0; p < gradient.length; p += 2) {
    const xi = normalPair(threefry2x32(noiseKey, [step, p >> 1]));
    gradient[p]! += gradientNoise * xi[0];
    if (p + 1 < gradient.length) gradient[p + 1]! += gradientNoise * xi[1];
  }
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let p = 0; p < a.length; p += 1) sum += a[p]! * b[p]!;
  return sum;
};

function startState(request: TrajectoryRequest): ReferenceState {
  const { model, initial, lane, from, ownCondition } = request;
  if (from) {
    const { step, theta, velocity } = from;
    return { step, theta: Float64Array.from(theta), velocity: Float64Array.from(velocity) };
  }
  const theta = new Float64Array(model.parameterCount);
  const velocity = new Float64Array(theta.length);
  const at = ownCondition === undefined ? lane : { ...lane, ownCondition };
  initialState(initial, at, theta, velocity);
  return { step: 0, theta, velocity };
}

function emptySeries(steps: number): ReferenceSeries {
  const make = (): Float64Array => new Float64Array(steps);
  return { loss: make(), "theta.theta": make(), "g.g": make(), "theta.g": make(), "v.v": make() };
}

/**
 * θ and v after `steps` steps of one replica, in float64.
 *
 * v_{t+1}, θ_{t+1} as in the rule's `step`, G = (1/B) Σ ∇l_b + λθ + sξ. Time in SGD steps, v in θ/η.
 * Differs from the device by its float32 rounding only, where the dynamics is not chaotic. Throws
 * `ArgumentError` for a setting the rule does not take.
 *
 * @see shaders/schedules/thread.wgsl, of which this is the twin
 * @example
 * const { theta, series } = referenceTrajectory({
 *   model, data, rule: sgd({ learningRate: 0.05, batchSize: 8 }), sampling: "distinct",
 *   initial: fixed(0)(model), lane: { seed: 7, condition: 0, replica: 0 }, steps: 50, record: true,
 * });
 */
export function referenceTrajectory(request: TrajectoryRequest): Trajectory {
  const { model, data, rule, sampling, lane, steps, onStep } = request;
  const given = { ...rule.setting, ...request.setting };
  const whole = sampling === "fullBatch" ? { batchSize: data.samples } : {};
  const setting = completeSetting(rule, { ...given, ...whole });
  const state = startState(request);
  const { theta, velocity } = state;
  const batch = batchSequence(sampling, lane, data.samples, setting.batchSize!);
  const noiseKey = laneKey(lane.seed, STREAM_GRADIENT_NOISE, lane.condition, lane.replica);
  const gradientOf = minibatchGradient(model, data, theta);
  const gradient = new Float64Array(theta.length);
  const series = request.record ? emptySeries(steps) : null;
  for (let s = 0; s < steps; s += 1) {
    const step = state.step + s;
    const loss = gradientOf(batch(step), gradient);
    addDecayAndNoise(gradient, theta, setting, noiseKey, step);
    if (series) {
      series.loss[s] = loss;
      series["theta.theta"][s] = dot(theta, theta);
      series["g.g"][s] = dot(gradient, gradient);
      series["theta.g"][s] = dot(theta, gradient);
      series["v.v"][s] = dot(velocity, velocity);
    }
    onStep?.({ step, loss, theta, velocity, gradient });
    rule.step(state, gradient, setting);
  }
  return { step: state.step + steps, theta, velocity, series };
}

/** Mean loss over the data at θ, in float64: the twin of `fullLoss`; no weight decay. */
export function referenceLoss(model: Model, data: DataSource, theta: Float64Array): number {
  const run = compileReference([model.loss]);
  const params = paramViews(model, theta);
  const losses = sampleViews(model, data).map((sample) => run({ params, sample })[0]![0]!);
  return losses.reduce((sum, loss) => sum + loss, 0) / data.samples;
}
