/**
 * Learning rates that the replicas of a condition find together, against their definition read
 * literally from records of every step; and against replicas that decide alone.
 */
import { describe, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import { fdrRate } from "../../engine/rate/fluctuationDissipation.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";

const REPLICAS = 5;
const STEPS = 240;
const X = 0.15;

const model = linearRegression(2);
const options = {
  model,
  data: sampleData(model, 24, 3),
  update: sgd({ learningRate: 0.1, batchSize: 4, gradientNoise: 0.4, momentum: 0.5 }),
  rate: fdrRate({ scope: "condition", ratioTolerance: X, dropFactor: 0.7 }),
  sweep: { checkEvery: [12, 20], weightDecay: [0, 0.2] },
  replicas: REPLICAS,
  seed: 0xbeef,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.5 }),
  observables: {
    all: series({
      of: ["theta.g", "v.v", "learningRate", "rateDrops", "fdrRatio", "stepsSinceDrop"],
    }),
  },
} satisfies EnsembleOptions;

const bits = (data: Float32Array | Float64Array): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");

/** Value of a quantity, condition, replica and step. */
const reader = ({ values }: SeriesRecord) => {
  const [, conditions, replicas, times] = values.axes.map(({ length }) => length) as number[];
  return (q: number, c: number, r: number, t: number): number =>
    values.data[((q * conditions! + c) * replicas! + r) * times! + t]!;
};

/** η of every step and the ratio of every check, from O_L and O_R of all replicas. */
function literally(record: SeriesRecord, condition: number, checkEvery: number, living: number[]) {
  const at = reader(record);
  const rates: number[] = [];
  const checks: { readonly step: number; readonly ratio: number }[] = [];
  let eta = 0.1;
  let records: { left: number; right: number }[] = [];
  for (let t = 0; t < STEPS; t += 1) {
    rates.push(eta);
    let [left, right] = [0, 0];
    for (const r of living) {
      left += at(0, condition, r, t);
      right += (eta / 2) * (1 + 0.5) * at(1, condition, r, t);
    }
    records.push({ left, right });
    if (records.length % checkEvery !== 0) continue;
    const half = records.slice(records.length / 2);
    const ratio = half.reduce((s, o) => s + o.left, 0) / half.reduce((s, o) => s + o.right, 0);
    checks.push({ step: t + 1, ratio });
    if (Math.abs(ratio - 1) >= X) continue;
    eta *= 0.7;
    records = [];
  }
  return { rates, checks };
}

describeWithDevice("learning rates of conditions", "software", (device) => {
  async function run(change: Partial<EnsembleOptions> = {}, calls = [STEPS]) {
    const given = { ...options, ...change } as typeof options;
    await using ensemble = await createEnsemble(device(), given);
    for (const steps of calls.slice(0, -1)) await ensemble.advance({ steps });
    const record = await ensemble.observe({ steps: calls[calls.length - 1]! });
    return { record, conditions: ensemble.conditions, state: await ensemble.state() };
  }

  test("are their definition", async () => {
    const { record, conditions } = await run();
    const at = reader(record.all);
    let drops = 0;
    conditions.forEach(({ checkEvery }, c) => {
      const { rates, checks } = literally(record.all, c, checkEvery!, [0, 1, 2, 3, 4]);
      for (let r = 0; r < REPLICAS; r += 1) {
        rates.forEach((eta, t) => {
          expect(at(2, c, r, t) / eta, `condition ${c}, step ${t}`).toBeCloseTo(1, 5);
        });
        for (const { step, ratio } of checks) {
          if (step < STEPS) expect(at(4, c, r, step)).toBeCloseTo(ratio, 4);
        }
      }
      const made = at(3, c, 0, STEPS - 1);
      expect(made).toBeLessThan(checks.length);
      drops += made;
    });
    expect(drops).toBeGreaterThan(4);
  });

  test("negative control: replicas that decide alone come apart", async () => {
    const alone = fdrRate({ ratioTolerance: X, dropFactor: 0.7 });
    const { record } = await run({ rate: alone });
    const at = reader(record.all);
    const last = [0, 1, 2, 3, 4].map((r) => at(2, 0, r, STEPS - 1));
    expect(new Set(last).size).toBeGreaterThan(1);
  });

  test("do not depend on chunks, dispatches, calls or a checkpoint", async () => {
    const whole = await run();
    for (const execution of [{ lanesPerChunk: 3 }, { stepsPerDispatch: 7, workgroup: 1 }]) {
      const other = await run({ execution });
      expect(bits(other.record.all.values.data)).toBe(bits(whole.record.all.values.data));
    }
    const inCalls = await run({}, [12, 49, 1, 178]);
    expect(bits(inCalls.state.theta.data)).toBe(bits(whole.state.theta.data));
    for (const before of [60, 61]) {
      await using first = await createEnsemble(device(), options);
      await first.advance({ steps: before });
      await using second = await createEnsemble(device(), {
        ...options,
        from: await first.checkpoint(),
      });
      await second.advance({ steps: STEPS - before });
      const { theta } = await second.state();
      expect(bits(theta.data), `after ${before}`).toBe(bits(whole.state.theta.data));
    }
  });

  describe("replicas that diverge", () => {
    test("have no say", async () => {
      // A wide start against a narrow bound freezes some replicas at their first step.
      const bounds = { theta: 1.5 };
      const initial = gaussian({ standardDeviation: 1, mean: 0.5 });
      const { record, conditions } = await run({ bounds, initial });
      const at = reader(record.all);
      conditions.forEach(({ checkEvery }, c) => {
        const living = [0, 1, 2, 3, 4].filter((r) => record.run.frozen[c * REPLICAS + r]! < 0);
        if (living.length === 0) return;
        const { rates } = literally(record.all, c, checkEvery!, living);
        for (const r of living) {
          rates.forEach((eta, t) => {
            expect(at(2, c, r, t) / eta, `condition ${c}, step ${t}`).toBeCloseTo(1, 5);
          });
        }
      });
      const frozen = record.run.frozen.filter((step) => step >= 0);
      expect(frozen.length).toBeGreaterThan(0);
      expect(frozen.length).toBeLessThan(record.run.frozen.length);
    });
  });
});
