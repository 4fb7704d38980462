/**
 * Experiment universal-alignment (card 2D) run small: SGD aligns as leading order says, gradient descent
 * and decay do not; wrong predictions must be seen.
 */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { contrastQuantities } from "../../experiments/universalAlignment/card.ts";
import { universalAlignment } from "../../experiments/universalAlignment.ts";
import { describeWithDevice } from "../gpu.ts";

type Parameters = z.input<typeof universalAlignment.parameters>;

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

describeWithDevice("universal-alignment", "software", (device) => {
  const run = (given: Parameters, seed = 4): Promise<ExperimentResult> =>
    universalAlignment.run(universalAlignment.parameters.parse(given), {
      device: device(),
      seed,
      quick: false,
    });
  const of = ({ quantities }: ExperimentResult, name: string, method: string): Quantity =>
    quantities.filter((q) => q.name === name && q.condition.method === method).at(-1)!;

  test("SGD aligns nets with different views, descent and decay do not", async () => {
    const result = await run({
      learningRates: [0.01, 0.003, 0.001],
      phaseSteps: [20_000, 8000, 4000],
      replicas: 20,
      flowTime: 50,
    });
    const predicted = result.quantities.filter((q) => q.predicted !== null);
    expect(predicted.length).toBeGreaterThanOrEqual(5);
    for (const quantity of predicted) {
      const label = `${quantity.name} ${JSON.stringify(quantity.condition)}`;
      expect(misfit(quantity, quantity.predicted!), label).toBeLessThanOrEqual(1);
    }
    const sgd = of(result, "CKA, A-B", "SGD");
    expect(sgd.predicted).not.toBeNull();
    expect(sgd.estimate.value).toBeGreaterThan(0.99);
    expect(misfit(sgd, 1 - 2 * (1 - sgd.predicted!)), "twice the deficit").toBeGreaterThan(1);
    for (const method of ["GD", "GD + decay"]) {
      const other = of(result, "CKA, A-B", method);
      expect(other.estimate.value + 2 * other.estimate.standardError, method).toBeLessThan(0.9);
      expect(misfit(other, sgd.predicted!), method).toBeGreaterThan(1);
      const residual = of(result, "balance residual²", method).estimate.value;
      expect(residual).toBeGreaterThan(5 * of(result, "balance residual²", "SGD").estimate.value);
    }
    const flow = result.quantities.at(-1)!;
    expect(flow.name).toBe("CKA, A-B, entropic flow");
    expect(1 - flow.estimate.value).toBeLessThan(1e-4);
    expect(result.figures.map(({ id }) => id)).toEqual([
      "course",
      "deficit",
      "pairs-sgd",
      "pairs-gd",
    ]);
  });

  test("deeper nets are measured layer by layer, without a claim", async () => {
    const { quantities, warnings } = await run({
      widthsA: [3, 4],
      widthsB: [4, 3],
      learningRates: [0.01],
      phaseSteps: [200],
      replicas: 4,
    });
    expect(warnings.join("\n")).toMatch(/known for one hidden layer, these nets have 2/);
    const layers = quantities.filter((q) => q.name === "CKA, A-B" && q.condition.method === "GD");
    expect(layers.map(({ condition }) => condition.layer)).toEqual([1, 2]);
    expect(quantities.every(({ predicted }) => predicted === null)).toBe(true);
  });

  test("short and fast runs claim nothing; bad input", async () => {
    const short = await run({ learningRates: [0.01], phaseSteps: [50], replicas: 4 });
    const claims = short.quantities.filter((q) => q.predicted !== null);
    expect(claims.filter(({ name }) => name !== "CKA, A-B, entropic flow")).toEqual([]);
    expect(short.warnings.join("\n")).toMatch(/no prediction of CKA after phase 1/);
    await expect(run({ learningRates: [0.1] })).rejects.toThrow("phaseSteps: 4 values for 1");
    await expect(run({ widthsA: [2] })).rejects.toThrow("a layer of 2 units cannot pass on 3");
    await expect(run({ widthsA: [3, 3] })).rejects.toThrow("widthsB: 1 hidden layers");
  });
});

describe("the card's contrast", () => {
  const card = universalAlignment.parameters.parse({});
  const ends = (alignments: Record<string, number>): Quantity[] =>
    Object.entries(alignments).map(([method, value]) => ({
      name: "CKA, A-B",
      condition: { method, phase: 4 },
      estimate: { value, standardError: 0.001, n: 24, method: "", warnings: [] },
      unit: "1",
      predicted: null,
      systematic: 0,
    }));
  const missing = (alignments: Record<string, number>): number[] =>
    contrastQuantities(card, ends(alignments)).map(({ estimate }) => estimate.value);

  test("what is missing to it is 0 where it holds, and seen where it does not", () => {
    expect(missing({ SGD: 0.998, GD: 0.72, "GD + decay": 0.86 })).toEqual([0, 0, 0]);
    const [sgd, descent, decay] = missing({ SGD: 0.95, GD: 0.97, "GD + decay": 0.91 });
    expect(sgd).toBeCloseTo(0.04, 12);
    expect(descent).toBeCloseTo(0.07, 12);
    expect(decay).toBeCloseTo(0.01, 12);
  });

  test("is claimed at the card's settings only", () => {
    const alignments = ends({ SGD: 0.998, GD: 0.72, "GD + decay": 0.86 });
    expect(contrastQuantities({ ...card, replicas: 40 }, alignments)).toHaveLength(3);
    expect(contrastQuantities({ ...card, widthsA: [4] }, alignments)).toEqual([]);
  });
});

describe("parameters", () => {
  test.each<[unknown, string]>([
    [{ singularValues: [0] }, "singularValues"],
    [{ labelNoise: 0 }, "labelNoise"],
    [{ probes: 3 }, "probes"],
    [{ replicas: 1 }, "replicas"],
  ])("%o is refused", (given, name) => {
    const { error } = universalAlignment.parameters.safeParse(given);
    expect(error?.issues[0]?.path[0]).toBe(name);
  });
});
