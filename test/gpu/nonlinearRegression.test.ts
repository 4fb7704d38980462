/**
 * Experiment nonlinear-regression with small settings: the device steps as float64 does, every quantity
 * agrees with the leading order, and does not with that of a rate 10 % off or of the other law.
 */
import { expect, test } from "vitest";
import { fixed } from "../../engine/initial.ts";
import { minimize } from "../../engine/minimize.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import type { Quantity, RunContext } from "../../experiments/experiment.ts";
import { nonlinearRegression } from "../../experiments/nonlinearRegression.ts";
import {
  displacedBump,
  displacedTanhRegression,
  noisyBump,
  TANH_START,
  tanhRegression,
} from "../../models/index.ts";
import { describeWithDevice } from "../gpu.ts";
import { stateError, twins } from "../twins.ts";

const agrees = ({ estimate, systematic }: Quantity, value: number) =>
  Math.abs(estimate.value - value) <= 4 * estimate.standardError + systematic;

describeWithDevice("nonlinear-regression", "software", (device) => {
  const run = (given: Record<string, unknown>, context: Partial<RunContext> = {}) =>
    nonlinearRegression.run(nonlinearRegression.parameters.parse(given), {
      device: device(),
      seed: 2,
      quick: true,
      ...context,
    });
  const named = (quantities: readonly Quantity[], name: string): Quantity =>
    quantities.find((quantity) => quantity.name === name)!;

  test("displacements of 1e-6 keep their digits over an epoch", async () => {
    const { theta } = minimize(tanhRegression(1e-3), noisyBump(), { start: TANH_START });
    const options = {
      model: displacedTanhRegression(1e-3, theta),
      data: displacedBump(theta),
      sampling: "reshuffled" as const,
      update: sgd({ learningRate: 1e-7, batchSize: 10 }),
      replicas: 3,
      seed: 5,
      initial: fixed([1e-6, -2e-6, 1e-6, 3e-6, -1e-6, 2e-6, -3e-6]),
    };
    await using ensemble = await createEnsemble(device(), options);
    await ensemble.advance({ steps: 20 });
    const state = await ensemble.state();
    // Rounding of the samples' gradients, 1e-7 of |g| ~ 3·10³, over 20 steps of rate 1e-7: 1e-10.
    expect(stateError(state, twins(options, { steps: 20 }))).toBeLessThan(1e-3);
  });

  test("fresh batches: all agree; 10 % more rate would not, nor a current reversed", async () => {
    const given = { sampling: ["distinct"], replicas: 512, burnIn: 100, steps: 3000 };
    const { quantities, figures, warnings } = await run(given);
    for (const quantity of quantities) {
      if (quantity.predicted === null) continue;
      expect(agrees(quantity, quantity.predicted), quantity.name).toBe(true);
    }
    expect(named(quantities, "slope of ln p(sigma)/p(-sigma)").predicted).toBeNull();
    const variance = named(quantities, "cov(w7,w7)");
    expect(agrees(variance, 1.1 * variance.predicted!)).toBe(false);
    expect(agrees(named(quantities, "<sigma>"), -named(quantities, "<sigma>").predicted!)).toBe(
      false,
    );
    expect(named(quantities, "correlation of areas").estimate.value).toBeGreaterThan(0.9);
    expect(figures.map(({ id }) => id)).toEqual([
      ...["areas", "covariance", "shift", "integral", "detailed"],
    ]);
    expect(warnings.join()).toMatch(/distinct: <sigma> is .* of the linear theory's/);
  });

  test("epochs: mean and covariance of third order, not those of fresh batches", async () => {
    const given = { sampling: ["reshuffled"], replicas: 128, burnIn: 15_000, steps: 4000 };
    const { quantities } = await run({ ...given, learningRate: 8e-7 });
    for (const quantity of quantities) {
      if (quantity.predicted === null) continue;
      expect(agrees(quantity, quantity.predicted), quantity.name).toBe(true);
    }
    const variance = named(quantities, "cov(w5,w5)");
    // η³: 10 % more rate is 33 % more variance; fresh batches have a hundred times as much.
    expect(agrees(variance, 1.1 ** 3 * variance.predicted!)).toBe(false);
    expect(variance.predicted!).toBeLessThan(1e-7);
    const share = named(quantities, "shift along its prediction");
    expect(agrees(share, 1.1)).toBe(false);
    expect(agrees(share, 0)).toBe(false);
    expect(named(quantities, "<sigma>").predicted).toBeNull();
  });

  test("large rates have no predictions and say why, unstable ones are reported", async () => {
    const given = { replicas: 20, burnIn: 0, steps: 400, learningRate: 5e-6 };
    const { quantities, warnings } = await run(given);
    expect(quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(warnings.join()).toContain("distinct: no prediction: at learningRate 0.000005");
    expect(warnings.join()).toContain("reshuffled: no prediction: an epoch at learningRate");
    const beyond = await run({ ...given, sampling: ["distinct"], learningRate: 1e-4 });
    expect(beyond.quantities.every(({ predicted }) => predicted === null)).toBe(true);
  });

  test("a run that was cut short goes on to the same result", async () => {
    const given = { replicas: 64, burnIn: 220, steps: 440 };
    const whole = await run(given);
    const abort = new AbortController();
    let bytes: Uint8Array | undefined;
    const cut = run(given, {
      signal: abort.signal,
      onCheckpoint: (saved) => {
        bytes = saved;
      },
      onProgress: ({ phase }) => {
        if (phase === "reshuffled: observe") abort.abort(new Error("cut"));
      },
    });
    await expect(cut).rejects.toThrow("cut");
    const resumed = await run(given, { resume: bytes! });
    expect(resumed.quantities).toEqual(whole.quantities);
  });

  test("bad input is one sentence", async () => {
    await expect(run({ batchSize: 30 })).rejects.toThrow(
      "batchSize: 30 does not divide the 200 samples, so there are no epochs of whole batches; give a " +
        "divisor, or sampling=distinct.",
    );
    await expect(run({ windows: [2] })).rejects.toThrow("windows: the entropy of single steps");
    await expect(run({ sampling: ["distinct", "distinct"] })).rejects.toThrow("stands there twice");
  });
});
