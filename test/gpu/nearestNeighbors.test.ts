/**
 * Neighbors found by the device and refined by the host are those of a float64 loop over all pairs,
 * bit by bit: in many dimensions, with ties, copies, offsets and clusters, for sizes that fill no tile.
 */
import { expect, test } from "vitest";
import { kthNeighborSquares } from "../../analysis/nearestNeighbors.ts";
import { nearestNeighbors } from "../../engine/index.ts";
import {
  broadcastWidth,
  GroupMinima,
  nearestGroupsShader,
} from "../../engine/neighbors/groupMinima.ts";
import { nearestInGroups, scaledPoints, scalingOf } from "../../engine/neighbors/scaledPoints.ts";
import { bruteNeighbors } from "../bruteNeighbors.ts";
import { generator } from "../generator.ts";
import { describeWithDevice } from "../gpu.ts";

const normals = (count: number, seed: number): Float64Array => {
  const { normal } = generator(seed);
  return Float64Array.from({ length: count }, normal);
};

describeWithDevice("nearestNeighbors", "software", (device) => {
  const expectBrute = async (
    points: Float64Array,
    dimensions: number,
    k: number,
    among?: Float64Array,
  ) => {
    const found = await nearestNeighbors(device(), points, {
      dimensions,
      k,
      ...(among && { among }),
    });
    const { squares, indices } = bruteNeighbors(points, dimensions, k, among);
    expect(found.squares).toEqual(squares);
    expect(found.indices).toEqual(indices);
    expect([found.points, found.k]).toEqual([points.length / dimensions, k]);
  };

  test.each([1, 2, 3, 4, 5, 10, 33, 100])("normal points in %i dimensions", async (d) => {
    for (const k of [1, 4, 50]) await expectBrute(normals(301 * d, 10 * d + k), d, k);
  });

  test("two sets, of which the one looked among is larger, smaller, the same", async () => {
    for (const [n, m, d] of [
      [37, 500, 3],
      [300, 9, 7],
      [1, 1, 2],
      [0, 5, 2],
    ] as const) {
      const [points, among] = [normals(n * d, 1), normals(m * d, 2)];
      await expectBrute(points, d, Math.min(5, m), among);
    }
    const points = normals(150, 3);
    // Among a copy of itself each point is its own first neighbor.
    await expectBrute(points, 3, 2, points.slice());
  });

  test("ties on a lattice, copies, and nothing but copies", async () => {
    const lattice = Float64Array.from({ length: 2 * 18 * 18 }, (_, i) =>
      i % 2 === 0 ? Math.floor(i / 36) : (i >> 1) % 18,
    );
    for (const k of [1, 4, 13, 50]) await expectBrute(lattice, 2, k);
    const some = normals(100 * 3, 4);
    const copies = Float64Array.from({ length: 300 * 3 }, (_, i) => some[i % 300]!);
    for (const k of [1, 2, 3, 7]) await expectBrute(copies, 3, k);
    const corners = Float64Array.from({ length: 400 * 6 }, generator(5).uniform).map(Math.round);
    await expectBrute(corners, 6, 10);
    await expectBrute(new Float64Array(2 * 500).fill(0.1), 2, 6);
  });

  test("large offsets, clusters, heavy tails, extreme units", async () => {
    const d = 5;
    const base = normals(300 * d, 6);
    await expectBrute(
      base.map((x) => 1e6 + 1e-3 * x),
      d,
      4,
    );
    const clusters = base.map((x, i) => 1e3 * (Math.floor(i / d) % 7) + 1e-4 * x);
    await expectBrute(clusters, d, 4);
    // So far apart that float32 cannot tell the points of a cluster from one another.
    await expectBrute(
      base.map((x, i) => 1e12 * (Math.floor(i / d) % 3) + x),
      d,
      4,
    );
    const { uniform } = generator(7);
    const cauchy = Float64Array.from({ length: 300 * d }, () => Math.tan(Math.PI * uniform()));
    await expectBrute(cauchy, d, 4);
    for (const unit of [1e-200, 1e-30, 1e100]) {
      await expectBrute(
        base.map((x) => unit * x),
        d,
        4,
      );
    }
    await expectBrute(
      base.map((x, i) => x * 10 ** (-9 * (i % d))),
      d,
      4,
    );
  });

  test("random sizes, dimensions and neighbors", async () => {
    const { uniform } = generator(8);
    const below = (most: number) => 1 + Math.floor(most * uniform());
    for (let i = 0; i < 25; i++) {
      const [n, d] = [1 + below(200), below(40)];
      const k = below(Math.min(n - 1, 20));
      const among = uniform() < 0.5 ? undefined : normals((k + below(200)) * d, 100 + i);
      await expectBrute(normals(n * d, i), d, k, among);
    }
  });

  test("several slices: distances are the k-d tree's, progress reaches all points", async () => {
    const points = normals(2900 * 2, 9);
    const seen: number[] = [];
    const { squares } = await nearestNeighbors(device(), points, {
      dimensions: 2,
      k: 3,
      onProgress: ({ points: done, of }) => seen.push(done / of),
    });
    expect(squares.filter((_, i) => i % 3 === 2)).toEqual(kthNeighborSquares(points, 2, 3));
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
  });

  test("an abort is heard, before and in the middle, and leaves the device usable", async () => {
    const points = normals(2000 * 3, 10);
    const options = { dimensions: 3, k: 2 };
    const before = AbortSignal.abort(new Error("not now"));
    await expect(
      nearestNeighbors(device(), points, { ...options, signal: before }),
    ).rejects.toThrow("not now");
    const controller = new AbortController();
    let told = 0;
    const onProgress = () => {
      told++;
      controller.abort(new Error("enough"));
    };
    await expect(
      nearestNeighbors(device(), points, { ...options, signal: controller.signal, onProgress }),
    ).rejects.toThrow("enough");
    expect(told).toBe(1);
    await expectBrute(normals(60, 11), 3, 2);
  });

  test("the kernel is its twin, with and without broadcasts, over several panels", async () => {
    const [n, d, groupPoints] = [77, 6, 16];
    const set = { points: normals(n * d, 12), dimensions: d, count: n };
    const queries = { points: normals(140 * d, 13), dimensions: d, count: 140 };
    const scaling = scalingOf([set, queries]);
    const twin = nearestInGroups(
      scaledPoints(set, scaling, 0, 80),
      scaledPoints(queries, scaling, 0, 256),
      2,
      groupPoints,
    );
    const widest = broadcastWidth(device()) ?? 0;
    const widths = ([null, 4, 8] as const).filter((width) => (width ?? 0) <= widest);
    for (const width of widths) {
      for (const panelBytes of [2 ** 20, 2 * 16 * 2 * groupPoints]) {
        const spec = { set, scaling, groupPoints, queries: 256, panelBytes };
        const search = new GroupMinima(device(), spec, width);
        const { minima, stride } = await search.of(queries, 0, 140);
        search.destroy();
        expect(minima).toHaveLength(5 * stride);
        for (let group = 0; group < 5; group++) {
          for (let query = 0; query < 140; query++) {
            const expected = twin[group * 256 + query]!;
            const relative = Math.abs(minima[group * stride + query]! / expected - 1);
            // The bound of scaledPoints.ts, γ = (d + 6) 2⁻²³.
            expect(relative).toBeLessThanOrEqual((d + 6) * 2 ** -23);
          }
        }
      }
    }
  });

  test("says what is wrong with what it is given", async () => {
    const ask = (points: Float64Array, options: object) =>
      nearestNeighbors(device(), points, { dimensions: 2, k: 1, ...options });
    const points = normals(10, 14);
    const wrong: [Promise<unknown>, string][] = [
      [ask(points, { k: 5 }), "neighbor 5 among 5 points; give a whole k from 1 to their number l"],
      [ask(points, { k: 0 }), "neighbor 0"],
      [ask(points, { k: 1.5 }), "neighbor 1.5"],
      [ask(points, { k: 6, among: points }), "from 1 to their number."],
      [ask(points, { dimensions: 3 }), "points has 10 numbers, no multiple of 3"],
      [ask(points, { dimensions: 0 }), "dimensions is 0"],
      [ask(points, { among: normals(3, 1) }), "among has 3 numbers"],
      [ask(Float64Array.of(0, 1, 2, Number.NaN), {}), "points[1, 1] is NaN"],
      [ask(points, { among: Float64Array.of(Infinity, 0) }), "among[0, 0] is Infinity"],
      [ask(Float64Array.of(0, 1, 2e200, 3), {}), "squares of more than"],
      [ask(Float64Array.of(-1.7e308, 1, 1.7e308, 3), {}), "scale the points"],
    ];
    for (const [asked, message] of wrong) await expect(asked).rejects.toThrow(message);
    const { gpu, ...rest } = device();
    const limits = { ...gpu.limits, maxStorageBufferBindingSize: 1024 };
    const small = new Proxy(gpu, {
      get: (of, name) => (name === "limits" ? limits : Reflect.get(of, name)),
    });
    const spec = { dimensions: 5, k: 1 };
    await expect(nearestNeighbors({ gpu: small, ...rest }, points, spec)).rejects.toThrow(
      "128 points of 5 dimensions take 4096 bytes",
    );
  });

  test("broadcasts stand in the text where they are wanted", () => {
    expect(nearestGroupsShader(null).code).not.toMatch(/enable|subgroupBroadcast|subgroup_/);
    for (const width of [4, 8] as const) {
      const { code } = nearestGroupsShader(width);
      expect(code.match(/subgroupBroadcast\(/g)).toHaveLength(16);
      expect(code.match(/lane & /g)).toHaveLength(16 / width);
    }
  });
});
