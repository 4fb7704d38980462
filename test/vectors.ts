/** Reads `test/vectors/threefry2x32.txt`: name, rounds, counter, key, expected words. */
import { readFileSync } from "node:fs";
import type { Words } from "../engine/random.ts";

export interface ThreefryVector {
  readonly rounds: number;
  readonly counter: Words;
  readonly key: Words;
  readonly expected: Words;
}

export function threefryVectors(): ThreefryVector[] {
  const text = readFileSync(new URL("vectors/threefry2x32.txt", import.meta.url), "utf8");
  return text
    .split("\n")
    .filter((line) => line.startsWith("threefry2x32 "))
    .map((line) => {
      const [, rounds, ...words] = line.trim().split(/\s+/);
      const [c0, c1, k0, k1, e0, e1] = words.map((word) => Number.parseInt(word, 16));
      return {
        rounds: Number(rounds),
        counter: [c0!, c1!],
        key: [k0!, k1!],
        expected: [e0!, e1!],
      };
    });
}
