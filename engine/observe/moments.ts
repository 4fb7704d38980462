/**
 * Observable `moments`: mean, covariance and lagged covariance of chosen coordinates, per replica.
 *
 * The schedule adds z − c and (z_t − c)(z_{t+lag} − c)ᵀ to f32 sums over at most `MOMENTS_BLOCK` records,
 * where c is the pilot mean of the condition (the replicas' mean when observing began), so that
 * nothing is lost to the size of the mean; the host adds the sums in float64. Origins of lagged
 * pairs are every `every` steps and live in a ring of earlier z. Pairs do not cross two calls of
 * `observe`.
 *
 * Cost per record and replica: 2 (K + K(K+1)/2) memory accesses, and for each lag 2 (2K + K²).
 */
import { ArgumentError, LimitError } from "../errors.ts";
import { isFullData } from "./fullData.ts";
import { type Quantity, type QuantityContext, quantityCode, quantityName } from "./quantity.ts";
import { requireEvery } from "./series.ts";

export interface MomentsSpec {
  readonly kind: "moments";
  /** null: all parameters, and all velocities when there are any. */
  readonly of: readonly Quantity[] | null;
  readonly lags: readonly number[];
  readonly every: number;
}

/** Records summed in f32 before the host takes them. */
export const MOMENTS_BLOCK = 1024;
/** Coordinates beyond which K² sums per replica are refused. */
export const MAX_COORDINATES = 64;

/**
 * Accumulates ⟨z⟩ and ⟨z_t z_{t+lag}ᵀ⟩ per replica; lag 0 is always there.
 *
 * @example moments({ lags: [0, 1], every: 10 })
 */
export function moments(
  options: {
    readonly of?: readonly Quantity[];
    readonly lags?: readonly number[];
    readonly every?: number;
  } = {},
): MomentsSpec {
  const every = options.every ?? 1;
  requireEvery("moments", every);
  const lags = [...new Set([0, ...(options.lags ?? [])])].sort((a, b) => a - b);
  for (const lag of lags) {
    if (!Number.isInteger(lag) || lag < 0) {
      throw new ArgumentError(
        `moments: lag ${lag} is no number of SGD steps; use whole numbers >= 0.`,
      );
    }
  }
  return { kind: "moments", of: options.of ?? null, lags, every };
}

/** Where the sums of one lag stand, in words per lane. */
interface LagLayout {
  readonly lag: number;
  readonly first: number;
  /** Equal to `first` at lag 0. */
  readonly firstEnd: number;
  /** Upper triangle row by row at lag 0, else K × K. */
  readonly second: number;
}

export interface MomentsLayout {
  readonly coordinates: readonly Quantity[];
  readonly lags: readonly LagLayout[];
  /** Words of sums per lane; the ring follows. */
  readonly sums: number;
  readonly ringSlots: number;
  readonly words: number;
}

export function momentsLayout(spec: MomentsSpec, context: QuantityContext): MomentsLayout {
  const names = context.model.coordinateNames;
  const coordinates =
    spec.of ?? (context.hasVelocity ? [...names, ...names.map((name) => `v.${name}`)] : names);
  const count = coordinates.length;
  const full = coordinates.map(quantityName).find(isFullData);
  if (full !== undefined) {
    const instead = full === "fullLoss" ? ", or use loss" : "";
    throw new ArgumentError(
      `moments: ${full} is not summed on the device; observe it with series${instead}.`,
    );
  }
  if (count > MAX_COORDINATES) {
    throw new LimitError(
      `moments: ${count} coordinates need ${count ** 2} sums for each replica, the limit is ` +
        `${MAX_COORDINATES} coordinates; choose some with of: ["${names[0]}", …] or projections.`,
    );
  }
  let words = 0;
  const take = (length: number): number => {
    words += length;
    return words - length;
  };
  const lags = spec.lags.map((lag): LagLayout => {
    const first = take(count);
    return lag === 0
      ? { lag, first, firstEnd: first, second: take((count * (count + 1)) / 2) }
      : { lag, first, firstEnd: take(count), second: take(count ** 2) };
  });
  const longest = spec.lags[spec.lags.length - 1]!;
  const ringSlots = longest === 0 ? 0 : Math.floor(longest / spec.every) + 1;
  return { coordinates, lags, sums: words, ringSlots, words: words + ringSlots * count };
}

/**
 * So few sums are kept in function memory during a dispatch, and their additions written out; they
 * are read from the buffer when it begins and written back when it ends, so that the order of the
 * additions does not depend on the dispatches. More stay in the buffer, in loops: each access that
 * is written out takes some compilers 50 ms and more, 100 of them took Mesa 15 s.
 */
const LOCAL_SUMS = 112;

const areLocal = ({ sums }: MomentsLayout): boolean => sums <= LOCAL_SUMS;

/** A count that the compiler does not know, so that it cannot unroll a loop over memory accesses. */
const opaque = (count: number): string => `select(0u, ${count}u, run.lanes > 0u)`;

/** WGSL that takes local sums from the buffer before the first step, and puts them back. */
export function localSums(
  layout: MomentsLayout,
  label: string,
  at: number,
): { load: string[]; store: string[] } {
  if (!areLocal(layout)) return { load: [], store: [] };
  const each = `for (var word = 0u; word < ${opaque(layout.sums)}; word += 1u)`;
  const buffer = `moments[(${at}u + word) * run.lanes + lane]`;
  return {
    load: [
      `var ${label}_sums = array<f32, ${layout.sums}>();`,
      `${each} { ${label}_sums[word] = ${buffer}; }`,
    ],
    store: [`${each} { ${buffer} = ${label}_sums[word]; }`],
  };
}

/** WGSL of the accumulation; `at` is the region's offset in words per lane. */
export function momentsCode(
  spec: MomentsSpec,
  layout: MomentsLayout,
  label: string,
  at: number,
  referenceAt: number,
  context: QuantityContext,
): string[] {
  const { every } = spec;
  const count = layout.coordinates.length;
  const z = `${label}_z`;
  const codes = layout.coordinates.map((quantity, k) =>
    quantityCode(quantity, `${label}_c${k}`, context),
  );
  const word = (index: string): string => `moments[(${index}) * run.lanes + lane]`;
  const writtenOut = areLocal(layout);
  const sum: Sum = writtenOut ? (index) => `${label}_sums[${index}]` : word;
  const from = writtenOut ? 0 : at;
  const ring = at + layout.sums;
  const loop = writtenOut ? unrolled(count) : rolled(`${label}_count`);
  const lines = [`var ${z} = array<f32, ${count}>();`];
  if (!writtenOut) {
    lines.push(
      "// A count unknown to the compiler, which would unroll the sums.",
      `let ${label}_count = ${opaque(count)};`,
    );
  }
  codes.forEach((code, k) => {
    lines.push(...code.lines);
    lines.push(
      `${z}[${k}u] = ${code.value} - observation[${referenceAt + k * context.conditions}u + condition];`,
    );
  });
  for (const lag of layout.lags) {
    if (lag.lag === 0) {
      lines.push(every === 1 ? "{" : `if (rel % ${every}u == 0u) {`);
      const body = writtenOut
        ? lagZero(count, z, from, lag, sum)
        : lagZeroRolled(loop, `${label}_count`, z, at, lag, sum);
      lines.push(...indented(body), "}");
    } else {
      lines.push(`if (rel >= ${lag.lag}u && (rel - ${lag.lag}u) % ${every}u == 0u) {`);
      lines.push(
        `  let origin = ${ring}u + ((rel - ${lag.lag}u) / ${every}u % ${layout.ringSlots}u) * ${count}u;`,
      );
      lines.push(...indented(lagged(loop, count, z, from, lag, { sum, word })), "}");
    }
  }
  if (layout.ringSlots > 0) {
    lines.push(every === 1 ? "{" : `if (rel % ${every}u == 0u) {`);
    lines.push(`  let slot = ${ring}u + (rel / ${every}u % ${layout.ringSlots}u) * ${count}u;`);
    lines.push(...indented(loop("k", (k) => [`${word(`slot + ${k}`)} = ${z}[${k}];`])), "}");
  }
  return gated(spec, lines);
}

/** Skips the coordinates on steps at which nothing is recorded. */
function gated(spec: MomentsSpec, lines: readonly string[]): string[] {
  if (spec.every === 1) return ["{", ...indented(lines), "}"];
  const wanted = [...new Set(spec.lags.map((lag) => lag % spec.every))].map(
    (phase) => `phase == ${phase}u`,
  );
  return [
    "{",
    `  let phase = rel % ${spec.every}u;`,
    `  if (${wanted.join(" || ")}) {`,
    ...indented(indented(lines)),
    "  }",
    "}",
  ];
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** Writes `body` for each coordinate, as a loop over `name` or one after the other. */
type Loop = (name: string, body: (index: string) => string[]) => string[];

const unrolled =
  (count: number): Loop =>
  (_name, body) =>
    Array.from({ length: count }, (_, k) => body(`${k}u`)).flat();

const rolled =
  (count: string): Loop =>
  (name, body) => [
    `for (var ${name} = 0u; ${name} < ${count}; ${name} += 1u) {`,
    ...indented(body(name)),
    "}",
  ];

type Sum = (index: string) => string;

const firstSums = (loop: Loop, z: string, from: number, sum: Sum): string[] =>
  loop("k", (k) => [`${sum(`${from}u + ${k}`)} += ${z}[${k}];`]);

function lagZero(count: number, z: string, at: number, lag: LagLayout, sum: Sum): string[] {
  const second: string[] = [];
  let entry = at + lag.second;
  for (let i = 0; i < count; i += 1) {
    for (let j = i; j < count; j += 1) {
      second.push(`${sum(`${entry}u`)} += ${z}[${i}u] * ${z}[${j}u];`);
      entry += 1;
    }
  }
  return [...firstSums(unrolled(count), z, at + lag.first, sum), ...second];
}

function lagZeroRolled(
  loop: Loop,
  count: string,
  z: string,
  at: number,
  lag: LagLayout,
  sum: Sum,
): string[] {
  return [
    ...firstSums(loop, z, at + lag.first, sum),
    `var entry = ${at + lag.second}u;`,
    ...loop("i", () => [
      `for (var j = i; j < ${count}; j += 1u) {`,
      `  ${sum("entry")} += ${z}[i] * ${z}[j];`,
      "  entry += 1u;",
      "}",
    ]),
  ];
}

function lagged(
  loop: Loop,
  count: number,
  z: string,
  at: number,
  lag: LagLayout,
  { sum, word }: { readonly sum: Sum; readonly word: Sum },
): string[] {
  return loop("i", (i) => {
    const earlier = `earlier_${i}`;
    return [
      `let ${earlier} = ${word(`origin + ${i}`)};`,
      `${sum(`${at + lag.first}u + ${i}`)} += ${earlier};`,
      `${sum(`${at + lag.firstEnd}u + ${i}`)} += ${z}[${i}];`,
      ...loop("j", (j) => [
        `${sum(`${at + lag.second}u + ${i} * ${count}u + ${j}`)} += ${earlier} * ${z}[${j}];`,
      ]),
    ];
  });
}

export const momentsNames = (layout: MomentsLayout): string[] =>
  layout.coordinates.map(quantityName);
