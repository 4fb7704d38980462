/** Generated index arithmetic against integers, for random affine indices. */
import { expect, it } from "vitest";
import {
  bound,
  divide,
  flatten,
  type Index,
  literal,
  modulo,
  plus,
  printIndex,
  times,
  unflatten,
  variable,
} from "../../engine/wgsl/indexing.ts";
import { type Random, seeded } from "../seeded.ts";

const LENGTHS = { i: 5, j: 3, k: 4 };
const below = (random: Random, n: number): number => Math.floor(random() * n);

function randomIndex(random: Random, values: Record<string, number>): [Index, number] {
  let index = literal(below(random, 7));
  let value = index.constant;
  for (const [name, length] of Object.entries(LENGTHS)) {
    const coefficient = below(random, 7);
    index = plus(index, times(variable(name, length), coefficient));
    value += coefficient * values[name]!;
  }
  return [index, value];
}

// bigint division truncates, as that of u32 does.
const run = (index: Index, values: Record<string, number>): number =>
  Number(
    new Function(
      ...Object.keys(values),
      `return ${printIndex(index).replace(/(\d+)u\b/g, "$1n")};`,
    )(...Object.values(values).map(BigInt)),
  );

it("divides, takes remainders and unflattens as integers do, and bounds what it prints", () => {
  const random = seeded(11);
  let opaque = 0;
  for (let trial = 0; trial < 2000; trial += 1) {
    const values = { i: below(random, 5), j: below(random, 3), k: below(random, 4) };
    const [index, value] = randomIndex(random, values);
    const divisor = 1 + below(random, 8);
    const second = 1 + below(random, 4);
    const quotient = divide(index, divisor);
    const nested = modulo(plus(times(quotient, 2), literal(1)), second);
    expect(run(index, values)).toBe(value);
    expect(run(quotient, values), printIndex(quotient)).toBe(Math.trunc(value / divisor));
    expect(run(modulo(index, divisor), values)).toBe(value % divisor);
    expect(run(nested, values), printIndex(nested)).toBe(
      (2 * Math.trunc(value / divisor) + 1) % second,
    );
    for (const part of [index, quotient, nested]) {
      expect(run(part, values)).toBeLessThan(bound(part));
    }
    if (printIndex(quotient).includes("/")) opaque += 1;
  }
  // The uneven case is really met.
  expect(opaque).toBeGreaterThan(100);
});

it("unflattens what it flattens", () => {
  const values = { i: 4, j: 2, k: 3 };
  const shape = [LENGTHS.i, LENGTHS.j, LENGTHS.k];
  const index = Object.entries(LENGTHS).map(([name, length]) => variable(name, length));
  const back = unflatten(flatten(index, shape), shape);
  expect(back.map(printIndex)).toEqual(["i", "j", "k"]);
  const uneven = unflatten(flatten(index, shape), [2, 30]);
  const flat = (4 * 3 + 2) * 4 + 3;
  expect(uneven.map((part) => run(part, values))).toEqual([Math.trunc(flat / 30), flat % 30]);
});
