/**
 * How a matrix product is cut: the tile of an invocation, and the invocations of a workgroup.
 *
 * Designed for GPUs: invocations that are neighbors take neighboring columns, so that their loads of B
 * and their stores are of neighboring words; 64 invocations fill whole subgroups everywhere; a tile of
 * 8 x 8 sums fits the registers of an invocation. Chosen from the sizes alone, on no adapter's name.
 */

import type { TileKind } from "../../execution.ts";

export interface MatmulTile {
  /** Invocations of a workgroup along n, m and z. */
  readonly workgroup: readonly [n: number, m: number, z: number];
  /** Rows of C of an invocation. */
  readonly rows: number;
  /** Columns of C of an invocation, a multiple of 4. */
  readonly columns: number;
  /**
   * Where what several invocations need is kept. `registers`: each loads its own. `subgroup`: eight
   * lanes of a subgroup load a part of A each and broadcast it; needs the feature `subgroups` with at
   * least 8 lanes, a workgroup `[8 or more, 1, 1]` and rows in eights. `workgroup`: tiles of both operands
   * in workgroup memory, two barriers for every `depth` of k; needs rows in fours and one matrix for a
   * workgroup.
   */
  readonly memory: "registers" | "subgroup" | "workgroup";
  /** Steps of k that are loaded together; a multiple of 4. */
  readonly depth: number;
}

/** What of a device decides which tiles it can run. */
export interface MatmulLimits {
  /** Fewest lanes of a subgroup, 0 without the feature `subgroups`. */
  readonly subgroupMinSize: number;
}

const WORKGROUP = 64;

/** The least power of two that is not below `value`. */
const powerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, value)));

/** 64 invocations: as many along n as C is wide, then along m, the rest along z. */
function registers(m: number, n: number, rows: number, columns: number): MatmulTile {
  const alongN = Math.min(powerOfTwo(n / columns), 16);
  const alongM = Math.min(powerOfTwo(m / rows), WORKGROUP / alongN);
  return {
    workgroup: [alongN, alongM, WORKGROUP / (alongN * alongM)],
    rows,
    columns,
    memory: "registers",
    depth: 4,
  };
}

/**
 * Whole subgroups, 64 invocations at most, that leave the fewest idle beyond the last column: 784 columns
 * are 196 fours, 5 workgroups of 40 where subgroups have 8 lanes.
 */
function widthOf(n: number, { subgroupMinSize }: MatmulLimits): number {
  const fours = Math.ceil(n / 4);
  const widths = Array.from(
    { length: Math.max(1, Math.floor(WORKGROUP / subgroupMinSize)) },
    (_, i) => (i + 1) * subgroupMinSize,
  );
  const covered = (width: number): number => Math.ceil(fours / width) * width;
  // Of several that are as good the widest.
  return widths.reduce((best, width) => (covered(width) <= covered(best) ? width : best));
}

const subgroup = (n: number, rows: number, limits: MatmulLimits): MatmulTile => ({
  workgroup: [widthOf(n, limits), 1, 1],
  rows,
  columns: 4,
  memory: "subgroup",
  depth: 4,
});

/** 64 invocations; with 8 x 8 sums each and 16 steps of k the tiles take 8 KiB. */
const workgroup = (rows: number, columns: number): MatmulTile => ({
  workgroup: [8, 8, 1],
  rows,
  columns,
  memory: "workgroup",
  depth: 16,
});

/** The tile that is used unless a tuner has measured a better one. */
export function matmulTile(m: number, n: number): MatmulTile {
  const rows = m >= 64 && n >= 32 ? 8 : Math.min(4, powerOfTwo(m));
  return registers(m, n, rows, m >= 64 && n >= 64 ? 8 : 4);
}

/** Lanes of a subgroup that share loads; devices with smaller subgroups use registers alone. */
const SHARING = 8;

/** Multiply-adds of a matrix below which sharing loads is not worth compiling a larger kernel. */
const WORTH_SHARING = 1 << 15;
/** And below which more than eight rows are not. */
const WORTH_ROWS = 1 << 17;

/** Terms of a sum from which loads are all that counts. */
const LONG_SUM = 128;

/** The tile of a kind: subgroups share the loads of rows where there are enough of both. */
export function matmulTileOf(
  kind: TileKind,
  { m, n, k }: { readonly m: number; readonly n: number; readonly k: number },
  limits: MatmulLimits,
): MatmulTile {
  const work = m * n * k;
  if (kind === "registers" || m < SHARING || work < WORTH_SHARING) return matmulTile(m, n);
  // Long sums are worth the larger kernel of 32 rows, which takes several times as long to compile.
  if (m >= 4 * SHARING && k >= LONG_SUM) return subgroup(n, 4 * SHARING, limits);
  return subgroup(n, m > SHARING && work >= WORTH_ROWS ? 2 * SHARING : SHARING, limits);
}

/** The kind that is used unless a tuner has measured a better one. */
export const tileKind = ({ subgroupMinSize }: MatmulLimits): TileKind =>
  subgroupMinSize >= SHARING ? "subgroups" : "registers";

/** What a tuner chooses among, the default first. */
export function matmulTiles(m: number, n: number, limits: MatmulLimits): MatmulTile[] {
  const first = matmulTile(m, n);
  const sizes = [
    [1, 4],
    [2, 4],
    [4, 4],
    [8, 4],
    [8, 8],
  ] as const;
  const others = sizes
    .filter(
      ([rows, columns]) => rows < 2 * m && columns < 2 * Math.max(n, 4) && rows * columns >= 8,
    )
    .map(([rows, columns]) => registers(m, n, rows, columns))
    .filter(({ rows, columns }) => rows !== first.rows || columns !== first.columns);
  const shared = tileKind(limits) !== "subgroups" ? [] : [8, 16, 32].filter((rows) => rows < 2 * m);
  const tiled = [
    ...(m > 16 && n > 16 ? [workgroup(4, 4)] : []),
    ...(m > 32 && n > 32 ? [workgroup(8, 8)] : []),
  ];
  return [first, ...others, ...tiled, ...shared.map((rows) => subgroup(n, rows, limits))];
}

/** `registers 8x8x1 of 4x4x4` */
export const tileText = ({ workgroup, rows, columns, memory, depth }: MatmulTile): string =>
  `${memory} ${workgroup.join("x")} of ${rows}x${columns}x${depth}`;
