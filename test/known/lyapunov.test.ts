/** Lyapunov equations against closed forms, residuals and a Kronecker solve of another kind. */
import { Matrix, solve } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { continuousLyapunov, discreteLyapunov, type Rows } from "../../analysis/lyapunov.ts";
import { generator } from "../generator.ts";

const largest = (M: Matrix) => Math.max(...M.to1DArray().map(Math.abs));
const matrix = (rows: Rows) => new Matrix(rows.map((row) => [...row]));

function randomMatrix(n: number, seed: number): Matrix {
  const { normal } = generator(seed);
  return new Matrix(Array.from({ length: n }, () => Array.from({ length: n }, normal)));
}

const covarianceOf = (B: Matrix) => B.mmul(B.transpose());

/** (1 − A⊗A) vec S = vec Q. */
function kronecker(A: Matrix, Q: Matrix): Matrix {
  const n = A.rows;
  const system = Matrix.sub(Matrix.eye(n * n), A.kroneckerProduct(A));
  const S = solve(system, Matrix.columnVector(Q.to1DArray()));
  return Matrix.from1DArray(n, n, S.to1DArray());
}

describe("discreteLyapunov", () => {
  it("is the variance of AR(1), sigma²/(1 − phi²), up to |phi| close to 1", () => {
    expect(discreteLyapunov([[0.9]], [[0.19]])[0]![0]).toBeCloseTo(1, 13);
    expect(discreteLyapunov([[-0.5]], [[3]])[0]![0]).toBeCloseTo(4, 13);
    const phi = 1 - 2 ** -20;
    const [[variance]] = discreteLyapunov([[phi]], [[1]]) as [[number]];
    expect(Math.abs(variance * (1 - phi * phi) - 1)).toBeLessThan(1e-9);
  });

  it("agrees with the Kronecker solve for n = 6", () => {
    const A = randomMatrix(6, 1).mul(0.3);
    const Q = covarianceOf(randomMatrix(6, 2));
    const S = matrix(discreteLyapunov(A.to2DArray(), Q.to2DArray()));
    expect(largest(Matrix.sub(S, kronecker(A, Q)))).toBeLessThan(1e-12 * largest(S));
  });

  it("has no residual for n = 40, non-normal", () => {
    const A = randomMatrix(40, 3).mul(0.1);
    for (let i = 0; i < 39; i++) A.set(i, i + 1, A.get(i, i + 1) + 0.3);
    const Q = covarianceOf(randomMatrix(40, 4));
    const S = matrix(discreteLyapunov(A.to2DArray(), Q.to2DArray()));
    const residual = A.mmul(S).mmul(A.transpose()).add(Q).sub(S);
    expect(largest(residual)).toBeLessThan(1e-12 * largest(S));
  });

  it("refuses what has no stationary state, misfits and asymmetric noise", () => {
    expect(() => discreteLyapunov([[1]], [[1]])).toThrow(/spectral radius is 1, not below 1/);
    // A rotation by a right angle scaled by 1.1: real parts are 0, the modulus decides.
    expect(() =>
      discreteLyapunov(
        [
          [0, -1.1],
          [1.1, 0],
        ],
        [
          [1, 0],
          [0, 1],
        ],
      ),
    ).toThrow(/radius is 1.1/);
    expect(() =>
      discreteLyapunov(
        [[0.5]],
        [
          [1, 0],
          [0, 1],
        ],
      ),
    ).toThrow(/one size/);
    expect(() =>
      discreteLyapunov(
        [
          [0.5, 0],
          [0, 0.5],
        ],
        [
          [1, 1],
          [0, 1],
        ],
      ),
    ).toThrow(/not symmetric/);
  });
});

describe("continuousLyapunov", () => {
  // Card E1: A = [[k, −w], [w, k]], Q = 2 diag(D1, D2):
  // S12 = −w(D1 − D2)/(2(k² + w²)), S11 = (D1 + w S12)/k, S22 = (D2 − w S12)/k.
  it.each([
    [
      "isotropic",
      [
        [1, -2],
        [2, 1],
      ],
      [1, 1],
      [1, 0, 1],
    ],
    [
      "anisotropic",
      [
        [1, -2],
        [2, 1],
      ],
      [1, 0.25],
      [0.7, -0.15, 0.55],
    ],
    [
      "gyrator",
      [
        [2, 1],
        [1, 2],
      ],
      [1, 0.2],
      [0.6, -0.2, 0.2],
    ],
  ])("gives card E1, %s", (_, A, [D1, D2], [S11, S12, S22]) => {
    const S = discreteRows(
      continuousLyapunov(A, [
        [2 * D1!, 0],
        [0, 2 * D2!],
      ]),
    );
    for (const [k, expected] of [S11!, S12!, S12!, S22!].entries()) {
      expect(Math.abs(S[k]! - expected)).toBeLessThan(1e-14);
    }
  });

  it("has no residual for n = 40 with eigenvalues over four decades", () => {
    const basis = randomMatrix(40, 5);
    const A = covarianceOf(basis).mul(1 / 40);
    for (let i = 0; i < 40; i++) A.set(i, i, A.get(i, i) + 1e-3);
    const rotation = randomMatrix(40, 6);
    A.add(Matrix.sub(rotation, rotation.transpose()).mul(0.1));
    const Q = covarianceOf(randomMatrix(40, 7));
    const S = matrix(continuousLyapunov(A.to2DArray(), Q.to2DArray()));
    const residual = A.mmul(S).add(S.mmul(A.transpose())).sub(Q);
    expect(largest(residual)).toBeLessThan(1e-10 * largest(S));
    expect(largest(Matrix.sub(S, S.transpose()))).toBe(0);
  });

  it("is the limit of the discrete equation", () => {
    const A = [
      [1, -2],
      [2, 1],
    ];
    const Q = [
      [2, 0],
      [0, 0.5],
    ];
    const dt = 1e-5;
    const step = A.map((row, i) => row.map((value, j) => (i === j ? 1 : 0) - dt * value));
    const noise = Q.map((row) => row.map((value) => dt * value));
    const difference = Matrix.sub(
      matrix(discreteLyapunov(step, noise)),
      matrix(continuousLyapunov(A, Q)),
    );
    expect(largest(difference)).toBeLessThan(5 * dt);
    expect(largest(difference)).toBeGreaterThan(0.01 * dt);
  });

  it("refuses eigenvalues without positive real part", () => {
    expect(() =>
      continuousLyapunov(
        [
          [0, -1],
          [1, 0],
        ],
        [
          [1, 0],
          [0, 1],
        ],
      ),
    ).toThrow(/real part/);
    expect(() => continuousLyapunov([[-1]], [[1]])).toThrow(/real part -1/);
  });
});

const discreteRows = (rows: Rows) => rows.flat();
