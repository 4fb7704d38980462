/**
 * A field on a grid with an error bar in every cell: what densities and currents have in common.
 *
 * The units are the record's groups of replicas, which are independent. A group's field x_g is its
 * sum over its number of records; the estimate is the weighted mean m = Σ w_g x_g with w_g the share
 * of the records, and the error that of the delete-one jackknife:
 *   standardError² = (G−1)/G Σ_g (δ_g − δ̄)²,  δ_g = w_g (m − x_g)/(1 − w_g).
 * With 64 groups an error is itself known to about 9 %. Neighbouring cells are correlated: their
 * errors do not add as independent ones do (`fieldSlope`, `fieldDistance` know).
 */
import type { Field, GridAxis } from "../engine/record.ts";
import { noEstimate } from "./estimate.ts";
import { refuse } from "./refusal.ts";
import { checkCondition } from "./seriesSource.ts";

export interface GridField {
  readonly grid: readonly GridAxis[];
  /** `density`, or the coordinates of a vector field. */
  readonly components: readonly string[];
  /** [component, cell…] */
  readonly value: Float64Array;
  readonly standardError: Float64Array;
  /** Independent groups behind it. */
  readonly n: number;
  /** x_g, [group][component, cell…], and w_g, [group]; the weights' sum is 1. */
  readonly groups: { readonly values: readonly Float64Array[]; readonly weights: Float64Array };
  readonly method: string;
  readonly warnings: readonly string[];
}

/** What a field is made of. */
export interface GridSums {
  readonly where: string;
  readonly grid: readonly GridAxis[];
  readonly components: readonly string[];
  readonly condition: number;
  /** [condition, group, component, cell…] */
  readonly sums: Field;
  /** Records of a group inside of the grid, and outside of it: [condition, group, cell…], [condition, group]. */
  readonly inside: Field;
  readonly outside: Field;
  readonly replicas: Field;
  readonly frozen: Field;
  /** The field is sum over records, times this. */
  readonly factor: number;
}

/** Volume of a cell. */
export const cellVolume = (grid: readonly GridAxis[]): number =>
  grid.reduce((volume, { from, to, bins }) => (volume * (to - from)) / bins, 1);

/**
 * The field of one condition.
 * @throws ArgumentError for a condition that is not there, RefusalError when nothing was recorded.
 */
export function gridField(given: GridSums): GridField {
  const { where, grid, components, condition, sums, inside, outside, factor } = given;
  const [conditions, groups] = outside.axes.map(({ length }) => length) as [number, number];
  checkCondition(where, condition, conditions);
  const cells = grid.reduce((product, { bins }) => product * bins, 1);
  const size = components.length * cells;
  const values: Float64Array[] = [];
  const records: number[] = [];
  for (let group = 0; group < groups; group += 1) {
    const row = condition * groups + group;
    let count = outside.data[row]!;
    for (let cell = 0; cell < cells; cell += 1) count += inside.data[row * cells + cell]!;
    if (count === 0) continue;
    records.push(count);
    values.push(
      Float64Array.from({ length: size }, (_, k) => (factor * sums.data[row * size + k]!) / count),
    );
  }
  const n = values.length;
  const method = `jackknife over ${n} groups of replicas`;
  if (n === 0) refuse(`${where}: nothing was recorded; observe more steps.`, noEstimate(method));
  const total = records.reduce((sum, count) => sum + count, 0);
  const weights = Float64Array.from(records, (count) => count / total);
  const field = { values, weights };
  const { value, standardError } = weightedMean(field);
  const warnings = fieldWarnings(given, n);
  return { grid, components, value, standardError, n, groups: field, method, warnings };
}

/** What is doubtful about a field of `n` groups. */
export function fieldWarnings(
  { replicas, frozen, condition }: Pick<GridSums, "replicas" | "frozen" | "condition">,
  n: number,
): string[] {
  const groups = replicas.axes[1]!.length;
  const sum = (field: Field): number => {
    let total = 0;
    for (let g = 0; g < groups; g += 1) total += field.data[condition * groups + g]!;
    return total;
  };
  const lost = sum(frozen);
  const warnings: string[] = [];
  if (lost > 0) {
    warnings.push(`${lost} of ${sum(replicas)} replicas froze; they count up to their last step`);
  }
  if (n === 1) warnings.push("one group of replicas: no standard error");
  return warnings;
}

/** Weighted mean of each number and its jackknife error (file head); NaN error for one group. */
export function weightedMean({ values, weights }: GridField["groups"]): {
  value: Float64Array;
  standardError: Float64Array;
} {
  const size = values[0]!.length;
  const n = values.length;
  const value = new Float64Array(size);
  values.forEach((own, g) => {
    for (let k = 0; k < size; k += 1) value[k]! += weights[g]! * own[k]!;
  });
  const standardError = new Float64Array(size);
  for (let k = 0; k < size; k += 1) {
    let sum = 0;
    let squares = 0;
    for (let g = 0; g < n; g += 1) {
      const deviation = (weights[g]! * (value[k]! - values[g]![k]!)) / (1 - weights[g]!);
      sum += deviation;
      squares += deviation * deviation;
    }
    const scatter = Math.max(0, squares - (sum * sum) / n);
    standardError[k] = n > 1 ? Math.sqrt(((n - 1) / n) * scatter) : Number.NaN;
  }
  return { value, standardError };
}
