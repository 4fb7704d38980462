/**
 * The device memory of an ensemble: chunks of lanes, data, hyperparameters; and what the host reads
 * from it and writes to it.
 */
import type { Device } from "../device.ts";
import { initialState } from "../initial.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { groupWords } from "../plan/interactionSlots.ts";
import type { SchedulePlan } from "../plan/schedule.ts";
import { RUN_SCHEMA } from "../plan/threadPlan.ts";
import { initialAdaptation } from "../rate/adaptation.ts";
import { type Dynamics, dynamicsWords, stateWords } from "../update/dynamics.ts";
import { normalizeOntoSpheres } from "../update/spheres.ts";
import type { Setting } from "../update/updateRule.ts";
import { structBytes } from "../wgsl/layout.ts";
import { Readback, storage, uniform } from "./buffers.ts";
import { type Chunk, chunkLanes, createChunk, destroyChunk } from "./chunk.ts";
import { dataBuffer } from "./dataBuffer.ts";
import { laneWords } from "./observationPlan.ts";
import type { Resolved } from "./options.ts";

/** The uniform of a dispatch with nothing in it. */
export const RUN_ZERO = Object.fromEntries(
  Object.keys(RUN_SCHEMA).map((name) => [name, 0]),
) as Record<keyof typeof RUN_SCHEMA, number>;

/** Steps of one submit, at most, where each is a dispatch of its own. */
export const RUN_SLOTS = 256;

/** [hyperparameter, condition], then what the dynamics shares between conditions. */
function hyperWords(settings: readonly Setting[], dynamics: Dynamics): Float32Array<ArrayBuffer> {
  const names = Object.keys(settings[0]!);
  return Float32Array.from([
    ...names.flatMap((name) => settings.map((setting) => setting[name]!)),
    ...dynamicsWords(dynamics),
  ]);
}

/** A chunk's part of [lane, word], as [word, lane]. */
function transposed(
  states: ArrayLike<number>,
  { firstLane, lanes }: Chunk,
  width: number,
): Float32Array<ArrayBuffer> {
  const words = new Float32Array(width * lanes);
  for (let lane = 0; lane < lanes; lane += 1) {
    for (let k = 0; k < width; k += 1) {
      words[k * lanes + lane] = states[(firstLane + lane) * width + k]!;
    }
  }
  return words;
}

/** Where origins stand in `moments`, words per lane. */
const firstOrigin = ({ momentsWords, gridWords, keptWords }: ObservationPlan): number =>
  momentsWords + gridWords + keptWords;

export class LaneMemory {
  readonly chunks: readonly Chunk[];
  readonly data: GPUBuffer;
  readonly hyper: GPUBuffer;
  /** The uniform of a dispatch; of `RUN_SLOTS` dispatches, in strides, where replicas interact. */
  readonly run: GPUBuffer;
  readonly runStride: number;
  /** Read-only numbers of the observables: projections, pilot means; null without any. */
  readonly constants: GPUBuffer | null;
  readonly readback: Readback;
  private readonly queue: GPUQueue;
  private readonly resolved: Resolved;
  /** Words of state per lane: θ, the vectors that are kept, what the rate keeps. */
  private readonly width: number;
  /** Of these, θ and the vectors. */
  private readonly vectors: number;

  constructor(
    { gpu }: Device,
    resolved: Resolved,
    plan: SchedulePlan,
    observation: ObservationPlan | null,
  ) {
    this.resolved = resolved;
    this.queue = gpu.queue;
    this.width = stateWords(resolved.dynamics, resolved.model.parameterCount);
    this.vectors = (1 + resolved.dynamics.kept.length) * resolved.model.parameterCount;
    const words = laneWords({ ...resolved, samples: resolved.data.samples }, observation);
    const { lanes: total, execution, groupSize, model } = resolved;
    const group =
      groupSize === null
        ? undefined
        : { lanes: groupSize, words: groupWords(model.parameterCount) };
    const sizes = chunkLanes(words, total, gpu.limits, execution.lanesPerChunk, group);
    // First: it may refuse.
    this.data = dataBuffer(gpu, resolved.data, model.fields, plan.row);
    let first = 0;
    this.chunks = sizes.map((lanes) => {
      first += lanes;
      return createChunk(gpu, first - lanes, lanes, words, group);
    });
    this.hyper = storage(gpu, "hyper", hyperWords(resolved.conditions, resolved.dynamics));
    const runBytes = structBytes(RUN_SCHEMA, RUN_ZERO).byteLength;
    const alignment = gpu.limits.minUniformBufferOffsetAlignment;
    this.runStride = alignment * Math.ceil(runBytes / alignment);
    this.run = uniform(gpu, "run", plan.groupMeans ? RUN_SLOTS * this.runStride : runBytes);
    const constants = observation?.constants ?? new Float32Array(0);
    this.constants = constants.length > 0 ? storage(gpu, "observation", constants) : null;
    this.readback = new Readback(gpu);
  }

  /**
   * Uploads θ₀, on its spheres where there are any, and v₀; other vectors start at 0, rates that find
   * themselves at their whole value.
   */
  initialize(): void {
    const { model, initial, seed, replicas, commonNoise, dynamics } = this.resolved;
    const { spheres } = dynamics;
    const adaptation = initialAdaptation(dynamics.rate?.adaptation);
    const count = model.parameterCount;
    const state = new Float32Array((1 + dynamics.kept.length) * count);
    const theta = state.subarray(0, count);
    const velocityAt = (1 + dynamics.kept.indexOf("velocity")) * count;
    const velocity = velocityAt > 0 ? state.subarray(velocityAt, velocityAt + count) : null;
    for (const chunk of this.chunks) {
      const words = new Float32Array(this.width * chunk.lanes);
      adaptation.forEach((word, k) => {
        const at = (this.vectors + k) * chunk.lanes;
        words.fill(word, at, at + chunk.lanes);
      });
      for (let lane = 0; lane < chunk.lanes; lane += 1) {
        const global = chunk.firstLane + lane;
        const ownCondition = Math.floor(global / replicas.count);
        const condition = commonNoise ? 0 : ownCondition;
        const replica = replicas.first + (global % replicas.count);
        initialState(initial, { seed, condition, ownCondition, replica }, theta, velocity);
        if (spheres) normalizeOntoSpheres(spheres, theta, ` in replica ${replica}`);
        for (let k = 0; k < state.length; k += 1) words[k * chunk.lanes + lane] = state[k]!;
      }
      this.queue.writeBuffer(chunk.state, 0, words);
    }
  }

  /** One dispatch's uniform, to be bound. */
  get runResource(): GPUBufferBinding {
    return { buffer: this.run, size: structBytes(RUN_SCHEMA, RUN_ZERO).byteLength };
  }

  setHyperparameters(settings: readonly Setting[]): void {
    this.queue.writeBuffer(this.hyper, 0, hyperWords(settings, this.resolved.dynamics));
  }

  setConstants(constants: Float32Array<ArrayBuffer>): void {
    if (this.constants) this.queue.writeBuffer(this.constants, 0, constants);
  }

  /** [lane, word]: θ, then kept vectors, then what the rate keeps. */
  readStates(): Promise<Float32Array> {
    return this.readRows(0, this.width);
  }

  /** [lane, θ then v where it is kept] */
  async readPhaseSpace(): Promise<Float32Array> {
    const { model, dynamics, lanes } = this.resolved;
    const count = model.parameterCount;
    const theta = await this.readRows(0, count);
    const row = 1 + dynamics.kept.indexOf("velocity");
    if (row === 0) return theta;
    const velocity = await this.readRows(row * count, count);
    const both = new Float32Array(2 * theta.length);
    for (let lane = 0; lane < lanes; lane += 1) {
      const [from, to] = [lane * count, (lane + 1) * count];
      both.set(theta.subarray(from, to), 2 * from);
      both.set(velocity.subarray(from, to), 2 * from + count);
    }
    return both;
  }

  /** The first `count` words of what the rate keeps, [lane, word]. */
  readAdaptation(count: number): Promise<Float32Array> {
    return this.readRows(this.vectors, count);
  }

  /** The inverse of `readAdaptation`. */
  writeAdaptation(words: ArrayLike<number>, count: number): void {
    for (const chunk of this.chunks) {
      const rows = transposed(words, chunk, count);
      this.queue.writeBuffer(chunk.state, 4 * this.vectors * chunk.lanes, rows);
    }
  }

  /** The origins of displacements, [lane, word]. */
  readOrigins(plan: ObservationPlan): Promise<Float32Array> {
    return this.readRows(firstOrigin(plan), plan.originWords, ({ moments }) => moments!);
  }

  /** The inverse of `readOrigins`. */
  writeOrigins(plan: ObservationPlan, origins: ArrayLike<number>): void {
    for (const chunk of this.chunks) {
      const rows = transposed(origins, chunk, plan.originWords);
      this.queue.writeBuffer(chunk.moments!, 4 * firstOrigin(plan) * chunk.lanes, rows);
    }
  }

  /** Words `first` to `first + width` of every lane, [lane, word]. */
  private async readRows(
    first: number,
    width: number,
    from = ({ state }: Chunk) => state,
  ): Promise<Float32Array> {
    const states = new Float32Array(this.resolved.lanes * width);
    for (const chunk of this.chunks) {
      const size = 4 * width * chunk.lanes;
      const offset = 4 * first * chunk.lanes;
      const [bytes] = await this.readback.read([{ buffer: from(chunk), offset, size }]);
      const words = new Float32Array(bytes!);
      for (let k = 0; k < width; k += 1) {
        for (let lane = 0; lane < chunk.lanes; lane += 1) {
          states[(chunk.firstLane + lane) * width + k] = words[k * chunk.lanes + lane]!;
        }
      }
    }
    return states;
  }

  /** Step at which each lane froze, −1 if it did not. */
  async readFrozen(): Promise<Int32Array> {
    const steps = new Int32Array(this.resolved.lanes);
    for (const chunk of this.chunks) {
      const size = 4 * chunk.lanes;
      const [bytes] = await this.readback.read([{ buffer: chunk.frozen, offset: 0, size }]);
      const stops = new Uint32Array(bytes!);
      for (let lane = 0; lane < stops.length; lane += 1) {
        steps[chunk.firstLane + lane] = stops[lane]! - 1;
      }
    }
    return steps;
  }

  /** The inverse of `readStates` and `readFrozen`. */
  write(states: ArrayLike<number>, frozen: ArrayLike<number>): void {
    for (const chunk of this.chunks) {
      const stops = new Uint32Array(chunk.lanes);
      for (let lane = 0; lane < chunk.lanes; lane += 1) {
        stops[lane] = frozen[chunk.firstLane + lane]! + 1;
      }
      this.queue.writeBuffer(chunk.state, 0, transposed(states, chunk, this.width));
      this.queue.writeBuffer(chunk.frozen, 0, stops);
    }
  }

  destroy(): void {
    for (const chunk of this.chunks) destroyChunk(chunk);
    for (const buffer of [this.data, this.hyper, this.run, this.constants]) buffer?.destroy();
    this.readback.destroy();
  }
}
