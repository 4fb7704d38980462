/**
 * Estimators of curvature and gradient noise on Records whose answers are known: random quadratic
 * forms with the closed-form mean and variance, gradients drawn from a given law.
 *
 * Bounds are 4 standard errors; over 40 seeds the z of the trace has mean 0 and spread 1. With other
 * seeds one assertion in about 2000 would fail.
 */
import { describe, expect, test } from "vitest";
import {
  curvedNoise,
  gradientNoiseTemperature,
  hessianEigenvalue,
  hessianTrace,
  noiseTrace,
  signalToNoise,
  zScore,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { Field, GradientNoiseRecord, TraceRecord } from "../../engine/record.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";

const P = 12;
const REPLICAS = 60;
const base = {
  step: 0,
  conditions: [{ learningRate: 0.1, batchSize: 4, momentum: 0 }],
  noiseFactors: [0.25],
};

const field = (outer: readonly number[], replicas: number, data: Float64Array): Field => ({
  axes: [
    ...outer.map((length, k) => ({ name: `outer${k}`, length })),
    { name: "condition", length: 1 },
    { name: "replica", length: replicas },
  ],
  data,
  unit: "1",
});

const M = Array.from({ length: P }, (_, i) =>
  Array.from({ length: P }, (_, j) => (i === j ? 1 + i / 4 : Math.cos(i * j + i + j) / 2)),
);
const TRACE = M.reduce((sum, row, i) => sum + row[i]!, 0);
/** 2 Σ_{p≠q} M_pq² */
const VARIANCE =
  2 * M.reduce((sum, row, i) => sum + row.reduce((s, x, j) => s + (i === j ? 0 : x * x), 0), 0);

/** Probes of M; `common` gives every replica the same signs. */
function probesOf(seed: number, probes: number, replicas = REPLICAS, common = false): TraceRecord {
  const uniform = mulberry32(seed);
  const signs = () => Array.from({ length: P }, () => (uniform() < 0.5 ? -1 : 1));
  const form = (z: readonly number[]): number =>
    M.reduce((sum, row, i) => sum + z[i]! * row.reduce((s, x, j) => s + x * z[j]!, 0), 0);
  const data = new Float64Array(probes * replicas);
  for (let probe = 0; probe < probes; probe += 1) {
    const shared = form(signs());
    for (let r = 0; r < replicas; r += 1) {
      data[probe * replicas + r] = common ? shared : form(signs());
    }
  }
  return { kind: "trace", ...base, matrix: "H", values: field([probes], replicas, data) };
}

describe("hessianTrace", () => {
  test("has the trace, and the variance of random signs", () => {
    const found = hessianTrace(probesOf(1, 8));
    expect(Math.abs(zScore(found, TRACE))).toBeLessThan(4);
    expect(found.standardError / Math.sqrt(VARIANCE / (8 * REPLICAS))).toBeCloseTo(1, 0);
    // Negative control: a trace off by a tenth, and replicas that share their signs.
    expect(Math.abs(zScore(found, 1.1 * TRACE))).toBeGreaterThan(4);
    const { standardError } = hessianTrace(probesOf(1, 8, REPLICAS, true));
    expect(standardError).toBeLessThan(1e-9);
  });

  test("z over 40 seeds is standard normal", () => {
    const z = Array.from({ length: 40 }, (_, seed) =>
      zScore(hessianTrace(probesOf(seed, 2)), TRACE),
    );
    const mean = z.reduce((sum, x) => sum + x, 0) / z.length;
    const spread = Math.sqrt(z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (z.length - 1));
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(z.length));
    expect(spread).toBeGreaterThan(0.7);
    expect(spread).toBeLessThan(1.4);
  });

  test("of one replica has the error of its probes, and of one probe none", () => {
    const alone = hessianTrace(probesOf(3, 200, 1));
    expect(Math.abs(zScore(alone, TRACE))).toBeLessThan(4);
    expect(alone.standardError / Math.sqrt(VARIANCE / 200)).toBeCloseTo(1, 0);
    expect(hessianTrace(probesOf(3, 1, 1)).standardError).toBeNaN();
  });

  test("tr(H Sigma_B) is that of H C times f, and of no other record", () => {
    const record: TraceRecord = { ...probesOf(5, 8), matrix: "H C" };
    expect(curvedNoise(record).value).toBeCloseTo(0.25 * hessianTrace(record).value, 12);
    expect(() => curvedNoise(probesOf(5, 8))).toThrow("probes of H");
    expect(() => curvedNoise({ ...record, noiseFactors: [Number.NaN] })).toThrow("fixed order");
  });
});

/** Gradients N(0, s² 1) in P dimensions, noise of trace t (1 + spread). */
function noiseOf(seed: number, replicas = 400, batch = base): GradientNoiseRecord {
  const uniform = mulberry32(seed);
  const squares = new Float64Array(replicas);
  const trace = new Float64Array(replicas);
  for (let r = 0; r < replicas; r += 1) {
    trace[r] = 3 * (1 + 0.2 * gaussian(uniform));
    for (let p = 0; p < P; p += 1) squares[r]! += (0.25 * trace[r]! * gaussian(uniform) ** 2) / P;
  }
  return {
    kind: "gradientNoise",
    ...batch,
    parameters: P,
    gradientSquare: field([], replicas, squares),
    trace: field([], replicas, trace),
    along: field([0], replicas, new Float64Array(0)),
    covariance: field([0, 0], replicas, new Float64Array(0)),
  };
}

describe("signal and noise", () => {
  test("rms and mean of a chi law", () => {
    const rms = signalToNoise(noiseOf(2), { average: "rootMeanSquare" });
    expect(Math.abs(zScore(rms, 1))).toBeLessThan(4);
    expect(Math.abs(zScore(rms, 1.1))).toBeGreaterThan(4);
    // ⟨χ_12⟩/√12 = √2 Γ(6.5)/Γ(6)/√12
    const mean = signalToNoise(noiseOf(2));
    const exact = (Math.SQRT2 * 287.8852778150443) / 120 / Math.sqrt(12);
    expect(Math.abs(zScore(mean, exact))).toBeLessThan(4);
    expect(Math.abs(zScore(mean, 1.1 * exact))).toBeGreaterThan(4);
  });

  test("the temperature is eta tr Sigma_B/(2P), without momentum", () => {
    const record = noiseOf(7);
    expect(Math.abs(zScore(noiseTrace(record), 0.75))).toBeLessThan(4);
    const exact = (0.1 * 0.75) / (2 * P);
    const found = gradientNoiseTemperature(record);
    expect(Math.abs(zScore(found, exact))).toBeLessThan(4);
    expect(Math.abs(zScore(found, 1.1 * exact))).toBeGreaterThan(4);
    const conditions = [{ learningRate: 0.1, batchSize: 4, momentum: 0.9 }];
    expect(() => gradientNoiseTemperature({ ...record, conditions })).toThrow("momentum is 0.9");
    const langevin = [{ learningRate: 0.1, batchSize: 4, temperature: 0.5 }];
    expect(() => gradientNoiseTemperature({ ...record, conditions: langevin })).toThrow(
      "temperature is 0.5",
    );
  });

  test("without noise there is no ratio; frozen replicas are left out", () => {
    const silent = { ...noiseOf(2), noiseFactors: [0] };
    expect(() => signalToNoise(silent)).toThrow(RefusalError);
    const record = noiseOf(2);
    record.trace.data[3] = Number.NaN;
    record.gradientSquare.data[3] = Number.NaN;
    const found = signalToNoise(record, { average: "rootMeanSquare" });
    expect(found.n).toBe(399);
    expect(found.warnings.join()).toContain("1 of 400 replicas dropped");
    expect(() => signalToNoise(record, { condition: 1 })).toThrow("no condition 1 among 1");
  });
});

test("an eigenvalue's error has its residual", () => {
  const values = field([2], 3, Float64Array.from([4, 4.2, 4.4, 1, 1.1, 1.2]));
  const residuals = field([2], 3, Float64Array.from([0.3, 0.3, 0.3, 0, 0, 0]));
  const record = {
    ...{ kind: "eigenpairs" as const, ...base, end: "top" as const, products: 9 },
    ...{ values, residuals, vectors: values },
  };
  const [first, second] = [0, 1].map((pair) => hessianEigenvalue(record, { pair }));
  expect(first!.value).toBeCloseTo(4.2, 12);
  expect(first!.standardError).toBeCloseTo(Math.hypot(0.2 / Math.sqrt(3), 0.3), 12);
  expect(second!.standardError).toBeCloseTo(0.1 / Math.sqrt(3), 12);
  expect(() => hessianEigenvalue(record, { pair: 2 })).toThrow("no pair 2 among 2");
});
