/**
 * Experiment anomalous-diffusion (card B4) run small: predictions within 4 standard errors and their
 * bounds at several settings, ordinary diffusion excluded, refusals in words.
 */
import { expect, test } from "vitest";
import { plan } from "../../experiments/anomalousDiffusion/settings.ts";
import { anomalousDiffusion } from "../../experiments/anomalousDiffusion.ts";
import type { Experiment, Quantity } from "../../experiments/experiment.ts";
import { describeWithDevice } from "../gpu.ts";

const { parameters } = anomalousDiffusion as unknown as Experiment;
const settings = (given: object) => anomalousDiffusion.parameters.parse(given);

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("anomalous-diffusion", "software", (device) => {
  const run = (given: object, seed = 3) =>
    anomalousDiffusion.run(settings(given), { device: device(), seed, quick: false });

  test.each([
    [{ modes: 30, lags: [3, 10, 100, 300], replicas: 200 }, 6],
    [
      {
        modes: 20,
        momentum: 0,
        learningRate: 0.1,
        spectrumExponent: 4,
        noiseExponent: 1.3,
        lags: [1, 10, 100],
        replicas: 200,
      },
      5,
    ],
    [{ modes: 1, learningRate: 1.9, momentum: 0, lags: [1, 2, 3, 40], replicas: 400 }, 6],
    [{ modes: 12, weightDecay: 0.2, noiseExponent: 0, lags: [2, 30], replicas: 200 }, 4],
  ])("%o agrees", async (given, count) => {
    const { quantities, figures } = await run(given);
    const predicted = quantities.filter((q) => q.predicted !== null);
    expect(predicted).toHaveLength(count);
    for (const q of predicted) {
      const name = `${q.name} ${JSON.stringify(q.condition)}`;
      expect(misfit(q, q.predicted!), name).toBeLessThanOrEqual(1);
      // A bound that no standard error can be seen beside would agree with anything.
      expect(q.systematic, name).toBeLessThan(0.2 * q.estimate.standardError);
    }
    // Negative control: a learning rate 10 % off is seen in the steps.
    const step = predicted.find(({ name }) => name === "mean square of a step")!;
    expect(misfit(step, 1.21 * step.predicted!)).toBeGreaterThan(1);
    expect(figures.map(({ id }) => id)).toEqual(["displacement", "local-slope"]);
  });

  test("the exponent is not that of ordinary diffusion", async () => {
    const { quantities, figures, warnings } = await run({
      modes: 60,
      momentum: 0,
      learningRate: 0.5,
      lags: [10, 500],
      replicas: 100,
    });
    const exponent = quantities.find(({ name }) => name === "exponent")!;
    expect(exponent.predicted).toBeGreaterThan(0.45);
    expect(exponent.predicted).toBeLessThan(0.6);
    expect(misfit(exponent, exponent.predicted!)).toBeLessThanOrEqual(1);
    expect(misfit(exponent, 1)).toBeGreaterThan(1);
    expect(figures[0]!.caption).toMatch(/errors below ordinary diffusion's 1/);
    expect(warnings.join()).not.toMatch(/effective slope/);
  });

  test("too few replicas, no stationary state: measured without predictions", async () => {
    const few = await run({ modes: 5, lags: [1, 10], replicas: 9 });
    expect(few.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(few.warnings.join()).toMatch(/9 replicas say too little/);
    const single = await run({ modes: 5, lags: [1], replicas: 9 });
    expect(single.warnings.join()).toMatch(/no exponent: lag 1 is the only one that is observed/);
    const unstable = await run({ modes: 3, learningRate: 5, lags: [1, 100], replicas: 20 });
    expect(unstable.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(unstable.warnings.join()).toMatch(/no prediction: heavyBallMode: unstable/);
    expect(unstable.warnings.join()).toMatch(/replicas left/);
  });
});

test("the window is well inside the power law, or the warning says why not", () => {
  const wide = plan(settings({}));
  // Five times what momentum is remembered, −2/ln β.
  expect(wide.window.from).toBeCloseTo(94.9, 1);
  expect(wide.window.to).toBe(10_000);
  expect(wide.warnings).toEqual([]);
  expect(wide.steps).toBe(15_001);
  const narrow = plan(settings({ modes: 5, lags: [1, 1000] }));
  expect(narrow.warnings.join()).toMatch(
    /effective slope only: the power law's range, lags 2 to 50,/,
  );
  expect(plan(settings({ noiseExponent: 2 })).warnings.join()).toMatch(/no power law is left/);
  expect(plan(settings({ weightDecay: 1 })).warnings.join()).toMatch(/weight decay ends/);
});

test("bad input in one sentence", () => {
  expect(() => plan(settings({ fitFrom: 500, fitTo: 600 }))).toThrow(
    "fitFrom, fitTo: 1 of the observed lags, 1 to 10000, are from 500 to 600, a slope needs 4",
  );
  expect(() => plan(settings({ fitFrom: 600, fitTo: 500 }))).toThrow(
    "fitFrom, fitTo: a slope from lag 600 to 500; give fitFrom below fitTo, or longer lags.",
  );
  expect(() => plan(settings({ lags: [1e6], origins: 64, spacing: 1e5 }))).toThrow(
    "more than 4000000",
  );
  expect(() => plan(settings({ lags: [3, 3] }))).toThrow("lags: 3 stands there twice");
  for (const [given, name] of [
    [{ modes: 501 }, "modes"],
    [{ momentum: 1 }, "momentum"],
    [{ lags: [0] }, "lags"],
    [{ spectrumExponent: 0 }, "spectrumExponent"],
  ] as const) {
    expect(parameters.safeParse(given).error?.issues[0]?.path[0]).toBe(name);
  }
});
