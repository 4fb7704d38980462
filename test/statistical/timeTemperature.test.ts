/**
 * T3 on an Ornstein–Uhlenbeck cloud that relaxes: U = ½ Σ v, S = Σ ½ ln 2πe v, both known at any time.
 *
 * Fixed seeds; 40 experiments: their z have mean 0 and spread 1 within 4 errors (false alarm 1e-4).
 */
import { expect, test } from "vitest";
import { nearestNeighborEntropy, timeResolvedTemperature } from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { seeded } from "../seeded.ts";

const REPLICAS = 1500;
/** Variance at the two times, from a start that is too hot. */
const BEFORE = 1.6;
const AFTER = 0.7;

function normals(random: () => number, count: number): Float64Array {
  return Float64Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

function momentOf(theta: Float64Array) {
  const energies = Float64Array.from(
    { length: REPLICAS },
    (_, r) => (theta[2 * r]! ** 2 + theta[2 * r + 1]! ** 2) / 2,
  );
  return { energies, entropy: nearestNeighborEntropy({ data: theta, replicas: REPLICAS, k: 2 }) };
}

/** θ' = aθ + noise takes the variance from BEFORE to AFTER; correlation as of a step of relaxation. */
function experiment(seed: number) {
  const random = seeded(seed);
  const a = 0.5;
  const first = normals(random, 2 * REPLICAS).map((x) => Math.sqrt(BEFORE) * x);
  const noise = normals(random, 2 * REPLICAS);
  const second = first.map((x, i) => a * x + Math.sqrt(AFTER - a * a * BEFORE) * noise[i]!);
  return timeResolvedTemperature(momentOf(first), momentOf(second));
}

const exact = (after: number): number => (after - BEFORE) / Math.log(after / BEFORE);

test("z over 40 seeds; a temperature of 10 % more variance is seen", () => {
  const found = Array.from({ length: 40 }, (_, k) => experiment(100 + k));
  const z = found.map(({ value, standardError }) => (value - exact(AFTER)) / standardError);
  const mean = z.reduce((sum, one) => sum + one / z.length, 0);
  const spread = Math.sqrt(z.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (z.length - 1));
  expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(40));
  // The error is from 32 blocks, so that z is Student's.
  expect(spread).toBeGreaterThan(0.7);
  expect(spread).toBeLessThan(1.4);
  const pooled = found.reduce((sum, { value }) => sum + value / 40, 0);
  const error = Math.sqrt(found.reduce((sum, { standardError: s }) => sum + s * s, 0)) / 40;
  expect(Math.abs(pooled - exact(AFTER))).toBeLessThan(4 * error);
  expect(Math.abs(pooled - exact(1.1 * AFTER))).toBeGreaterThan(4 * error);
});

test("refuses times that do not differ, and replicas that are not the same", () => {
  const random = seeded(1);
  const one = momentOf(normals(random, 2 * REPLICAS));
  const other = momentOf(normals(random, 2 * REPLICAS));
  expect(() => timeResolvedTemperature(one, other)).toThrow(RefusalError);
  const fewer = { ...other, energies: other.energies.slice(1) };
  expect(() => timeResolvedTemperature(one, fewer)).toThrow("1500 and 1499 replicas");
});
