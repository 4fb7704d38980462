/**
 * A neighbor search, from points to indices. The points are uniform numbers, the same bits in every
 * JavaScript engine, so the neighbors must be the same bits too: they are exact.
 */
import { type Device, type Neighbors, nearestNeighbors } from "../../../engine/index.ts";
import { mulberry32 } from "../../../models/mulberry.ts";

export interface NeighborArguments {
  readonly points: number;
  readonly dimensions: number;
  readonly k: number;
}

export const uniformPoints = ({ points, dimensions }: NeighborArguments): Float64Array => {
  const uniform = mulberry32(17);
  return Float64Array.from({ length: points * dimensions }, () => uniform());
};

export const neighbors = (
  device: Device,
  given: NeighborArguments,
  onProgress: (points: number) => void,
): Promise<Neighbors> =>
  nearestNeighbors(device, uniformPoints(given), {
    dimensions: given.dimensions,
    k: given.k,
    onProgress: ({ points }) => onProgress(points),
  });
