/**
 * Observable `flux`: midpoint probability current on a grid of two axes.
 *
 * Each displacement dx between two records adds ½dx to the cell it starts in and ½dx to the one it
 * ends in: the Stratonovich rule, whose mean is the current j. All of dx in the start cell would be
 * p × drift, the gradient part included. Over all cells, and outside, the sums are θ_end − θ_start.
 *
 * Left out: the faces a displacement crosses. One much longer than a cell puts its halves at its two
 * ends and nothing between; sums over regions larger than the displacements stay right.
 *
 * Cost per record and replica: 12 memory accesses; device memory of 12 (cells + 1) bytes a replica.
 */
import { cellCode, cellsOf, checkAxes, type GridAxisSpec, gatedBy } from "./grid.ts";
import type { QuantityContext } from "./quantity.ts";
import { requireEvery } from "./series.ts";

export interface FluxSpec {
  readonly kind: "flux";
  readonly axes: readonly GridAxisSpec[];
  /** Sampling time in SGD steps. */
  readonly every: number;
}

/** Numbers summed for each cell: ends of displacements (2 a pair), twice the displacement in x, in y. */
export const FLUX_NUMBERS = 3;
/** Words a replica keeps of its last record: the two values and the cell. */
export const FLUX_KEPT = 3;

/**
 * Sums half displacements, [condition, group of replicas, component, cell, cell].
 *
 * `every` is the sampling time: displacements are over that many steps, one after the other, and do
 * not cross two calls of `observe`. `currentField` of analysis/ makes currents of it.
 *
 * @throws ArgumentError, LimitError for axes that make no grid of two dimensions.
 * @see C. Battle et al., Science 352, 604 (2016), for currents in the plane of two coordinates.
 * @example
 * flux({
 *   axes: [
 *     { of: "theta[0]", from: -3, to: 3, bins: 16 },
 *     { of: "theta[1]", from: -3, to: 3, bins: 16 },
 *   ],
 * })
 */
export function flux(options: {
  readonly axes: readonly GridAxisSpec[];
  readonly every?: number;
}): FluxSpec {
  const { axes, every = 1 } = options;
  requireEvery("flux", every);
  checkAxes("flux", axes, 2, 2);
  return { kind: "flux", axes, every };
}

/** Words of sums a replica has: cells, then what is outside. */
export const fluxWords = ({ axes }: FluxSpec): number => FLUX_NUMBERS * (cellsOf(axes) + 1);

/** WGSL that takes the last record from the buffer before the first step, and puts it back. */
export const keptRecord = (label: string, keptAt: number) =>
  keptNumbers(
    ["last_x", "last_y", "last_cell"].map((name) => `${label}_${name}`),
    keptAt,
  );

/** The same for any variables, one word each from word `keptAt` of a lane. */
export function keptNumbers(
  names: readonly string[],
  keptAt: number,
): { load: string[]; store: string[] } {
  const word = (k: number): string => `moments[${keptAt + k}u * run.lanes + lane]`;
  return {
    load: names.map((name, k) => `var ${name} = ${word(k)};`),
    store: names.map((name, k) => `${word(k)} = ${name};`),
  };
}

/** WGSL of the summing; `at` is the region's offset in words per lane. */
export function fluxCode(
  spec: FluxSpec,
  label: string,
  at: number,
  context: QuantityContext,
): string[] {
  const { lines, values, cell } = cellCode(spec.axes, label, context);
  const [x, y] = values;
  const last = (name: string): string => `${label}_last_${name}`;
  const add = (base: string): string[] =>
    ["1f", "dx", "dy"].map(
      (value, k) => `moments[(${base} + ${k}u) * run.lanes + lane] += ${value};`,
    );
  return gatedBy(spec.every, [
    ...lines,
    "// A displacement belongs half to the cell it starts in, half to the one it ends in.",
    "if (rel > 0u) {",
    `  let dx = ${x} - ${last("x")};`,
    `  let dy = ${y} - ${last("y")};`,
    `  let start = ${at}u + ${FLUX_NUMBERS}u * min(u32(${last("cell")}), ${cellsOf(spec.axes)}u);`,
    `  let end = ${at}u + ${FLUX_NUMBERS}u * ${cell};`,
    ...[...add("start"), ...add("end")].map((line) => `  ${line}`),
    "}",
    `${last("x")} = ${x};`,
    `${last("y")} = ${y};`,
    `${last("cell")} = f32(${cell});`,
  ]);
}
