/**
 * One replica in float64, step by step: what `referenceTrajectory.ts` and `referenceGroup.ts` run.
 *
 *   x_t = prepare(θ_t, v_t),  G_t = clip((1/B) Σ_{b ∈ batch_t} ∇l_b + s ξ_t) + λ θ  at x_t,
 *   (θ_{t+1}, v_{t+1}) = update(x_t, G_t), on spheres where there are any; other sources of G:
 *   `referenceGradient.ts`
 *
 * Same minibatches, noise draws and initial state as `shaders/schedules/thread.wgsl`; nothing is
 * rounded to float32 (the device holds θ, data and hyperparameters in it). It knows no bounds and
 * never freezes a replica.
 */
import { dot } from "./dot.ts";
import { type Initial, initialState } from "./initial.ts";
import type { Model } from "./model.ts";
import type { AdaptationState } from "./rate/adaptation.ts";
import { compileReference } from "./reference.ts";
import { stepGradient } from "./referenceGradient.ts";
import { completeSetting } from "./run/conditions.ts";
import { sampleDraws } from "./sampleDraws.ts";
import { batchSequence, type Lane, type SamplingLaw } from "./sampling.ts";
import type { SampleGradient } from "./stepGradient.ts";
import {
  type Dynamics,
  type DynamicsOptions,
  dynamicsOf,
  settingAt,
  withRate,
  withSettings,
} from "./update/dynamics.ts";
import { checkNoiseModel } from "./update/noiseModel.ts";
import { referenceRate } from "./update/referenceRate.ts";
import { referenceStep, type Vectors } from "./update/referenceStep.ts";
import { normalizeOntoSpheres } from "./update/spheres.ts";
import type { Setting, UpdateRule } from "./update/updateRule.ts";
import type { DataSource } from "./wgsl/row.ts";

/** A state of one replica before the update of `step`. */
export interface ReferenceState {
  readonly step: number;
  /** [param] */
  readonly theta: Float64Array;
  /** [param]; kept also where the device keeps none (v' = −(1 − ν)G then); 0 or (θ' − θ)/η in rules without. */
  readonly velocity: Float64Array;
  /** Every vector of the rule by name, the velocity among them; zero where left out. */
  readonly kept?: Readonly<Record<string, Float64Array>>;
  /** What a learning rate knows that finds itself. */
  readonly adaptation?: Readonly<AdaptationState>;
}

/** What an observable sees at one step; the arrays are the trajectory's own and change after. */
export interface ReferenceMoment extends ReferenceState {
  /** Mean over the minibatch; no weight decay. */
  readonly loss: number;
  /** G, [param] */
  readonly gradient: Float64Array;
  /** η_t that the update will use, before the learning-rate matrix. */
  readonly learningRate: number;
}

/** Numbers of each step, [step], under the names of `series`. */
export interface ReferenceSeries {
  readonly loss: Float64Array;
  readonly "theta.theta": Float64Array;
  readonly "g.g": Float64Array;
  readonly "theta.g": Float64Array;
  readonly "v.v": Float64Array;
  readonly learningRate: Float64Array;
}

export interface TrajectoryRequest extends DynamicsOptions {
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

/** Views of the means over the replica's group, by parameter block. */
export type Means = Readonly<Record<string, Float64Array>>;

type Rows = readonly Readonly<Record<string, Float64Array>>[];

/** The fields of every sample, as views. */
export const sampleViews = ({ fields }: Model, data: DataSource): Rows => {
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
function minibatchGradient(
  { model, lane }: TrajectoryRequest,
  settings: Setting,
  rows: Rows,
  theta: Float64Array,
  means: Means,
): SampleGradient {
  const run = compileReference([model.loss, ...model.gradients]);
  const params = paramViews(model, theta);
  const drawsOf = sampleDraws(model, lane);
  return (batch, gradient, step) => {
    gradient.fill(0);
    let total = 0;
    for (const [b, row] of batch.entries()) {
      const sample = rows[row]!;
      const [loss, ...blocks] = run({ params, sample, draws: drawsOf(step, b), settings, means });
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

/** θ₀ (on its spheres), v₀ and the rule's vectors at the first step. */
function startVectors(request: TrajectoryRequest, { spheres }: Dynamics): Vectors {
  const { model, rule, initial, lane, from, ownCondition } = request;
  const count = model.parameterCount;
  if (from) {
    const { theta, velocity, kept } = from;
    const before = (name: string): Float64Array =>
      kept?.[name] ?? (name === "velocity" ? velocity : new Float64Array(count));
    return [theta, ...rule.vectors.map(before)].map((vector) => Float64Array.from(vector));
  }
  const theta = new Float64Array(count);
  const velocity = new Float64Array(count);
  const at = ownCondition === undefined ? lane : { ...lane, ownCondition };
  initialState(initial, at, theta, velocity);
  if (spheres) normalizeOntoSpheres(spheres, theta, ` in replica ${lane.replica}`);
  return [
    theta,
    ...rule.vectors.map((name) => (name === "velocity" ? velocity : new Float64Array(count))),
  ];
}

/** Where the element is when G is taken; implicit and corrected steps move θ alone. */
function pointVectors(rule: UpdateRule, vectors: Vectors): Vectors {
  if (rule.prepare) return vectors.map((vector) => Float64Array.from(vector));
  if (rule.gradient !== "implicit" && rule.gradient !== "corrected") return vectors;
  return [Float64Array.from(vectors[0]!), ...vectors.slice(1)];
}

function emptySeries(steps: number): ReferenceSeries {
  const make = (): Float64Array => new Float64Array(steps);
  return {
    loss: make(),
    "theta.theta": make(),
    "g.g": make(),
    "theta.g": make(),
    "v.v": make(),
    learningRate: make(),
  };
}

/** A replica that takes its steps one at a time. */
export interface ReferenceReplica {
  /** [param], its own: changes at every step. */
  readonly theta: Float64Array;
  readonly advance: () => void;
  /** The state before the step to come, and what was recorded. */
  readonly end: () => Trajectory;
}

/** The number of steps whose series are recorded, and the means over the replica's group. */
export interface ReplicaRequest extends TrajectoryRequest {
  /** [param], written by whoever runs the group before each step; not read by plain models. */
  readonly mean: Float64Array;
}

/** Prepares a replica: nothing is advanced yet. */
export function referenceReplica(request: ReplicaRequest): ReferenceReplica {
  const { model, data, sampling, lane, steps, onStep } = request;
  const rule = withSettings(withRate(request.rule, request.rate), model);
  const given = { ...rule.setting, ...request.setting };
  const whole = sampling === "fullBatch" ? { batchSize: data.samples } : {};
  const setting = completeSetting(rule, { ...given, ...whole });
  const dynamics = dynamicsOf(model, rule, [setting], request);
  checkNoiseModel(dynamics, [setting]);
  const steppers = referenceStep(dynamics, setting, lane);
  const rate = referenceRate(dynamics, setting, request.from?.adaptation);
  const vectors = startVectors(request, dynamics);
  const point = pointVectors(rule, vectors);
  const theta = vectors[0]!;
  const displacement = request.from?.velocity
    ? Float64Array.from(request.from.velocity)
    : new Float64Array(theta.length);
  const kept = Object.fromEntries(rule.vectors.map((name, k) => [name, vectors[k + 1]!]));
  const velocity = kept.velocity ?? displacement;
  const batch = batchSequence(sampling, lane, data.samples, setting.batchSize!);
  const batches = Math.max(1, Math.floor(data.samples / setting.batchSize!));
  const rows = sampleViews(model, data);
  const means = paramViews(model, request.mean);
  const gradientOf = stepGradient({
    ...{ model, dynamics, setting, sampling, lane, rows, means, steppers, theta, point: point[0]! },
    sampleGradient: minibatchGradient(request, setting, rows, point[0]!, means),
    unsolved: kept.unsolved ?? new Float64Array(0),
  });
  const gradient = new Float64Array(theta.length);
  const series = request.record ? emptySeries(steps) : null;
  const first = request.from?.step ?? 0;
  let s = 0;
  const advance = (): void => {
    const learningRate = rate.at(first + s);
    const clock = { step: first + s, batches, learningRate };
    if (rule.prepare) steppers.prepare(vectors, point, clock);
    const loss = gradientOf(batch(clock.step), gradient, clock);
    if (series) {
      series.loss[s] = loss;
      series["theta.theta"][s] = dot(theta, theta);
      series["g.g"][s] = dot(gradient, gradient);
      series["theta.g"][s] = dot(theta, gradient);
      series["v.v"][s] = dot(velocity, velocity);
      series.learningRate[s] = learningRate;
    }
    const own = rate.state && { adaptation: rate.state };
    onStep?.({ step: clock.step, loss, theta, velocity, kept, gradient, learningRate, ...own });
    rate.before(theta, velocity, gradient);
    if (dynamics.displacement) displacement.set(theta);
    steppers.update(vectors, point, gradient, clock);
    rate.after(theta);
    if (dynamics.displacement) {
      for (let p = 0; p < theta.length; p += 1) {
        const own = settingAt(dynamics, setting, learningRate, p).learningRate!;
        displacement[p] = own === 0 ? 0 : (theta[p]! - displacement[p]!) / own;
      }
    }
    s += 1;
  };
  const end = (): Trajectory => {
    const own = rate.state && { adaptation: rate.state };
    return { step: first + s, theta, velocity, kept, ...own, series };
  };
  return { theta, advance, end };
}
