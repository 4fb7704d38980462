/**
 * Entropies from neighbors found on the device are those from neighbors found on the host: between
 * whitened points, in more dimensions than the tree is good for, and from distances given as they are.
 */
import { expect, test } from "vitest";
import { nearestNeighborEntropy } from "../../analysis/nearestNeighborEntropy.ts";
import { whitenedPoints } from "../../analysis/samplePoints.ts";
import { type Device, nearestNeighbors } from "../../engine/index.ts";
import { generator } from "../generator.ts";
import { describeWithDevice } from "../gpu.ts";

/** Squared distance of each point to its k-th neighbor. */
async function kthSquares(device: Device, points: Float64Array, dimensions: number, k: number) {
  const { squares } = await nearestNeighbors(device, points, { dimensions, k });
  return squares.filter((_, i) => i % k === k - 1);
}

describeWithDevice("entropy from the device's neighbors", "software", (device) => {
  test.each([
    [2, 1500, 4],
    [12, 700, 3],
  ])("%i dimensions, %i samples", async (d, n, neighbors) => {
    const { normal } = generator(d);
    // Far from the origin, in units that differ, correlated.
    const data = new Float64Array(n * d);
    for (let r = 0; r < n; r++) {
      const common = normal();
      for (let a = 0; a < d; a++) data[r * d + a] = 1e4 + 3 ** a * (normal() + common);
    }
    const samples = { data, replicas: n, k: d };
    const options = { neighbors, quiet: true };
    const { points } = whitenedPoints(samples);
    const squares = await kthSquares(device(), points, d, neighbors);
    const host = nearestNeighborEntropy(samples, options);
    const found = nearestNeighborEntropy(samples, { ...options, squares });
    expect(Math.abs(found.value - host.value)).toBeLessThanOrEqual(1e-12);
    expect(found.standardError).toBe(host.standardError);
    // The neighbor before is another one, by about 1/(k − 1).
    const nearer = await kthSquares(device(), points, d, neighbors - 1);
    const wrong = nearestNeighborEntropy(samples, { ...options, squares: nearer });
    expect(Math.abs(wrong.value - host.value)).toBeGreaterThan(0.5 / neighbors);
  });
});
