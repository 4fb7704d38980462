/** The figure of ratios: what is shown, where and in which color. */
import { describe, expect, test } from "vitest";
import { comparison } from "../../experiments/comparison.ts";
import type { Quantity } from "../../experiments/experiment.ts";

const quantity = (
  name: string,
  predicted: number | null,
  condition: Quantity["condition"] = {},
): Quantity => ({
  name,
  condition,
  estimate: { value: 3, standardError: 0.5, n: 9, method: "by hand", warnings: [] },
  unit: "1",
  predicted,
  systematic: 0,
});

describe("comparison", () => {
  test("one condition: a point above its name, ratios to the prediction", () => {
    const { marks, x } = comparison(
      [quantity("a", 2), quantity("b", 0), quantity("c", null), quantity("d", -4)],
      "A caption.",
    );
    expect(x.ticks).toEqual([
      { at: 1, label: "a" },
      { at: 2, label: "d" },
    ]);
    expect(marks.map(({ label }) => label)).toEqual(["exact", "measured"]);
    expect(marks[1]).toMatchObject({ x: [1, 2], y: [1.5, -0.75], standardError: [0.25, 0.125] });
  });

  test("several conditions share the names, side by side", () => {
    const rates = [0.1, 0.02].flatMap((learningRate) =>
      ["a", "b"].map((name) => quantity(name, 1, { learningRate })),
    );
    const { marks, x } = comparison(rates, "A caption.");
    expect(x.ticks!.map(({ label }) => label)).toEqual(["a", "b"]);
    expect(marks.slice(1).map(({ label }) => label)).toEqual([
      "learningRate 0.1",
      "learningRate 0.02",
    ]);
    expect(marks[1]!.x).toEqual([0.875, 1.875]);
    expect(marks[2]!.x).toEqual([1.125, 2.125]);
  });
});
