/**
 * Exponents of diffusion whose law is known: ordinary diffusion, a particle in a well, card B4's sum of
 * modes. z over 40 seeds has mean 0 and variance 1 within 4 of their errors (false alarms 1e-4 each).
 */
import { describe, expect, test } from "vitest";
import { anomalousExponent, logLogSlope } from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import {
  type DisplacementSpec,
  displacement,
  logarithmicLags,
} from "../../engine/observe/displacement.ts";
import { referenceDisplacement } from "../../engine/observe/referenceDisplacement.ts";
import type { DisplacementRecord } from "../../engine/record.ts";
import { heavyBallMode, modeDiffusion, modeSpectrum } from "../../models/theory/index.ts";
import { type Generator, generator } from "../generator.ts";

/** Paths of replicas, [replica][step][coordinate], as a record. */
function recordOf(
  spec: DisplacementSpec,
  paths: readonly (readonly ArrayLike<number>[])[],
): DisplacementRecord {
  const sums = paths.map((path) => referenceDisplacement(spec, path));
  const counts = sums[0]!.counts;
  const axes = [
    { name: "condition", length: 1 },
    { name: "replica", length: paths.length },
  ];
  const lag = { name: "lag", length: spec.lags.length, values: spec.lags };
  const data = sums.flatMap((one) => one.sums.map((sum, l) => sum / counts[l]!));
  return {
    kind: "displacement",
    coordinates: Array.from(paths[0]![0]!, (_, k) => `theta[${k}]`),
    lags: spec.lags,
    counts,
    origins: spec.origins,
    spacing: spec.spacing,
    meanSquare: { axes: [...axes, lag], data: Float64Array.from(data), unit: "θ²" },
    localSteps: 0,
    local: { axes, data: new Float64Array(paths.length), unit: "θ²" },
  };
}

interface Modes {
  readonly learningRate: number;
  readonly momentum: number;
  readonly modes: number;
  readonly spectrumExponent: number;
  readonly noiseExponent: number;
  readonly noiseAmplitude: number;
}

/** Heavy-ball modes from their stationary state; without curvature, a random walk. */
function pathOf(sum: Modes, steps: number, { normal }: Generator): Float64Array[] {
  const { learningRate: eta, momentum: beta } = sum;
  const modes = modeSpectrum(sum);
  const theta = new Float64Array(modes.length);
  const v = new Float64Array(modes.length);
  modes.forEach((mode, i) => {
    const { positionVariance, velocityVariance, covariance } = heavyBallMode({ ...sum, ...mode });
    theta[i] = Math.sqrt(positionVariance) * normal();
    const slope = covariance / positionVariance;
    const rest = Math.sqrt(velocityVariance - slope * covariance);
    v[i] = slope * theta[i]! + rest * normal();
  });
  return Array.from({ length: steps }, () => {
    const record = theta.slice();
    modes.forEach(({ curvature, noiseVariance }, i) => {
      v[i] = beta * v[i]! - curvature * theta[i]! - Math.sqrt(noiseVariance) * normal();
      theta[i]! += eta * v[i]!;
    });
    return record;
  });
}

function randomWalk(steps: number, { normal }: Generator): Float64Array[] {
  const theta = new Float64Array(3);
  return Array.from({ length: steps }, () => {
    const record = theta.slice();
    for (let k = 0; k < 3; k += 1) theta[k]! += normal();
    return record;
  });
}

const replicasOf = (replicas: number, seed: number, path: (g: Generator) => Float64Array[]) =>
  Array.from({ length: replicas }, (_, r) => path(generator(1000 * seed + r + 1)));

function expectHonest(z: readonly number[]): void {
  const n = z.length;
  const mean = z.reduce((sum, x) => sum + x, 0) / n;
  const variance = z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  expect(Math.abs(mean), "mean of z").toBeLessThan(4 / Math.sqrt(n));
  expect(Math.sqrt(variance), "spread of z").toBeGreaterThan(0.7);
  expect(Math.sqrt(variance), "spread of z").toBeLessThan(1.4);
}

const SEEDS = Array.from({ length: 40 }, (_, i) => 100 + i);
const lags = logarithmicLags({ to: 64, perDecade: 6 });
const spec = displacement({ lags, origins: 4, local: false });
const modes: Modes = {
  learningRate: 0.3,
  momentum: 0.5,
  modes: 12,
  spectrumExponent: 2,
  noiseExponent: 1,
  noiseAmplitude: 1,
};

describe("exponent", () => {
  test("ordinary diffusion has 1; errors are honest, and no crossover is seen", () => {
    const found = SEEDS.map((seed) =>
      anomalousExponent(
        recordOf(
          spec,
          replicasOf(24, seed, (g) => randomWalk(129, g)),
        ),
      ),
    );
    const z = found.map(({ exponent }) => (exponent.value - 1) / exponent.standardError);
    expectHonest(z);
    // Negative control: 10 % off.
    expect(() =>
      expectHonest(found.map(({ exponent: e }) => (1.1 * e.value - 1) / e.standardError)),
    ).toThrow();
    // p < 1 % and a change of slope above 0.1: 40 seeds give 0.4 at most on average.
    expect(found.filter(({ crossover }) => crossover !== null).length).toBeLessThanOrEqual(3);
  });

  test("a sum of modes has the slope of its exact curve", () => {
    const exact = modeDiffusion(modes, lags).meanSquare;
    const window = { from: 4, to: 40 };
    const inside = lags.map((lag) => lag >= window.from && lag <= window.to);
    const predicted = logLogSlope(
      lags.filter((_, l) => inside[l]),
      exact.filter((_, l) => inside[l]),
    ).value;
    const found = SEEDS.map(
      (seed) =>
        anomalousExponent(
          recordOf(
            spec,
            replicasOf(24, seed, (g) => pathOf(modes, 129, g)),
          ),
          window,
        ).exponent,
    );
    expectHonest(found.map((e) => (e.value - predicted) / e.standardError));
    expect(() =>
      expectHonest(found.map((e) => (e.value - 1.1 * predicted) / e.standardError)),
    ).toThrow();
    // Negative control: replicas that are copies of each other have errors that are too small.
    const copied = SEEDS.map((seed) => {
      const paths = replicasOf(8, seed, (g) => pathOf(modes, 129, g));
      const { exponent } = anomalousExponent(
        recordOf(spec, [...paths, ...paths, ...paths, ...paths]),
        window,
      );
      return (exponent.value - predicted) / exponent.standardError;
    });
    expect(() => expectHonest(copied)).toThrow();
  });

  test("a particle in a well: 1 below its relaxation time, 0 above, the corner in between", () => {
    const mode: Modes = { ...modes, momentum: 0, modes: 1, learningRate: 0.05 };
    const long = displacement({ lags: { to: 1000, perDecade: 6 }, local: false });
    const record = recordOf(
      long,
      replicasOf(200, 1, (g) => pathOf(mode, 1001, g)),
    );
    const { crossover, exponent } = anomalousExponent(record);
    // The short-time line, 2Dt, reaches 2 Var θ at t = 1/(ηk) = 20 steps.
    expect(crossover!.lag).toBeGreaterThan(10);
    expect(crossover!.lag).toBeLessThan(60);
    expect(crossover!.before.value).toBeGreaterThan(0.7);
    expect(Math.abs(crossover!.after.value)).toBeLessThan(0.1);
    expect(exponent.warnings.join()).toMatch(/no single power law: the slope is/);
    const short = anomalousExponent(record, { to: 5 });
    const exact = logLogSlope(short.lags, modeDiffusion(mode, short.lags).meanSquare).value;
    expect(Math.abs(short.exponent.value - exact)).toBeLessThan(4 * short.exponent.standardError);
    expect(short.crossover).toBeNull();
    expect(short.localSlopes).toHaveLength(short.lags.length - 1);
  });

  test("a chosen window keeps to one side, and says so", () => {
    const mode: Modes = { ...modes, momentum: 0, modes: 1, learningRate: 0.5 };
    const long = displacement({ lags: { to: 1000, perDecade: 6 }, local: false });
    const record = recordOf(
      long,
      replicasOf(200, 2, (g) => pathOf(mode, 1001, g)),
    );
    const { exponent, lags } = anomalousExponent(record, { chooseWindow: true });
    expect(lags[0]).toBeGreaterThan(2);
    expect(Math.abs(exponent.value)).toBeLessThan(0.05);
    expect(exponent.warnings.join()).toMatch(/were chosen out of 1 to 1000/);
  });

  test("refusals: replicas, lags, what does not move, what is not there", () => {
    const walk = (replicas: number) =>
      recordOf(
        spec,
        replicasOf(replicas, 3, (g) => randomWalk(129, g)),
      );
    expect(() => anomalousExponent(walk(7))).toThrow(RefusalError);
    expect(() => anomalousExponent(walk(7))).toThrow(/7 of 7 replicas .* needs 8; use more/);
    expect(() => anomalousExponent(walk(9), { from: 3, to: 5 })).toThrow(/a slope needs 3/);
    expect(() => anomalousExponent(walk(9), { from: 5, to: 5 })).toThrow("from 5 to 5");
    expect(() => anomalousExponent(walk(9), { condition: 1 })).toThrow("condition 1 is not in");
    const still = recordOf(
      spec,
      Array.from({ length: 9 }, () => Array.from({ length: 129 }, () => [1])),
    );
    expect(() => anomalousExponent(still)).toThrow(/nothing moved within 1 steps/);
    expect(() => anomalousExponent({ ...walk(10), groupSize: 5 })).toThrow("interact in groups");
    // Frozen replicas are left out, and counted.
    const record = walk(12);
    record.meanSquare.data.fill(Number.NaN, 0, lags.length);
    const { exponent } = anomalousExponent(record);
    expect(exponent.n).toBe(11);
    expect(exponent.warnings.join()).toMatch(/1 of 12 replicas dropped/);
  });
});
