/** What a start about the predicted mean hides of its error, against explicit iteration. */
import { expect, test } from "vitest";
import { regressionSettings } from "../../experiments/nonlinearRegression/settings.ts";
import { hiddenShare, problemOf } from "../../experiments/nonlinearRegression/theory.ts";

test.each([
  [0, 300],
  [700, 2000],
])("share of an error along the softest mode on steps %i + %i", (burnIn, steps) => {
  const p = regressionSettings.parse({ learningRate: 1e-6 });
  const problem = problemOf(p);
  const H = problem.noise.hessian;
  const softest = problem.minimum.eigenvectors[0]!;
  let error = [...softest];
  let sum = 0;
  for (let t = 0; t < burnIn + steps; t += 1) {
    if (t >= burnIn) sum += error.reduce((total, x, i) => total + x * softest[i]!, 0);
    error = error.map(
      (x, i) => x - p.learningRate * H[i]!.reduce((own, h, j) => own + h * error[j]!, 0),
    );
  }
  const found = hiddenShare(problem, { learningRate: p.learningRate, burnIn, steps });
  expect(Math.abs(found * steps - sum) / sum).toBeLessThan(1e-6);
  expect(found).toBeLessThan(0.995);
});

test("units that are off have no noise: refused in one sentence", () => {
  expect(() => problemOf(regressionSettings.parse({ decay: 0.1 }))).toThrow(
    /^decay: at 0.1 a unit of the network is off .*; give a smaller decay\.$/,
  );
});
