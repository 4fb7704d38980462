/**
 * WGSL of `entropyProduction`: what stands in the schedule's slots.
 *
 * The sums, the last record and the open sums of σ stay in function memory during a dispatch, read
 * from the buffer when it begins and written back when it ends: the order of additions does not depend
 * on the dispatches. Twin: `referenceEntropyProduction.ts`.
 */
import {
  ENTROPY_SUMS,
  type EntropyLayout,
  type EntropyProductionSpec,
  histogramWords,
} from "./entropyProduction.ts";
import { gatedBy } from "./grid.ts";
import { type QuantityContext, quantityCode } from "./quantity.ts";

/** Coordinates up to which the form is kept in function memory and its sums are written out. */
export const LOCAL_COORDINATES = 12;

/** −σ beyond which e^{−σ} is cut: its square still sums in float32. Such events are refused anyway. */
const LARGEST_EXPONENT = 40;

/** Where the parts of one observable stand: words per lane of `moments`, words of `observation`. */
export interface EntropyPlaces {
  readonly label: string;
  readonly at: number;
  readonly binsAt: number;
  readonly keptAt: number;
  /** Numbers by condition: center, form (row-major), bins per nat of each histogram. */
  readonly constantsAt: number;
}

/** Content of the `observation` buffer, [number, condition]. */
export function entropyConstants(
  { histograms }: EntropyProductionSpec,
  { center, form, widths }: EntropyLayout,
): number[] {
  const conditions = center.length;
  const rows = Array.from({ length: conditions }, (_, c) => [
    ...center[c]!,
    ...form[c]!.flat(),
    ...histograms.map((_, h) => 1 / widths[h]![c]!),
  ]);
  return rows[0]!.flatMap((_, k) => rows.map((row) => row[k]!));
}

export interface EntropyCode {
  readonly load: readonly string[];
  readonly code: readonly string[];
  readonly store: readonly string[];
}

export function entropyCode(
  spec: EntropyProductionSpec,
  layout: EntropyLayout,
  places: EntropyPlaces,
  context: QuantityContext,
): EntropyCode {
  const { label, at, keptAt, constantsAt } = places;
  const constant = (index: string): string =>
    `observation[${constantsAt}u + (${index}) * ${context.conditions}u + condition]`;
  const word = (index: string): string => `moments[(${index}) * run.lanes + lane]`;
  const arrays = [
    { name: `${label}_sums`, length: layout.sums, from: at },
    { name: `${label}_last`, length: layout.kept, from: keptAt },
  ];
  return {
    load: [
      ...arrays.flatMap(({ name, length, from }) => [
        `var ${name} = array<f32, ${length}>();`,
        each(length, `${name}[k] = ${word(`${from}u + k`)};`),
      ]),
      ...fixedNumbers(spec, layout.coordinates.length, label, constant),
    ],
    code: gatedBy(spec.every, recorded(spec, layout, places, constant, context)),
    store: arrays.map(({ name, length, from }) =>
      each(length, `${word(`${from}u + k`)} = ${name}[k];`),
    ),
  };
}

type Constant = (index: string) => string;

/** The center, the form where it is kept, and the bins per nat. */
function fixedNumbers(
  { histograms }: EntropyProductionSpec,
  size: number,
  label: string,
  constant: Constant,
): string[] {
  const fixed = size <= LOCAL_COORDINATES ? size * (size + 1) : size;
  return [
    `var ${label}_fixed = array<f32, ${fixed}>();`,
    each(fixed, `${label}_fixed[k] = ${constant("k")};`),
    ...histograms.map(
      (_, h) => `let ${label}_scale${h} = ${constant(`${size * (size + 1) + h}u`)};`,
    ),
  ];
}

function recorded(
  spec: EntropyProductionSpec,
  { coordinates, kept }: EntropyLayout,
  places: EntropyPlaces,
  constant: Constant,
  context: QuantityContext,
): string[] {
  const { label } = places;
  const size = coordinates.length;
  const isLocal = size <= LOCAL_COORDINATES;
  return [
    `var ${label}_x = array<f32, ${size}>();`,
    ...coordinates.flatMap((quantity, k) => {
      const { lines, value } = quantityCode(quantity, `${label}_c${k}`, context);
      return [...lines, `${label}_x[${k}u] = ${value} - ${label}_fixed[${k}u];`];
    }),
    "if (rel > 0u) {",
    ...indented(isLocal ? written(size, label) : rolled(size, label, constant)),
    ...indented(events(spec, places, size)),
    "} else {",
    `  for (var k = ${size}u; k < ${kept}u; k += 1u) { ${label}_last[k] = 0.0; }`,
    "}",
    ...coordinates.map((_, k) => `${label}_last[${k}u] = ${label}_x[${k}u];`),
  ];
}

/** A count unknown to the compiler: it would unroll the memory accesses, each dear to compile. */
const opaque = (length: number): string => `select(0u, ${length}u, run.lanes > 0u)`;

const each = (length: number, body: string): string =>
  `for (var k = 0u; k < ${opaque(length)}; k += 1u) { ${body} }`;

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** σ = Σ_j (Σ_i x_i Q_ij)(x'_j − x_j), addressed by constants. */
function written(size: number, label: string): string[] {
  const lines = [`var ${label}_sigma = 0.0;`];
  for (let j = 0; j < size; j += 1) {
    const terms = Array.from(
      { length: size },
      (_, i) => `${label}_last[${i}u] * ${label}_fixed[${size + i * size + j}u]`,
    );
    lines.push(
      `${label}_sigma += (${terms.join(" + ")}) * (${label}_x[${j}u] - ${label}_last[${j}u]);`,
    );
  }
  return lines;
}

function rolled(size: number, label: string, constant: Constant): string[] {
  return [
    `var ${label}_sigma = 0.0;`,
    `let ${label}_size = ${opaque(size)};`,
    `for (var j = 0u; j < ${label}_size; j += 1u) {`,
    "  var weight = 0.0;",
    `  for (var i = 0u; i < ${label}_size; i += 1u) {`,
    `    weight += ${label}_last[i] * ${constant(`${size}u + i * ${size}u + j`)};`,
    "  }",
    `  ${label}_sigma += weight * (${label}_x[j] - ${label}_last[j]);`,
    "}",
  ];
}

/** Adds σ to the open sums, and to the totals the sums that end. */
function events(spec: EntropyProductionSpec, places: EntropyPlaces, size: number): string[] {
  const { label } = places;
  let open = size - 1;
  let binsAt = places.binsAt;
  const binsOf = new Map(
    spec.histograms.map((histogram, h) => {
      binsAt += histogramWords(histogram);
      return [
        histogram.window,
        { h, at: binsAt - histogramWords(histogram), bins: histogram.bins },
      ];
    }),
  );
  return spec.windows.flatMap((window, w) => {
    const bins = binsOf.get(window);
    const counting = bins ? counted(places.label, bins) : [];
    if (window === 1) {
      return [
        "{",
        `  let sigma = ${label}_sigma;`,
        ...indented(summed(label, w)),
        ...indented(counting),
        "}",
      ];
    }
    open += 1;
    return [
      `${label}_last[${open}u] += ${label}_sigma;`,
      `if (rel / ${spec.every}u % ${window}u == 0u) {`,
      `  let sigma = ${label}_last[${open}u];`,
      `  ${label}_last[${open}u] = 0.0;`,
      ...indented(summed(label, w)),
      ...indented(counting),
      "}",
    ];
  });
}

function summed(label: string, w: number): string[] {
  const terms = ["sigma", "sigma * sigma", "e", "e * e", "sigma * e"];
  return [
    `let e = exp_minus_one(min(-sigma, ${LARGEST_EXPONENT}.0));`,
    ...terms.map((term, k) => `${label}_sums[${ENTROPY_SUMS * w + k}u] += ${term};`),
  ];
}

/** Positive events, then negative ones, then Σ e^{|σ|} of those, by bin; then what is beyond. */
function counted(
  label: string,
  { h, at, bins }: { readonly h: number; readonly at: number; readonly bins: number },
): string[] {
  const word = (index: string): string => `moments[(${index}) * run.lanes + lane]`;
  return [
    `let place = abs(sigma) * ${label}_scale${h};`,
    `if (place < ${bins}f) {`,
    `  let bin = ${at}u + min(u32(place), ${bins - 1}u);`,
    `  ${word(`bin + select(${bins}u, 0u, sigma > 0.0)`)} += 1.0;`,
    `  if (sigma <= 0.0) { ${word(`bin + ${2 * bins}u`)} += exp_accurate(-sigma); }`,
    "} else {",
    `  ${word(`${at + 3 * bins}u`)} += 1.0;`,
    "}",
  ];
}
