/**
 * A matrix product of a level → WGSL in which a thread computes a small tile of it in registers.
 *
 *   sum[i] += left(m_i, k) · (right(n_0, k), right(n_1, k), …)      i = 0, …, for each k
 *
 * A number from workgroup memory then serves a whole row or column of the tile. The generated functions
 * `left_3`, `right_3` and `stage_3` have the axes of the product by name; rows and columns beyond the
 * edge read the last one again and are not stored. The order of a sum is that of k, whatever the tile.
 */
import { invariant } from "../../errors.ts";
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
export function tilesAlong(axes: readonly Axis[], side: number, maxBatch: number): number {
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
  readonly text: readonly string[];
}

/** WGSL types of what is no index. */
const TYPES: Readonly<Record<string, string>> = { product: "f32", h: "Hyperparameters" };

/** `fn name(d0: u32, s: u32, …)` with those of `candidates` that the body mentions. */
export function generatedFunction(
  name: string,
  candidates: readonly string[],
  body: readonly string[],
  returns: string | null,
): GeneratedFunction {
  const text = body.join("\n");
  const parameters = candidates.filter((one) => new RegExp(`\\b${one}\\b(?!_)`).test(text));
  const list = parameters.map((one) => `${one}: ${TYPES[one] ?? "u32"}`).join(", ");
  const head = `fn ${name}(${list})${returns === null ? "" : ` -> ${returns}`}`;
  if (returns !== null && body.length === 1) {
    return { name, parameters, text: [`${head} { return ${body[0]}; }`] };
  }
  return { name, parameters, text: [`${head} {`, ...body.map((line) => `  ${line}`), "}"] };
}

/** Symbols a factor is read with. */
export const factorSymbols = ({ index, perSample }: Factor): string[] => [
  ...symbolsIn(index),
  ...(perSample ? [SAMPLE_AXIS, ROW_OF_SAMPLE] : []),
  "batch",
  "h",
];

export interface TileFunctions {
  readonly left: GeneratedFunction;
  readonly right: GeneratedFunction;
  readonly store: GeneratedFunction;
}

/** A side of the tile: which axes, how many, the letter of its names. */
interface Side {
  readonly axes: readonly Axis[];
  readonly count: number;
  readonly letter: "m" | "n";
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
    const quotient = stride === 1 ? flat : `${flat} / ${stride}u`;
    const value = i === 0 ? quotient : `${quotient} % ${lengthOf(axis, maxBatch)}u`;
    return `let ${axis.symbol}${suffix} = ${value};`;
  });
}

/** Samples last: they are the fastest. */
export const samplesLast = (axes: readonly Axis[]): Axis[] => [
  ...axes.filter(({ symbol }) => symbol !== SAMPLE_AXIS),
  ...axes.filter(({ symbol }) => symbol === SAMPLE_AXIS),
];

export class ProductTile {
  private readonly of: Contraction;
  private readonly tile: Tile;
  private readonly maxBatch: number;
  private readonly functions: TileFunctions;

  constructor(of: Contraction, tile: Tile, maxBatch: number, functions: TileFunctions) {
    invariant(tile.columns in VECTOR && VECTOR[tile.columns] !== "", "a tile of 1, 2 or 4 columns");
    this.of = of;
    this.tile = tile;
    this.maxBatch = maxBatch;
    this.functions = functions;
  }

  private get sides(): [Side, Side] {
    const { of, tile } = this;
    return [
      { axes: of.m, count: tile.rows, letter: "m" },
      { axes: of.n, count: tile.columns, letter: "n" },
    ];
  }

  private get usesRow(): boolean {
    const { left, right, store } = this.functions;
    return [left, right, store].some(({ parameters }) => parameters.includes(ROW_OF_SAMPLE));
  }

  /** What a parameter of a function is called at row i and column j. */
  private argument(parameter: string, i: number, j: number): string {
    const symbol = parameter === ROW_OF_SAMPLE ? SAMPLE_AXIS : parameter;
    if (this.of.m.some((axis) => axis.symbol === symbol)) return `${parameter}_m${i}`;
    if (this.of.n.some((axis) => axis.symbol === symbol)) return `${parameter}_n${j}`;
    return parameter;
  }

  private call({ name, parameters }: GeneratedFunction, i: number, j: number, sum = ""): string {
    const list = parameters.map((one) => (one === "product" ? sum : this.argument(one, i, j)));
    return `${name}(${list.join(", ")})`;
  }

  /** Indices of one side: `d0_m0`, `d0_m1`, …, and rows of `data`. */
  private indices({ axes, count, letter }: Side, flat: string): string[] {
    const { maxBatch } = this;
    const lines: string[] = [];
    const row = (suffix: string): string[] =>
      this.usesRow ? [`let ${ROW_OF_SAMPLE}${suffix} = ${rowOf(`${SAMPLE_AXIS}${suffix}`)};`] : [];
    if (hasSamples(axes)) {
      const others = axes.filter(({ symbol }) => symbol !== SAMPLE_AXIS);
      const tiles = Math.ceil(maxBatch / count);
      const along = tiles === 1 ? "0u" : others.length === 0 ? flat : `${flat} % ${tiles}u`;
      lines.push(`let ${letter} = ${count === 1 ? along : `${count}u * (${along})`};`);
      lines.push(`if (${letter} >= batch) { continue; }`);
      const outside = tiles === 1 ? flat : `${flat} / ${tiles}u`;
      if (others.length > 0) lines.push(`let ${letter}_others = ${outside};`);
      for (let i = 0; i < count; i += 1) {
        const suffix = `_${letter}${i}`;
        const sample = i === 0 ? letter : `min(${letter} + ${i}u, batch - 1u)`;
        lines.push(...axisLets(others, `${letter}_others`, suffix, maxBatch));
        lines.push(`let ${SAMPLE_AXIS}${suffix} = ${sample};`, ...row(suffix));
      }
      return lines;
    }
    const extent = product(axes, maxBatch);
    lines.push(`let ${letter} = ${count === 1 ? flat : `${count}u * (${flat})`};`);
    for (let i = 0; i < count; i += 1) {
      const at = i === 0 ? letter : `${letter} + ${i}u`;
      const inside = extent % count === 0 || i === 0 ? at : `min(${at}, ${extent - 1}u)`;
      const single = axes.length === 1;
      if (!single) lines.push(`let ${letter}${i} = ${inside};`);
      lines.push(...axisLets(axes, single ? inside : `${letter}${i}`, `_${letter}${i}`, maxBatch));
    }
    return lines;
  }

  /** Is row or column i within the product? null: always. */
  private within({ axes, count, letter }: Side, i: number): string | null {
    if (i === 0) return null;
    if (hasSamples(axes)) return `${letter} + ${i}u < batch`;
    const extent = product(axes, this.maxBatch);
    return extent % count === 0 ? null : `${letter} + ${i}u < ${extent}u`;
  }

  /** Nested loops over k. */
  private overTerms(body: readonly string[]): string[] {
    const { k } = this.of;
    const begin = k.map(({ symbol, length }) => {
      const end = length === null ? "batch" : `${length}u`;
      return `for (var ${symbol} = 0u; ${symbol} < ${end}; ${symbol} += 1u) {`;
    });
    const row =
      hasSamples(k) && this.usesRow ? [`let ${ROW_OF_SAMPLE} = ${rowOf(SAMPLE_AXIS)};`] : [];
    const lines: string[] = [];
    k.forEach(({ symbol }, depth) => {
      lines.push(`${"  ".repeat(depth)}${begin[depth]}`);
      if (symbol === SAMPLE_AXIS) {
        lines.push(...row.map((line) => `${"  ".repeat(depth + 1)}${line}`));
      }
    });
    lines.push(...body.map((line) => `${"  ".repeat(k.length)}${line}`));
    for (let depth = k.length - 1; depth >= 0; depth -= 1) lines.push(`${"  ".repeat(depth)}}`);
    return lines;
  }

  /** All tiles of the product, shared among the threads. */
  lines(): string[] {
    const { of, tile, maxBatch, functions } = this;
    const [m, n] = this.sides;
    const rows = tilesAlong(of.m, tile.rows, maxBatch);
    const columns = tilesAlong(of.n, tile.columns, maxBatch);
    const z = samplesLast(of.z);
    // Threads that follow each other run along the samples, or along the columns.
    const [fast, slow] = hasSamples(of.m) ? [m, n] : [n, m];
    const fastTiles = fast === m ? rows : columns;
    const slowTiles = fast === m ? columns : rows;
    const slowIndex =
      z.length > 0 ? `tile / ${fastTiles}u % ${slowTiles}u` : `tile / ${fastTiles}u`;
    const zFlat = `tile / ${fastTiles * slowTiles}u`;
    const counting = (letter: string): number[] =>
      Array.from({ length: letter === "m" ? tile.rows : tile.columns }, (_, i) => i);
    const vector = VECTOR[tile.columns]!;
    const right = counting("n").map((j) => this.call(functions.right, 0, j));
    const stores = counting("m").flatMap((i) =>
      counting("n").map((j) => {
        const sum = tile.columns === 1 ? `sum_${i}` : `sum_${i}.${"xyzw"[j]}`;
        const guards = [this.within(m, i), this.within(n, j)].filter((one) => one !== null);
        const store = `${this.call(functions.store, i, j, sum)};`;
        return guards.length === 0 ? store : `if (${guards.join(" && ")}) { ${store} }`;
      }),
    );
    const total = product(of.z, maxBatch) * rows * columns;
    return [
      `for (var tile = thread; tile < ${total}u; tile += WORKGROUP) {`,
      ...[
        ...(z.length > 0 ? axisLets(z, zFlat, "", maxBatch) : []),
        ...(hasSamples(z) ? [`if (${SAMPLE_AXIS} >= batch) { continue; }`] : []),
        ...(hasSamples(z) && this.usesRow ? [`let ${ROW_OF_SAMPLE} = ${rowOf(SAMPLE_AXIS)};`] : []),
        ...this.indices(slow, slowIndex),
        ...this.indices(fast, slowTiles === 1 && z.length === 0 ? "tile" : `tile % ${fastTiles}u`),
        ...counting("m").map((i) => `var sum_${i} = ${vector}(0.0);`),
        ...this.overTerms([
          `let right = ${vector}(${right.join(", ")});`,
          ...counting("m").map((i) => `sum_${i} += ${this.call(functions.left, i, 0)} * right;`),
        ]),
        ...stores,
      ].map((line) => `  ${line}`),
      "}",
    ];
  }
}
