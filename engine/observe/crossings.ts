/**
 * Observable `crossings`: net numbers of crossings of the faces between cells of a grid of two axes.
 *
 * Between two records a replica goes in a straight line; each face that the line crosses counts +1 in
 * the direction of its axis, −1 against it. In contrast to `flux`, a displacement longer than a cell is
 * seen in all the cells it passes, and what flows into a cell is what accumulates there: counts into
 * and out of it differ by the replica's being there at the end less at the start. A line that passes
 * within a float32 rounding of a corner may be counted on the corner's other side.
 *
 * Cost per record and replica: 2 memory accesses, and 2 for each face crossed; device memory of 4 bytes
 * a face and replica.
 */
import { keptNumbers } from "./flux.ts";
import { cellCode, checkAxes, type GridAxisSpec, gatedBy } from "./grid.ts";
import type { QuantityContext } from "./quantity.ts";
import { requireEvery } from "./series.ts";

export interface CrossingsSpec {
  readonly kind: "crossings";
  readonly axes: readonly GridAxisSpec[];
  /** Sampling time in SGD steps. */
  readonly every: number;
}

/** Words a replica keeps of its last record: its place in units of cells, along each axis. */
export const CROSSINGS_KEPT = 2;

/**
 * Net crossings of faces, [condition, group of replicas, faces].
 *
 * `every` is the sampling time; no line is drawn between two calls of `observe`. `faceCurrent` of
 * analysis/ makes currents of it.
 *
 * @throws ArgumentError, LimitError for axes that make no grid of two dimensions.
 * @see C. Battle et al., Science 352, 604 (2016), for fluxes between cells of a plane.
 * @example
 * crossings({
 *   axes: [
 *     { of: "theta[0]", from: -3, to: 3, bins: 16 },
 *     { of: "theta[1]", from: -3, to: 3, bins: 16 },
 *   ],
 * })
 */
export function crossings(options: {
  readonly axes: readonly GridAxisSpec[];
  readonly every?: number;
}): CrossingsSpec {
  const { axes, every = 1 } = options;
  requireEvery("crossings", every);
  checkAxes("crossings", axes, 2, 2);
  return { kind: "crossings", axes, every };
}

/** Faces that are crossed along the first axis, and along the second. */
export function facesOf(axes: readonly GridAxisSpec[]): [number, number] {
  const [x, y] = axes as readonly [GridAxisSpec, GridAxisSpec];
  return [(x.bins + 1) * y.bins, x.bins * (y.bins + 1)];
}

/** Words of sums a replica has: faces of both kinds, then its displacements. */
export const crossingsWords = ({ axes }: CrossingsSpec): number => {
  const [along, up] = facesOf(axes);
  return along + up + 1;
};

/** Names of what a replica keeps. */
export const crossingsKept = (label: string, keptAt: number) =>
  keptNumbers([`${label}_last_x`, `${label}_last_y`], keptAt);

/** WGSL of the counting; `at` is the region's offset in words per lane. */
export function crossingsCode(
  spec: CrossingsSpec,
  label: string,
  at: number,
  context: QuantityContext,
): string[] {
  const { lines, places } = cellCode(spec.axes, label, context);
  const [x, y] = places as [string, string];
  const [along, up] = facesOf(spec.axes);
  const [bx, by] = spec.axes.map(({ bins }) => bins) as [number, number];
  const last = [`${label}_last_x`, `${label}_last_y`] as const;
  const word = (index: string): string => `moments[(${index}) * run.lanes + lane]`;
  return gatedBy(spec.every, [
    ...lines,
    "if (rel > 0u) {",
    `  ${word(`${at + along + up}u`)} += 1f;`,
    ...crossed([last[0], x], [last[1], y], bx, by, (face, cell) =>
      word(`${at}u + ${face} * ${by}u + ${cell}`),
    ),
    ...crossed([last[1], y], [last[0], x], by, bx, (face, cell) =>
      word(`${at + along}u + ${cell} * ${by + 1}u + ${face}`),
    ),
    "}",
    `${last[0]} = ${x};`,
    `${last[1]} = ${y};`,
  ]);
}

/** Counts the faces that the line from [before, after] crosses along one axis of `bins` cells. */
function crossed(
  [from, to]: readonly [string, string],
  [otherFrom, otherTo]: readonly [string, string],
  bins: number,
  otherBins: number,
  word: (face: string, cell: string) => string,
): string[] {
  return [
    "  {",
    `    let slope = (${otherTo} - ${otherFrom}) / (${to} - ${from});`,
    `    let sign = select(-1f, 1f, ${to} > ${from});`,
    `    let end = min(floor(max(${from}, ${to})), ${bins}f);`,
    `    for (var face = max(floor(min(${from}, ${to})) + 1f, 0f); face <= end; face += 1f) {`,
    `      let other = ${otherFrom} + (face - ${from}) * slope;`,
    `      if (other >= 0f && other < ${otherBins}f) {`,
    `        ${word("u32(face)", "u32(other)")} += sign;`,
    "      }",
    "    }",
    "  }",
  ];
}
