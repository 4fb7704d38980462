/**
 * Quantiles and tail exponents of laws that are known, from correlated draws of 100 replicas: z over 40
 * seeds has mean 0 within 4/√40 and spread 0.7 to 1.4.
 *
 * Draws of a replica are stationary autoregressive processes z (share 0.95 a draw): z itself, Gaussian;
 * (z1² + z2²)/2, exponential, whose exponential is Pareto's; its logistic image, whose finite-fraction
 * Hill exponent is a f/(−ln(1 − f)). Fixed seeds; fresh ones fail about once in 2000 tests.
 */
import { describe, expect, test } from "vitest";
import type { Estimate } from "../../analysis/estimate.ts";
import { normalQuantile } from "../../analysis/normalQuantile.ts";
import { type PooledSamples, pooledSamples } from "../../analysis/pooledSamples.ts";
import { weightedQuantile } from "../../analysis/quantiles.ts";
import { tailExponent } from "../../analysis/tailExponent.ts";
import { generator } from "../generator.ts";

const REPLICAS = 100;
const DRAWS = 60;
const KEPT = 0.95;
const SEEDS = 40;

/** Exponential draws and one of the two normal ones they are made of, [replica, draw]. */
function processes(seed: number): { normal: Float64Array; exponential: Float64Array } {
  const { normal: gauss } = generator(seed);
  const noise = Math.sqrt(1 - KEPT ** 2);
  const normal = new Float64Array(REPLICAS * DRAWS);
  const exponential = new Float64Array(REPLICAS * DRAWS);
  for (let r = 0; r < REPLICAS; r += 1) {
    let [a, b] = [gauss(), gauss()];
    for (let t = 0; t < DRAWS; t += 1) {
      normal[r * DRAWS + t] = a;
      exponential[r * DRAWS + t] = (a * a + b * b) / 2;
      [a, b] = [KEPT * a + noise * gauss(), KEPT * b + noise * gauss()];
    }
  }
  return { normal, exponential };
}

const drawn = Array.from({ length: SEEDS }, (_, seed) => processes(seed + 1));

interface Case {
  readonly name: string;
  readonly pool: (process: (typeof drawn)[number], replicas: number) => PooledSamples;
  readonly estimate: (pooled: PooledSamples) => Estimate;
  readonly exact: number;
  readonly wrong: number;
}

const pareto = (exponential: Float64Array, exponent: number): Float64Array =>
  exponential.map((e) => Math.exp(e / exponent));

const gaussian: Case["pool"] = ({ normal }, replicas) =>
  pooledSamples({ values: normal, replicas });

const plain: Case["pool"] = ({ exponential }, replicas) =>
  pooledSamples({ values: pareto(exponential, 2.5), replicas });

/** Pareto draws of exponent 1.5 with weights that make them ones of exponent 2.5. */
const weighted: Case["pool"] = ({ exponential }, replicas) => {
  const values = pareto(exponential, 1.5);
  return pooledSamples({ values, weights: values.map((x) => 1 / x), replicas });
};

/** P(> x) = 1/(1 + x²) */
const logistic: Case["pool"] = ({ exponential }, replicas) =>
  pooledSamples({ values: exponential.map((e) => Math.sqrt(Math.expm1(e))), replicas });

const cases: readonly Case[] = [
  ...[0.05, 0.5, 0.95].map((p) => ({
    name: `Gaussian quantile ${p}`,
    pool: gaussian,
    estimate: (pooled: PooledSamples) => weightedQuantile(pooled, p),
    exact: normalQuantile(p),
    wrong: normalQuantile(p) + 0.2,
  })),
  {
    name: "Pareto quantile 0.98, weighted",
    pool: weighted,
    estimate: (pooled) => weightedQuantile(pooled, 0.98),
    exact: 0.02 ** (-1 / 2.5),
    wrong: 1.1 * 0.02 ** (-1 / 2.5),
  },
  ...[
    { name: "Hill 0.15 of a Pareto law", pool: plain, fraction: 0.15, exact: 2.5, wrong: 3.2 },
    { name: "the same by weights", pool: weighted, fraction: 0.15, exact: 2.5, wrong: 3.2 },
    {
      name: "Hill 0.3 of a law that is not Pareto's",
      pool: logistic,
      fraction: 0.3,
      exact: (2 * 0.3) / -Math.log(0.7),
      // The limit of f → 0: what Hill must not be compared with.
      wrong: 2,
    },
  ].map(({ fraction, ...one }) => ({
    ...one,
    estimate: (pooled: PooledSamples) => tailExponent(pooled, fraction),
  })),
];

const zOf = (one: Case, replicas: number, value: number): number[] =>
  drawn.map((process) => {
    const estimate = one.estimate(one.pool(process, replicas));
    return (estimate.value - value) / estimate.standardError;
  });

const meanOf = (z: readonly number[]): number => z.reduce((sum, x) => sum + x, 0) / z.length;

function spreadOf(z: readonly number[]): number {
  const mean = meanOf(z);
  return Math.sqrt(z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (z.length - 1));
}

describe.each(cases)("$name", (one) => {
  test("is within its errors", () => {
    const z = zOf(one, REPLICAS, one.exact);
    expect(Math.abs(meanOf(z))).toBeLessThan(4 / Math.sqrt(SEEDS));
    expect(spreadOf(z)).toBeGreaterThan(0.7);
    expect(spreadOf(z)).toBeLessThan(1.4);
  });

  test("negative controls: another value, and draws taken for independent", () => {
    expect(Math.abs(meanOf(zOf(one, REPLICAS, one.wrong)))).toBeGreaterThan(4 / Math.sqrt(SEEDS));
    expect(spreadOf(zOf(one, REPLICAS * DRAWS, one.exact))).toBeGreaterThan(1.4);
  });
});

describe("refusals", () => {
  const { exponential } = drawn[0]!;
  const pooled = pooledSamples({ values: pareto(exponential, 2.5), replicas: REPLICAS });

  test("a quantile that the draws do not reach", () => {
    expect(() => weightedQuantile(pooled, 0.9999)).toThrow("do not reach beyond it");
    expect(() => weightedQuantile(pooled, 1.2)).toThrow("do not reach beyond it");
  });

  test("a tail of too few draws, or of too few replicas", () => {
    expect(() => tailExponent(pooled, 0.002)).toThrow(
      /tailExponent: 12 draws of \d+ of 100 replicas/,
    );
    const few = pooledSamples({ values: pareto(exponential, 2.5), replicas: 10 });
    expect(() => tailExponent(few, 0.1)).toThrow("draws of 10 of 10 replicas");
    const shifted = pooledSamples({ values: exponential.map((e) => e - 9), replicas: REPLICAS });
    expect(() => tailExponent(shifted, 0.1)).toThrow("positive");
  });

  test("frozen replicas are left out and said; lengths that do not fit are refused", () => {
    const values = pareto(exponential, 2.5);
    values[DRAWS + 3] = Number.NaN;
    const left = pooledSamples({ values, replicas: REPLICAS });
    expect(left.n).toBe(REPLICAS - 1);
    expect(weightedQuantile(left, 0.5).warnings.join()).toMatch(/1 of 100 replicas dropped/);
    expect(() => pooledSamples({ values, replicas: 7 })).toThrow("as many of each replica");
  });

  test("ties and a single draw", () => {
    const tied = pooledSamples({ values: [1, 1, 1, 1, 1, 1, 2, 2, 2], replicas: 9 });
    expect(weightedQuantile(tied, 0.5).value).toBe(1);
    const empty = pooledSamples({ values: [Number.NaN], replicas: 1 });
    expect(() => weightedQuantile(empty, 0.5)).toThrow("no replica is finite");
  });
});
