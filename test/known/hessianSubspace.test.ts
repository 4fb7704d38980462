/** The projected current against the full one: equal for all modes, a lower bound for fewer. */
import { describe, expect, test } from "vitest";
import { spectrum } from "../../engine/minimum/newton.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { continuousCurrent, hessianSubspace } from "../../models/theory/index.ts";

const D = 6;
const SAMPLES = 40;
const uniform = mulberry32(4);
const matrix = (rows: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: D }, () => gaussian(uniform)));
const root = matrix(D);
const hessian = root.map((a, i) =>
  root.map((b, j) => a.reduce((sum, x, k) => sum + x * b[k]!, i === j ? 0.5 : 0)),
);
const gradients = matrix(SAMPLES).map((g) => g.map((x, p) => 2 + x * (p + 1)));
const modes = spectrum(hessian.map((row) => Float64Array.from(row)));
const noiseFactor = 0.25;
const learningRate = 0.01;
const project = (count: number, factor = noiseFactor) =>
  hessianSubspace({ ...modes, count, sampleGradients: gradients, noiseFactor: factor });

describe("hessianSubspace", () => {
  const means = gradients[0]!.map((_, p) => gradients.reduce((sum, g) => sum + g[p]!, 0) / SAMPLES);
  const noiseCovariance = means.map((a, i) =>
    means.map(
      (b, j) =>
        (noiseFactor * gradients.reduce((sum, g) => sum + (g[i]! - a) * (g[j]! - b), 0)) / SAMPLES,
    ),
  );
  const full = continuousCurrent({ hessian, noiseCovariance, learningRate });

  test("all modes have the whole entropy production, noise and its trace", () => {
    const all = project(D);
    const projected = continuousCurrent({ ...all, learningRate });
    expect(projected.entropyProduction / full.entropyProduction).toBeCloseTo(1, 9);
    const trace = (rows: readonly (readonly number[])[]): number =>
      rows.reduce((sum, row, i) => sum + row[i]!, 0);
    expect(trace(all.noiseCovariance) / trace(noiseCovariance)).toBeCloseTo(1, 12);
    expect(trace(all.hessian) / trace(hessian)).toBeCloseTo(1, 12);
    // Negative control: half of the noise has half of the covariance, and the same entropy production.
    const half = continuousCurrent({ ...project(D, noiseFactor / 2), learningRate });
    expect(half.entropyProduction / full.entropyProduction).toBeCloseTo(1, 9);
    expect(trace(project(D, noiseFactor / 2).noiseCovariance)).not.toBeCloseTo(
      trace(noiseCovariance),
    );
  });

  test("fewer modes have less: a lower bound that grows", () => {
    const productions = Array.from(
      { length: D },
      (_, k) => continuousCurrent({ ...project(k + 1), learningRate }).entropyProduction,
    );
    expect(productions[0]).toBeCloseTo(0, 12);
    for (let k = 1; k < D; k += 1) expect(productions[k]).toBeGreaterThan(productions[k - 1]!);
  });

  test("modes come stiffest first, and flat ones are refused", () => {
    const { hessian: h } = project(3);
    expect(h.map((row, i) => row[i])).toEqual([...modes.eigenvalues].reverse().slice(0, 3));
    expect(() => project(7)).toThrow("count is 7, and the Hessian has 6 eigenvalues above 0");
    const flat = { ...modes, eigenvalues: [0, ...modes.eigenvalues.slice(1)] };
    const options = { count: 6, sampleGradients: gradients, noiseFactor };
    expect(() => hessianSubspace({ ...flat, ...options })).toThrow("5 eigenvalues above 0");
  });
});
