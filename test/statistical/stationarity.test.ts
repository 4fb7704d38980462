/**
 * Does the verdict pass what is stationary and catch what is not? Rates over many seeds: a passing
 * rate is asserted with room for its own binomial scatter (4 standard deviations).
 */
import { describe, expect, it } from "vitest";
import { geweke } from "../../analysis/geweke.ts";
import { rankNormalizedRHat, splitRHat } from "../../analysis/rHat.ts";
import { stationarity } from "../../analysis/stationarity.ts";
import { generator } from "../generator.ts";
import { firstOrder, seriesOf } from "../trajectories.ts";

function ensemble(
  seed: number,
  { replicas, length, phi }: { replicas: number; length: number; phi: number },
  change: (x: number, t: number, r: number) => number = (x) => x,
): Float64Array[] {
  const one = generator(seed);
  return Array.from({ length: replicas }, (_, r) =>
    firstOrder(one, phi, length).map((x, t) => change(x, t / length, r)),
  );
}

describe("split R-hat", () => {
  it("is what its definition gives for a hand-made case", () => {
    // Halves (0, 2), (0, 2), (4, 6), (4, 6): W = 2, means 1, 1, 5, 5, B/n = 16/3, n = 2.
    const exact = Math.sqrt(1 / 2 + 16 / 3 / 2);
    const series = [Float64Array.of(0, 2, 0, 2), Float64Array.of(4, 6, 4, 6)];
    expect(Math.abs(splitRHat(series) - exact)).toBeLessThan(1e-15);
    // An odd middle sample does not enter.
    expect(splitRHat([Float64Array.of(0, 2, 99, 0, 2), Float64Array.of(4, 6, -9, 4, 6)])).toBe(
      splitRHat(series),
    );
    expect(splitRHat([new Float64Array(8)])).toBe(1);
    expect(splitRHat([Float64Array.of(1, 1, 2, 2)])).toBe(Infinity);
  });

  it("is near 1 for stationary series, above 1.05 for drifting ones and replicas apart", () => {
    const shape = { replicas: 8, length: 4000, phi: 0.5 };
    expect(splitRHat(ensemble(1, shape))).toBeLessThan(1.005);
    expect(rankNormalizedRHat(ensemble(1, shape))).toBeLessThan(1.005);
    const drift = ensemble(2, shape, (x, t) => x + 2 * t);
    expect(splitRHat(drift)).toBeGreaterThan(1.05);
    expect(rankNormalizedRHat(drift)).toBeGreaterThan(1.05);
    const apart = ensemble(3, shape, (x, _, r) => x + (r % 2));
    expect(splitRHat(apart)).toBeGreaterThan(1.05);
  });

  it("sees a difference of spread only by folded ranks", () => {
    const shape = { replicas: 8, length: 4000, phi: 0.5 };
    const spread = ensemble(4, shape, (x, _, r) => (r % 2 === 0 ? x : 3 * x));
    expect(splitRHat(spread)).toBeLessThan(1.005);
    expect(rankNormalizedRHat(spread)).toBeGreaterThan(1.05);
  });

  it("by ranks does not change under monotone maps", () => {
    const shape = { replicas: 4, length: 1000, phi: 0.5 };
    const drift = ensemble(5, shape, (x, t) => x + 2 * t);
    const mapped = drift.map((x) => x.map((v) => Math.exp(3 * v)));
    // The folded part is not invariant; here the drift of location decides.
    expect(rankNormalizedRHat(mapped)).toBeCloseTo(rankNormalizedRHat(drift), 12);
  });
});

describe("geweke", () => {
  const moments = (z: readonly number[]) => {
    const mean = z.reduce((sum, x) => sum + x, 0) / z.length;
    return { mean, variance: z.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (z.length - 1) };
  };

  it("is standard normal for a stationary ensemble, however correlated in time", () => {
    for (const phi of [0, 0.98]) {
      const z = Array.from({ length: 300 }, (_, seed) =>
        geweke(ensemble(seed, { replicas: 40, length: 200, phi })),
      );
      const { mean, variance } = moments(z);
      expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(300));
      expect(Math.abs(variance / (39 / 37) - 1)).toBeLessThan(4 * Math.sqrt(2 / 300));
    }
  });

  it("is close to it for one long series", () => {
    const z = Array.from({ length: 200 }, (_, seed) =>
      geweke(ensemble(seed, { replicas: 1, length: 10_000, phi: 0.8 })),
    );
    const { mean, variance } = moments(z);
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(200));
    // τ of the first window, 9 from 1000 samples, has relative error √(2·91/1000) = 0.43 and a
    // bias of −0.09 from the window's own mean: the variance of z is high by up to 0.43² + 0.09.
    expect(variance).toBeGreaterThan(1 - 4 * Math.sqrt(2 / 200));
    expect(variance).toBeLessThan(1.28 * (1 + 4 * Math.sqrt(2 / 200)));
  });

  it("sees a transient far smaller than the fluctuations, with its sign", () => {
    // Excess 0.3 e^{−20 t}: mean 0.13 over the first 10 %, its error √(1/4000 · τ 3 · 10) = 0.03.
    const transient = ensemble(
      7,
      { replicas: 200, length: 400, phi: 0.5 },
      (x, t) => x + 0.3 * Math.exp(-20 * t),
    );
    expect(geweke(transient)).toBeGreaterThan(4);
    expect(geweke(transient.map((x) => x.map((v) => -v)))).toBeLessThan(-4);
    expect(geweke([new Float64Array(20)])).toBe(0);
    expect(geweke([new Float64Array(5)])).toBeNaN();
  });
});

describe("stationarity", () => {
  it("passes stationary records of all shapes", () => {
    const shapes = [
      { replicas: 1, length: 20_000, phi: 0.9 },
      { replicas: 4, length: 4000, phi: 0.9 },
      { replicas: 200, length: 400, phi: 0.5 },
      { replicas: 200, length: 500, phi: 0.9 },
    ];
    for (const shape of shapes) {
      let refused = 0;
      for (let seed = 0; seed < 60; seed++) {
        refused += stationarity(ensemble(seed, shape)).stationary ? 0 : 1;
      }
      // One chain: the error of Geweke's window mean is itself uncertain, false alarms near 1 %.
      expect(refused, JSON.stringify(shape)).toBeLessThanOrEqual(shape.replicas === 1 ? 4 : 1);
    }
  });

  it("the allowance for correlation is needed: bare R-hat would refuse short halves", () => {
    const verdict = stationarity(ensemble(1, { replicas: 200, length: 500, phi: 0.9 }));
    expect(verdict.rHat).toBeGreaterThan(1.03);
    expect(verdict.rHatLimit).toBeGreaterThan(verdict.rHat);
  });

  it("catches drift of the mean, of the spread, and replicas that stay apart", () => {
    const shape = { replicas: 50, length: 1000, phi: 0.8 };
    const cases = [
      [/mean drifts/, (x: number, t: number) => x + t],
      [/spread drifts/, (x: number, t: number) => x * (1 + t)],
      [/R-hat/, (x: number, _: number, r: number) => x + (r % 2)],
    ] as const;
    for (const [reason, change] of cases) {
      for (let seed = 0; seed < 10; seed++) {
        const verdict = stationarity(ensemble(seed, shape, change));
        expect(verdict.stationary).toBe(false);
        expect(verdict.reasons.join()).toMatch(reason);
      }
    }
    // The mean alone would not have seen the spread.
    const spread = stationarity(ensemble(1, shape, cases[1]![1]));
    expect(Math.abs(spread.geweke)).toBeLessThan(4);
  });

  it("reads records, names the quantity, and does not judge a handful of samples", () => {
    const drift = ensemble(1, { replicas: 20, length: 500, phi: 0.5 }, (x, t) => x + 3 * t);
    const still = ensemble(2, { replicas: 20, length: 500, phi: 0.5 });
    const record = seriesOf([still, drift], 10, "energy");
    expect(stationarity(record, { condition: 0 }).stationary).toBe(true);
    expect(stationarity(record, { condition: 1 }).reasons.join()).toMatch(/^energy: /);
    const short = stationarity([new Float64Array(12)]);
    expect(short).toMatchObject({ stationary: false });
    expect(short.reasons.join()).toMatch(/12 samples are too few/);
  });
});
