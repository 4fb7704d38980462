/**
 * Do fourth moments of a minibatch sampler stay finite? Where they do not, averages of squares have
 * no variance, and no error bar made from their scatter can be trusted.
 *
 * A step multiplies z − (what does not depend on z) by a matrix A of its batch, and the monomials of
 * degree 4 in z by the fourth symmetric power of A; averaged over the batches or orders of a cycle
 * its spectral radius decides. Source: H. Kesten, Acta Mathematica 131, 207 (1973), for the power-law
 * tails of such recursions.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { MatrixRows } from "./affineMoments.ts";
import { cycleOperator } from "./cycleOperator.ts";
import { type PosteriorMomentsOptions, stepMap } from "./posteriorMoments.ts";
import { regressionPosterior } from "./regressionPosterior.ts";

const DEGREE = 4;

/**
 * Spectral radius of the fourth-moment map of a cycle; fourth moments are finite where it is below 1.
 *
 * @throws ArgumentError for batches that do not fit, or an average that would take too long.
 * @see file head
 */
export function posteriorFourthMomentRadius(options: PosteriorMomentsOptions): number {
  const posterior = regressionPosterior(options.posterior);
  const map = stepMap(options, posterior);
  const { sampling, batchSize } = options;
  const { operator } = cycleOperator({
    samples: posterior.samples,
    batchSize,
    sampling,
    step: (batch) => {
      const { matrix } = map(batch);
      return { dimension: matrix.length, entries: symmetricPower(matrix) };
    },
  });
  const n = Math.sqrt(operator.entries.length);
  const scale = operator.entries.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (!(scale > 0 && scale < Infinity)) return scale;
  const scaled = Matrix.from1DArray(
    n,
    n,
    Array.from(operator.entries, (x) => x / scale),
  );
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(scaled);
  return (
    scale * Math.max(...realEigenvalues.map((re, k) => Math.hypot(re, imaginaryEigenvalues[k]!)))
  );
}

/** Monomials of degree 4 in D variables, as sorted lists of indices. */
function monomials(D: number, degree = DEGREE, first = 0): number[][] {
  if (degree === 0) return [[]];
  return Array.from({ length: D - first }, (_, i) => first + i).flatMap((i) =>
    monomials(D, degree - 1, i).map((rest) => [i, ...rest]),
  );
}

/** The matrix by which z' = A z maps monomials of degree 4, row-major. */
function symmetricPower(A: MatrixRows): Float64Array {
  const rows = monomials(A.length);
  const place = new Map(rows.map((list, k) => [list.join(), k]));
  const entries = new Float64Array(rows.length ** 2);
  for (const [row, factors] of rows.entries()) {
    // Π_i (Σ_j A_ij z_j), expanded factor by factor.
    let expanded = new Map<string, { list: number[]; value: number }>([
      ["", { list: [], value: 1 }],
    ]);
    for (const i of factors) {
      const next = new Map<string, { list: number[]; value: number }>();
      for (const { list, value } of expanded.values()) {
        for (const [j, a] of A[i]!.entries()) {
          const longer = [...list, j].sort((x, y) => x - y);
          const key = longer.join();
          const before = next.get(key)?.value ?? 0;
          next.set(key, { list: longer, value: before + a * value });
        }
      }
      expanded = next;
    }
    for (const [key, { value }] of expanded) entries[row * rows.length + place.get(key)!] = value;
  }
  return entries;
}
