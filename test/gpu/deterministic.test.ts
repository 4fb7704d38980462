/**
 * The experiments whose dynamics is deterministic, on a device: spiral, momentum spectrum, exact
 * charges, edge of stability. All claims hold at settings other than the cards'; wrong ones fail.
 */
import { expect, test } from "vitest";
import type { z } from "zod";
import type { Device } from "../../engine/device.ts";
import { edgeOfStability } from "../../experiments/edgeOfStability.ts";
import { exactCharges } from "../../experiments/exactCharges.ts";
import type { Experiment, ExperimentResult } from "../../experiments/experiment.ts";
import { momentumSpectrum } from "../../experiments/momentumSpectrum.ts";
import { spiral } from "../../experiments/spiral.ts";
import { judge, type ReportedQuantity } from "../../report/result.ts";
import { describeWithDevice } from "../gpu.ts";

interface Judged extends ExperimentResult {
  readonly rows: readonly ReportedQuantity[];
}

async function run<Schema extends z.ZodObject>(
  experiment: Experiment<Schema>,
  device: Device,
  settings: Partial<z.infer<Schema>>,
  seed = 1,
): Promise<Judged> {
  const parameters = experiment.parameters.parse(settings) as z.infer<Schema>;
  const result = await experiment.run(parameters, { device, seed, quick: true });
  return { ...result, rows: result.quantities.map(judge) };
}

const named = (rows: readonly ReportedQuantity[], name: string): ReportedQuantity[] =>
  rows.filter((row) => row.name === name);

const disagreeing = (rows: readonly ReportedQuantity[]): ReportedQuantity[] =>
  rows.filter(({ agrees }) => agrees === false);

describeWithDevice("spiral", "software", (device) => {
  test("card B3: x and v to 1e-5, the continuous model within .03", async () => {
    const { rows, figures, warnings } = await run(spiral, device(), { replicas: 1000 });
    expect(disagreeing(rows)).toEqual([]);
    // Card B3, x at n = 5, 20, 50.
    const x = named(rows, "x").map(({ estimate }) => estimate);
    [0.871634, 0.1178222, -0.058453].forEach((value, i) => {
      expect(Math.abs(x[i]! - value)).toBeLessThan(1e-5);
    });
    const v = named(rows, "v").map(({ estimate }) => estimate);
    [-3.925228, -4.098116, 0.819921].forEach((value, i) => {
      expect(Math.abs(v[i]! - value)).toBeLessThan(1e-5);
    });
    expect(named(rows, "largest |x - continuous x|")[0]!.estimate).toBeLessThan(0.03);
    // The area of the continuous model is 2/(1 + β) times the exact one: 5 %.
    const area = named(rows, "area / continuous")[0]!;
    expect(Math.abs(area.estimate - 1)).toBeGreaterThan(4 * area.standardError);
    expect(warnings.join()).toMatch("continuous model misses");
    expect(figures.map(({ id }) => id)).toEqual([
      ...["phase-plane", "position", "comparison", "current"],
    ]);
  });

  test("the current turns all rings alike, as the exact moments say and the continuous do not", async () => {
    const settings = { learningRate: 0.3, momentum: 0.4, replicas: 3000 };
    const { rows, quantities } = await run(spiral, device(), settings);
    expect(disagreeing(rows)).toEqual([]);
    const rings = named(rows, "rotation");
    expect(rings).toHaveLength(5);
    // Negative control: the continuous model's −√(2ηk/(1 + β)).
    const continuous = -Math.sqrt((2 * 0.3) / 1.4);
    const wrong = quantities
      .filter(({ name }) => name === "rotation")
      .map((quantity) => judge({ ...quantity, predicted: continuous }));
    expect(disagreeing(wrong)).toHaveLength(5);
    const across = named(rows, "flow across");
    expect(across.map(({ predicted }) => predicted)).toEqual([0, 0, 0, 0, 0]);
  });

  test("too short, too few, too far from 1: no claim, or one sentence", async () => {
    const small = { replicas: 50, learningRate: 0.1, steps: [1] };
    const early = await run(spiral, device(), { ...small, burnIn: 1, noiseSteps: 1 });
    expect(early.warnings.join()).toMatch(/after burnIn = 1 steps 9\d % of the start/);
    const few = await run(spiral, device(), { ...small, replicas: 3 });
    expect(few.warnings.join()).toMatch("3 replicas say too little");
    for (const { rows } of [early, few]) {
      const noisy = rows.filter(({ name }) => !["x", "v"].includes(name) && !name.includes("|x"));
      expect(noisy.filter(({ predicted }) => predicted !== null)).toEqual([]);
      expect(named(rows, "area").every(({ estimate }) => Number.isFinite(estimate))).toBe(true);
    }
    await expect(run(spiral, device(), { ...small, noise: 1e-30 })).rejects.toThrow(
      /^noise: θ and v spread over .* float32 sums; give a noise/,
    );
    // Large noise and far starts are no divergence.
    const large = { ...small, noise: 1e7, position: 1e8 };
    const { rows, warnings } = await run(spiral, device(), large);
    expect(disagreeing(rows)).toEqual([]);
    expect(warnings.join()).not.toMatch("frozen");
  });

  test("other starts and dampings; a path that grows is frozen and claims nothing", async () => {
    for (const settings of [
      { learningRate: 0.25, momentum: 0.25, velocity: 2, position: -0.3 },
      { learningRate: 0.3, momentum: 0, velocity: -3.7, steps: [0, 1, 300] },
      { learningRate: 3.5, momentum: 0.8, velocity: 0.4 },
    ]) {
      const { rows } = await run(spiral, device(), { noise: 0, ...settings });
      expect(rows.length).toBeGreaterThan(0);
      expect(disagreeing(rows)).toEqual([]);
      expect(rows.every(({ predicted }) => predicted !== null)).toBe(true);
    }
    const settings = { learningRate: 6, momentum: 0.5, noise: 0.1, replicas: 10, steps: [3, 200] };
    const { rows, warnings } = await run(spiral, device(), settings);
    expect(disagreeing(rows)).toEqual([]);
    expect(rows.filter(({ predicted }) => predicted !== null)).toHaveLength(2);
    expect(warnings.join()).toMatch("unstable");
    expect(warnings.join()).toMatch("were frozen");
  });

  test("negative control: the path of another momentum disagrees", async () => {
    const { rows } = await run(spiral, device(), { noise: 0 });
    const other = await run(spiral, device(), { noise: 0, momentum: 0.9001 });
    const mixed = other.quantities.map((quantity, i) =>
      judge({ ...quantity, predicted: rows[i]!.predicted }),
    );
    expect(disagreeing(mixed)).toHaveLength(mixed.length);
  });
});

describeWithDevice("momentum spectrum", "software", (device) => {
  test("card 4D: rates, steps, spread 138 to 1", async () => {
    const { rows } = await run(momentumSpectrum, device(), {});
    expect(disagreeing(rows)).toEqual([]);
    const of = (name: string, momentum: number): number[] =>
      named(rows, name)
        .filter(({ condition }) => condition.momentum === momentum)
        .map(({ estimate }) => estimate);
    expect(of("envelope steps", 0)).toEqual([10, 135, 1379]);
    // Card 4D: first crossings of |w|, which tell nothing of the rate.
    expect(of("first crossing", 0.9)).toEqual([78, 92, 107]);
    for (const rate of of("rate", 0.9)) expect(Math.abs(rate - 0.9487)).toBeLessThan(1e-3);
    expect(Math.abs(of("spread of envelope steps", 0)[0]! - 138)).toBeLessThan(0.5);
    expect(Math.abs(of("spread of envelope steps", 0.9)[0]! - 1)).toBeLessThan(1e-3);
  });

  test("critical, superstable, diverging and slow modes", async () => {
    const { rows, warnings } = await run(momentumSpectrum, device(), {
      learningRate: 1,
      curvatures: [1, 0.25, 3, 2, 1e-7],
      momenta: [0, 0.25],
      threshold: 0.01,
      steps: 300,
    });
    expect(disagreeing(rows)).toEqual([]);
    expect(warnings.join("\n")).toMatch(
      "no convergence at λ = 3, b = 0; λ = 3, b = 0.25; λ = 2, b = 0:",
    );
    expect(warnings.join("\n")).toMatch("threshold 0.01 not reached");
    const rate = named(rows, "rate").find(
      ({ condition }) => condition.momentum === 0 && condition.curvature === 1,
    )!;
    expect(rate).toMatchObject({ estimate: 0, predicted: 0 });
    // Modes that have not converged have no spread.
    expect(named(rows, "spread of envelope steps")).toEqual([]);
  });

  test("a mode given twice counts once; one that does not move is not said to grow", async () => {
    const { rows, warnings } = await run(momentumSpectrum, device(), {
      learningRate: 1,
      curvatures: [1e-30, 0.5, 0.5],
      momenta: [0, 0],
      steps: 20,
    });
    expect(disagreeing(rows)).toEqual([]);
    expect(named(rows, "rate").map(({ predicted }) => predicted)).toEqual([null, 0.5]);
    expect(warnings.join()).toMatch("differs from 1 by less than float64 resolves");
    expect(warnings.join()).not.toMatch("grows");
  });

  test("negative control: rates of a rate of learning 1 % higher disagree", async () => {
    const momenta = [0];
    const { rows } = await run(momentumSpectrum, device(), { momenta });
    const other = await run(momentumSpectrum, device(), { momenta, learningRate: 0.505 });
    const mixed = other.quantities.map((quantity, i) =>
      judge({ ...quantity, predicted: rows[i]!.predicted }),
    );
    expect(disagreeing(named(mixed, "rate"))).toHaveLength(3);
  });
});

describeWithDevice("exact charges", "software", (device) => {
  // Kernels of the card's 5-4-3 network take a software device seconds each to compile.
  const small = { inputs: 3, hidden: 2, outputs: 2 };

  test("hold where the symmetry does, in float64 and on the device", async () => {
    for (const settings of [
      { ...small, replicas: 3, steps: 60 },
      { ...small, replicas: 2, steps: 40, weightDecay: 0.3, learningRate: 0.05, batchSize: 8 },
    ] as const) {
      const { rows, warnings } = await run(exactCharges, device(), settings);
      expect(disagreeing(rows)).toEqual([]);
      const claims = rows.filter(({ predicted }) => predicted !== null);
      expect(claims).toHaveLength(6);
      expect(warnings.join()).toMatch("the matrix charge of relu units");
      // Negative control: charges without a symmetry fail the same bound.
      const broken = named(rows, "|dQ - exact|").filter(({ predicted }) => predicted === null);
      expect(broken).toHaveLength(6);
      for (const row of broken) expect(row.estimate).toBeGreaterThan(1e-4);
      for (const row of named(rows, "|dQ|")) expect(row.estimate).toBeGreaterThan(1e-5);
    }
  });

  test("a decay that ends in underflow claims nothing of what is too small", async () => {
    // ηλ = 1: θ' = −ηg shrinks by orders of magnitude at each step, below float32 before the end.
    const settings = { ...small, replicas: 2, steps: 150, weightDecay: 10, learningRate: 0.1 };
    const { rows, warnings } = await run(exactCharges, device(), settings);
    expect(disagreeing(rows)).toEqual([]);
    expect(named(rows, "|dQ - exact|").filter(({ predicted }) => predicted !== null)).toHaveLength(
      6,
    );
    // With decay charges decay in the flow as well.
    expect(warnings.join()).not.toMatch("as gradient flow has it");
  });

  test("bounds are those of rounding: the device fails that of float64", async () => {
    const { rows, quantities } = await run(exactCharges, device(), {
      ...small,
      replicas: 2,
      steps: 20,
    });
    expect(disagreeing(rows)).toEqual([]);
    const bound = (arithmetic: string): number =>
      rows.find((row) => row.condition.arithmetic === arithmetic && row.systematic > 0)!.systematic;
    expect(bound("float64") / bound("device")).toBeCloseTo(2 ** -29, 20);
    expect(bound("device")).toBeLessThan(1e-5);
    const claims = quantities.filter(
      ({ predicted, condition }) => predicted !== null && condition.arithmetic === "device",
    );
    const strict = claims.map((one) => judge({ ...one, systematic: bound("float64") }));
    expect(disagreeing(strict)).toHaveLength(3);
  });

  test("runs that diverge are counted as far as they go; too large ones are refused", async () => {
    const { rows, warnings } = await run(exactCharges, device(), {
      ...small,
      replicas: 2,
      steps: 30,
      learningRate: 2,
    });
    expect(disagreeing(rows)).toEqual([]);
    expect(warnings.join()).toMatch("were frozen");
    await expect(run(exactCharges, device(), { replicas: 10_000 })).rejects.toThrow("the limit is");
  });
});

describeWithDevice("edge of stability", "software", (device) => {
  const settings = { replicas: 100, steps: 1344 };

  test("exponents, trajectories and distributions agree where they must", async () => {
    const { rows, warnings, figures } = await run(edgeOfStability, device(), settings);
    expect(disagreeing(rows)).toEqual([]);
    // Card 4C, tolerance .02, in float64.
    [-0.223, -0.857, -0.077, -0.541, 0.277, 0.491, 0.807, 1.08, Math.log(3)].forEach((value, i) => {
      expect(Math.abs(named(rows, "exponent, float64")[i]!.estimate - value)).toBeLessThan(0.02);
    });
    const partings = named(rows, "largest |uw device - uw float64|");
    for (const { condition, estimate, predicted } of partings) {
      if ((condition.learningRate as number) <= 1.26) {
        expect(estimate).toBeLessThan(1.4e-6);
        expect(predicted).toBe(0);
      } else {
        // Negative control: beyond, the trajectories have nothing in common.
        expect(estimate).toBeGreaterThan(0.1);
        expect(predicted).toBeNull();
      }
    }
    expect(named(rows, "<uw>, device - float64").length).toBeGreaterThanOrEqual(4);
    expect(warnings.join()).toMatch("orbits in float32 run into each other");
    expect(figures.map(({ id }) => id)).toEqual(["lyapunov", "bifurcations", "parting"]);
  });

  test("claims nothing at bifurcations, superstable points and beyond η = 2", async () => {
    const { rows, warnings } = await run(edgeOfStability, device(), {
      ...settings,
      learningRates: [0.5, 1, 1.0001, 2.5],
    });
    expect(disagreeing(rows)).toEqual([]);
    const exponents = rows.filter(({ name }) => name.startsWith("exponent, "));
    expect(exponents.every(({ predicted }) => predicted === null)).toBe(true);
    expect(warnings.join()).toMatch("superstable");
    expect(warnings.join()).toMatch("raise burnIn");
    expect(warnings.join()).toMatch("orbits escaped at η = 2.5");
    await expect(run(edgeOfStability, device(), { lowest: 1, highest: 0.5 })).rejects.toThrow(
      "1 is not below 0.5",
    );
  });

  test("negative control: exponents and distributions of a rate 2 % higher disagree", async () => {
    const here = await run(edgeOfStability, device(), { ...settings, learningRates: [1.1, 1.5] });
    const there = await run(edgeOfStability, device(), {
      ...settings,
      learningRates: [1.122, 1.53],
    });
    for (const name of ["exponent, float64", "exponent, device"]) {
      const [claim] = named(here.rows, name);
      const [quantity] = there.quantities.filter((one) => one.name === name);
      const row = judge({
        ...quantity!,
        predicted: claim!.predicted,
        systematic: claim!.systematic,
      });
      expect(claim!.agrees).toBe(true);
      expect(row.agrees).toBe(false);
    }
    const [claimed] = named(here.rows, "largest |uw device - uw float64|");
    const chaotic = there.quantities.filter(({ name }) => name === claimed!.name)[1]!;
    const row = judge({ ...chaotic, predicted: 0, systematic: claimed!.systematic });
    expect(row.agrees).toBe(false);
  });
});
