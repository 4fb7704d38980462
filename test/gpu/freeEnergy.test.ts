/**
 * Experiments free-energy-toy and free-energy-sphere (cards 1C, 1D, 1F) run small: every prediction within 4
 * standard errors and its systematic bound, small-rate laws and neighbors of another rate are not.
 *
 * Fixed seeds; about 60 comparisons: false alarm 4e-3 for fresh ones.
 */
import { expect, test } from "vitest";
import type { ExperimentResult, Quantity } from "../../experiments/experiment.ts";
import { freeEnergySphere } from "../../experiments/freeEnergySphere.ts";
import { freeEnergyToy } from "../../experiments/freeEnergyToy.ts";
import { reflectionOrbit } from "../../models/theory/index.ts";
import { describeWithDevice } from "../gpu.ts";

const misfit = ({ estimate, systematic }: Quantity, value: number): number =>
  Math.abs(estimate.value - value) / (4 * estimate.standardError + systematic);

function agree({ quantities }: ExperimentResult, least: number): void {
  const predicted = quantities.filter((q) => q.predicted !== null);
  expect(predicted.length).toBeGreaterThanOrEqual(least);
  for (const q of predicted) {
    expect(misfit(q, q.predicted!), `${q.name} ${JSON.stringify(q.condition)}`).toBeLessThanOrEqual(
      1,
    );
  }
}

const pick = ({ quantities }: ExperimentResult, name: string, rate: number | string): Quantity =>
  quantities.find((q) => q.name === name && q.condition.learningRate === rate)!;

describeWithDevice("free energy", "software", (device) => {
  const toy = (given: Record<string, unknown>) =>
    freeEnergyToy.run(freeEnergyToy.parameters.parse(given), {
      device: device(),
      seed: 3,
      quick: true,
    });
  const sphere = (given: Record<string, unknown>) =>
    freeEnergySphere.run(freeEnergySphere.parameters.parse(given), {
      device: device(),
      seed: 3,
      quick: true,
    });

  test("1C: exact moments hold, small-rate law and a rate 10 % off do not; a fractal has no entropy", async () => {
    const result = await toy({
      regime: "up",
      learningRatesUp: [0.02, 0.04, 0.08, 0.16, 0.4],
      replicas: 300,
      steps: 4000,
    });
    agree(result, 19);
    const T = pick(result, "T = eta tr C/2m", 0.08);
    expect(misfit(T, 1.1 * T.predicted!)).toBeGreaterThan(1);
    const U = pick(result, "U", 0.16);
    expect(misfit(U, 1 / 26 + 0.16 * 0.0369822)).toBeGreaterThan(1);
    expect(misfit(U, 1 / 26 + 1.1 * (U.predicted! - 1 / 26))).toBeGreaterThan(1);
    const S = pick(result, "S", 0.08);
    expect(misfit(S, S.predicted! + Math.log(1.1))).toBeGreaterThan(1);
    const lowest = pick(result, "eta of lowest F / eta", 0.08);
    expect(misfit(lowest, lowest.predicted! * 1.15)).toBeGreaterThan(1);
    expect(pick(result, "S", 0.4).predicted).toBeNull();
    expect(result.warnings.join()).toMatch(/no prediction of S, T1 and F at learning rates 0.4/);
  });

  test("1D: exponents on both sides of the critical rate, the orbit, signal of order 1", async () => {
    const result = await toy({
      regime: "op",
      learningRatesOp: [0.2, 0.5, 1, 1.3, 2],
      replicas: 150,
      steps: 2000,
    });
    agree(result, 13);
    const rate = (eta: number): Quantity => pick(result, "d ln|y|²/dt at the pole", eta);
    expect(misfit(rate(0.2), -0.2)).toBeGreaterThan(1);
    expect(misfit(rate(0.5), -Math.LN2)).toBeLessThanOrEqual(1);
    expect(rate(1.3).estimate.value).toBeGreaterThan(0.4);
    expect(Math.abs(rate(1).estimate.value)).toBeLessThan(1e-6);
    const { loss } = reflectionOrbit(1.3);
    const orbit = pick(result, "median |y|²/2", 1.3);
    expect(Math.abs(orbit.estimate.value / loss - 1)).toBeLessThan(1e-4);
    // Float32 rounding lifts the device's mean by excursions, which is said; U is of float64.
    const lift = (name: string): number => pick(result, name, 1.3).estimate.value / loss - 1;
    expect(Math.abs(lift("U"))).toBeLessThan(0.0015);
    expect(lift("U in float32")).toBeGreaterThan(Math.abs(lift("U")));
    expect(result.warnings.join()).toMatch(/1.3: on the device rounding of float32 sets off/);
    expect(pick(result, "U", 2).predicted).toBeNull();
    expect(pick(result, "U", 0.2).estimate.value).toBeLessThan(1e-12);
    expect(result.warnings.join()).toContain("its entropy is -infinity");
  });

  test("1F: exact moments in four dimensions, loss without minimum noise vanishes", async () => {
    const result = await sphere({
      dimension: 4,
      samplesUp: 12,
      samplesOp: 2,
      learningRatesUp: [0.03, 0.06, 0.12],
      learningRatesOp: [0.5, 1.5],
      replicas: 1500,
      steps: 600,
    });
    agree(result, 13);
    const T = pick(result, "T = eta tr C/2m", 0.06);
    expect(misfit(T, 1.1 * T.predicted!)).toBeGreaterThan(1);
    expect(result.warnings.join()).toMatch(/small rates.*misses/);
    expect(pick(result, "U", 0.5).estimate.value).toBeLessThan(1e-12);
    expect(pick(result, "U", 1.5).estimate.value).toBeGreaterThan(1e-3);
    const signals = ["rms SNR", "mean SNR"].map((name) =>
      pick(result, name, name === "rms SNR" ? 0.03 : 0.5),
    );
    expect(signals[1]!.estimate.value / signals[0]!.estimate.value).toBeGreaterThan(3);
  });

  test("1D: growth is measured next to the pole for directions and rates that grow fastest", async () => {
    const wide = await toy({
      regime: "op",
      angle: 89,
      learningRatesOp: [1.3, 1e5],
      replicas: 60,
      steps: 10,
    });
    agree(wide, 4);
    const lost = await toy({
      regime: "op",
      angle: 45,
      learningRatesOp: [0.5],
      replicas: 30,
      steps: 10,
    });
    expect(pick(lost, "d ln|y|²/dt at the pole", 0.5).predicted).toBeNull();
    expect(lost.warnings.join()).toMatch(/fell below what float32 holds/);
  });

  test("bad input and few replicas", async () => {
    await expect(toy({ learningRatesOp: [1e20] })).rejects.toThrow("learningRatesOp: a step at 1");
    await expect(toy({ start: [1, 1, 0] })).rejects.toThrow("is in the equator");
    await expect(sphere({ samplesUp: 5 })).rejects.toThrow(
      "samplesUp: 5 directions in 6 dimensions",
    );
    await expect(sphere({ samplesOp: 6 })).rejects.toThrow("samplesOp: 6 directions");
    const few = await toy({ regime: "up", learningRatesUp: [0.1, 0.2], replicas: 5, steps: 200 });
    expect(few.quantities.every(({ predicted }) => predicted === null)).toBe(true);
    expect(few.warnings.join()).toContain("use at least 20");
  });
});
