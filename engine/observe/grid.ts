/**
 * Grids of one or two axes over quantities of a replica: what `density` and `flux` count into.
 *
 * Cells are half-open, [from + k w, from + (k + 1) w) with w = (to − from)/bins; a value outside of
 * an axis falls into one cell beyond the grid, so that nothing is lost silently. The device bins in
 * float32: a value within a rounding of a cell's edge may fall on its other side.
 *
 * Sums are kept for each replica in float32 and added over groups of replicas at the end of each
 * window: replica number r is in group r mod `GROUPS`, whatever the shard or chunk.
 */
import { ArgumentError, LimitError } from "../errors.ts";
import { floatLiteral } from "../wgsl/literal.ts";
import { isFullData } from "./fullData.ts";
import { type Quantity, type QuantityContext, quantityCode, quantityName } from "./quantity.ts";

/** One axis of a grid: a coordinate, a quantity or a projection, and its cells. */
export interface GridAxisSpec {
  readonly of: Quantity;
  readonly from: number;
  readonly to: number;
  readonly bins: number;
}

/** Groups of replicas that have sums of their own: the units of an error bar. */
export const GROUPS = 64;
/** Records of a replica summed in float32 before the host takes them. */
export const GRID_BLOCK = 1024;
/** Cells beyond which a grid is refused. */
export const MAX_CELLS = 16384;

export const cellsOf = (axes: readonly GridAxisSpec[]): number =>
  axes.reduce((cells, { bins }) => cells * bins, 1);

/** @throws ArgumentError, LimitError for axes that make no grid of `least` to `most` axes. */
export function checkAxes(
  where: string,
  axes: readonly GridAxisSpec[],
  least: number,
  most: number,
): void {
  if (axes.length < least || axes.length > most) {
    const wanted = least === most ? `${least}` : `${least} or ${most}`;
    throw new ArgumentError(`${where}: axes has ${axes.length} entries; give ${wanted}.`);
  }
  for (const { of, from, to, bins } of axes) {
    const name = quantityName(of);
    if (isFullData(name)) {
      throw new ArgumentError(
        `${where}: ${name} is not known on the device at every step; observe it with series.`,
      );
    }
    const width = Math.fround(to) - Math.fround(from);
    if (!(width > 0) || !Number.isFinite(Math.fround(bins / width))) {
      throw new ArgumentError(
        `${where}: ${name} goes from ${from} to ${to}; give finite numbers, the second above the ` +
          "first by more than a float32 rounding.",
      );
    }
    if (!Number.isInteger(bins) || bins < 1) {
      throw new ArgumentError(`${where}: ${name} has ${bins} bins; use a whole number >= 1.`);
    }
  }
  const names = axes.map(({ of }) => quantityName(of));
  if (new Set(names).size < names.length) {
    throw new ArgumentError(
      `${where}: both axes are ${names[0]}; name another quantity for one of them.`,
    );
  }
  if (cellsOf(axes) > MAX_CELLS) {
    throw new LimitError(
      `${where}: ${cellsOf(axes)} cells for each replica, the limit is ${MAX_CELLS}; use fewer bins.`,
    );
  }
}

/** The cell of a point, row-major over the axes; the number of cells if it is outside. Float64. */
export function cellAt(axes: readonly GridAxisSpec[], point: readonly number[]): number {
  let cell = 0;
  for (const [k, { from, to, bins }] of axes.entries()) {
    const place = ((point[k]! - from) * bins) / (to - from);
    if (!(place >= 0 && place < bins)) return cellsOf(axes);
    cell = cell * bins + Math.floor(place);
  }
  return cell;
}

/** WGSL that computes the axes' values, their places in units of cells, and the cell of a record. */
export function cellCode(
  axes: readonly GridAxisSpec[],
  label: string,
  context: QuantityContext,
): { lines: string[]; values: string[]; places: string[]; cell: string } {
  const lines: string[] = [];
  const values: string[] = [];
  const places: string[] = [];
  const inside: string[] = [];
  let cell = "";
  axes.forEach(({ of, from, to, bins }, k) => {
    const code = quantityCode(of, `${label}_q${k}`, context);
    const [value, place] = [`${label}_x${k}`, `${label}_p${k}`];
    lines.push(...code.lines, `let ${value} = ${code.value};`);
    lines.push(
      `let ${place} = (${value} - ${floatLiteral(from)}) * ${floatLiteral(bins / (to - from))};`,
    );
    values.push(value);
    places.push(place);
    inside.push(`${place} >= 0f && ${place} < ${floatLiteral(bins)}`);
    // The clamp keeps the index inside where the value is not.
    const index = `u32(clamp(${place}, 0f, ${floatLiteral(bins - 1)}))`;
    cell = k === 0 ? index : `${cell} * ${bins}u + ${index}`;
  });
  lines.push(`let ${label}_cell = select(${cellsOf(axes)}u, ${cell}, ${inside.join(" && ")});`);
  return { lines, values, places, cell: `${label}_cell` };
}

/** WGSL that runs `lines` on the steps that are recorded. */
export const gatedBy = (every: number, lines: readonly string[]): string[] => [
  every === 1 ? "{" : `if (rel % ${every}u == 0u) {`,
  ...lines.map((line) => `  ${line}`),
  "}",
];
