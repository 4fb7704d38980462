/**
 * Experiments gradient-balance (card 2C) and decay-balance (card 2E) run small: predictions within 4
 * standard errors and their bounds, and exact balances of single runs; wrong ones must be seen.
 */
import { describe, expect, test } from "vitest";
import { decayBalance } from "../../experiments/decayBalance.ts";
import type {
  Experiment,
  ExperimentResult,
  Quantity,
  RunContext,
} from "../../experiments/experiment.ts";
import { gradientBalance } from "../../experiments/gradientBalance.ts";
import { describeWithDevice } from "../gpu.ts";

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

function agrees({ quantities }: ExperimentResult): Quantity[] {
  const predicted = quantities.filter((q) => q.predicted !== null);
  for (const quantity of predicted) {
    const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
    expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
  }
  return predicted;
}

describeWithDevice("balance of layers", "software", (device) => {
  const run = (
    experiment: unknown,
    given: object,
    context: Partial<RunContext> = {},
  ): Promise<ExperimentResult> => {
    const { parameters, run } = experiment as Experiment;
    return run(parameters.parse(given), { device: device(), seed: 3, quick: false, ...context });
  };

  test.each([
    { labelNoise: [0.3], otherNoise: [0.3], learningRates: [0.02, 0.01], replicas: 64 },
    {
      inputs: 2,
      outputs: 3,
      signal: 0.7,
      labelNoise: [0.4],
      otherNoise: [0.9],
      learningRates: [0.01, 0.006],
      replicas: 64,
    },
  ])("gradients balance, and fix the layers: %o", async (given) => {
    const result = await run(gradientBalance, given);
    const predicted = agrees(result);
    expect(predicted).toHaveLength(10);
    expect(result.warnings).toEqual([]);
    for (const q of predicted.filter(({ name }) => name.endsWith("telescoped"))) {
      expect(q.estimate.standardError).toBeLessThan(1e-5);
      expect(misfit(q, 1.01), "1 % is seen").toBeGreaterThan(1);
    }
    for (const q of predicted.filter(({ name }) => name.startsWith("|w|²/|u|²"))) {
      expect(misfit(q, 1.3 * q.predicted!), "negative control").toBeGreaterThan(1);
    }
    const ids = result.figures.map(({ id }) => id);
    expect(ids).toEqual(["ratio", "sharpness", "comparison"]);
  });

  test("a start far away is in the bounds, and relaxes", async () => {
    const given = { labelNoise: [0.5], otherNoise: [0.5], learningRates: [0.02], replicas: 32 };
    const far = await run(gradientBalance, { ...given, start: 3, burnIn: 16, steps: 200 });
    agrees(far);
    const ratio = (result: ExperimentResult) => result.quantities[0]!;
    expect(ratio(far).estimate.value).toBeGreaterThan(2);
    expect(ratio(far).systematic).toBeGreaterThan(1);
    const relaxed = await run(gradientBalance, { ...given, start: 3, burnIn: 6000, steps: 3000 });
    agrees(relaxed);
    expect(ratio(relaxed).estimate.value).toBeLessThan(1.2);
  });

  test("decay takes what gradients add", async () => {
    const given = { learningRates: [0.02, 0.01], replicas: 64, steps: 6000, burnIn: 4000 };
    const result = await run(decayBalance, given);
    const predicted = agrees(result);
    expect(predicted).toHaveLength(4);
    for (const q of predicted.filter(({ name }) => name.endsWith("telescoped"))) {
      expect(misfit(q, 1.01), "1 % is seen").toBeGreaterThan(1);
    }
    // Between decay alone, 1, and noise alone, 19.
    const ratios = result.quantities.filter(({ name }) => name === "|w|²/|u|²");
    for (const { estimate } of ratios) {
      expect(estimate.value).toBeGreaterThan(1.5);
      expect(estimate.value).toBeLessThan(6);
    }
  });

  test("nothing is claimed of a collapse, or beyond the first order", async () => {
    const none = await run(decayBalance, {
      weightDecay: 4,
      learningRates: [0.05],
      replicas: 8,
      burnIn: 400,
      steps: 100,
    });
    expect(none.quantities.map(({ predicted }) => predicted)).toEqual([null, null, null, null]);
    expect(none.warnings.join()).toMatch(/weight decay 4 has taken u and w to 0/);
    const coarse = await run(gradientBalance, {
      labelNoise: [0.1],
      otherNoise: [0.5],
      learningRates: [0.03],
      replicas: 8,
      burnIn: 400,
      steps: 100,
    });
    expect(coarse.quantities[0]!.predicted).toBeNull();
    expect(coarse.warnings.join()).toMatch(/no prediction of the ratio for noise 0\.1, 0\.5/);
  });

  test("an interrupted run goes on bitwise", async () => {
    const given = {
      labelNoise: [0.5],
      otherNoise: [0.3],
      learningRates: [0.03, 0.02],
      replicas: 64,
    };
    const whole = await run(gradientBalance, given);
    const abort = new AbortController();
    let bytes: Uint8Array | undefined;
    const cut = run(gradientBalance, given, {
      signal: abort.signal,
      onProgress: ({ fraction }) => {
        if (fraction > 0.5) abort.abort(new Error("enough"));
      },
      onCheckpoint: (taken) => {
        bytes = taken;
      },
    });
    await expect(cut).rejects.toThrow("enough");
    const resumed = await run(gradientBalance, given, { resume: bytes! });
    expect(resumed.quantities).toEqual(whole.quantities);
  });

  test("bad input", async () => {
    await expect(run(gradientBalance, { labelNoise: [0.1] })).rejects.toThrow(
      "otherNoise: 3 values for 1 of labelNoise",
    );
    await expect(run(gradientBalance, { learningRates: [1e-5] })).rejects.toThrow(
      /slowest relaxation takes/,
    );
    await expect(run(decayBalance, { learningRates: [0.1, 0.1] })).rejects.toThrow(
      "stands there twice",
    );
  });
});

describe("parameters", () => {
  test.each<[Experiment, unknown, string]>([
    [gradientBalance as unknown as Experiment, { outputs: 1 }, "outputs"],
    [gradientBalance as unknown as Experiment, { labelNoise: [0] }, "labelNoise"],
    [gradientBalance as unknown as Experiment, { start: -1 }, "start"],
    [decayBalance as unknown as Experiment, { weightDecay: 0 }, "weightDecay"],
  ])("%# is refused", (experiment, given, name) => {
    const { error } = experiment.parameters.safeParse(given);
    expect(error?.issues[0]?.path[0]).toBe(name);
  });
});
