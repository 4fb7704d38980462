/**
 * Slices of an ensemble's lanes, one after the other, for measures that put vectors of every lane on
 * the device: each slice fits the buffers, and a dispatch's work is bounded.
 */
import { ArgumentError } from "../errors.ts";
import { isOnline } from "../modelDraws.ts";
import { noFullLoss } from "../observe/observation.ts";
import { uniform } from "../run/buffers.ts";
import { DATA_PASS, slicesOf as lanesInSlices, type Slice, widestSlice } from "../run/dataPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { structBytes } from "../wgsl/layout.ts";

/** Sample derivatives of one dispatch, at most. */
const WORK = 1 << 17;
/** Bytes of the blocks' sums, at most (but for a single lane). */
const SUM_BYTES = 1 << 25;
/** Samples in a block, at least. */
const LEAST_BLOCK = 64;

/** How the data are cut into blocks that one invocation sums in float32. */
export interface Blocks {
  readonly block: number;
  readonly blocks: number;
}

/** B ≈ √N: a sum takes B roundings within a block and N/B between them. */
export function blocksOf(samples: number): Blocks {
  const block = Math.max(LEAST_BLOCK, Math.ceil(Math.sqrt(samples)));
  return { block, blocks: Math.ceil(samples / block) };
}

/** Directions whose products with one lane's Hessian are a dispatch, at most. */
export function mostDirections({ resolved: { data, model } }: LaneAccess): number {
  const words = model.parameterCount * blocksOf(data.samples).blocks;
  const most = Math.min(WORK / data.samples, SUM_BYTES / (4 * words));
  return Math.max(1, Math.floor(most));
}

/** Lanes of a slice, at most, when each has `vectors` passes over the data and `words` of sums. */
export function widestOf(
  { memory, resolved }: LaneAccess,
  { vectors, words }: { readonly vectors: number; readonly words: number },
): number {
  return Math.min(
    widestSlice(WORK, vectors * resolved.data.samples),
    Math.max(1, Math.floor(SUM_BYTES / (4 * words))),
    Math.max(...memory.chunks.map(({ lanes }) => lanes)),
  );
}

/** Every lane once, in slices of at most `widest`; an abort is heard between them. */
export function slicesOf({ memory }: LaneAccess, widest: number): Slice[] {
  return lanesInSlices(memory.chunks, widest);
}

/** Number of a slice's first lane within the ensemble. */
export const firstLane = ({ chunk, first }: Slice): number => chunk.firstLane + first;

/** The uniform of the kernels that pass over the data, and what puts a slice into it. */
export function sliceUniform(
  { device: { gpu }, resolved, settings }: LaneAccess,
  { block }: Blocks,
): { readonly buffer: GPUBuffer; readonly set: (slice: Slice) => void } {
  const buffer = uniform(gpu, "slice", 32);
  const set = ({ chunk, first, lanes }: Slice): void => {
    const values = {
      first_lane: first,
      lanes,
      state_lanes: chunk.lanes,
      global_lane: chunk.firstLane,
      replicas: resolved.replicas.count,
      samples: resolved.data.samples,
      block,
      conditions: settings.length,
    };
    gpu.queue.writeBuffer(buffer, 0, structBytes(DATA_PASS, values));
  };
  return { buffer, set };
}

/** λ of each condition, the weight decay in the gradient; 0 under a rule that has none. */
export const decayWords = ({ settings }: LaneAccess): Float32Array<ArrayBuffer> =>
  Float32Array.from(settings.map(({ weightDecay }) => weightDecay ?? 0));

/** @throws ArgumentError for a model whose loss is no mean over data. */
export function requireData(where: string, { resolved: { model } }: LaneAccess): void {
  if (isOnline(model)) throw new ArgumentError(`${where}: ${noFullLoss(model)}`);
}

/** A whole number of at least 1, or an ArgumentError. */
export function requireCount(where: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ArgumentError(`${where}: ${name} is ${value}; give a whole number of at least 1.`);
}

/** What measures take beside their own options. */
export interface MeasureOptions {
  /** Heard between passes over the data; the ensemble is not changed either way. */
  readonly signal?: AbortSignal;
}
