/**
 * The generated lines of `batched/matmul_shared.wgsl`: tiles of A and B in workgroup memory.
 *
 * A tile is [k, four of rows or columns], so that an invocation reads vec4f whichever way the operand
 * lies in memory; four lines of an operand along k are transposed as they are put there. Every sum has
 * the terms of a register tile in the same order, and zeros beyond the last.
 */
import type { Lines } from "../threadSlots.ts";
import type { MatmulRequest } from "./matmulRequest.ts";
import { range, type Side, sides, sumsOf } from "./registerTile.ts";

const COMPONENTS = ["x", "y", "z", "w"] as const;

const fours = ({ name }: Side): string => (name === "a" ? "ROW_FOURS" : "COLUMN_FOURS");

/** Line `at` of the operand, no further than its last: what is loaded beyond is not used. */
const clamped = ({ exact, length }: Side, at: string): string =>
  exact ? at : `min(${at}, ${length} - 1u)`;

/** Values at k and beyond, of a line along k; what lies beyond the last k is zero. */
function lineValue({ name, four }: Side, line: string): string {
  const loaded = four
    ? `${name}_four(${line}, k)`
    : `vec4f(${range(4)
        .map((t) => `${name}_one(${line}, min(k + ${t}u, depth - 1u))`)
        .join(", ")})`;
  return `select(vec4f(), ${loaded}, k + vec4u(0u, 1u, 2u, 3u) < vec4u(depth))`;
}

/** A turn takes four lines at four steps of k, and writes them across. */
function fillTransposed(side: Side, depth: number): Lines {
  const { name, origin } = side;
  return [
    `for (var u = invocation; u < ${depth / 4}u * ${fours(side)}; u += INVOCATIONS) {`,
    `  let four = u % ${fours(side)};`,
    `  let k = first + 4u * (u / ${fours(side)});`,
    "  if (k < depth) {",
    ...range(4).flatMap((i) => {
      const at = clamped(side, `first_${origin} + 4u * four + ${i}u`);
      return [`    let v${i} = ${lineValue(side, `${name}_line(z, ${at})`)};`];
    }),
    ...COMPONENTS.map(
      (component, t) =>
        `    ${name}_tile[(k - first + ${t}u) * ${fours(side)} + four] = ` +
        `vec4f(${range(4)
          .map((i) => `v${i}.${component}`)
          .join(", ")});`,
    ),
    "  } else {",
    ...range(4).map(
      (t) => `    ${name}_tile[(k - first + ${t}u) * ${fours(side)} + four] = vec4f();`,
    ),
    "  }",
    "}",
  ];
}

/** A turn takes four neighbors of a line across k. */
function fillStraight(side: Side, depth: number): Lines {
  const { name, origin, four, length, exact } = side;
  const at = `first_${origin} + 4u * (u % ${fours(side)})`;
  const value = four
    ? `${name}_four(line, ${exact ? at : `min(${at}, (${length} - 1u) & ~3u)`})`
    : `vec4f(${range(4)
        .map((i) => `${name}_one(line, ${clamped(side, `${at} + ${i}u`)})`)
        .join(", ")})`;
  return [
    `for (var u = invocation; u < ${depth}u * ${fours(side)}; u += INVOCATIONS) {`,
    `  let k = first + u / ${fours(side)};`,
    "  var value = vec4f();",
    "  if (k < depth) {",
    `    let line = ${name}_line(z, k);`,
    `    value = ${value};`,
    "  }",
    `  ${name}_tile[u] = value;`,
    "}",
  ];
}

/** Both tiles, by all invocations. */
export const fill = (request: MatmulRequest): Lines =>
  sides(request).flatMap((side) =>
    side.alongK ? fillTransposed(side, request.tile.depth) : fillStraight(side, request.tile.depth),
  );

/** Multiply-adds of step t of the tiles. */
export function multiplyTiles(request: MatmulRequest): Lines {
  const [a, b] = sides(request);
  const [rows, columns] = [range(a.size / 4), range(b.size / 4)];
  return [
    ...rows.map((q) => `let a${q} = a_tile[t * ROW_FOURS + local.y * ${rows.length}u + ${q}u];`),
    ...columns.map((q) => `let b${q} = b_tile[t * COLUMN_FOURS + local.x + ${q}u * ALONG_N];`),
    ...range(a.size).flatMap((i) =>
      columns.map((q) => `s${i}_${q} += a${Math.floor(i / 4)}.${COMPONENTS[i % 4]} * b${q};`),
    ),
  ];
}

export const beginTiles = (request: MatmulRequest): Lines =>
  sumsOf(request).map((sum) => `var ${sum} = vec4f();`);
