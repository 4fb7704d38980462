/**
 * Experiment additive-noise with small settings: every quantity agrees with its exact value; with
 * the continuous theory, or with the trajectories' entropy under a wrong form, it would not.
 */
import { expect, test } from "vitest";
import { entropyMoments, integralFluctuation, mean, SIGMA } from "../../analysis/index.ts";
import { entropyProduction } from "../../engine/observe/entropyProduction.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { gaussianAt } from "../../engine/start/gaussianAt.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { additiveNoise } from "../../experiments/additiveNoise.ts";
import type { Quantity, RunContext } from "../../experiments/experiment.ts";
import { quadraticModes } from "../../models/quadraticModes.ts";
import { additiveNoise as theory } from "../../models/theory/index.ts";
import { describeWithDevice } from "../gpu.ts";

const agrees = ({ estimate, predicted, systematic }: Quantity, value = predicted) =>
  Math.abs(estimate.value - value!) <= 4 * estimate.standardError + systematic;

describeWithDevice("additive-noise", "software", (device) => {
  const run = (given: Record<string, unknown>, context: Partial<RunContext> = {}) =>
    additiveNoise.run(additiveNoise.parameters.parse(given), {
      device: device(),
      seed: 2,
      quick: true,
      ...context,
    });

  test("at a large rate: exact values hold, the continuous theory fails", async () => {
    const given = { learningRates: [0.6], replicas: 4000, steps: 300 };
    const { quantities, warnings } = await run(given);
    expect(quantities).toHaveLength(9);
    for (const quantity of quantities) {
      expect(quantity.predicted, quantity.name).not.toBeNull();
      expect(agrees(quantity), quantity.name).toBe(true);
      expect(quantity.systematic).toBeLessThan(quantity.estimate.standardError);
    }
    // ηh = 0.825: variances miss 1/(1 − ηh/2) and more.
    const sigma = quantities.find(({ name }) => name === "<sigma>")!;
    expect(agrees(sigma, 0.6 * 0.018105)).toBe(false);
    expect(warnings.join()).toMatch(/continuous theory.*misses cov\(0,0\).*<sigma>/);
    // Negative control: the values of a rate that is 10 % off.
    const other = await run({ ...given, learningRates: [0.66], replicas: 20, steps: 11 });
    for (const name of ["cov(0,0)", "<sigma>"]) {
      const pick = (all: readonly Quantity[]) => all.find((quantity) => quantity.name === name)!;
      expect(agrees(pick(quantities), pick(other.quantities).predicted!), name).toBe(false);
    }
  });

  test("wrong forms of σ are seen in trajectories of the device", async () => {
    const problem = {
      hessian: [
        [2, 0],
        [0, 0.4],
      ],
      noiseCovariance: [
        [1, 0.4],
        [0.4, 1],
      ],
      learningRate: 0.2,
    };
    const exact = theory(problem);
    const { form } = exact.continuous;
    const of = (Q: typeof form) => entropyProduction({ center: [0, 0], form: Q, windows: [1, 10] });
    await using ensemble = await createEnsemble(device(), {
      ...quadraticModes([2, 0.4]),
      sampling: "fullBatch",
      update: sgd({ learningRate: 0.2, gradientNoise: 1 }),
      noiseCovariance: problem.noiseCovariance,
      replicas: 1000,
      seed: 4,
      initial: gaussianAt({ covariance: exact.covariance }),
      observables: {
        right: of(form),
        transposed: of(form.map((_, i) => form.map((row) => row[i]!))),
        slower: of(form.map((row) => row.map((q) => q / 1.1))),
      },
    });
    const { right, transposed, slower } = await ensemble.observe({ steps: 201 });
    const z = (sigma: typeof right, window: number) => {
      const { value, standardError } = integralFluctuation(entropyMoments(sigma, { window }));
      return Math.abs(value - 1) / standardError;
    };
    expect(z(right, 1)).toBeLessThan(4);
    expect(z(right, 10)).toBeLessThan(4);
    const { value, standardError } = mean(entropyMoments(right), { i: SIGMA });
    expect(Math.abs(value - exact.entropyProduction)).toBeLessThan(4 * standardError);
    for (const wrong of [transposed, slower]) {
      expect(z(wrong, 1)).toBeGreaterThan(4);
      expect(z(wrong, 10)).toBeGreaterThan(4);
    }
  });

  test("near and beyond instability: theorems while they can be tested, else no prediction", async () => {
    const { quantities, warnings } = await run({
      learningRates: [1.43, 1.5],
      replicas: 200,
      steps: 400,
      burnIn: 0,
    });
    const named = (rate: number) =>
      quantities.filter(({ condition }) => condition.learningRate === rate);
    for (const quantity of named(1.43)) {
      if (quantity.predicted !== null) expect(agrees(quantity), quantity.name).toBe(true);
    }
    const stretch = named(1.43).find(({ name }) => name.includes("10 steps"))!;
    expect(stretch.predicted).toBeNull();
    expect(warnings.join()).toContain("too rare to be among them");
    expect(
      named(1.5)
        .slice(0, 5)
        .every(({ predicted }) => predicted === null),
    ).toBe(true);
    expect(warnings.join()).toContain("no stationary state exists");
  });

  test("a run that was cut short goes on to the same result", async () => {
    const given = { learningRates: [0.1, 0.4], replicas: 50, steps: 110, burnIn: 20 };
    const whole = await run(given);
    const abort = new AbortController();
    let bytes: Uint8Array | undefined;
    const cut = run(given, {
      signal: abort.signal,
      onCheckpoint: (saved) => {
        bytes = saved;
      },
      onProgress: ({ phase }) => {
        if (phase === "learning rate 0.4: observe") abort.abort(new Error("cut"));
      },
    });
    await expect(cut).rejects.toThrow("cut");
    const resumed = await run(given, { resume: bytes! });
    expect(resumed.quantities).toEqual(whole.quantities);
  });

  test("refuses batches without noise and rates that stand twice", async () => {
    await expect(run({ batchSize: 16 })).rejects.toThrow(
      "batchSize: 16 distinct samples of 16 have no noise; use a smaller one, or " +
        "sampling=withReplacement.",
    );
    await expect(run({ learningRates: [0.1, 0.1] })).rejects.toThrow("stands there twice");
  });
});
