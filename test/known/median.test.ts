/**
 * The median over replicas: by hand, and its error against the known one of normal numbers,
 * σ√(π/2n) (David & Nagaraja, Order Statistics (2003), section 7.1).
 */
import { expect, test } from "vitest";
import { replicaMedian } from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { mulberry32, gaussian as normal } from "../../models/mulberry.ts";

test("by hand", () => {
  expect(replicaMedian([5, 1, 3]).value).toBe(3);
  expect(replicaMedian([4, 1, 3, 2]).value).toBe(2.5);
  // Ranks (9 − 1)/2 ± 3/2 = 2.5, 5.5, rounded upward: 3 and 6 of 0 … 8.
  expect(replicaMedian([0, 1, 2, 3, 4, 5, 6, 7, 8])).toMatchObject({
    value: 4,
    standardError: 1.5,
    n: 9,
    method: "median over 9 replicas",
    warnings: [],
  });
  expect(replicaMedian([7]).standardError).toBeNaN();
});

test("censored and frozen replicas", () => {
  const { value, standardError, warnings, n } = replicaMedian([1, 2, 3, Infinity, Infinity, NaN]);
  expect([value, n]).toEqual([3, 5]);
  // The upper rank, 2 + √5/2 → 3, is censored: the distance to the lower, x_(1) = 2, is taken.
  expect(standardError).toBe(1);
  expect(warnings).toEqual([
    "1 of 6 replicas dropped (frozen or diverged); the estimate is that of the survivors",
    "the upper end of its error is beyond the run; the lower one is taken for both",
  ]);
  expect(() => replicaMedian([1, Infinity, Infinity])).toThrow(RefusalError);
  expect(() => replicaMedian([1, Infinity])).toThrow(
    "replicaMedian: 1 of 2 replicas have a value, the median is beyond them; take more steps.",
  );
  expect(() => replicaMedian([NaN])).toThrow("lower learningRate.");
});

test("the error of normal numbers", () => {
  const uniform = mulberry32(5);
  const runs = Array.from({ length: 400 }, () =>
    replicaMedian(Float64Array.from({ length: 101 }, () => normal(uniform))),
  );
  const meanSquare = (values: readonly number[]): number =>
    values.reduce((sum, x) => sum + x * x, 0) / values.length;
  const exact = Math.sqrt(Math.PI / 2 / 101);
  // Scatter of 400 medians: known to 1/√800 = 3.5 %; 4 of these, and 1/(4n) of finite n.
  const bound = 4 / Math.sqrt(800) + 1 / 404;
  const scatter = Math.sqrt(meanSquare(runs.map(({ value }) => value)));
  expect(Math.abs(scatter / exact - 1)).toBeLessThan(bound);
  const quoted = runs.reduce((sum, run) => sum + run.standardError, 0) / runs.length;
  // Ranks are whole: √n/2 = 5.02 is rounded to 5, and a quoted error itself scatters by 1/√(2√n) = 22 %.
  expect(Math.abs(quoted / exact - 1)).toBeLessThan((4 * 0.22) / Math.sqrt(400) + 0.03);
  // Negative control: the error of the mean would be too small by √(π/2) = 1.25.
  expect(Math.abs(Math.sqrt(1 / 101) / scatter - 1)).toBeGreaterThan(bound);
});
