/**
 * The host's side of grids: sums over groups of replicas, added over windows and chunks in float64,
 * and the Records made of them.
 */
import { type CrossingsSpec, facesOf } from "../observe/crossings.ts";
import { FLUX_NUMBERS, type FluxSpec } from "../observe/flux.ts";
import { cellsOf, GROUPS, type GridAxisSpec } from "../observe/grid.ts";
import type { GridRegion } from "../observe/gridRegions.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { quantityName } from "../observe/quantity.ts";
import type {
  Axis,
  CrossingsRecord,
  DensityRecord,
  Field,
  FluxRecord,
  GridAxis,
} from "../record.ts";
import type { EnsembleShape } from "./ensembleShape.ts";
import { sumsShape } from "./groupSums.ts";

export interface GridHost {
  readonly regions: readonly GridRegion[];
  readonly conditions: number;
  /** [word, condition, group] */
  readonly sums: Float64Array;
}

export const gridHost = ({ grids, gridWords }: ObservationPlan, conditions: number): GridHost => ({
  regions: grids,
  conditions,
  sums: new Float64Array(gridWords * conditions * GROUPS),
});

/** Adds a chunk's sums, [word, condition of the chunk, slot]. */
export function takeGroupSums(
  { sums, conditions }: GridHost,
  shape: EnsembleShape,
  words: Float32Array,
  firstLane: number,
  lanes: number,
): void {
  const own = sumsShape(firstLane, lanes, shape.replicas);
  words.forEach((word, i) => {
    const slot = i % own.slots;
    const row = Math.floor(i / own.slots);
    const condition = own.firstCondition + (row % own.conditions);
    const group = (shape.firstReplica + slot) % GROUPS;
    sums[(Math.floor(row / own.conditions) * conditions + condition) * GROUPS + group]! += word;
  });
}

/** The Records by name. `frozen` holds the step a lane froze at, −1 otherwise. */
export function gridRecords(
  host: GridHost,
  shape: EnsembleShape,
  steps: number,
  frozen: Int32Array,
): Record<string, DensityRecord | FluxRecord | CrossingsRecord> {
  const dealt = (counted: (lane: number) => boolean): Field => {
    const data = new Float64Array(shape.conditions * GROUPS);
    for (let lane = 0; lane < shape.conditions * shape.replicas; lane += 1) {
      if (!counted(lane)) continue;
      const condition = Math.floor(lane / shape.replicas);
      const group = (shape.firstReplica + (lane % shape.replicas)) % GROUPS;
      data[condition * GROUPS + group]! += 1;
    }
    return { axes: groupAxes(shape), data, unit: "" };
  };
  const replicas = dealt(() => true);
  const lost = dealt((lane) => frozen[lane]! >= 0);
  return Object.fromEntries(
    host.regions.map((region) => {
      const { spec } = region;
      const shared = { grid: gridOf(spec.axes), every: spec.every, replicas, frozen: lost };
      const records = Math.ceil(steps / spec.every);
      const cells = cellAxes(spec.axes);
      const take = (word: (cell: number) => number, axes: readonly Axis[], unit: string): Field =>
        taken(host, shape, region, word, axes, unit);
      if (spec.kind === "density") {
        const counts = take((cell) => cell, cells, "");
        const outside = take((cell) => cellsOf(spec.axes) + cell, [], "");
        return [region.name, { kind: "density", ...shared, records, counts, outside }];
      }
      const pairs = Math.max(0, records - 1);
      if (spec.kind === "crossings") {
        const fields = crossingsFields(spec, take);
        return [region.name, { kind: "crossings", ...shared, pairs, ...fields }];
      }
      return [region.name, { kind: "flux", ...shared, pairs, ...fluxFields(spec, cells, take) }];
    }),
  );
}

type Take = (word: (cell: number) => number, axes: readonly Axis[], unit: string) => Field;

function fluxFields(
  { axes }: FluxSpec,
  cells: readonly Axis[],
  take: Take,
): Pick<FluxRecord, "visits" | "displacement" | "visitsOutside" | "displacementOutside"> {
  const count = cellsOf(axes);
  const component: Axis = {
    name: "component",
    length: axes.length,
    values: axes.map(({ of }) => quantityName(of)),
  };
  const visited = (cell: number): number => FLUX_NUMBERS * cell;
  /** Of number i of [component, cell], `cells` long. */
  const moved = (i: number, cells: number): number =>
    FLUX_NUMBERS * (i % cells) + 1 + Math.floor(i / cells);
  const outside = FLUX_NUMBERS * count;
  const halved = (field: Field): Field => ({ ...field, data: field.data.map((sum) => sum / 2) });
  return {
    visits: halved(take(visited, cells, "")),
    displacement: halved(take((i) => moved(i, count), [component, ...cells], "θ")),
    visitsOutside: halved(take(() => outside, [], "")),
    displacementOutside: halved(take((i) => outside + moved(i, 1), [component], "θ")),
  };
}

function crossingsFields(
  { axes }: CrossingsSpec,
  take: Take,
): Pick<CrossingsRecord, "displacements" | "along" | "up"> {
  const [along, up] = facesOf(axes);
  const [x, y] = cellAxes(axes) as [Axis, Axis];
  const [xFaces, yFaces] = axes.map(
    ({ of, from, to, bins }): Axis => ({
      name: `faces of ${quantityName(of)}`,
      length: bins + 1,
      values: Array.from({ length: bins + 1 }, (_, k) => from + (k * (to - from)) / bins),
    }),
  ) as [Axis, Axis];
  return {
    displacements: take(() => along + up, [], ""),
    along: take((face) => face, [xFaces, y], ""),
    up: take((face) => along + face, [x, yFaces], ""),
  };
}

/** [condition, group, …axes] of a region's sums: number i of the axes is its word `word(i)`. */
export function taken(
  { sums }: GridHost,
  shape: EnsembleShape,
  { at }: { readonly at: number },
  word: (i: number) => number,
  axes: readonly Axis[],
  unit: string,
): Field {
  const count = axes.reduce((product, { length }) => product * length, 1);
  const rows = shape.conditions * GROUPS;
  const data = new Float64Array(rows * count);
  for (let i = 0; i < count; i += 1) {
    const from = (at + word(i)) * rows;
    for (let row = 0; row < rows; row += 1) data[row * count + i] = sums[from + row]!;
  }
  return { axes: [...groupAxes(shape), ...axes], data, unit };
}

const groupAxes = ({ conditions, labels }: EnsembleShape): [Axis, Axis] => [
  { name: "condition", length: conditions, values: labels },
  { name: "group", length: GROUPS },
];

const gridOf = (axes: readonly GridAxisSpec[]): GridAxis[] =>
  axes.map(({ of, from, to, bins }) => ({ name: quantityName(of), from, to, bins }));

/** Cells by the middle of each. */
const cellAxes = (axes: readonly GridAxisSpec[]): Axis[] =>
  axes.map(({ of, from, to, bins }) => ({
    name: quantityName(of),
    length: bins,
    values: Array.from({ length: bins }, (_, k) => from + ((k + 0.5) * (to - from)) / bins),
  }));
