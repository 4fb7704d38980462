/**
 * Card C5 through the experiment's `run`: what must hold of every drop, the loss before any drop, the
 * card's acceptance; and drop by drop against the float64 twin. False alarms: 6·10⁻⁵ a prediction.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { fdrRate, fixed, sgd } from "../../engine/index.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { measureScheduler, rateRuns } from "../../experiments/fdrScheduler/measures.ts";
import { schedulerTheory } from "../../experiments/fdrScheduler/theory.ts";
import { fdrScheduler } from "../../experiments/fdrScheduler.ts";
import { cosineRegression, linearRegression } from "../../models/index.ts";
import { describeWithDevice } from "../gpu.ts";

const agrees = ({ estimate, predicted, systematic }: Quantity): boolean =>
  Math.abs(estimate.value - predicted!) <= 4 * estimate.standardError + systematic;

const predicted = (quantities: readonly Quantity[]): Quantity[] =>
  quantities.filter((quantity) => quantity.predicted !== null);

const value = (quantities: readonly Quantity[], name: string): number =>
  quantities.find((quantity) => quantity.name === name)!.estimate.value;

const settings = fdrScheduler.parameters.parse({ replicas: 120 });
const data = cosineRegression();

describeWithDevice("fdr-scheduler", "software", (device) => {
  const run = (change: Partial<typeof settings>): Promise<ExperimentResult> =>
    fdrScheduler.run({ ...settings, ...change }, { device: device(), seed: 5, quick: false });

  describe("on the card's setting", () => {
    let result: ExperimentResult;
    beforeAll(async () => {
      result = await run({});
    });
    const record = () => result.records.scheduler!.scheduler as SeriesRecord;

    test("drops when it must, and ends where the card says", () => {
      const found = predicted(result.quantities);
      expect(found.map(({ name }) => name)).toEqual([
        "drops at multiples of t_ad",
        "drops with |OL/OR - 1| < X",
        "excess loss at the first check",
      ]);
      for (const quantity of found) expect(agrees(quantity), quantity.name).toBe(true);
      expect(value(result.quantities, "median first drop")).toBeGreaterThanOrEqual(1000);
      expect(value(result.quantities, "median first drop")).toBeLessThanOrEqual(10_000);
      expect(value(result.quantities, "median final rate")).toBeCloseTo(0.003, 8);
      expect(value(result.quantities, "drops per replica")).toBeGreaterThan(1.5);
      expect(result.warnings).toEqual([]);
    });

    test("negative controls: another tolerance, another clock, another rate are seen", () => {
      const wrong = (change: object, name: string): boolean => {
        const p = { ...settings, ...change };
        const { quantities } = measureScheduler(p, schedulerTheory(p, data), record());
        return agrees(predicted(quantities).find((quantity) => quantity.name === name)!);
      };
      expect(wrong({}, "excess loss at the first check")).toBe(true);
      expect(wrong({ tolerance: 0.005 }, "drops with |OL/OR - 1| < X")).toBe(false);
      expect(wrong({ checkEvery: 1500 }, "drops at multiples of t_ad")).toBe(false);
      expect(wrong({ learningRate: 0.5 }, "excess loss at the first check")).toBe(false);
    });

    test("drop by drop with the float64 twin", () => {
      const runs = rateRuns(record(), schedulerTheory(settings, data));
      const steps = 8000;
      for (let replica = 0; replica < 6; replica += 1) {
        const drops: number[] = [];
        let made = 0;
        const model = linearRegression(2);
        referenceTrajectory({
          model,
          data,
          rule: sgd({ learningRate: 0.3, batchSize: 4, weightDecay: 0.1 }),
          rate: fdrRate(),
          sampling: "distinct",
          initial: fixed(0)(model),
          lane: { seed: 5, condition: 0, replica },
          steps,
          onStep: ({ step, adaptation }) => {
            if (adaptation!.drops > made) drops.push(step);
            made = adaptation!.drops;
          },
        });
        const onDevice = runs[replica]!.drops.map(({ step }) => step).filter((s) => s < steps);
        expect(onDevice, `replica ${replica}`).toEqual(drops);
      }
    });
  });

  test.each<[string, Partial<typeof settings>, readonly string[]]>([
    ["momentum, from the minimum", { learningRate: 0.05, momentum: 0.9, centered: true }, []],
    ["all together", { scope: "condition" }, ["share one rate"]],
    ["Adam", { optimizer: "adam", learningRate: 0.02, tolerance: 0.1 }, ["adam"]],
    ["an unstable rate", { learningRate: 1.2 }, ["no stationary state"]],
    ["no fourth moments", { learningRate: 1.1, sampling: "withReplacement" }, ["power-law tails"]],
    ["few replicas", { replicas: 4 }, ["4 replicas say too little"]],
    ["batches of an epoch", { sampling: "reshuffled", tolerance: 0.05 }, ["reshuffled"]],
  ])("%s", async (_name, change, warnings) => {
    const result = await run({ ...change, steps: 4000 });
    for (const quantity of predicted(result.quantities)) {
      expect(agrees(quantity), quantity.name).toBe(true);
    }
    expect(predicted(result.quantities).length).toBeGreaterThanOrEqual(2);
    for (const text of warnings) expect(result.warnings.join("\n")).toContain(text);
  });

  test("refuses the relation of sgd's velocity for adam, in the words of the command", async () => {
    await expect(run({ optimizer: "adam", relation: "velocity" })).rejects.toThrow(
      "relation: velocity is that of sgd, the optimizer is adam; use displacement or auto.",
    );
  });

  test("nothing left: says so, claims nothing", async () => {
    const diverged = await run({ learningRate: 5, steps: 2000, replicas: 3 });
    expect(predicted(diverged.quantities)).toEqual([]);
    expect(diverged.warnings.join("\n")).toContain("3 of 3 replicas left");
    const short = await run({ steps: 500, replicas: 3 });
    expect(predicted(short.quantities)).toEqual([]);
    expect(short.warnings).toContain("no check in 500 steps: checkEvery is 1000; raise steps");
  });
});
