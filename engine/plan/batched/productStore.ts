/**
 * Where the sums of a product's tile go: the stage's statements at their place, stored four neighbors at
 * once where they fall on a vec4f, one by one elsewhere.
 */
import { flatten, type Index, literal, printIndex, variable } from "../../wgsl/indexing.ts";
import { type Axis, extent, SAMPLE_AXIS } from "../staged/contraction.ts";
import type { StageWriter } from "../staged/stageCode.ts";
import type { Stage, Statement } from "../staged/stagedProgram.ts";
import { placesOf, type Side } from "./productOperand.ts";
import { placeNames, type StageContext, targetsOf, targetWord } from "./stageKernel.ts";

type Sides = readonly [Side<"m">, Side<"n">];

/** Index of a statement's element for places of its axes. */
export const indexAt = (shape: readonly number[], places: ReadonlyMap<string, Index>): Index[] =>
  shape.map((_, axis) => places.get(`d${axis}`) ?? literal(0));

/** Places of the output's axes at row `m` and column `n` of C. */
export function outputPlaces([left, right]: Sides, batch: number): ReadonlyMap<string, Index> {
  const along = (name: string, axes: readonly Axis[]): [string, Index][] =>
    placesOf(axes, variable(name, Math.max(2, extent(axes, batch))), batch);
  return new Map([...along("m", left.axes), ...along("n", right.axes)]);
}

/** Do four neighbors of C along n fall on one vec4f of a value that begins at word `first`? */
export function fallsOnVector(
  context: StageContext,
  statement: Statement,
  right: Side<"n">,
  first: number,
): boolean {
  const { shape } = statement.node;
  const last = right.axes[right.axes.length - 1]!;
  if (last.length === null || last.symbol !== `d${shape.length - 1}`) return false;
  const region = context.memory.regionOf.get(statement);
  const padded = statement.perSample && shape.length === 1 && right.axes.length === 1;
  const rows = last.length % 4 === 0 || padded;
  const samples = !statement.perSample || (region?.sampleStride ?? 0) % 4 === 0;
  return first % 4 === 0 && rows && samples;
}

const COMPONENTS = ["x", "y", "z", "w"] as const;

/** A value that is stored: its local, the word of its element at (m, n), and how. */
interface Kept {
  readonly value: string;
  readonly word: string;
  readonly vector: boolean;
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** The sums of a stored value, or what `finish` makes of them. */
const sumsOf = (value: string): string => (value === "product" ? "sum" : `sums_${value}`);

/** `finish` at four neighbors, and their results by value; the last column is repeated beyond it. */
function finishFour(values: readonly string[]): string[] {
  const columns = COMPONENTS.map((_, i) => (i === 0 ? "n" : `min(n + ${i}u, N - 1u)`));
  const made = values.flatMap((value, v) =>
    value === "product"
      ? []
      : [`let ${sumsOf(value)} = vec4f(${COMPONENTS.map((_, i) => `f${i}[${v}]`).join(", ")});`],
  );
  return [
    ...COMPONENTS.map((part, i) => `let f${i} = finish(z, m, ${columns[i]}, sum.${part});`),
    ...made,
  ];
}

/** Stores up to four neighbors of a value; `put_<number>` stores one. */
function storeFour({ value, word, vector }: Kept, number: number): string[] {
  if (vector) return [`scratch[(${word}) >> 2u] = ${sumsOf(value)};`];
  return COMPONENTS.map((part, i) => {
    const put = `{ put_${number}(z, m, n + ${i}u, ${sumsOf(value)}.${part}); }`;
    return i === 0 ? put : `if (count > ${i}u) ${put}`;
  });
}

function putFunction(context: StageContext, { word, vector }: Kept, number: number): string[] {
  if (vector) return [];
  return [
    `fn put_${number}(z: u32, m: u32, n: u32, value: f32) {`,
    ...indented(placeNames(context, [word])),
    `  let word = ${word};`,
    "  scratch[word >> 2u][word & 3u] = value;",
    "}",
  ];
}

/** `store` of the product, and the functions it calls. */
export function storeFunctions(
  context: StageContext,
  stage: Stage,
  sides: Sides,
  writer: StageWriter,
): string[] {
  const places = outputPlaces(sides, context.maxBatch);
  const index = indexAt(stage.shape, places);
  const place = places.get(SAMPLE_AXIS);
  const sample = stage.perSample && place ? `(${printIndex(place)})` : null;
  const code = writer.stage(stage, { index, sample }, "product");
  const flat = flatten(index, stage.shape);
  const kept: Kept[] = stage.statements.flatMap((statement, i) =>
    targetsOf(context, statement).map((first) => ({
      value: code.values[i]!,
      vector: fallsOnVector(context, statement, sides[1], first),
      word: targetWord(context, statement, first, flat, sample),
    })),
  );
  const values = [...new Set(kept.map(({ value }) => value))];
  const finishes = values.some((value) => value !== "product");
  const stores = kept.flatMap(storeFour);
  const direct = stores.filter((line) => line.startsWith("scratch["));
  return [
    ...(finishes ? finishFunction(context, code.lines, values) : []),
    ...kept.flatMap((one, number) => putFunction(context, one, number)),
    "fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {",
    ...indented([
      ...placeNames(context, direct),
      ...(finishes ? finishFour(values) : []),
      ...stores,
    ]),
    "}",
  ];
}

/** The epilogue at one element: the stored values from the product's sum. */
const finishFunction = (
  context: StageContext,
  lines: readonly string[],
  values: readonly string[],
): string[] => [
  `fn finish(z: u32, m: u32, n: u32, product: f32) -> array<f32, ${values.length}> {`,
  ...indented([...placeNames(context, lines), ...lines]),
  `  return array<f32, ${values.length}>(${values.join(", ")});`,
  "}",
];
