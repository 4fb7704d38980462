/** Sums of observables to zero; the rings of earlier states, last records and origins stay. */
import type { Device } from "../device.ts";
import { displacementSums } from "../observe/displacement.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import type { Chunk } from "./chunk.ts";

export function clearMoments(
  { gpu }: Device,
  chunks: readonly Chunk[],
  observation: ObservationPlan | null,
): void {
  const encoder = gpu.createCommandEncoder();
  const { moments = [], displacements = [], entropies = [] } = observation ?? {};
  const { momentsWords = 0, gridWords = 0 } = observation ?? {};
  for (const chunk of chunks) {
    for (const { at, spec } of displacements) {
      const words = displacementSums(spec);
      encoder.clearBuffer(chunk.moments!, 4 * at * chunk.lanes, 4 * words * chunk.lanes);
    }
    for (const { at, layout } of [...moments, ...entropies]) {
      encoder.clearBuffer(chunk.moments!, 4 * at * chunk.lanes, 4 * layout.sums * chunk.lanes);
    }
    if (gridWords > 0) {
      const [from, size] = [momentsWords, gridWords].map((words) => 4 * words * chunk.lanes);
      encoder.clearBuffer(chunk.moments!, from, size);
    }
  }
  gpu.queue.submit([encoder.finish()]);
}
