/**
 * Means over replicas made sharper by control variates: numbers of the same replicas, driven by the
 * same random numbers, whose means are known exactly.
 *
 *   x̄ − β(c̄ − c),  β = Cov(x, c) Cov(c, c)⁻¹ from the same replicas.
 *
 * Source: S. S. Lavenberg, P. D. Welch, Management Science 27, 322 (1981): unbiased for normal
 * samples, with n − 1 − q degrees of freedom for q controls. Left out: the bias O(1/n) of other
 * samples, which is to the error as n^(−1/2).
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import { noEstimate } from "./estimate.ts";
import type { ReplicaSamples } from "./jackknife.ts";
import { refuse } from "./refusal.ts";
import { replicaWarnings } from "./replicas.ts";

/** Means of k numbers with the covariance of their errors. */
export interface MeanVector {
  /** [k] */
  readonly values: readonly number[];
  /** Covariance of the values' errors, [k, k]. */
  readonly covariance: readonly (readonly number[])[];
  /**
   * What each replica adds to the error of the values, [replica, k]: the sum of products over replicas
   * is `covariance`. 0 for replicas that are left out.
   */
  readonly influence: Float64Array;
  /** Replicas that were used. */
  readonly n: number;
  readonly method: string;
  readonly warnings: readonly string[];
}

export interface ControlVariates {
  /** Of the same replicas, [replica, q]. */
  readonly samples: ReplicaSamples;
  /** The exact means, [q]. */
  readonly exact: readonly number[];
}

/** Replicas for each control: fewer say too little of β. */
const REPLICAS_PER_CONTROL = 8;

/** Replicas that are finite in all samples, and their rows as matrices. */
function finiteRows(all: readonly ReplicaSamples[]): { rows: number[]; parts: Matrix[] } {
  const finite = ({ data, k }: ReplicaSamples, r: number): boolean => {
    for (let i = r * k; i < (r + 1) * k; i++) if (!Number.isFinite(data[i]!)) return false;
    return true;
  };
  const rows: number[] = [];
  for (let r = 0; r < all[0]!.replicas; r++) {
    if (all.every((samples) => finite(samples, r))) rows.push(r);
  }
  const parts = all.map(({ data, k }) => {
    const part = Matrix.zeros(rows.length, k);
    for (const [row, r] of rows.entries()) {
      for (let i = 0; i < k; i++) part.set(row, i, data[r * k + i]!);
    }
    return part;
  });
  return { rows, parts };
}

/** Takes the means of the columns off and returns them. */
function centered(matrix: Matrix): number[] {
  const means = matrix.mean("column");
  matrix.subRowVector(means);
  return means;
}

function checkControls(samples: ReplicaSamples, control: ControlVariates): void {
  const { replicas, k } = control.samples;
  if (replicas !== samples.replicas || k !== control.exact.length) {
    throw new ArgumentError(
      `controlledMeans: ${k} controls of ${replicas} replicas, with ${control.exact.length} exact ` +
        `means, for ${samples.replicas} replicas; give controls of the same replicas, a mean each.`,
    );
  }
}

/**
 * Means over replicas with the covariance of their errors, sharpened by control variates.
 *
 * Without a control, or with fewer than 8 replicas for each of its numbers, or where those depend
 * on each other: the plain means and the covariance of their scatter over n.
 *
 * @throws ArgumentError for controls of other replicas; RefusalError when fewer than 2 are finite.
 * @see file head
 * @example
 * // x̄ = 4/3 and c̄ = 1 of three replicas; too few for a control of mean 0, so the plain mean.
 * const samples = { data: Float64Array.of(1, 2, 1), replicas: 3, k: 1 };
 * const control = { samples: { data: Float64Array.of(0, 2, 1), replicas: 3, k: 1 }, exact: [0] };
 * controlledMeans(samples, control).values; // [4/3]
 */
export function controlledMeans(samples: ReplicaSamples, control?: ControlVariates): MeanVector {
  if (control) checkControls(samples, control);
  const { rows, parts } = finiteRows(control ? [samples, control.samples] : [samples]);
  const n = rows.length;
  if (n < 2) {
    refuse(
      `controlledMeans: ${n} of ${samples.replicas} replicas are finite (frozen or diverged), no ` +
        "error can be told; lower learningRate.",
      noEstimate(`mean over ${n} replicas`),
    );
  }
  const X = parts[0]!;
  const values = centered(X);
  const plain = `mean over ${n} replicas`;
  const regressed = control && regression(X, values, parts[1]!, control.exact);
  const { residuals, scale, used } = regressed ?? {
    residuals: X,
    scale: 1 / (n * (n - 1)),
    used: null,
  };
  const root = Math.sqrt(scale);
  const influence = new Float64Array(samples.replicas * samples.k);
  for (const [row, r] of rows.entries()) {
    for (let i = 0; i < samples.k; i++) influence[r * samples.k + i] = root * residuals.get(row, i);
  }
  return {
    values: used ?? values,
    covariance: residuals.transpose().mmul(residuals).mul(scale).to2DArray(),
    influence,
    n,
    method: regressed ? `${plain}, ${control!.exact.length} control variates` : plain,
    warnings: replicaWarnings(samples.replicas - n, samples.replicas),
  };
}

/** Residuals of x on c, sharpened means, variance of a mean over the sum of squared residuals. */
function regression(X: Matrix, means: number[], C: Matrix, exact: readonly number[]) {
  const [n, q] = [X.rows, C.columns];
  if (n < REPLICAS_PER_CONTROL * q) return null;
  const gap = centered(C).map((mean, j) => mean - exact[j]!);
  // In units of their own scatter, so that what counts as dependent does not depend on units.
  const sizes = Array.from({ length: q }, (_, j) => Math.hypot(...C.getColumn(j)));
  if (!sizes.every((size) => size > 0)) return null;
  C.divRowVector(sizes);
  const products = C.transpose().mmul(C);
  const factor = new CholeskyDecomposition(products);
  const pivots = factor.lowerTriangularMatrix.diagonal();
  if (!factor.isPositiveDefinite() || Math.min(...pivots) < 1e-6) return null;
  const beta = factor.solve(C.transpose().mmul(X));
  const residuals = Matrix.sub(X, C.mmul(beta));
  const distance = Matrix.columnVector(gap.map((value, j) => value / sizes[j]!));
  const shift = distance.transpose().mmul(beta).to1DArray();
  const leverage = distance.transpose().mmul(factor.solve(distance)).get(0, 0);
  return {
    residuals,
    scale: (1 / n + leverage) / (n - 1 - q),
    used: means.map((value, i) => value - shift[i]!),
  };
}
