/**
 * The network and data of card A6, and the minimum that card and C3 start from. Expected numbers are
 * the card's: an independent float64 simulation, 60000 steps of descent at rate 0.2.
 */
import { describe, expect, test } from "vitest";
import { referenceFullData } from "../../engine/referenceFullData.ts";
import { referenceLoss } from "../../engine/referenceTrajectory.ts";
import { networkSmallRate } from "../../experiments/fdrNetwork/smallRate.ts";
import { prototypeMinimum } from "../../experiments/prototypeMinimum.ts";
import {
  prototypeNetwork,
  prototypeNetworkStart,
  prototypes,
} from "../../models/prototypeNetwork.ts";

const model = prototypeNetwork();
const data = prototypes();
const weightDecay = 0.01;

describe("prototypes", () => {
  test("are the card's data", () => {
    const x = data.fields.x!.data;
    expect(x[0]).toBeCloseTo(-0.52562, 5);
    expect(x[255 * 16 + 15]).toBeCloseTo(3.191059406, 9);
    expect([...x].reduce((sum, value) => sum + value, 0)).toBeCloseTo(209.515171, 6);
    expect([...data.fields.label!.data.subarray(0, 6)]).toEqual([0, 1, 2, 3, 0, 1]);
    expect(model.parameterCount).toBe(172);
  });
});

describe("derivatives of f in float64", () => {
  const f = referenceFullData(model, data, weightDecay);
  const theta = prototypeNetworkStart();
  const direction = theta.map((_, p) => Math.sin(p));
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
    Array.from(a, (x, p) => x * b[p]!).reduce((sum, x) => sum + x, 0);
  const at = (step: number): Float64Array => theta.map((x, p) => x + step * direction[p]!);
  const value = (point: Float64Array): number =>
    referenceLoss(model, data, point) + (weightDecay / 2) * dot(point, point);
  const h = 1e-4;

  test("the gradient is the slope of f, its samples' mean", () => {
    const gradient = f.gradient(theta).slice();
    const slope = (value(at(h)) - value(at(-h))) / (2 * h);
    expect(Math.abs(dot(gradient, direction) - slope)).toBeLessThan(1e-6 * Math.abs(slope));
    const samples = f.sampleGradients(theta);
    const mean = gradient.map((_, p) => samples.reduce((sum, g) => sum + g[p]!, 0) / 256);
    for (const [p, g] of gradient.entries()) expect(mean[p]).toBeCloseTo(g, 12);
  });

  test("the Hessian along a direction is the change of the gradient", () => {
    const forward = f.gradient(at(h)).slice();
    const backward = f.gradient(at(-h)).slice();
    const product = f.curvature(theta, direction);
    for (const [p, hv] of product.entries()) {
      expect(Math.abs(hv - (forward[p]! - backward[p]!) / (2 * h))).toBeLessThan(1e-6);
    }
  });
});

test("descent leads to the card's minimum, whose noise and curvature are the card's", () => {
  const minimum = prototypeMinimum(weightDecay);
  expect(minimum.loss).toBeCloseTo(0.32898, 5);
  expect([...minimum.theta].reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(31.4216, 4);
  const top = [...minimum.eigenvalues].reverse();
  const card = [1.0387, 0.6597, 0.5936, 0.5115, 0.4668, 0.388, 0.3707, 0.3435];
  for (const [k, h] of card.entries()) expect(Math.abs(top[k]! - h)).toBeLessThan(2e-4);
  expect(minimum.eigenvalues[0]).toBeCloseTo(0.0026, 4);
  expect(top.reduce((sum, h) => sum + h, 0)).toBeCloseTo(15.2787, 4);

  const rate = { learningRate: 0.05, momentum: 0, dampening: 0, burnIn: 6000 };
  const batches = { weightDecay, batchSize: 16, sampling: "distinct" as const };
  const law = networkSmallRate({ ...rate, ...batches }, minimum);
  // tr Σ_B = 0.24034, (η/2) tr(H Σ_B) = 2.288e-3.
  expect(law.velocitySquare).toBeCloseTo(0.24034, 5);
  expect(law.gradientSquare).toBeCloseTo(2.288e-3, 6);
  // The card simulates ⟨|v|²⟩ = 0.24633 and ⟨|∇f|²⟩ = 2.261(18)e-3: the first order covers both.
  expect(law.correction.noise).toBeGreaterThan(0.24633 / 0.24034 - 1);
  expect(law.correction.curved).toBeGreaterThan(1 - 2.261 / 2.288);
  expect(law.correction.noise).toBeLessThan(0.3);
  const slow = networkSmallRate({ ...rate, ...batches, learningRate: 0.005, burnIn: 1e5 }, minimum);
  expect(slow.correction.noise / law.correction.noise).toBeCloseTo(0.1, 1);
}, 60_000);
