/**
 * The device memory of an ensemble: chunks of lanes, data, hyperparameters; and what the host reads
 * from it and writes to it.
 */
import type { Device } from "../device.ts";
import { initialState } from "../initial.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { RUN_SCHEMA, type ThreadPlan } from "../plan/threadPlan.ts";
import type { Setting } from "../update/updateRule.ts";
import { structBytes } from "../wgsl/layout.ts";
import { packRows } from "../wgsl/row.ts";
import { Readback, storage, uniform } from "./buffers.ts";
import { type Chunk, chunkLanes, createChunk, destroyChunk } from "./chunk.ts";
import { laneWords } from "./observationPlan.ts";
import type { Resolved } from "./options.ts";

const RUN_ZERO = Object.fromEntries(Object.keys(RUN_SCHEMA).map((name) => [name, 0])) as Record<
  keyof typeof RUN_SCHEMA,
  number
>;

/** [hyperparameter, condition] */
function hyperWords(settings: readonly Setting[]): Float32Array<ArrayBuffer> {
  const names = Object.keys(settings[0]!);
  return Float32Array.from(names.flatMap((name) => settings.map((setting) => setting[name]!)));
}

export class LaneMemory {
  readonly chunks: readonly Chunk[];
  readonly data: GPUBuffer;
  readonly hyper: GPUBuffer;
  /** The uniform of a dispatch. */
  readonly run: GPUBuffer;
  /** Read-only numbers of the observables: projections, pilot means; null without any. */
  readonly constants: GPUBuffer | null;
  readonly readback: Readback;
  private readonly queue: GPUQueue;
  private readonly resolved: Resolved;
  /** Words of state per lane: θ, and v when it is kept. */
  private readonly width: number;

  constructor(
    { gpu }: Device,
    resolved: Resolved,
    plan: ThreadPlan,
    observation: ObservationPlan | null,
  ) {
    this.resolved = resolved;
    this.queue = gpu.queue;
    this.width = (resolved.hasVelocity ? 2 : 1) * resolved.model.parameterCount;
    const words = laneWords({ ...resolved, samples: resolved.data.samples }, observation);
    const sizes = chunkLanes(words, resolved.lanes, gpu.limits, resolved.execution.lanesPerChunk);
    let first = 0;
    this.chunks = sizes.map((lanes) => {
      first += lanes;
      return createChunk(gpu, first - lanes, lanes, words);
    });
    this.data = storage(gpu, "data", packRows(resolved.data, resolved.model.fields, plan.row));
    this.hyper = storage(gpu, "hyper", hyperWords(resolved.conditions));
    this.run = uniform(gpu, "run", structBytes(RUN_SCHEMA, RUN_ZERO).byteLength);
    const constants = observation?.constants ?? new Float32Array(0);
    this.constants = constants.length > 0 ? storage(gpu, "observation", constants) : null;
    this.readback = new Readback(gpu);
  }

  /** Uploads θ₀ and v₀. */
  initialize(): void {
    const { model, initial, seed, replicas, commonNoise } = this.resolved;
    // [θ, v], v only where it is kept
    const state = new Float32Array(this.width);
    const theta = state.subarray(0, model.parameterCount);
    const velocity = this.resolved.hasVelocity ? state.subarray(model.parameterCount) : null;
    for (const chunk of this.chunks) {
      const words = new Float32Array(this.width * chunk.lanes);
      for (let lane = 0; lane < chunk.lanes; lane += 1) {
        const global = chunk.firstLane + lane;
        const ownCondition = Math.floor(global / replicas.count);
        const condition = commonNoise ? 0 : ownCondition;
        const replica = replicas.first + (global % replicas.count);
        initialState(initial, { seed, condition, ownCondition, replica }, theta, velocity);
        for (let k = 0; k < state.length; k += 1) words[k * chunk.lanes + lane] = state[k]!;
      }
      this.queue.writeBuffer(chunk.state, 0, words);
    }
  }

  setHyperparameters(settings: readonly Setting[]): void {
    this.queue.writeBuffer(this.hyper, 0, hyperWords(settings));
  }

  setConstants(constants: Float32Array<ArrayBuffer>): void {
    if (this.constants) this.queue.writeBuffer(this.constants, 0, constants);
  }

  /** [lane, θ then v] */
  async readStates(): Promise<Float32Array> {
    const { width } = this;
    const states = new Float32Array(this.resolved.lanes * width);
    for (const chunk of this.chunks) {
      const size = 4 * width * chunk.lanes;
      const [bytes] = await this.readback.read([{ buffer: chunk.state, offset: 0, size }]);
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
    const { width } = this;
    for (const chunk of this.chunks) {
      const words = new Float32Array(width * chunk.lanes);
      const stops = new Uint32Array(chunk.lanes);
      for (let lane = 0; lane < chunk.lanes; lane += 1) {
        const global = chunk.firstLane + lane;
        for (let k = 0; k < width; k += 1) {
          words[k * chunk.lanes + lane] = states[global * width + k]!;
        }
        stops[lane] = frozen[global]! + 1;
      }
      this.queue.writeBuffer(chunk.state, 0, words);
      this.queue.writeBuffer(chunk.frozen, 0, stops);
    }
  }

  destroy(): void {
    for (const chunk of this.chunks) destroyChunk(chunk);
    for (const buffer of [this.data, this.hyper, this.run, this.constants]) buffer?.destroy();
    this.readback.destroy();
  }
}
