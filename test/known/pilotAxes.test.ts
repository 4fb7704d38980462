// Ranges of a grid from a pilot run, on records whose moments are known.
import { describe, expect, test } from "vitest";
import { pilotAxes } from "../../analysis/index.ts";
import { cellAt } from "../../engine/observe/grid.ts";
import { generator } from "../generator.ts";
import { momentsOf } from "../trajectories.ts";

/** Two conditions of 40 replicas of independent normal numbers (x, y). */
const { normal } = generator(3);
const conditions = [
  { mean: 1000, sd: 0.5 },
  { mean: 1003, sd: 2 },
].map(({ mean, sd }) =>
  Array.from({ length: 40 }, () =>
    Float64Array.from({ length: 2 * 100 }, (_, k) =>
      k % 2 === 0 ? mean + sd * normal() : 3 * normal(),
    ),
  ),
);
const record = momentsOf(conditions, ["x", "y"], [0], [1001, 0]);

describe("pilotAxes", () => {
  test("reach standard deviations about the means, the widest of all conditions", () => {
    const [x, y] = pilotAxes(record, { of: ["x", "y"], reach: 3, bins: 12 });
    // 4000 numbers a condition: a deviation is known to 1.1 %, 4 of its errors are 5 %.
    expect(x!.name).toBe("x");
    expect(Math.abs(x!.from - 997)).toBeLessThan(0.05 * 6);
    expect(Math.abs(x!.to - 1009)).toBeLessThan(0.05 * 6);
    expect(Math.abs(y!.to - 9)).toBeLessThan(0.05 * 9);
    expect(Math.abs(y!.from + 9)).toBeLessThan(0.05 * 9);
    expect([x!.bins, y!.bins]).toEqual([12, 12]);
  });

  test("a grid of these axes holds what was seen", () => {
    const axes = pilotAxes(record, { of: [0, 1] }).map(({ name, ...axis }) => ({
      of: name,
      ...axis,
    }));
    const cells = 24 * 24;
    const seen = conditions
      .flat()
      .flatMap((path) =>
        Array.from({ length: 100 }, (_, t) => cellAt(axes, [path[2 * t]!, path[2 * t + 1]!])),
      );
    // Beyond 4 deviations: 6e-5 of a Gaussian in each direction, of 8000 points two.
    expect(seen.filter((cell) => cell === cells).length).toBeLessThanOrEqual(6);
  });

  test("leaves out frozen replicas, and refuses what makes no range", () => {
    const frozen = {
      ...record,
      second: {
        ...record.second,
        data: record.second.data.map((v, k) => (k < 4 ? Number.NaN : v)),
      },
    };
    expect(pilotAxes(frozen, { of: ["x"] })[0]!.to).toBeGreaterThan(1005);
    const none = {
      ...record,
      second: { ...record.second, data: record.second.data.map(() => NaN) },
    };
    expect(() => pilotAxes(none, { of: ["x"] })).toThrow("no replica of condition 0 is finite");
    const still = momentsOf([[Float64Array.of(1, 2, 1, 2)]], ["x", "y"], [0], [1, 2]);
    expect(() => pilotAxes(still, { of: ["y"] })).toThrow("y does not vary in the pilot run");
    expect(() => pilotAxes(record, { of: ["z"] })).toThrow('no coordinate "z"');
    expect(() => pilotAxes(record, { of: ["x"], bins: 0 })).toThrow("0 bins and a reach of 4");
  });
});
