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

/** Lanes in each chunk, so that no buffer passes the device's binding limit. */
export function chunkLanes(
  words: LaneWords,
  lanes: number,
  limits: GPUSupportedLimits,
  wanted?: number,
): number[] {
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const widest = 4 * Math.max(words.state, words.order, words.series, words.moments, 1);
  const most = Math.floor(bytes / widest);
  if (most < 1) {
    throw new LimitError(
      `ensemble: one replica needs a buffer of ${widest} bytes, this device binds ${bytes}; ` +
        "observe fewer coordinates, or use a smaller data set with this sampling law.",
    );
  }
  const size = Math.min(most, wanted ?? most, lanes);
  const chunks = Math.ceil(lanes / size);
  // Even chunks: none is left with a few lanes.
  return Array.from(
    { length: chunks },
    (_, i) => Math.floor(((i + 1) * lanes) / chunks) - Math.floor((i * lanes) / chunks),
  );
}

export function createChunk(
  gpu: GPUDevice,
  firstLane: number,
  lanes: number,
  words: LaneWords,
): Chunk {
  const make = (label: string, count: number): GPUBuffer | null =>
    count === 0 ? null : storage(gpu, label, 4 * count * lanes);
  return {
    firstLane,
    lanes,
    state: storage(gpu, "state", 4 * words.state * lanes),
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
