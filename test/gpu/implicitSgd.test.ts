/**
 * Implicit steps on the device: the equation they solve in float64, what is counted where they do
 * not, and the experiment of card 4E.
 *
 * The twin's comparison over 50 steps is in `dynamics.test.ts`.
 */
import { expect, test } from "vitest";
import { fixed, gaussian } from "../../engine/initial.ts";
import { defineModel, type Model } from "../../engine/model.ts";
import { series } from "../../engine/observe/series.ts";
import { op } from "../../engine/ops/index.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { merge } from "../../engine/run/merge.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { unsolvedSteps } from "../../engine/run/unsolved.ts";
import { implicitSgd } from "../../engine/update/implicitSgd.ts";
import type { Quantity } from "../../experiments/experiment.ts";
import { implicitSgd as experiment } from "../../experiments/implicitSgd.ts";
import { network, softmaxClassifier } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { inFloat64, sampleData } from "../parity.ts";

const REPLICAS = 8;
const DECAY = 0.05;

/** ½ a²·θ² + ¼ Σ θ⁴ in three dimensions: convex, far from quadratic at large steps. */
const quartic = defineModel({
  name: "quartic",
  params: { w: [3] },
  sample: { a: [3] },
  loss: ({ w }, { a }) => {
    const square = op.square(w);
    return op.add(
      op.scale(op.dot(op.square(a), square), 0.5),
      op.scale(op.sum(op.square(square)), 0.25),
    );
  },
});

const options = (model: Model, learningRate: number, change: Partial<EnsembleOptions> = {}) => ({
  model,
  data: sampleData(model, 12, 3),
  update: implicitSgd({ learningRate, weightDecay: DECAY }),
  sampling: "fullBatch" as const,
  replicas: REPLICAS,
  seed: 5,
  initial: gaussian({ standardDeviation: 1 }),
  ...change,
});

describeWithDevice("implicit SGD", "software", (device) => {
  /** |θ' − θ + ηG(θ')| / |ηG(θ)| of one step in float64, and whether the device calls it solved. */
  async function residuals(given: EnsembleOptions, learningRate: number) {
    await using ensemble = await createEnsemble(device(), given);
    const count = given.model.parameterCount;
    const rows = async (): Promise<Float64Array[]> => {
      const { data } = (await ensemble.state()).theta;
      return Array.from({ length: REPLICAS }, (_, r) =>
        Float64Array.from(data.subarray(r * count, (r + 1) * count)),
      );
    };
    const before = await rows();
    await ensemble.advance({ steps: 1 });
    const after = await rows();
    const unsolved = await ensemble.unsolved();
    const gradient = (theta: Float64Array): number[] =>
      inFloat64(given.model, given.data, theta)
        .blocks.flatMap((block) => [...block])
        .map((g, p) => g + DECAY * theta[p]!);
    return after.map((y, r) => {
      const theta = before[r]!;
      const at = gradient(y);
      const explicit = learningRate * Math.hypot(...gradient(theta));
      const residual = Math.hypot(...at.map((g, p) => y[p]! - theta[p]! + learningRate * g));
      // Rounding of θ', times what r amplifies it by: as the step was short, 1 + η|H| <= 1 + η 100.
      const rounding = 2 ** -22 * Math.hypot(...y) * (1 + 100 * learningRate);
      return { error: residual / explicit, slack: rounding / explicit, solved: unsolved![r] === 0 };
    });
  }

  const cases: [string, Model, number][] = [
    ["quartic", quartic, 0.01],
    ["quartic", quartic, 3],
    ["softmax", softmaxClassifier(2, 2), 0.5],
    ["softmax", softmaxClassifier(2, 2), 50],
    ["network with negative curvature", network(2, 3), 1],
  ];
  test.each(cases)("%s: θ' solves its equation in float64 (%#)", async (_name, model, rate) => {
    const steps = await residuals(options(model, rate), rate);
    const solved = steps.filter((step) => step.solved);
    // Convex losses are always solved, the network in most replicas.
    expect(solved.length).toBeGreaterThanOrEqual(model.name.startsWith("MLP") ? 4 : REPLICAS);
    for (const { error, slack } of solved) expect(error).toBeLessThanOrEqual(1e-5 + slack);
  });

  test("negative control: one Newton iteration is not enough, and is counted", async () => {
    const update = implicitSgd({ learningRate: 3, weightDecay: DECAY, newtonSteps: 1 });
    const steps = await residuals(options(quartic, 3, { update }), 3);
    expect(steps.filter(({ solved }) => solved)).toEqual([]);
    for (const { error, slack } of steps) expect(error).toBeGreaterThan(100 * (1e-5 + slack));
  });

  test("steps that were not solved are counted in records, merged, and kept by checkpoints", async () => {
    const given = {
      ...options(quartic, 3, { seed: 6 }),
      update: implicitSgd({ learningRate: 3, newtonSteps: 1 }),
      // The minimum: every later step is short, hence solved at once.
      observables: { w: series({ of: ["w[0]", "g.g"] }) },
    };
    await using ensemble = await createEnsemble(device(), given);
    const first = await ensemble.observe({ steps: 1 });
    const bytes = await ensemble.checkpoint();
    const second = await ensemble.observe({ steps: 20 });
    expect([...first.run.unsolved!]).toEqual(new Array(REPLICAS).fill(1));
    const { run } = merge(first, second);
    expect(run.unsolved).toEqual(second.run.unsolved);
    expect(Math.min(...run.unsolved!)).toBeGreaterThan(1);
    expect(Math.max(...run.unsolved!)).toBeLessThan(21);
    expect(unsolvedSteps(run)).toContain("8 of 8 replicas took implicit steps");
    expect(unsolvedSteps({ unsolved: Int32Array.of(0, 0) })).toBeNull();
    await using again = await createEnsemble(device(), { ...given, from: bytes });
    const resumed = await again.observe({ steps: 20 });
    expect(resumed.run.unsolved).toEqual(second.run.unsolved);
    expect(resumed.w.values.data).toEqual(second.w.values.data);
  });

  test("G as observed is G(θ'): θ' = θ − ηG", async () => {
    const learningRate = 2;
    const given = {
      ...options(quartic, learningRate),
      initial: fixed([1, 0, 0]),
      observables: { o: series({ of: ["w[0]", "theta.g", "g.g"] }) },
    };
    await using ensemble = await createEnsemble(device(), given);
    const { values } = (await ensemble.observe({ steps: 2 })).o;
    const at = (q: number, t: number): number => values.data[q * REPLICAS * 2 + t]!;
    const g = (at(0, 0) - at(0, 1)) / learningRate;
    expect(at(1, 0)).toBeCloseTo(g, 5);
    expect(at(2, 0)).toBeCloseTo(g * g, 5);
  });

  test("a trajectory does not depend on dispatches, chunks and workgroups", async () => {
    const given = {
      ...options(quartic, 0.5, { sampling: "distinct" }),
      update: implicitSgd({ learningRate: 0.5, batchSize: 3, gradientNoise: 0.1 }),
    };
    const end = async (execution: EnsembleOptions["execution"], calls: number[]) => {
      await using ensemble = await createEnsemble(device(), {
        ...given,
        ...(execution && { execution }),
      });
      for (const steps of calls) await ensemble.advance({ steps });
      return [...(await ensemble.state()).theta.data];
    };
    const expected = await end(undefined, [12]);
    expect(await end({ workgroup: 3, lanesPerChunk: 5, stepsPerDispatch: 1 }, [5, 7])).toEqual(
      expected,
    );
  });

  /** The quantities with a prediction, within 4 standard errors and what is systematic? */
  const agree = (quantities: readonly Quantity[], wrong = 1): boolean =>
    quantities.every(
      ({ estimate, predicted, systematic }) =>
        predicted === null ||
        Math.abs(estimate.value - wrong * predicted) <= 4 * estimate.standardError + systematic,
    );

  test("experiment: variances at rates that are not on the card", async () => {
    const p = experiment.parameters.parse({
      learningRates: [0.05, 0.5, 0.95, 40],
      curvature: 2,
      noise: 0.3,
      weightDecay: 0.1,
      replicas: 2000,
    });
    const result = await experiment.run(p, { device: device(), seed: 11, quick: true });
    expect(result.quantities.map(({ predicted }) => predicted === null)).toEqual([
      ...[false, false, false, false],
      ...[false, false, true, true].map((_, c) => 2.1 * p.learningRates[c]! >= 2),
    ]);
    expect(agree(result.quantities)).toBe(true);
    expect(agree(result.quantities, 1.05)).toBe(false);
    // What the continuous theory says, ηs²/(2k), fails for both rules.
    for (const { condition, estimate, predicted } of result.quantities) {
      if (predicted === null) continue;
      const continuous = (Number(condition.learningRate) * p.noise ** 2) / (2 * 2.1);
      expect(Math.abs(estimate.value - continuous)).toBeGreaterThan(4 * estimate.standardError);
    }
    expect(result.warnings.some((text) => text.startsWith("explicit: 2000 of 8000"))).toBe(true);
    expect(result.warnings.some((text) => text.startsWith("implicit:"))).toBe(false);
  });

  test("experiment: a quartic term, whose steps Newton solves", async () => {
    const set = { learningRates: [0.2, 1, 30], curvature: 1, quartic: 2, replicas: 2000 };
    const run = (more: object) =>
      experiment.run(experiment.parameters.parse({ ...set, ...more }), {
        device: device(),
        seed: 12,
        quick: true,
      });
    const { quantities, warnings } = await run({});
    const implicit = quantities.slice(0, 3);
    expect(implicit.every(({ predicted }) => predicted !== null)).toBe(true);
    expect(agree(quantities)).toBe(true);
    expect(agree(implicit, 1.05)).toBe(false);
    expect(warnings.some((text) => text.startsWith("implicit:"))).toBe(false);
    // Negative control: a single Newton iteration gives another law, and claims nothing.
    const short = await run({ newtonSteps: 1 });
    const other = short.quantities.slice(0, 3);
    expect(agree(other.map((row, i) => ({ ...row, predicted: implicit[i]!.predicted })))).toBe(
      false,
    );
    expect(other.map(({ predicted }) => predicted)).toEqual([null, null, null]);
    expect(short.warnings.some((text) => text.startsWith("implicit: 6000 of 6000"))).toBe(true);
  });

  test.each([
    ["a burn-in that leaves the start", { burnIn: 2, quartic: 1, replicas: 20 }, "% of the start"],
    ["a loose tolerance", { tolerance: 0.5, replicas: 20 }, "could be off"],
    ["few replicas", { replicas: 19 }, "19 replicas say too little"],
  ])("experiment: %s claims nothing and says why", async (_name, settings, why) => {
    const p = experiment.parameters.parse({ learningRates: [0.05], steps: 20, ...settings });
    const result = await experiment.run(p, { device: device(), seed: 1, quick: true });
    expect(result.quantities[0]!.predicted).toBeNull();
    expect(Number.isFinite(result.quantities[0]!.estimate.value)).toBe(true);
    expect(result.warnings.join("\n")).toContain(why);
  });
});
