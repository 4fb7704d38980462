/**
 * The generated lines of `batched/matmul.wgsl`: the tile of C that an invocation keeps in registers.
 *
 * All sums of a row are finished for the loaded k before the next row's begin: each sum is then read and
 * written once for four multiply-adds, which matters where registers are spilled.
 */
import type { Lines } from "../threadSlots.ts";
import type { MatmulRequest } from "./matmulRequest.ts";

const COMPONENTS = ["x", "y", "z", "w"] as const;
/** Lanes that share the loads of A; subgroups have at least as many. */
export const SHARING = 8;

export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** `m + 3u`, no further than the last row where the tiles overhang. */
const within = (at: string, offset: number, length: string, exact: boolean): string =>
  exact ? `${at} + ${offset}u` : `min(${at} + ${offset}u, ${length} - 1u)`;

interface Extent {
  /** The tiles cover C exactly along m; along n. */
  readonly exactM: boolean;
  readonly exactN: boolean;
}

export const extent = ({ m, n, tile }: MatmulRequest): Extent => ({
  exactM: m % (tile.rows * tile.workgroup[1]) === 0,
  exactN: n % (tile.columns * tile.workgroup[0]) === 0,
});

/**
 * Steps of k in a turn of the loop. Where an invocation loads all it needs by itself, and none of it in
 * fours along k, more of them only make the loop longer: three times the time to compile, none gained.
 */
export const strideOf = ({ a, b, tile }: MatmulRequest): number => {
  const gains = (operand: { along: string; four: boolean }): boolean =>
    operand.four && operand.along === "k";
  return tile.memory === "registers" && !gains(a) && !gains(b) ? 1 : tile.depth;
};

/** Values of an operand at `count` steps of k, as text: `values[i][t]` of row or column i at k + t. */
interface Loaded {
  readonly lines: Lines;
  readonly values: readonly (readonly string[])[];
}

/** One operand of a tile, `size` rows (of A) or columns (of B) from `origin` on. */
export interface Side {
  readonly name: "a" | "b";
  readonly origin: "m" | "n";
  readonly length: "M" | "N";
  readonly size: number;
  readonly exact: boolean;
  readonly alongK: boolean;
  readonly four: boolean;
  /** Are its lines located once for eight lanes? */
  readonly sharesLines: boolean;
  /** Row or column i of the tile lies at origin + place(i). */
  readonly place: (i: number) => number;
}

export function sides(request: MatmulRequest): readonly [a: Side, b: Side] {
  const { a, b, tile } = request;
  const { exactM, exactN } = extent(request);
  return [
    {
      name: "a",
      origin: "m",
      length: "M",
      size: tile.rows,
      exact: exactM,
      alongK: a.along === "k",
      four: a.four,
      sharesLines: false,
      place: (i) => i,
    },
    {
      name: "b",
      origin: "n",
      length: "N",
      size: tile.columns,
      exact: exactN,
      alongK: b.along === "k",
      four: b.four,
      sharesLines: tile.memory === "subgroup" && b.lineLoads === true,
      // In fours, each of them beside those of the neighboring invocations.
      place: (i) => (i % 4) + 4 * tile.workgroup[0] * Math.floor(i / 4),
    },
  ];
}

/** What does not depend on k: the lines of an operand along k, the positions of one across. */
function hoisted({ name, origin, length, size, exact, alongK, four, place }: Side): Lines {
  if (alongK) {
    return range(size).map(
      (i) => `let ${name}${i} = ${name}_line(z, ${within(origin, place(i), length, exact)});`,
    );
  }
  if (four && size % 4 === 0) {
    return range(size / 4).map(
      (q) =>
        `let ${name}${q} = ${exact ? `${origin} + ${place(4 * q)}u` : `min(${origin} + ${place(4 * q)}u, (${length} - 1u) & ~3u)`};`,
    );
  }
  return range(size).map((i) => `let ${name}${i} = ${within(origin, place(i), length, exact)};`);
}

/** Each invocation loads what it needs. */
function loadAll({ name, size, alongK, four, sharesLines }: Side, count: number): Loaded {
  const shares = sharesLines && !alongK && count > 1;
  const lines = shares ? [`let ${name}own = ${name}_line(z, k + lane % ${count}u);`] : [];
  const values = range(size).map((): string[] => []);
  if (alongK && four && count === 4) {
    for (const i of range(size)) {
      lines.push(`let ${name}v${i} = ${name}_four(${name}${i}, k);`);
      values[i]!.push(...COMPONENTS.map((component) => `${name}v${i}.${component}`));
    }
    return { lines, values };
  }
  for (const t of range(count)) {
    if (alongK) {
      for (const i of range(size)) {
        lines.push(`let ${name}v${i}_${t} = ${name}_one(${name}${i}, k + ${t}u);`);
        values[i]!.push(`${name}v${i}_${t}`);
      }
      continue;
    }
    const line = shares ? `subgroupBroadcast(${name}own, ${t}u)` : `${name}_line(z, k + ${t}u)`;
    lines.push(`let ${name}l${t} = ${line};`);
    if (four && size % 4 === 0) {
      for (const q of range(size / 4)) {
        lines.push(`let ${name}v${q}_${t} = ${name}_four(${name}l${t}, ${name}${q});`);
        COMPONENTS.forEach((component, c) => {
          values[4 * q + c]!.push(`${name}v${q}_${t}.${component}`);
        });
      }
    } else {
      for (const i of range(size)) {
        lines.push(`let ${name}v${i}_${t} = ${name}_one(${name}l${t}, ${name}${i});`);
        values[i]!.push(`${name}v${i}_${t}`);
      }
    }
  }
  return { lines, values };
}

/** `vec4f` of four columns of B at one k: a loaded vector as it is where it is one. */
function columnVector(values: Loaded["values"], first: number, t: number): string {
  const four = range(4).map((c) => values[first + c]![t]!);
  const whole = /^(\w+)\.x$/.exec(four[0]!)?.[1];
  if (whole && COMPONENTS.every((component, c) => four[c] === `${whole}.${component}`))
    return whole;
  return `vec4f(${four.join(", ")})`;
}

/** Multiply-adds of `count` steps of k from `k` on. */
export function multiply(request: MatmulRequest, count: number): Lines {
  const [a, b] = sides(request);
  const shared = request.tile.memory === "subgroup";
  const left = shared ? loadShared(a, count) : loadAll(a, count);
  const right = loadAll(b, count);
  const columns = range(b.size / 4);
  const vectors = range(count).flatMap((t) =>
    columns.map((q) => `let c${q}_${t} = ${columnVector(right.values, 4 * q, t)};`),
  );
  const sums = range(a.size).flatMap((i) =>
    columns.flatMap((q) =>
      range(count).map((t) => `s${i}_${q} += ${left.values[i]![t]} * c${q}_${t};`),
    ),
  );
  return [...left.lines, ...right.lines, ...vectors, ...sums];
}

/**
 * Eight lanes load a unit of A each, a unit being what one load gives, and broadcast it.
 *
 * Unit u of a step is row (or four rows) u mod `across` at k + u / `across`.
 */
function loadShared({ name, size, alongK, four, length }: Side, count: number): Loaded {
  const values = range(size).map((): string[] => []);
  const lines: string[] = [];
  const fours = four && (!alongK || count === 4);
  const across = fours && !alongK ? size / 4 : size;
  const units = fours && alongK ? size : across * count;
  const loads = Math.ceil(units / SHARING);
  for (const load of range(loads)) {
    const first = load * SHARING;
    const row = across >= SHARING ? `${first % across}u + lane` : `lane % ${across}u`;
    const later = Math.floor(first / across);
    // Lanes beyond the last unit repeat a unit that exists.
    const step =
      across >= SHARING ? `${later}u` : `min(${later}u + lane / ${across}u, ${count - 1}u)`;
    const at = `min(m + ${fours && !alongK ? `4u * (${row})` : row}, ${fours && !alongK ? `(${length} - 1u) & ~3u` : `${length} - 1u`})`;
    const call = fours ? "four" : "one";
    const own = alongK
      ? `${name}_${call}(${name}l${((first % across) / SHARING) | 0}, k${fours ? "" : ` + ${step}`})`
      : `${name}_${call}(${name}_line(z, k + ${step}), ${at})`;
    lines.push(`let own${load} = ${own};`);
    for (const lane of range(Math.min(SHARING, units - first))) {
      const unit = first + lane;
      const [i, t] = [unit % across, Math.floor(unit / across)];
      lines.push(`let ${name}u${unit} = subgroupBroadcast(own${load}, ${lane}u);`);
      if (!fours) values[i]![t] = `${name}u${unit}`;
      else
        COMPONENTS.forEach((component, c) => {
          const value = `${name}u${unit}.${component}`;
          if (alongK) values[i]![c] = value;
          else values[4 * i + c]![t] = value;
        });
    }
  }
  return { lines, values };
}

/** Lines of A that this lane loads in `subgroup` mode. */
const sharedLines = ({ alongK, size }: Side): Lines =>
  alongK
    ? range(Math.ceil(size / SHARING)).map(
        (i) => `let al${i} = a_line(z, min(m + ${SHARING * i}u + lane, M - 1u));`,
      )
    : [];

/** Names of the sums of a tile, by rows. */
export const sumsOf = ({ tile }: MatmulRequest): string[] =>
  range(tile.rows).flatMap((i) => range(tile.columns / 4).map((q) => `s${i}_${q}`));

/** Before the loop over k. */
export function begin(request: MatmulRequest): Lines {
  const [a, b] = sides(request);
  const shared = request.tile.memory === "subgroup";
  const leaves = [
    ...(a.exact ? [] : ["m >= M"]),
    ...(b.exact ? [] : ["n >= N"]),
    ...(request.tile.workgroup[2] > 1 ? ["z >= last_matrix"] : []),
  ];
  return [
    ...(shared || leaves.length === 0 ? [] : [`if (${leaves.join(" || ")}) {`, "  return;", "}"]),
    ...(shared ? sharedLines(a) : hoisted(a)),
    ...hoisted(b),
    ...sumsOf(request).map((sum) => `var ${sum} = vec4f();`),
  ];
}

/**
 * After the loop over k: every four sums that lie in C go to the caller's `store`, in a loop. Written out,
 * an epilogue of a few branches takes longer to compile than all the rest.
 */
export function storeSums(request: MatmulRequest): Lines {
  const [a, b] = sides(request);
  const across = b.size / 4;
  const sums = sumsOf(request);
  const conditions = [...(a.exact ? [] : ["row < M"]), ...(b.exact ? [] : ["column < N"])];
  const count = request.n % 4 === 0 ? "4u" : "min(4u, N - column)";
  const call = `store(z, row, column, sums[i], ${count});`;
  return [
    `var sums = array<vec4f, ${sums.length}>(${sums.join(", ")});`,
    `for (var i = 0u; i < ${sums.length}u; i += 1u) {`,
    `  let row = m + ${across > 1 ? `i / ${across}u` : "i"};`,
    `  let column = n${across > 1 ? ` + ${b.place(4)}u * (i % ${across}u)` : ""};`,
    ...(conditions.length > 0
      ? [`  if (${conditions.join(" && ")}) {`, `    ${call}`, "  }"]
      : [`  ${call}`]),
    "}",
  ];
}
