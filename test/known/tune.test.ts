/** The tuner's choice and its budget, on a made-up device with a clock of its own. */
import { describe, expect, test } from "vitest";
import { ArgumentError, LimitError } from "../../engine/errors.ts";
import type { PlanSetting } from "../../engine/execution.ts";
import {
  BUDGET,
  compileSeconds,
  MARGIN,
  type Measurer,
  printTrials,
  tune,
} from "../../engine/run/tune.ts";

interface Made {
  readonly setting: PlanSetting;
  /** Characters of its kernel. */
  readonly length: number;
  readonly compile: number;
  /** Seconds of a step, by number of the timing. */
  readonly step: (timing: number) => number;
  readonly refuses?: Error;
}

const candidate = (workgroup: number, step: number, rest: Partial<Made> = {}): Made => ({
  setting: { schedule: "thread", workgroup },
  length: 10_000,
  compile: compileSeconds([10_000]),
  step: () => step,
  ...rest,
});

/** A device whose time is counted, not waited for. */
class Imagined implements Measurer<Made> {
  clock = 0;
  readonly prepared: number[] = [];
  readonly order: number[] = [];
  private timings = 0;

  now(): number {
    return this.clock;
  }
  lanes(): number {
    return 100;
  }
  lengths({ length }: Made): readonly number[] {
    return [length];
  }
  async prepare({ setting, compile, refuses }: Made): Promise<void> {
    this.clock += compile;
    if (refuses) throw refuses;
    this.prepared.push(setting.workgroup!);
  }
  async take({ setting, step }: Made, steps: number): Promise<void> {
    this.order.push(setting.workgroup!);
    this.clock += 1e-5 + steps * step(this.timings);
    this.timings += 1;
  }
}

const run = async (made: readonly Made[]) => {
  const device = new Imagined();
  const tuned = await tune(made, device);
  return { device, tuned, chosen: tuned.setting.workgroup };
};

describe("the choice", () => {
  test("is the fastest, with its rate and those of the others", async () => {
    const { tuned, chosen } = await run([candidate(16, 2e-3), candidate(64, 1e-3)]);
    expect(chosen).toBe(64);
    expect(tuned.trials.map(({ setting }) => setting.workgroup)).toEqual([16, 64]);
    const [slow, fast] = tuned.trials.map((trial) => trial.replicaStepsPerSecond!);
    expect(fast! / slow!).toBeCloseTo(2, 1);
    // 100 lanes, a step of a millisecond.
    expect(fast).toBeGreaterThan(0.98e5);
    expect(fast).toBeLessThanOrEqual(1e5);
  });

  test("stays with the rule on a near-tie, on either side of the margin", async () => {
    const near = 2e-3 / (1 + MARGIN - 0.03);
    const far = 2e-3 / (1 + MARGIN + 0.03);
    expect((await run([candidate(16, 2e-3), candidate(64, near)])).chosen).toBe(16);
    expect((await run([candidate(16, 2e-3), candidate(64, far)])).chosen).toBe(64);
  });

  test("does not follow one timing that something else was in the way of", async () => {
    // Every sixth timing takes ten times as long, whoever's it is.
    const disturbed = (step: number) => (timing: number) => (timing % 6 === 5 ? 10 : 1) * step;
    const made = [
      candidate(16, 0, { step: disturbed(2e-3) }),
      candidate(64, 0, { step: disturbed(1e-3) }),
    ];
    expect((await run(made)).chosen).toBe(64);
  });

  test("alternates between candidates that are near each other, and drops those far behind", async () => {
    const made = [candidate(16, 1e-3), candidate(64, 1.1e-3), candidate(32, 5e-3)];
    const { device } = await run(made);
    const last = device.order.slice(-8);
    expect(last).toEqual([16, 64, 16, 64, 16, 64, 16, 64]);
  });

  test("is the rule's where it is alone", async () => {
    expect((await run([candidate(16, 1e-3)])).chosen).toBe(16);
  });
});

describe("the budget", () => {
  test("holds beyond the rule's own compile, whatever that takes", async () => {
    const made = [16, 64, 32, 128, 256, 8, 4, 2].map((workgroup, i) =>
      candidate(workgroup, 1e-3, { compile: i === 0 ? 30 : 0.4, length: 60_000 }),
    );
    const { device, tuned } = await run(made);
    expect(tuned.seconds).toBeLessThan(2);
    // The rule's compile was 60 times what is usual, so none of the others is begun.
    expect(device.prepared).toEqual([16]);
    expect(tuned.trials).toHaveLength(8);
  });

  test("is spent on as many candidates as fit, in their order, and the rest is told", async () => {
    const made = [16, 64, 32, 128, 256, 8, 4, 2].map((workgroup) =>
      candidate(workgroup, 1e-3, { compile: 0.5, length: 50_000 }),
    );
    const { device, tuned } = await run(made);
    expect(device.prepared).toEqual([16, 64, 32]);
    expect(tuned.seconds).toBeLessThan(BUDGET + 0.1);
    const skipped = tuned.trials.filter(({ why }) => why !== undefined);
    expect(skipped).toHaveLength(5);
    for (const { why } of skipped) expect(why).toMatch(/to compile it would take \d\.\d s/);
  });

  test("does not believe a driver that has the rule's kernel in its cache", async () => {
    const cached = candidate(16, 1e-3, { compile: 0.01, length: 60_000 });
    // A long text: seven seconds at the usual speed, so it is not begun.
    const long = candidate(64, 1e-4, { compile: 7, length: 230_000 });
    // A shorter one fits by half the usual time, which that driver gives no reason to expect.
    const half = candidate(32, 1e-4, { compile: compileSeconds([100_000]), length: 100_000 });
    const { device, tuned } = await run([cached, long, half]);
    expect(device.prepared).toEqual([16]);
    expect(tuned.seconds).toBeLessThan(0.5);
  });

  test("ends timings early where a step takes long", async () => {
    const { device, tuned } = await run([candidate(16, 1), candidate(64, 0.9)]);
    expect(tuned.seconds).toBeLessThan(BUDGET + 1);
    expect(device.order.length).toBeLessThan(6);
  });
});

describe("candidates the device refuses", () => {
  const refusing = (error: Error) => candidate(64, 1e-4, { refuses: error });

  test("are left out with the device's words", async () => {
    const { tuned, chosen } = await run([
      candidate(16, 1e-3),
      refusing(new LimitError("device: out of memory")),
    ]);
    expect(chosen).toBe(16);
    expect(tuned.trials[1]).toEqual({
      setting: { schedule: "thread", workgroup: 64 },
      replicaStepsPerSecond: null,
      why: "device: out of memory",
    });
  });

  test("but other errors are not swallowed, nor the rule's", async () => {
    const bug = refusing(new Error("a bug"));
    await expect(run([candidate(16, 1e-3), bug])).rejects.toThrow("a bug");
    const argument = refusing(new ArgumentError("device: gone"));
    await expect(run([candidate(16, 1e-3), argument])).rejects.toThrow("gone");
    const limit = refusing(new LimitError("too large"));
    await expect(run([limit, candidate(16, 1e-3)])).rejects.toThrow("too large");
  });
});

test("rates are printed with the fastest first, and what was not measured is left out", () => {
  const text = printTrials([
    { setting: { schedule: "thread", workgroup: 16 }, replicaStepsPerSecond: 1_234_000 },
    { setting: { schedule: "thread", workgroup: 16, unroll: 0 }, replicaStepsPerSecond: 560.4 },
    { setting: { schedule: "thread", workgroup: 64 }, replicaStepsPerSecond: 1_900_000 },
    { setting: { schedule: "batched" }, replicaStepsPerSecond: null, why: "no time" },
  ]);
  expect(text).toBe("thread/64 1.9 M, thread/16 1.23 M, thread/16, loops kept 560 replica-steps/s");
});
