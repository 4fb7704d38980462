/** Additive noise on a quadratic loss: exact values of card A2, identities, limits. */
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { continuousLyapunov, discreteLyapunov } from "../../analysis/lyapunov.ts";
import { ArgumentError } from "../../engine/errors.ts";
import { cosineRegression } from "../../models/cosineRegression.ts";
import {
  additiveNoise,
  batchNoiseFactor,
  continuousCurrent,
  regressionProblem,
  regressionStationary,
} from "../../models/theory/index.ts";

type Rows = readonly (readonly number[])[];
const matrix = (rows: Rows) => new Matrix(rows.map((row) => [...row]));
const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);
const distance = (a: Matrix, b: Matrix) => Matrix.sub(a, b).norm() / b.norm();

const data = cosineRegression();
const { hessian, gradientCovariance } = regressionProblem(
  Float64Array.from(data.fields.x!.data),
  Float64Array.from(data.fields.y!.data),
  0,
);
const card = {
  hessian: hessian.to2DArray(),
  noiseCovariance: Matrix.mul(gradientCovariance, batchNoiseFactor(16, 4, "distinct")).to2DArray(),
};

/** Three directions, nothing commutes. */
const three = {
  hessian: [
    [2, 0.3, 0],
    [0.3, 0.8, -0.2],
    [0, -0.2, 0.5],
  ],
  noiseCovariance: [
    [1, 0.5, 0.2],
    [0.5, 2, -0.4],
    [0.2, -0.4, 0.7],
  ],
};

describe("additiveNoise", () => {
  // Card A2: η, ⟨σ⟩ exact; card A1: ⟨σ⟩ of the continuous theory is 1.8105e-2 η.
  it.each([
    [0.1, 1.9266e-3],
    [0.01, 1.82145e-4],
  ])("card A2, η = %f", (learningRate, sigma) => {
    const exact = additiveNoise({ ...card, learningRate });
    close(exact.entropyProduction, sigma, 4e-6);
    close(exact.continuous.entropyProduction, 0.018105 * learningRate, 3e-5);
    const { x, y } = data.fields;
    const regression = regressionStationary({
      inputs: x!.data,
      targets: y!.data,
      learningRate,
      batchSize: 4,
      sampling: "distinct",
    });
    const { covariance, continuous } = exact;
    expect(distance(matrix(covariance), matrix(regression.additiveCovariance))).toBeLessThan(1e-12);
    const { lyapunovCovariance, lyapunovAreaRate } = regression;
    expect(distance(matrix(continuous.covariance), matrix(lyapunovCovariance))).toBeLessThan(1e-12);
    expect(distance(matrix(continuous.current), matrix(lyapunovAreaRate))).toBeLessThan(1e-12);
  });

  it("solves both Lyapunov equations, in three dimensions and near instability", () => {
    for (const learningRate of [0.01, 0.5, 0.95]) {
      const exact = additiveNoise({ ...three, learningRate });
      const A = Matrix.eye(3).sub(matrix(three.hessian).mul(learningRate));
      const Q = matrix(three.noiseCovariance);
      const discrete = discreteLyapunov(
        A.to2DArray(),
        Matrix.mul(Q, learningRate ** 2).to2DArray(),
      );
      expect(distance(matrix(exact.covariance), matrix(discrete))).toBeLessThan(1e-10);
      const flow = continuousLyapunov(three.hessian, Matrix.mul(Q, learningRate).to2DArray());
      expect(distance(matrix(exact.continuous.covariance), matrix(flow))).toBeLessThan(1e-10);
      // Area: the antisymmetric part of ⟨δ' δᵀ⟩ = A S, ½(δ_i δ'_j − δ_j δ'_i).
      const AS = A.mmul(matrix(exact.covariance));
      const area = AS.transpose().sub(AS).div(2);
      expect(distance(matrix(exact.areaRate), area)).toBeLessThan(1e-10);
    }
  });

  it("σ given δ has variance twice its mean: −ηδᵀQHδ = δᵀQDQᵀδ", () => {
    const eta = 0.7;
    const { form, entropyProduction } = continuousCurrent({ ...three, learningRate: eta });
    const Q = matrix(form);
    const half = Q.mmul(matrix(three.hessian)).mul(-eta);
    const mean = half.clone().add(half.transpose()).div(2);
    const D = matrix(three.noiseCovariance).mul(eta ** 2 / 2);
    const variance = Q.mmul(D).mmul(Q.transpose());
    expect(distance(mean, variance)).toBeLessThan(1e-12);
    // Negative controls: the transposed form, and 10 % more noise.
    const other = Q.transpose().mmul(matrix(three.hessian)).mul(-eta);
    const otherMean = other.clone().add(other.transpose()).div(2);
    const otherVariance = Q.transpose().mmul(D).mmul(Q);
    expect(distance(otherMean, otherVariance)).toBeGreaterThan(0.1);
    expect(distance(mean, variance.mul(1.1))).toBeGreaterThan(0.05);
    expect(entropyProduction).toBeGreaterThan(0);
  });

  it("tends to the continuous theory, and produces nothing where H and Σ commute", () => {
    const { continuous, entropyProduction } = additiveNoise({ ...three, learningRate: 1e-5 });
    close(entropyProduction, continuous.entropyProduction, 3e-5);
    const square = matrix(three.hessian).mmul(matrix(three.hessian)).to2DArray();
    const still = additiveNoise({ ...three, noiseCovariance: square, learningRate: 0.3 });
    expect(Math.abs(still.entropyProduction)).toBeLessThan(1e-14);
    expect(matrix(still.areaRate).norm()).toBeLessThan(1e-14);
  });

  it("does not depend on the size of the noise, and turns with the coordinates", () => {
    const learningRate = 0.4;
    const { entropyProduction } = additiveNoise({ ...three, learningRate });
    const loud = three.noiseCovariance.map((row) => row.map((x) => 100 * x));
    const { entropyProduction: same } = additiveNoise({
      ...three,
      noiseCovariance: loud,
      learningRate,
    });
    close(same, entropyProduction, 1e-12);
    const R = new EigenvalueDecomposition(matrix(three.noiseCovariance)).eigenvectorMatrix;
    expect(distance(inverse(R), R.transpose())).toBeLessThan(1e-12);
    const turn = (rows: Rows) => {
      const turned = R.transpose().mmul(matrix(rows)).mmul(R);
      return turned.clone().add(turned.transpose()).div(2).to2DArray();
    };
    const turned = additiveNoise({
      hessian: turn(three.hessian),
      noiseCovariance: turn(three.noiseCovariance),
      learningRate,
    });
    close(turned.entropyProduction, entropyProduction, 1e-10);
    close(turned.relaxation, additiveNoise({ ...three, learningRate }).relaxation, 1e-10);
  });

  it("refuses", () => {
    expect(() => additiveNoise({ ...card, learningRate: 1.5 })).toThrow(
      "no stationary state exists; use a rate above 0 and below 1.4545",
    );
    expect(() => additiveNoise({ ...card, learningRate: 0 })).toThrow(ArgumentError);
    const flat = [
      [1, 1],
      [1, 1],
    ];
    expect(() => continuousCurrent({ ...card, hessian: flat, learningRate: 0.1 })).toThrow(
      "hessian",
    );
    expect(() => continuousCurrent({ ...card, noiseCovariance: flat, learningRate: 0.1 })).toThrow(
      "noiseCovariance",
    );
  });
});
