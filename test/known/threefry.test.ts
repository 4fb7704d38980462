/**
 * Threefry-2x32 against the published vectors of Random123, and against a second implementation
 * that follows the paper's loop literally for any number of rounds, in BigInt arithmetic.
 */
import { expect, test } from "vitest";
import { threefry2x32, type Words } from "../../engine/random.ts";
import { threefryVectors } from "../vectors.ts";

const MASK = 0xffffffffn;
const ROTATIONS = [13n, 15n, 26n, 6n, 17n, 29n, 16n, 24n];

/** Salmon et al. 2011, section 3.3: mix every round, inject the key after every fourth. */
function threefryByTheLetter(rounds: number, key: Words, counter: Words): Words {
  const schedule = [BigInt(key[0]), BigInt(key[1]), 0x1bd11bdan ^ BigInt(key[0]) ^ BigInt(key[1])];
  let x = (BigInt(counter[0]) + schedule[0]!) & MASK;
  let y = (BigInt(counter[1]) + schedule[1]!) & MASK;
  for (let round = 0; round < rounds; round++) {
    const r = ROTATIONS[round % 8]!;
    x = (x + y) & MASK;
    y = (((y << r) | (y >> (32n - r))) & MASK) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + schedule[injection % 3]!) & MASK;
      y = (y + schedule[(injection + 1) % 3]! + BigInt(injection)) & MASK;
    }
  }
  return [Number(x), Number(y)];
}

test("the file holds three vectors for each number of rounds", () => {
  const rounds = threefryVectors().map((vector) => vector.rounds);
  expect(rounds).toEqual([13, 13, 13, 20, 20, 20]);
});

test.each(threefryVectors())("published vector, $rounds rounds, key $key", (vector) => {
  const { rounds, key, counter, expected } = vector;
  expect(threefryByTheLetter(rounds, key, counter)).toEqual(expected);
  if (rounds === 20) expect(threefry2x32(key, counter)).toEqual(expected);
});

test("agrees with the literal implementation on 2000 chained inputs", () => {
  let key: Words = [1, 2];
  let counter: Words = [3, 4];
  for (let i = 0; i < 2000; i++) {
    const words = threefry2x32(key, counter);
    expect(words).toEqual(threefryByTheLetter(20, key, counter));
    [key, counter] = [counter, words];
  }
});
