/**
 * Known answers of what is built on threefry: uniform numbers, wide products, unbiased indices,
 * normals, mulberry32.
 */
import { describe, expect, test } from "vitest";
import * as random from "../../engine/random.ts";
import {
  below,
  laneKey,
  multiplyHigh,
  normalPair,
  threefry2x32,
  uniformOpen,
  type Words,
} from "../../engine/random.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { sources } from "../../shaders/node.ts";

test("streams have the same names and numbers in TypeScript and WGSL, all different", () => {
  const wgsl = [...sources["lib/random"]!.matchAll(/const (STREAM_\w+): u32 = (\d+)u;/g)];
  const shader = Object.fromEntries(wgsl.map(([, name, value]) => [name, Number(value)]));
  const twin = Object.fromEntries(Object.entries(random).filter(([k]) => k.startsWith("STREAM_")));
  expect(shader).toEqual(twin);
  expect(Object.keys(twin).length).toBeGreaterThanOrEqual(4);
  expect(new Set(Object.values(twin)).size).toBe(Object.keys(twin).length);
});

test("a lane key is threefry of (seed, stream) and (condition, replica)", () => {
  // Random123's vector of the digits of pi, read as key (seed, stream) and counter.
  expect(laneKey(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  expect(laneKey(1, 0, 2, 3)).not.toEqual(laneKey(1, 0, 3, 2));
});

test("uniformOpen stays inside (0, 1) and is exact in float32", () => {
  expect(uniformOpen(0)).toBe(2 ** -24);
  expect(uniformOpen(0xffffffff)).toBe(1 - 2 ** -24);
  for (const word of [0, 511, 512, 0x7fffffff, 0x80000000, 0xfffffdff, 0xffffffff]) {
    expect(Math.fround(uniformOpen(word))).toBe(uniformOpen(word));
  }
});

test("multiplyHigh is the upper half of the exact product", () => {
  const words = [0, 1, 2, 0xffff, 0x10000, 0x10001, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
  for (let i = 0; i < 200; i++) words.push(threefry2x32([i, 0], [0, 0])[0]);
  for (const a of words) {
    for (const b of words) expect(multiplyHigh(a, b)).toBe(Number((BigInt(a) * BigInt(b)) >> 32n));
  }
});

describe("below", () => {
  const draw = { key: [7, 8] as Words, step: 5, draw: 9, component: 0 as const };

  test("accepted words are floor(word range / 2^32)", () => {
    expect(below(0x80000001, 10, draw)).toBe(5);
    expect(below(0xffffffff, 10, draw)).toBe(9);
    expect(below(123, 1, draw)).toBe(0);
  });

  test("powers of two never reject: word 0 is index 0", () => {
    for (const range of [1, 2, 1024, 2 ** 31]) expect(below(0, range, draw)).toBe(0);
  });

  test("a word of the surplus is drawn again with the attempt in the upper bits", () => {
    // 2^32 mod 3 = 1: of all words only 0 has (3 word mod 2^32) < 1, so only 0 is drawn again.
    const again = threefry2x32([7, 8], [5, 9 + 2 ** 24]);
    expect(below(0, 3, draw)).toBe(multiplyHigh(again[0], 3));
    expect(below(0, 3, { ...draw, component: 1 })).toBe(multiplyHigh(again[1], 3));
    expect(below(1, 3, draw)).toBe(0);
  });

  test("redraws go on until a word is accepted", () => {
    // 2^32 mod (2^31 + 1) = 2^31 - 1: nearly half of all words are rejected.
    const range = 2 ** 31 + 1;
    const threshold = BigInt(2 ** 31 - 1);
    let longest = 0;
    for (let step = 0; step < 200; step++) {
      let attempt = 0;
      let word = threefry2x32([7, 8], [step, 0])[0];
      while ((BigInt(word) * BigInt(range)) % 2n ** 32n < threshold) {
        attempt++;
        word = threefry2x32([7, 8], [step, attempt * 2 ** 24])[0];
      }
      longest = Math.max(longest, attempt);
      const first = threefry2x32([7, 8], [step, 0])[0];
      const got = below(first, range, { key: [7, 8], step, draw: 0, component: 0 });
      expect(got).toBe(Number((BigInt(word) * BigInt(range)) >> 32n));
    }
    expect(longest).toBeGreaterThan(2);
  });
});

test("each of 2^16 equally spaced words lands where exact proportion says, for range 6", () => {
  // A scaled-down proof of no bias: index counts over a full residue system differ by at most 1.
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 65536; i++) counts[multiplyHigh(i * 65536, 6)]!++;
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});

test("normalPair at words with a closed form", () => {
  // u = (word + 1/2) / 2^32; word1 = 0, 2^30, 2^31 are the angles 0, pi/2, pi.
  const radius = (word: number) => Math.sqrt(2 * Math.log(2 ** 32 / (word + 0.5)));
  const close = (pair: readonly [number, number], x: number, y: number) => {
    expect(Math.abs(pair[0] - x)).toBeLessThan(1e-14);
    expect(Math.abs(pair[1] - y)).toBeLessThan(1e-14);
  };
  close(normalPair([0, 0]), Math.sqrt(66 * Math.LN2), 0);
  close(normalPair([1000, 2 ** 30]), 0, radius(1000));
  close(normalPair([2 ** 31, 2 ** 31]), -radius(2 ** 31), 0);
  // 1 - u = 2^-33: radius^2 = 2 (2^-33 + 2^-67 + …).
  expect(normalPair([0xffffffff, 0])[0] / Math.sqrt(2 ** -32)).toBeCloseTo(1, 9);
});

test("mulberry32 and its gaussian reproduce the data sets' generator", () => {
  // Seed 1: first three numbers of the published generator in C, and of experiment data sets.
  const uniform = mulberry32(1);
  expect(uniform()).toBe(0.6270739405881613);
  expect(uniform()).toBe(0.002735721180215478);
  expect(uniform()).toBe(0.5274470399599522);
  const expected =
    Math.sqrt(-2 * Math.log(1 - 0.6270739405881613)) * Math.cos(2 * Math.PI * 0.002735721180215478);
  expect(gaussian(mulberry32(1))).toBe(expected);
});
