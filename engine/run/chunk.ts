/**
 * A contiguous range of an ensemble's lanes with buffers of their own.
 *
 * An ensemble that would pass a binding limit is held in several chunks; what a lane computes does
 * not depend on which chunk it is in.
 */
import { LimitError } from "../errors.ts";
import { storage } from "./buffers.ts";

export interface Chunk {
  /** Number of the first lane within the ensemble. */
  readonly firstLane: number;
  readonly lanes: number;
  readonly state: GPUBuffer;
  readonly frozen: GPUBuffer;
  readonly order: GPUBuffer | null;
  readonly series: GPUBuffer | null;
  readonly moments: GPUBuffer | null;
}

export interface LaneWords {
  /** f32 words of θ (and v). */
  readonly state: number;
  /** u32 words of a stored order; 0 without one. */
  readonly order: number;
  readonly series: number;
  readonly moments: number;
}

/** Lanes that must stand in one chunk, and the words of state that they share behind the lanes'. */
export interface Group {
  readonly lanes: number;
  readonly words: number;
}

/** Lanes that know nothing of each other. */
const ALONE: Group = { lanes: 1, words: 0 };

/** Lanes in each chunk, so that no buffer passes the device's binding limit: whole groups. */
export function chunkLanes(
  words: LaneWords,
  lanes: number,
  limits: GPUSupportedLimits,
  wanted = lanes,
  group = ALONE,
): number[] {
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const state = words.state + group.words / group.lanes;
  const widest = 4 * Math.max(state, words.order, words.series, words.moments, 1);
  const most = Math.floor(bytes / (widest * group.lanes));
  if (most < 1 && group.lanes > 1) {
    throw new LimitError(
      `ensemble: a group of ${group.lanes} replicas needs a buffer of ${widest * group.lanes} bytes, ` +
        `this device binds ${bytes}; give a smaller groupSize, or observe fewer coordinates.`,
    );
  }
  if (wanted < group.lanes) {
    throw new LimitError(
      `execution: lanesPerChunk is ${wanted}, a group of replicas that interact has ${group.lanes}; ` +
        "leave it out, or give as many at least.",
    );
  }
  if (most < 1) {
    throw new LimitError(
      `ensemble: one replica needs a buffer of ${widest} bytes, this device binds ${bytes}; ` +
        "observe fewer coordinates, or use a smaller data set with this sampling law.",
    );
  }
  const groups = lanes / group.lanes;
  const size = Math.min(most, Math.floor(wanted / group.lanes), groups);
  const chunks = Math.ceil(groups / size);
  // Even chunks: none is left with a few lanes.
  return Array.from({ length: chunks }, (_, i) => {
    const [first, end] = [i, i + 1].map((k) => Math.floor((k * groups) / chunks));
    return (end! - first!) * group.lanes;
  });
}

export function createChunk(
  gpu: GPUDevice,
  firstLane: number,
  lanes: number,
  words: LaneWords,
  group = ALONE,
): Chunk {
  const make = (label: string, count: number): GPUBuffer | null =>
    count === 0 ? null : storage(gpu, label, 4 * count * lanes);
  return {
    firstLane,
    lanes,
    state: storage(gpu, "state", 4 * (words.state * lanes + (group.words * lanes) / group.lanes)),
    frozen: storage(gpu, "frozen", 4 * lanes),
    order: make("order", words.order),
    series: make("series", words.series),
    moments: make("moments", words.moments),
  };
}

export function destroyChunk(chunk: Chunk): void {
  for (const buffer of [chunk.state, chunk.frozen, chunk.order, chunk.series, chunk.moments]) {
    buffer?.destroy();
  }
}

/** Longest window between two readbacks that keeps the series of all lanes within a budget. */
export function chooseWindow(
  wordsAt: (window: number) => number,
  lanes: number,
  longest: number,
  bytes: number,
): number {
  let window = longest;
  while (window > 1 && 4 * wordsAt(window) * lanes > bytes) window = Math.floor(window / 2);
  return Math.max(1, window);
}
