/**
 * The Ornstein–Uhlenbeck theory against the closed forms and numbers of card E1, against direct
 * definitions evaluated another way, and in its limits.
 */
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { continuousLyapunov, discreteLyapunov } from "../../analysis/index.ts";
import {
  gaussianCells,
  linearStep,
  ornsteinUhlenbeck,
  sampledOrnsteinUhlenbeck,
} from "../../models/theory/index.ts";
import { matrixExponential } from "../../models/theory/matrixExponential.ts";
import { relativeError } from "../parity.ts";
import { seeded, uniformArray } from "../seeded.ts";

/** S = [11, 12, 22], EPR, area, entropy, and pair EPR at dt = .01, .1, .5: card E1. */
const CARD = [
  {
    name: "iso",
    drift: [
      [1, -2],
      [2, 1],
    ],
    diffusion: [
      [1, 0],
      [0, 1],
    ],
    covariance: [1, 0, 1],
    rates: [8, -2, 2.837877],
    pairs: [7.9192, 7.1308, 3.2967],
  },
  {
    name: "aniso",
    drift: [
      [1, -2],
      [2, 1],
    ],
    diffusion: [
      [1, 0],
      [0, 0.25],
    ],
    covariance: [0.7, -0.15, 0.55],
    rates: [12.5, -1.25, 2.330512],
    pairs: [12.3728, 11.0595, 4.4534],
  },
  {
    name: "gyrator",
    drift: [
      [2, 1],
      [1, 2],
    ],
    diffusion: [
      [1, 0],
      [0, 0.2],
    ],
    covariance: [0.6, -0.2, 0.2],
    rates: [0.8, -0.2, 1.575013],
    pairs: [0.7841, 0.6489, 0.2411],
  },
];

describe.each(CARD)("card E1, $name", ({ drift, diffusion, covariance, rates, pairs }) => {
  const exact = ornsteinUhlenbeck({ drift, diffusion });

  test("stationary state and rates", () => {
    const [[s11, s12], [, s22]] = exact.covariance as [[number, number], [number, number]];
    expect(relativeError([s11, s12, s22], covariance)).toBeLessThan(1e-14);
    const got = [exact.entropyProduction, exact.areaRate[0]![1]!, exact.entropy];
    expect(relativeError(got, rates)).toBeLessThan(1e-6);
  });

  test("entropy production of pairs of states", () => {
    [0.01, 0.1, 0.5].forEach((timeStep, k) => {
      const pair = sampledOrnsteinUhlenbeck({ drift, diffusion, timeStep, integrator: "exact" });
      // The card has four decimals.
      expect(Math.abs(pair.entropyProduction - pairs[k]!)).toBeLessThan(6e-5);
      expect(relativeError(pair.covariance.flat(), exact.covariance.flat())).toBeLessThan(1e-13);
    });
  });
});

/** A random stable drift and a positive definite diffusion, [d, d]. */
function randomProcess(seed: number, d: number): { drift: number[][]; diffusion: number[][] } {
  const random = seeded(seed);
  const rows = () => Array.from({ length: d }, () => [...uniformArray(random, d)]);
  const drift = rows().map((row, i) => row.map((x, j) => (i === j ? d + 1 + x : 2 * x)));
  const root = new Matrix(rows());
  const diffusion = root.mmul(root.transpose()).add(Matrix.eye(d, d, 0.3));
  return { drift, diffusion: diffusion.to2DArray() };
}

describe.each([1, 2, 3, 4])("a random process in %i dimensions", (d) => {
  const { drift, diffusion } = randomProcess(d, d);
  const [A, D] = [new Matrix(drift), new Matrix(diffusion)];
  const exact = ornsteinUhlenbeck({ drift, diffusion });
  const S = new Matrix(exact.covariance);

  test("covariance is Lyapunov's", () => {
    const expected = continuousLyapunov(drift, Matrix.mul(D, 2).to2DArray());
    expect(relativeError(exact.covariance.flat(), expected.flat())).toBeLessThan(1e-12);
  });

  test("circulation −A + D S⁻¹ keeps p; entropy production is tr(Ωᵀ D⁻¹ Ω S)", () => {
    const omega = Matrix.sub(D.mmul(inverse(S)), A);
    const difference = Matrix.sub(new Matrix(exact.circulation), omega);
    expect(difference.norm()).toBeLessThan(1e-11 * A.norm());
    const rate = omega.transpose().mmul(inverse(D)).mmul(omega).mmul(S).trace();
    expect(Math.abs(exact.entropyProduction - rate)).toBeLessThan(1e-11 * Math.max(1, rate));
    // ∇·(p Ω x) = 0: no trace, and Ω S antisymmetric.
    const OS = new Matrix(exact.circulation).mmul(S);
    expect(Matrix.add(OS, OS.transpose()).norm()).toBeLessThan(1e-13 * S.norm());
  });

  test.each(["exact", "euler"] as const)("steps of the %s integrator", (integrator) => {
    const timeStep = 0.07;
    const options = { drift, diffusion, timeStep, integrator };
    const step = linearStep(options);
    const F = Matrix.sub(Matrix.eye(d), new Matrix(step.drift).mul(timeStep));
    if (integrator === "exact") {
      const propagator = matrixExponential(Matrix.mul(A, -timeStep));
      expect(relativeError(F.to1DArray(), propagator.to1DArray())).toBeLessThan(1e-13);
    }
    const Q = new Matrix(step.noise).mul(timeStep);
    const sampled = sampledOrnsteinUhlenbeck(options);
    const expected = discreteLyapunov(F.to2DArray(), Q.to2DArray());
    expect(relativeError(sampled.covariance.flat(), expected.flat())).toBeLessThan(1e-11);
    // KL of (x, x') from (x', x), by the joint covariance of 2d numbers (card E1).
    const s = new Matrix(sampled.covariance);
    const forward = F.mmul(s);
    const joint = (cross: Matrix): Matrix => {
      const block = Matrix.zeros(2 * d, 2 * d);
      for (const at of [0, d]) block.setSubMatrix(s, at, at);
      block.setSubMatrix(cross, d, 0);
      block.setSubMatrix(cross.transpose(), 0, d);
      return block;
    };
    const trace = inverse(joint(forward.transpose())).mmul(joint(forward)).trace();
    const rate = (0.5 * (trace - 2 * d)) / timeStep;
    expect(Math.abs(sampled.entropyProduction - rate)).toBeLessThan(1e-9 * Math.max(1, rate));
    const area = Matrix.sub(forward.transpose(), forward).mul(0.5 / timeStep);
    expect(Matrix.sub(area, new Matrix(sampled.areaRate)).norm()).toBeLessThan(1e-12 * s.norm());
  });

  test("short time steps tend to the process, to all digits", () => {
    const options = { drift, diffusion, timeStep: 1e-12, integrator: "exact" } as const;
    const sampled = sampledOrnsteinUhlenbeck(options);
    const error = Math.abs(sampled.entropyProduction - exact.entropyProduction);
    expect(error).toBeLessThan(1e-9 * Math.max(1, exact.entropyProduction));
  });

  test("Van Loan's noise is that of the stationary state, where there is one", () => {
    // A drift with one unstable direction takes the other road; close to stability they meet.
    const shifted = (by: number) => ({
      drift: Matrix.sub(A, Matrix.eye(d, d, by)).to2DArray(),
      diffusion,
      timeStep: 0.05,
      integrator: "exact" as const,
    });
    const spectrum = Math.max(...drift.map((row) => row.reduce((sum, x) => sum + Math.abs(x), 0)));
    const unstable = linearStep(shifted(2 * spectrum));
    const grown = matrixExponential(Matrix.sub(A, Matrix.eye(d, d, 2 * spectrum)).mul(-0.05));
    // (1/dt) ∫ e^{−As} 2D e^{−Aᵀs} ds by Simpson's rule.
    const points = 200;
    const sum = Matrix.zeros(d, d);
    for (let k = 0; k <= points; k += 1) {
      const weight = (k === 0 || k === points ? 1 : k % 2 === 1 ? 4 : 2) / (3 * points);
      const F = matrixExponential(
        Matrix.sub(A, Matrix.eye(d, d, 2 * spectrum)).mul((-0.05 * k) / points),
      );
      sum.add(
        F.mmul(D)
          .mmul(F.transpose())
          .mul(2 * weight),
      );
    }
    expect(relativeError(unstable.noise.flat(), sum.to1DArray())).toBeLessThan(1e-8);
    expect(grown.norm()).toBeGreaterThan(1);
  });
});

test("symmetric drift and isotropic noise: no current, no entropy production", () => {
  const drift = [
    [2, 0.7],
    [0.7, 1],
  ];
  const diffusion = [
    [0.5, 0],
    [0, 0.5],
  ];
  const { areaRate, entropyProduction } = ornsteinUhlenbeck({ drift, diffusion });
  expect(Math.abs(areaRate[0]![1]!)).toBeLessThan(1e-15);
  expect(Math.abs(entropyProduction)).toBeLessThan(1e-14);
});

describe("cells of a Gaussian", () => {
  const S = [
    [0.7, -0.3],
    [-0.3, 0.5],
  ];
  const x = { from: -0.8, to: 1.3, bins: 3 };
  const y = { from: -1.1, to: 0.9, bins: 4 };

  test("are averages of p, p x, p y: by midpoints on a fine mesh", () => {
    const { density, firstMoments } = gaussianCells(S, [x, y]);
    const P = inverse(new Matrix(S));
    const norm = Math.sqrt(P.get(0, 0) * P.get(1, 1) - P.get(0, 1) ** 2) / (2 * Math.PI);
    const mesh = 200;
    for (let i = 0; i < x.bins; i += 1) {
      for (let j = 0; j < y.bins; j += 1) {
        const sums = [0, 0, 0];
        for (let a = 0; a < mesh; a += 1) {
          for (let b = 0; b < mesh; b += 1) {
            const u = x.from + ((i + (a + 0.5) / mesh) * (x.to - x.from)) / x.bins;
            const v = y.from + ((j + (b + 0.5) / mesh) * (y.to - y.from)) / y.bins;
            const square = P.get(0, 0) * u * u + 2 * P.get(0, 1) * u * v + P.get(1, 1) * v * v;
            const p = (norm * Math.exp(-square / 2)) / mesh ** 2;
            [1, u, v].forEach((factor, k) => {
              sums[k]! += p * factor;
            });
          }
        }
        const cell = i * y.bins + j;
        const got = [density[cell]!, firstMoments[cell]!, firstMoments[12 + cell]!];
        // The midpoint rule errs by h² p''/24: (0.7/200)² times a few.
        for (const k of [0, 1, 2]) expect(Math.abs(got[k]! - sums[k]!)).toBeLessThan(3e-6);
      }
    }
  });

  test("hold all of it, at any correlation", () => {
    for (const correlation of [0, 0.9, -0.9999]) {
      const axis = { from: -9, to: 9, bins: 5 };
      const { density, firstMoments } = gaussianCells(
        [
          [1, correlation],
          [correlation, 1],
        ],
        [axis, axis],
      );
      const volume = (18 / 5) ** 2;
      expect(Math.abs(density.reduce((sum, p) => sum + p, 0) * volume - 1)).toBeLessThan(1e-12);
      expect(Math.abs(firstMoments.reduce((sum, p) => sum + p, 0))).toBeLessThan(1e-12);
    }
  });
});

test("bad input is one sentence", () => {
  const diffusion = [
    [1, 0],
    [0, 1],
  ];
  const drift = [
    [1, 0],
    [0, -0.1],
  ];
  expect(() => ornsteinUhlenbeck({ drift, diffusion })).toThrow(
    "ornsteinUhlenbeck: the real part of an eigenvalue of the drift is not above 0 (-0.100 + ",
  );
  const fast = { drift: [[3]], diffusion: [[1]], timeStep: 1, integrator: "euler" as const };
  expect(() => sampledOrnsteinUhlenbeck(fast)).toThrow("multiplies a direction by 1 or more");
  expect(sampledOrnsteinUhlenbeck({ ...fast, integrator: "exact" }).covariance[0]![0]).toBeCloseTo(
    1 / 3,
    12,
  );
  expect(() => ornsteinUhlenbeck({ drift: [[1]], diffusion: [[0]] })).toThrow(
    "is not symmetric positive definite (least eigenvalue 0.00)",
  );
  expect(() => linearStep({ ...fast, timeStep: 0 })).toThrow("timeStep is 0; give a positive");
});
