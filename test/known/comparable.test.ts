/** Which comparisons are dropped for want of replicas: by hand. */
import { describe, expect, test } from "vitest";
import { COMPARABLE, comparable } from "../../experiments/comparable.ts";
import type { Quantity } from "../../experiments/experiment.ts";

const quantity = (n: number, standardError: number, predicted: number | null = 1): Quantity => ({
  name: `of ${n}`,
  condition: {},
  estimate: { value: 1.5, standardError, n, method: "by hand", warnings: [] },
  unit: "1",
  predicted,
  systematic: 0.25,
});

describe("comparable", () => {
  test("keeps what has replicas enough, no error to know, or no prediction", () => {
    const kept = [quantity(COMPARABLE, 0.1), quantity(3, 0), quantity(3, 0.1, null)];
    expect(comparable(kept)).toEqual({ quantities: kept, warnings: [] });
  });

  test("drops the others, and says how many replicas there were", () => {
    const { quantities, warnings } = comparable([
      quantity(COMPARABLE - 1, 0.1),
      quantity(1, Number.NaN),
      quantity(500, 0.1),
    ]);
    expect(quantities.map((q) => q.predicted)).toEqual([null, null, 1]);
    expect(quantities.map((q) => q.systematic)).toEqual([0, 0, 0.25]);
    expect(warnings).toEqual([
      "no predictions: 1 replica says too little of their own scatter for a comparison; use at least 20",
    ]);
  });
});
