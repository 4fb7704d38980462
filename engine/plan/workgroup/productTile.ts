/**
 * A matrix product of a level → WGSL in which a thread computes a small tile of it in registers.
 *
 *   sum[i] += left(m_i, k) · (right(n_0, k), right(n_1, k), …)      i = 0, …, for each k
 *
 * A number from workgroup memory then serves a whole row or column of the tile. The generated functions
 * `left_3` and `right_3` have the axes of the product by name; rows and columns beyond the edge read
 * the last one again and are not stored. The order of a sum is that of k, whatever the tile.
 */
import { type Axis, type Contraction, type Factor, SAMPLE_AXIS } from "../staged/contraction.ts";
import { symbolsIn } from "../staged/reading.ts";
import { ROW_OF_SAMPLE, rowOf } from "./stageAccess.ts";

/** Rows and columns of the product that a thread computes at once. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

const SIDES = [1, 2, 4] as const;
/** Cost of a load from workgroup memory, and of an element's epilogue, in multiply-adds. */
const LOAD = 4;
const EPILOGUE = 8;

const hasSamples = (axes: readonly Axis[]): boolean =>
  axes.some(({ symbol }) => symbol === SAMPLE_AXIS);

const lengthOf = ({ length }: Axis, maxBatch: number): number => length ?? maxBatch;

const product = (axes: readonly Axis[], maxBatch: number): number =>
  axes.reduce((all, axis) => all * lengthOf(axis, maxBatch), 1);

/** Tiles along a group of axes: along the samples where they are among them. */
function tilesAlong(axes: readonly Axis[], side: number, maxBatch: number): number {
  if (!hasSamples(axes)) return Math.ceil(product(axes, maxBatch) / side);
  const others = axes.filter(({ symbol }) => symbol !== SAMPLE_AXIS);
  return product(others, maxBatch) * Math.ceil(maxBatch / side);
}

/** The tile with which a replica's threads are done first: large tiles load less, small ones spread. */
export function chooseTile(of: Contraction, threads: number, maxBatch: number): Tile {
  let best: Tile & { cost: number } = { rows: 1, columns: 1, cost: Infinity };
  const terms = product(of.k, maxBatch);
  for (const rows of SIDES) {
    for (const columns of SIDES) {
      const tiles =
        product(of.z, maxBatch) *
        tilesAlong(of.m, rows, maxBatch) *
        tilesAlong(of.n, columns, maxBatch);
      const each = terms * (LOAD * (rows + columns) + rows * columns) + EPILOGUE * rows * columns;
      const cost = Math.ceil(tiles / threads) * each;
      if (cost < best.cost) best = { rows, columns, cost };
    }
  }
  return { rows: best.rows, columns: best.columns };
}

/** A generated function: its text, and its parameters in order. */
export interface GeneratedFunction {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly text: string;
}

/** A factor as a function of its place: `value` is its WGSL, an expression of the symbols. */
export function factorFunction(name: string, { index }: Factor, value: string): GeneratedFunction {
  const symbols = [...symbolsIn(index), SAMPLE_AXIS, ROW_OF_SAMPLE, "batch", "h"];
  const parameters = [...new Set(symbols)].filter((one) => new RegExp(`\\b${one}\\b`).test(value));
  const list = parameters.map((one) => `${one}: ${one === "h" ? "Hyperparameters" : "u32"}`);
  return { name, parameters, text: `fn ${name}(${list.join(", ")}) -> f32 { return ${value}; }` };
}

/** A product in tiles: its factors as functions, and what follows for each element. */
export interface TileRequest {
  readonly of: Contraction;
  readonly tile: Tile;
  readonly maxBatch: number;
  readonly left: GeneratedFunction;
  readonly right: GeneratedFunction;
  /** At the element's axes by name; the sum is `product`. */
  readonly epilogue: readonly string[];
}

/** A side of the tile: which axes, how many, the letters of its names. */
interface Side {
  readonly axes: readonly Axis[];
  readonly count: number;
  readonly letter: "m" | "n";
  readonly counter: "i" | "j";
}

const VECTOR = ["", "f32", "vec2f", "", "vec4f"] as const;

/** `let d0 = i / 6u;` for each axis of a flat index; the last axis is the fastest. */
export function axisLets(
  axes: readonly Axis[],
  flat: string,
  suffix: string,
  maxBatch: number,
): string[] {
  let stride = product(axes, maxBatch);
  return axes.map((axis, i) => {
    stride /= lengthOf(axis, maxBatch);
    const quotient = stride === 1 ? flat : `${parenthesized(flat)} / ${stride}u`;
    const value = i === 0 ? quotient : `${parenthesized(quotient)} % ${lengthOf(axis, maxBatch)}u`;
    return `let ${axis.symbol}${suffix} = ${value};`;
  });
}

const parenthesized = (text: string): string => (text.includes(" ") ? `(${text})` : text);

/** Samples last: they are the fastest. */
const samplesLast = (axes: readonly Axis[]): Axis[] => [
  ...axes.filter(({ symbol }) => symbol !== SAMPLE_AXIS),
  ...axes.filter(({ symbol }) => symbol === SAMPLE_AXIS),
];

const withoutSamples = (axes: readonly Axis[]): Axis[] =>
  axes.filter(({ symbol }) => symbol !== SAMPLE_AXIS);

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

const rowLet = (suffix = ""): string =>
  `let ${ROW_OF_SAMPLE}${suffix} = ${rowOf(`${SAMPLE_AXIS}${suffix}`)};`;

const mentionsRow = (lines: readonly string[]): boolean =>
  new RegExp(`\\b${ROW_OF_SAMPLE}\\b`).test(lines.join("\n"));

/** First row (column) of a tile: `m`, and the axes beside the samples where those are among them. */
function firstOf({ axes, count, letter }: Side, flat: string, maxBatch: number): string[] {
  const scaled = (tiles: string): string =>
    count === 1 ? tiles : `${count}u * ${parenthesized(tiles)}`;
  if (!hasSamples(axes)) return [`let ${letter} = ${scaled(flat)};`];
  const others = withoutSamples(axes);
  const tiles = Math.ceil(maxBatch / count);
  const [along, outside] =
    others.length === 0
      ? [flat, null]
      : [`${parenthesized(flat)} % ${tiles}u`, `${parenthesized(flat)} / ${tiles}u`];
  return [
    `let ${letter} = ${scaled(along)};`,
    `if (${letter} >= batch) { continue; }`,
    ...(outside === null ? [] : [`let ${letter}_others = ${outside};`]),
  ];
}

/** Axes of a side at a place `at` of it. */
function axesAt({ axes, letter }: Side, at: string, suffix: string, maxBatch: number): string[] {
  if (!hasSamples(axes)) return axisLets(axes, at, suffix, maxBatch);
  return [
    ...axisLets(withoutSamples(axes), `${letter}_others`, suffix, maxBatch),
    `let ${SAMPLE_AXIS}${suffix} = ${at};`,
  ];
}

/** Places of a side within the product: all of them up to this; null where every tile is full. */
function endOf({ axes, count }: Side, maxBatch: number): string | null {
  if (hasSamples(axes)) return count === 1 ? null : "batch";
  const extent = product(axes, maxBatch);
  return extent % count === 0 ? null : `${extent}u`;
}

class TileWriter {
  private readonly request: TileRequest;
  private readonly m: Side;
  private readonly n: Side;

  constructor(request: TileRequest) {
    this.request = request;
    const { of, tile } = request;
    this.m = { axes: of.m, count: tile.rows, letter: "m", counter: "i" };
    this.n = { axes: of.n, count: tile.columns, letter: "n", counter: "j" };
  }

  /** The call of a factor at row i or column j. */
  private call({ name, parameters }: GeneratedFunction, i: number, j: number): string {
    const { of } = this.request;
    const argument = (parameter: string): string => {
      const symbol = parameter === ROW_OF_SAMPLE ? SAMPLE_AXIS : parameter;
      if (of.m.some((axis) => axis.symbol === symbol)) return `${parameter}_m${i}`;
      if (of.n.some((axis) => axis.symbol === symbol)) return `${parameter}_n${j}`;
      return parameter;
    };
    return `${name}(${parameters.map(argument).join(", ")})`;
  }

  private get factorsReadRows(): boolean {
    const { left, right } = this.request;
    return [left, right].some(({ parameters }) => parameters.includes(ROW_OF_SAMPLE));
  }

  /** Axes of every row or column: `d0_m0`, `d0_m1`, …; beyond the edge those of the last. */
  private places(side: Side): string[] {
    const { maxBatch } = this.request;
    const { letter, count, axes } = side;
    const end = endOf(side, maxBatch);
    const last = end === "batch" ? "batch - 1u" : end && `${Number.parseInt(end, 10) - 1}u`;
    return Array.from({ length: count }, (_, i) => {
      const at = i === 0 ? letter : `${letter} + ${i}u`;
      const suffix = `_${letter}${i}`;
      const clamped = i === 0 || last === null ? at : `min(${at}, ${last})`;
      return [
        ...axesAt(side, clamped, suffix, maxBatch),
        ...(hasSamples(axes) && this.factorsReadRows ? [rowLet(suffix)] : []),
      ];
    }).flat();
  }

  /** Nested loops over k. */
  private overTerms(): string[] {
    const { of, left, right, tile } = this.request;
    const vector = VECTOR[tile.columns]!;
    const columns = Array.from({ length: tile.columns }, (_, j) => this.call(right, 0, j));
    let lines = [
      `let right = ${vector}(${columns.join(", ")});`,
      ...Array.from(
        { length: tile.rows },
        (_, i) => `sum_${i} += ${this.call(left, i, 0)} * right;`,
      ),
    ];
    for (const { symbol, length } of [...of.k].reverse()) {
      const end = length === null ? "batch" : `${length}u`;
      const row = symbol === SAMPLE_AXIS && this.factorsReadRows ? [rowLet()] : [];
      lines = [
        `for (var ${symbol} = 0u; ${symbol} < ${end}; ${symbol} += 1u) {`,
        ...indented([...row, ...lines]),
        "}",
      ];
    }
    return lines;
  }

  /** What follows, for every element of the tile. */
  private elements(): string[] {
    const { tile, maxBatch, epilogue } = this.request;
    const list = Array.from({ length: tile.rows }, (_, i) => `sum_${i}`).join(", ");
    const over = (side: Side, body: readonly string[]): string[] => {
      const { letter, count, counter } = side;
      if (count === 1) return [...axesAt(side, letter, "", maxBatch), ...body];
      const end = endOf(side, maxBatch);
      const inside = end === null ? "" : ` && ${letter} + ${counter} < ${end}`;
      return [
        `for (var ${counter} = 0u; ${counter} < ${count}u${inside}; ${counter} += 1u) {`,
        ...indented([...axesAt(side, `${letter} + ${counter}`, "", maxBatch), ...body]),
        "}",
      ];
    };
    const sum = `sums[${tile.rows === 1 ? "0" : "i"}]${tile.columns === 1 ? "" : "[j]"}`;
    // Samples that are among the axes of z have their row already.
    const row = mentionsRow(epilogue) && !hasSamples(this.request.of.z) ? [rowLet()] : [];
    const body = [`let product = ${sum};`, ...row, ...epilogue];
    return [
      `var sums = array<${VECTOR[tile.columns]}, ${tile.rows}>(${list});`,
      ...over(this.m, over(this.n, body)),
    ];
  }

  lines(): string[] {
    const { m, n } = this;
    const { of, tile, maxBatch, epilogue } = this.request;
    const z = samplesLast(of.z);
    const tiles = {
      m: tilesAlong(of.m, m.count, maxBatch),
      n: tilesAlong(of.n, n.count, maxBatch),
    };
    // Threads that follow each other run along the samples, or along the columns.
    const [fast, slow] = hasSamples(of.m) ? [m, n] : [n, m];
    const inner = tiles[fast.letter];
    const both = tiles.m * tiles.n;
    const outside = inner === 1 ? "tile" : `tile / ${inner}u`;
    const slowFlat = z.length > 0 ? `${parenthesized(outside)} % ${tiles[slow.letter]}u` : outside;
    const fastFlat = tiles[slow.letter] === 1 && z.length === 0 ? "tile" : `tile % ${inner}u`;
    const rows = this.factorsReadRows || mentionsRow(epilogue);
    return [
      `for (var tile = thread; tile < ${product(of.z, maxBatch) * both}u; tile += WORKGROUP) {`,
      ...indented([
        ...axisLets(z, `tile / ${both}u`, "", maxBatch),
        ...(hasSamples(z) ? [`if (${SAMPLE_AXIS} >= batch) { continue; }`] : []),
        ...(hasSamples(z) && rows ? [rowLet()] : []),
        ...firstOf(slow, slowFlat, maxBatch),
        ...firstOf(fast, fastFlat, maxBatch),
        ...this.places(slow),
        ...this.places(fast),
        ...Array.from(
          { length: tile.rows },
          (_, i) => `var sum_${i} = ${VECTOR[tile.columns]}(0.0);`,
        ),
        ...this.overTerms(),
        ...this.elements(),
      ]),
      "}",
    ];
  }
}

/** All tiles of a product, shared among the threads of a replica. */
export const tileLines = (request: TileRequest): string[] => new TileWriter(request).lines();
