/**
 * Probability current through the faces of a grid, from net crossings, and whether there is one.
 *
 *   j·n (face) = (crossings along the axis − against it) / (displacements × dt × length of the face)
 *
 * Exactly the flow of the process that goes in straight lines from record to record: nothing is
 * assigned to cells, and the flow into a cell is what accumulates in it.
 */
import type { CrossingsRecord } from "../engine/record.ts";
import type { CurrentChoice } from "./currentField.ts";
import { noEstimate } from "./estimate.ts";
import { fieldWarnings, type GridField, weightedMean } from "./gridField.ts";
import { checkIndependentGrid } from "./groups.ts";
import { refuse } from "./refusal.ts";
import { checkCondition } from "./seriesSource.ts";
import { type Significance, signFlipTest } from "./signFlipTest.ts";

/** `value` is [face, cell] of the faces crossed along the first axis, then [cell, face] of the second. */
export interface FaceCurrent extends GridField {
  /** Faces of both kinds. */
  readonly faces: readonly [number, number];
  /** Of the hypothesis that nothing flows. */
  readonly significance: Significance;
}

/**
 * j·n of each face, per unit of time and length, with errors and a test against no current.
 *
 * Error: scatter between groups of replicas, as `currentField`, whose remarks on coordinates hold.
 *
 * @throws ArgumentError for a condition that is not there or replicas that interact, RefusalError when
 *   nothing was recorded.
 * @example faceCurrent(record.crossings, { timeStep: 0.01 }).significance.pValue
 */
export function faceCurrent(
  record: CrossingsRecord,
  { condition = 0, timeStep = 1 }: CurrentChoice = {},
): FaceCurrent {
  const where = "faceCurrent";
  checkIndependentGrid(where, record);
  const { grid, along, up, displacements, every, replicas, frozen } = record;
  const [conditions, groups] = displacements.axes.map(({ length }) => length) as [number, number];
  checkCondition(where, condition, conditions);
  const [x, y] = grid.map(({ from, to, bins }) => (to - from) / bins) as [number, number];
  const faces = [along, up].map(({ data }) => data.length / (conditions * groups)) as [
    number,
    number,
  ];
  const values: Float64Array[] = [];
  const counts: number[] = [];
  for (let group = 0; group < groups; group += 1) {
    const row = condition * groups + group;
    const count = displacements.data[row]!;
    if (count === 0) continue;
    const time = count * every * timeStep;
    counts.push(count);
    values.push(
      Float64Array.from({ length: faces[0] + faces[1] }, (_, k) =>
        k < faces[0]
          ? along.data[row * faces[0] + k]! / (time * y)
          : up.data[row * faces[1] + k - faces[0]]! / (time * x),
      ),
    );
  }
  const n = values.length;
  const method = `jackknife over ${n} groups of replicas`;
  if (n === 0) refuse(`${where}: nothing was recorded; observe more steps.`, noEstimate(method));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const units = { values, weights: Float64Array.from(counts, (count) => count / total) };
  const field: GridField = {
    grid,
    components: grid.map(({ name }) => `faces of ${name}`),
    ...weightedMean(units),
    n,
    groups: units,
    method,
    warnings: fieldWarnings({ replicas, frozen, condition }, n),
  };
  return { ...field, faces, significance: signFlipTest(field) };
}
