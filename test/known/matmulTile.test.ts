/** The tiles offered for matrix products keep to WebGPU's default limits and waste little of a workgroup. */
import { describe, expect, test } from "vitest";
import { matmulTile, matmulTiles } from "../../engine/plan/batched/matmulTile.ts";

const SIZES = [1, 2, 3, 7, 10, 32, 64, 100, 784, 4608];
const shapes = SIZES.flatMap((m) => SIZES.map((n) => [m, n] as const));

describe("tiles of a matrix product", () => {
  test("keep to the default limits of workgroups and their memory", () => {
    for (const [m, n] of shapes) {
      for (const { workgroup, rows, columns, depth, memory } of matmulTiles(m, n, {
        subgroupMinSize: 8,
      })) {
        const [alongN, alongM, alongZ] = workgroup;
        expect(alongN * alongM * alongZ).toBeLessThanOrEqual(256);
        expect(alongZ).toBeLessThanOrEqual(64);
        expect(columns % 4).toBe(0);
        expect(workgroup.every((count) => Number.isInteger(count) && count > 0)).toBe(true);
        if (memory === "workgroup") {
          expect(4 * depth * (alongN * columns + alongM * rows)).toBeLessThanOrEqual(16_384);
          expect([rows % 4, depth % 4, alongZ]).toEqual([0, 0, 1]);
        }
        if (memory === "subgroup") expect([rows % 8, alongM, alongZ]).toEqual([0, 1, 1]);
      }
    }
  });

  test("cover C less than four times over by default, from four columns on", () => {
    for (const [m, n] of shapes.filter(([, columns]) => columns >= 4)) {
      const { workgroup, rows, columns } = matmulTile(m, n);
      const covered =
        Math.ceil(m / (rows * workgroup[1])) *
        rows *
        workgroup[1] *
        Math.ceil(n / (columns * workgroup[0])) *
        columns *
        workgroup[0];
      expect(covered / (m * n), `${m} x ${n}`).toBeLessThan(4);
    }
  });

  test("need no subgroups unless the device has eight lanes in each", () => {
    for (const lanes of [0, 4]) {
      for (const [m, n] of shapes) {
        const tiles = matmulTiles(m, n, { subgroupMinSize: lanes });
        expect(tiles.some(({ memory }) => memory === "subgroup")).toBe(false);
        expect(tiles[0]).toEqual(matmulTile(m, n));
      }
    }
    expect(matmulTiles(64, 64, { subgroupMinSize: 8 }).some((t) => t.memory === "subgroup")).toBe(
      true,
    );
  });
});
