/** What is reached of a shift, and the drift that it adds to variances, against explicit iteration. */
import { expect, test } from "vitest";
import { regressionSettings } from "../../experiments/nonlinearRegression/settings.ts";
import { problemOf, reachedBy, theoryOf } from "../../experiments/nonlinearRegression/theory.ts";
import { relativeError } from "../parity.ts";

test.each([
  ["distinct", 0, 300],
  ["reshuffled", 700, 2000],
] as const)("%s: mean and variance over steps %i + %i of the mean's way", (law, burnIn, steps) => {
  const p = regressionSettings.parse({ learningRate: 1e-6 });
  const problem = problemOf(p);
  const theory = theoryOf(law, p, problem);
  const found = reachedBy(problem, theory, { learningRate: p.learningRate, burnIn, steps });
  // m' = m − ηH(m − shift), from the minimum.
  const H = problem.noise.hessian;
  let m = theory.shift.map(() => 0);
  const path: number[][] = [];
  for (let t = 0; t < burnIn + steps; t += 1) {
    if (t >= burnIn) path.push(m);
    m = m.map(
      (x, i) =>
        x - p.learningRate * H[i]!.reduce((sum, h, j) => sum + h * (m[j]! - theory.shift[j]!), 0),
    );
  }
  const mean = theory.shift.map((_, i) => path.reduce((sum, x) => sum + x[i]! / steps, 0));
  const drift = mean.map((x, i) => path.reduce((sum, at) => sum + (at[i]! - x) ** 2 / steps, 0));
  expect(relativeError(found.shift, mean)).toBeLessThan(1e-9);
  expect(relativeError(found.drift, drift)).toBeLessThan(1e-6);
  expect(relativeError(found.shift, theory.shift)).toBeGreaterThan(0.1);
});

test("units that are off have no noise: refused in one sentence", () => {
  expect(() => problemOf(regressionSettings.parse({ decay: 0.1 }))).toThrow(
    /^decay: at 0.1 a unit of the network is off .*; give a smaller decay\.$/,
  );
});
