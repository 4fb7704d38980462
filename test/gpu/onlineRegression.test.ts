/**
 * Experiment `online-regression` (card B2) run small: every prediction within 4 standard errors, the
 * formulas for additive noise and for the isotropic limit missed, refusals where theory ends.
 *
 * Fixed seeds; about 40 comparisons at 4 standard errors: false alarm 3e-3 for fresh ones.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { ExperimentResult, Quantity, RunContext } from "../../experiments/experiment.ts";
import { onlineRegression } from "../../experiments/onlineRegression.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof onlineRegression.parameters>;

const named = (result: ExperimentResult, name: string, learningRate: number): Quantity =>
  result.quantities.find((q) => q.name === name && q.condition.learningRate === learningRate)!;

/** |estimate − value| in standard errors, the systematic bound taken off. */
const distance = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.max(0, Math.abs(estimate.value - value) - systematic) / estimate.standardError;

describeWithDevice("online-regression", "software", (device) => {
  const run = (given: Parameters, context: Partial<RunContext> = {}): Promise<ExperimentResult> =>
    onlineRegression.run(onlineRegression.parameters.parse(given), {
      device: device(),
      seed: 7,
      quick: false,
      ...context,
    });

  test.each<Parameters>([
    { replicas: 600, steps: 800 },
    {
      learningRate: [0.3],
      momentum: 0,
      inputVariances: [2, 0.5, 0.2],
      batchSize: 3,
      weightDecay: 0.2,
      labelNoise: 0.3,
      replicas: 600,
      steps: 400,
    },
    { learningRate: [0.02], batchSize: 1, inputVariances: [1], replicas: 600, steps: 600 },
  ])("agrees with the exact moments: %o", async (given) => {
    const { quantities, warnings, figures } = await run(given);
    const predicted = quantities.filter((q) => q.predicted !== null);
    expect(predicted.length).toBeGreaterThanOrEqual(3);
    for (const quantity of predicted) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      expect(distance(quantity, quantity.predicted!), label).toBeLessThanOrEqual(4);
    }
    const variances = predicted.filter((q) => q.name.startsWith("var(v"));
    const wrong = variances.filter((q) => distance(q, 1.1 * q.predicted!) > 4);
    expect(wrong, "negative control: 10 % are seen").toEqual(variances);
    expect(warnings).toEqual([]);
    expect(figures.map(({ id }) => id)).toEqual(["comparison", "spectrum", "learning-rate"]);
  });

  test("formulas that neglect the noise's dependence on theta miss", async () => {
    const result = await run({ learningRate: [0.1], replicas: 1500, steps: 1000 });
    for (const formula of ["additive", "isotropic"]) {
      const ratio = named(result, `var(theta[0]) over ${formula} formula`, 0.1);
      expect(ratio.predicted).toBeNull();
      expect(distance(ratio, 1), formula).toBeGreaterThan(8);
    }
    // Ten times the curvature, and almost the same variance.
    const isotropy = named(result, "var(theta[0])/var(theta[1])", 0.1);
    expect(Math.abs(isotropy.estimate.value - 1.055)).toBeLessThan(0.05);
  });

  test("says where no theory holds, and finishes", async () => {
    const { quantities, warnings } = await run({
      learningRate: [0.1, 0.8, 1, 3],
      replicas: 50,
      steps: 100,
      burnIn: 100,
    });
    expect(warnings[0]).toMatch(
      /^rare bursts at learning rate 0\.8: .* 0\.9968\d* .* 0\.9636\d*, /,
    );
    expect(warnings[1]).toMatch(/^no comparison at learning rate 1: .* no standard error/);
    expect(warnings[2]).toMatch(/^no prediction: .* grow by \S+ per step at learningRate 3/);
    expect(warnings[3]).toMatch(/replicas left/);
    const rates = quantities.flatMap((q) =>
      q.predicted === null ? [] : [q.condition.learningRate],
    );
    expect([...new Set(rates)]).toEqual([0.1, 0.8]);
    expect(rates).toHaveLength(14);
  });

  test("claims nothing of what the start still holds, each rate by its own relaxation", async () => {
    const given = { learningRate: [0.1, 0.001], replicas: 50, steps: 100, burnIn: 200 };
    const { quantities, warnings } = await run(given);
    const rates = quantities.flatMap((q) =>
      q.predicted === null ? [] : [q.condition.learningRate],
    );
    expect([...new Set(rates)]).toEqual([0.1]);
    expect(warnings.join()).toMatch(/^learning rate 0\.001: no prediction: after a burn-in of 200/);
  });

  test("compares nothing by the scatter of three replicas", async () => {
    const { quantities, warnings } = await run({ replicas: 3, steps: 100 });
    expect(quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(warnings.join()).toMatch(/3 replicas say too little/);
  });

  test("an interrupted run goes on bitwise", async () => {
    const given: Parameters = { replicas: 2000, steps: 900, burnIn: 900 };
    const whole = await run(given);
    const abort = new AbortController();
    let bytes: Uint8Array | undefined;
    const cut = run(given, {
      signal: abort.signal,
      onProgress: ({ fraction }) => {
        if (fraction > 0.4) abort.abort(new Error("enough"));
      },
      onCheckpoint: (given) => {
        bytes = given;
      },
    });
    await expect(cut).rejects.toThrow("enough");
    const resumed = await run(given, { resume: bytes! });
    expect(resumed.quantities).toEqual(whole.quantities);
  });
});

describe("parameters", () => {
  test.each<[unknown, string]>([
    [{ learningRate: [] }, "learningRate"],
    [{ learningRate: [0] }, "learningRate"],
    [{ learningRate: [0.1, 0.02, 0.1] }, "learningRate"],
    [{ steps: 0 }, "steps"],
    [{ replicas: 2e6 }, "replicas"],
    [{ inputVariances: [1, -1] }, "inputVariances"],
    [{ momentum: 1 }, "momentum"],
    [{ labelNoise: 0 }, "labelNoise"],
    [{ batchSize: 0.5 }, "batchSize"],
  ])("%o is refused", (given, name) => {
    const { error } = onlineRegression.parameters.safeParse(given);
    expect(error?.issues[0]?.path[0]).toBe(name);
  });
});
