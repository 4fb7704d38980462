/**
 * The host's half of the neighbor search alone: whatever the device rounds within its bound, the
 * neighbors are those of a loop over all pairs; what it does beyond is seen.
 */
import { describe, expect, test } from "vitest";
import { groupSize } from "../../engine/neighbors/nearestNeighbors.ts";
import { refiner, roundingOfGroups } from "../../engine/neighbors/refine.ts";
import {
  largestSquare,
  nearestInGroups,
  roundingOf,
  scaledPoints,
  scalingOf,
} from "../../engine/neighbors/scaledPoints.ts";
import { bruteNeighbors } from "../bruteNeighbors.ts";
import { generator } from "../generator.ts";

const GROUP = 8;

/** Neighbors by groups whose minima are the twin's times `distort`. */
function search(points: Float64Array, d: number, k: number, distort: () => number) {
  const n = points.length / d;
  const set = { points, dimensions: d, count: n };
  const scaling = scalingOf([set]);
  const stride = GROUP * Math.ceil(n / GROUP);
  const packed = scaledPoints(set, scaling, 0, stride);
  const minima = nearestInGroups(packed, packed, Math.ceil(d / 4), GROUP);
  const rounding = roundingOf(set, scaling);
  const spec = { from: set, among: set, scaling, k, groupPoints: GROUP, excludesSelf: true };
  const refine = refiner(spec, roundingOfGroups(rounding, GROUP));
  const squares = new Float64Array(n * k);
  const indices = new Uint32Array(n * k);
  for (let i = 0; i < n; i++) {
    const row = Float32Array.from(
      { length: stride / GROUP },
      (_, group) => minima[group * stride + i]! * distort(),
    );
    const range = [i * k, (i + 1) * k] as const;
    const nearest = { squares: squares.subarray(...range), indices: indices.subarray(...range) };
    refine(i, rounding[i]!, row, nearest);
  }
  return { squares, indices };
}

const normals = (count: number, seed: number): Float64Array => {
  const { normal } = generator(seed);
  return Float64Array.from({ length: count }, normal);
};

describe("refiner", () => {
  // Rounding of the row to float32 is another 2⁻²⁴.
  const within = (d: number, sign: () => number) => () => 1 + sign() * (d + 5) * 2 ** -23;

  test.each([1, 2, 7, 30])("%i dimensions, minima as wrong as they may be", (d) => {
    const { uniform } = generator(1);
    const points = normals(203 * d, d);
    // Near-ties: every other point differs from one before by less than float32 tells.
    for (let i = 3 * d; i < points.length; i++) {
      if (Math.floor(i / d) % 2 === 0) points[i] = points[i - 3 * d]! + 1e-9 * uniform();
    }
    for (const k of [1, 4, 20]) {
      const expected = bruteNeighbors(points, d, k);
      for (const sign of [() => 1, () => -1, () => Math.sign(uniform() - 0.5)]) {
        expect(search(points, d, k, within(d, sign))).toEqual(expected);
      }
      // Negative control: minima that are off by more than the bound lead past neighbors.
      const off = search(points, d, k, () => (uniform() < 0.5 ? 4 : 1));
      expect(off).not.toEqual(expected);
    }
  });

  test("looks at few groups where there is no doubt", () => {
    const d = 3;
    const points = normals(800 * d, 2);
    const set = { points, dimensions: d, count: 800 };
    const scaling = scalingOf([set]);
    const packed = scaledPoints(set, scaling, 0, 800);
    const minima = nearestInGroups(packed, packed, 1, GROUP);
    const rounding = roundingOf(set, scaling);
    let read = 0;
    const counted = new Proxy(points, {
      get: (of, name) => {
        read++;
        return Reflect.get(of, name);
      },
    });
    const among = { ...set, points: counted };
    const spec = { from: set, among, scaling, k: 4, groupPoints: GROUP, excludesSelf: true };
    const refine = refiner(spec, roundingOfGroups(rounding, GROUP));
    const nearest = { squares: new Float64Array(4), indices: new Uint32Array(4) };
    const row = Float32Array.from({ length: 100 }, (_, group) => minima[group * 800]!);
    refine(0, rounding[0]!, row, nearest);
    // Five groups of eight points hold four neighbors and the point itself.
    expect(read).toBeLessThanOrEqual(5 * GROUP * d);
  });
});

describe("bounds", () => {
  test("no float32 square of points within a distance is larger than said", () => {
    for (const [d, spread] of [
      [1, 1],
      [4, 1e-6],
      [50, 1e-3],
    ] as const) {
      // Pairs that are `spread` apart, far from the middle.
      const base = normals(100 * d, 3);
      const { normal } = generator(4);
      const points = Float64Array.from({ length: 200 * d }, (_, i) => {
        const [point, a] = [Math.floor(i / d), i % d];
        return base[(point >> 1) * d + a]! + (point % 2 === 1 ? spread * normal() : 0);
      });
      const set = { points, dimensions: d, count: 200 };
      const scaling = scalingOf([set]);
      const { words } = scaledPoints(set, scaling, 0, 200);
      const rounding = roundingOf(set, scaling);
      let closest = 0;
      for (let i = 0; i < 200; i += 2) {
        let [square, f] = [0, 0];
        for (let a = 0; a < d; a++) {
          square += (points[i * d + a]! - points[(i + 1) * d + a]!) ** 2;
          const at = ((a >> 2) * 200 + i) * 4 + (a & 3);
          f += (words[at]! - words[at + 4]!) ** 2;
        }
        const most = largestSquare(square, rounding[i]! + rounding[i + 1]!, scaling, d);
        expect(f).toBeLessThanOrEqual(most);
        closest = Math.max(closest, f / most);
      }
      // Not so generous that it would hold for anything.
      expect(closest).toBeGreaterThan(spread < 1e-3 ? 0.5 : 0.99);
    }
  });

  test("scales by a power of two about the middle", () => {
    const set = { points: Float64Array.of(1e6 + 3, -1, 1e6 - 1, 5), dimensions: 2, count: 2 };
    expect(scalingOf([set])).toEqual({
      center: Float64Array.of(1e6 + 1, 2),
      scale: 1 / 4,
      reach: 3,
    });
    const { words } = scaledPoints(set, scalingOf([set]), 0, 3);
    expect([...words].slice(0, 8)).toEqual([0.5, -0.75, 0, 0, -0.5, 0.75, 0, 0]);
    expect(words[8]).toBe(Math.fround(1e16));
    const same = { points: new Float64Array(4).fill(7), dimensions: 2, count: 2 };
    expect(scalingOf([same])).toEqual({ center: Float64Array.of(7, 7), scale: 1, reach: 0 });
  });

  test("groups grow with the points and shrink with the work in them", () => {
    expect(groupSize(10_000, 4, 100)).toBe(16);
    expect(groupSize(65_536, 4, 100)).toBe(16);
    expect(groupSize(65_536, 4, 30)).toBe(32);
    expect(groupSize(10_000, 4, 2)).toBe(64);
    expect(groupSize(100, 50, 1000)).toBe(16);
  });
});
