/**
 * The mean of a function of pairs of replicas, with the replica as the statistical unit.
 *
 * Pairs that share a replica are not independent. A value is split as μ + α_i + β_j + e_ij (α and β of
 * the replicas, e of the pair), the variances are those of the analysis of variance of an unweighted
 * table, and the error of the mean is that of so many independent α, β and e.
 * Source: W. Hoeffding, Ann. Math. Stat. 19, 293 (1948), for U-statistics; H. Scheffé, The Analysis of
 * Variance (1959), ch. 7 for the two-way table with random effects.
 */
import { RefusalError } from "../engine/errors.ts";
import { type Estimate, noEstimate } from "./estimate.ts";
import { replicaWarnings } from "./replicas.ts";

export type PairStatistics = Omit<Estimate, "method">;

/** Rows and columns whose every pair with another finite replica is finite. */
function finiteMembers(values: Float64Array, rows: number, columns: number, byRow: boolean) {
  const [own, other] = byRow ? [rows, columns] : [columns, rows];
  const at = (i: number, j: number): number => values[byRow ? i * columns + j : j * columns + i]!;
  return Array.from({ length: own }, (_, i) => i).filter((i) =>
    Array.from({ length: other }, (_, j) => j).some((j) => Number.isFinite(at(i, j))),
  );
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const squaresAbout = (values: readonly number[], mean: number): number =>
  values.reduce((sum, value) => sum + (value - mean) ** 2, 0);

/** Two sets of replicas: Var = σ_α²/m + σ_β²/n + σ_e²/(mn), from mean squares MS_α + MS_β − MS_e. */
function crossed(table: readonly (readonly number[])[]): { value: number; variance: number } {
  const [m, n] = [table.length, table[0]!.length];
  const rowMeans = table.map(meanOf);
  const columnMeans = table[0]!.map((_, j) => meanOf(table.map((row) => row[j]!)));
  const value = meanOf(rowMeans);
  const ofRows = (n * squaresAbout(rowMeans, value)) / (m - 1);
  const ofColumns = (m * squaresAbout(columnMeans, value)) / (n - 1);
  let residual = 0;
  table.forEach((row, i) => {
    row.forEach((entry, j) => {
      residual += (entry - rowMeans[i]! - columnMeans[j]! + value) ** 2;
    });
  });
  const ofPairs = residual / ((m - 1) * (n - 1));
  // The difference of mean squares may be negative by chance; the pairs' own part is the least.
  return { value, variance: Math.max(ofRows + ofColumns - ofPairs, ofPairs) / (m * n) };
}

/** One set, pairs i < j: Var = 4σ_α²/n + 2σ_e²/(n(n − 1)). */
function within(table: readonly (readonly number[])[]): { value: number; variance: number } {
  const n = table.length;
  const rowMeans = table.map((row, i) => meanOf(row.filter((_, j) => j !== i)));
  const value = meanOf(rowMeans);
  const effects = rowMeans.map((mean) => ((n - 1) / (n - 2)) * (mean - value));
  let residual = 0;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < i; j += 1) {
      residual += (table[i]![j]! - value - effects[i]! - effects[j]!) ** 2;
    }
  }
  const ofPairs = residual / ((n * (n - 3)) / 2);
  // The effects scatter by σ_α² + σ_e²/(n − 2).
  const ofReplicas = squaresAbout(effects, 0) / (n - 1) - ofPairs / (n - 2);
  const variance = (4 * Math.max(ofReplicas, 0)) / n + (2 * ofPairs) / (n * (n - 1));
  return { value, variance };
}

/**
 * Mean over pairs of `values` [row, column], row-major; with `isSymmetric` over pairs i < j of one set,
 * the diagonal left out.
 *
 * The error covers the scatter of the replicas of both sets, and is unbiased in its square. n is the
 * smaller number of replicas. Replicas without finite values are left out, with a warning.
 *
 * @throws RefusalError when fewer than 2 replicas of a set (4 of a single one) are finite.
 * @example pairStatistics(Float64Array.of(1, 2, 3, 4), 2, 2, false).value // 2.5
 */
export function pairStatistics(
  values: Float64Array,
  rows: number,
  columns: number,
  isSymmetric: boolean,
): PairStatistics {
  const alive = finiteMembers(values, rows, columns, true);
  const others = isSymmetric ? alive : finiteMembers(values, rows, columns, false);
  const total = rows + (isSymmetric ? 0 : columns);
  const left = alive.length + (isSymmetric ? 0 : others.length);
  const least = isSymmetric ? 4 : 2;
  const n = Math.min(alive.length, others.length);
  if (n < least) {
    throw new RefusalError(
      `pairStatistics: ${n} replicas with finite values, at least ${least} are needed for an error; ` +
        "lower learningRate, or use more replicas.",
      noEstimate("mean over pairs"),
    );
  }
  const table = alive.map((i) => others.map((j) => values[i * columns + j]!));
  const { value, variance } = isSymmetric ? within(table) : crossed(table);
  const warnings = replicaWarnings(total - left, total);
  return { value, standardError: Math.sqrt(variance), n, warnings };
}
