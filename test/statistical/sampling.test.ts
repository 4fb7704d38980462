/**
 * The minibatch laws are exact: uniform permutations, uniform sets, independent draws.
 *
 * Fixed seeds. Each chi-square is turned into a normal deviate z (Wilson & Hilferty); |z| < 4 fails
 * by chance with probability 6.3e-5. With 25 comparisons a fresh seed would raise a false alarm in
 * 1 of 600 runs. Negative controls: generators with the
 * bias that a test is there to find.
 */
import { describe, expect, test } from "vitest";
import { multiplyHigh, threefry2x32 } from "../../engine/random.ts";
import { batchIndices, epochOrder } from "../../engine/sampling.ts";

const lane = (replica: number) => ({ seed: 2024, condition: 0, replica });

/**
 * Pearson's chi-square of counts against equal probabilities, as a standard normal deviate.
 * Wilson & Hilferty, PNAS 17 (1931) 684: (χ²/k)^(1/3) is nearly normal with mean 1 − 2/(9k) and
 * variance 2/(9k).
 */
function chiSquareDeviate(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  const variance = 2 / (9 * freedom);
  return (Math.cbrt(chiSquare / freedom) - 1 + variance) / Math.sqrt(variance);
}

/** Counts of keys among all `outcomes` equally likely ones; unseen outcomes count 0. */
function tally(draws: number, outcomes: number, key: (draw: number) => string): number[] {
  const counts = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const k = key(i);
    counts.set(k, (counts.get(k) ?? 0) + 1);
  }
  expect(counts.size).toBeLessThanOrEqual(outcomes);
  const unseen = new Array<number>(outcomes - counts.size).fill(0);
  return [...counts.values(), ...unseen];
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
const choose = (n: number, m: number) => factorial(n) / (factorial(m) * factorial(n - m));
const index = (word: number, range: number) => multiplyHigh(word, range);
const word = (i: number, draw: number) => threefry2x32([5, 6], [i, draw])[0];

describe("chi-square itself", () => {
  test("is 0 for equal counts, and large for one bin", () => {
    // χ² = 0 with 3 degrees of freedom: (−1 + 2/27) / √(2/27) = −3.4021.
    expect(chiSquareDeviate([5, 5, 5, 5])).toBeCloseTo((2 / 27 - 1) / Math.sqrt(2 / 27), 12);
    expect(chiSquareDeviate([20, 0, 0, 0])).toBeGreaterThan(4);
  });

  test("has the quantiles of the chi-square distribution", () => {
    // χ²(0.99, 10) = 23.209 and 2.3263 is the normal quantile (Abramowitz & Stegun, table 26.8).
    // Counts 0 and d alternate around mean e with Σ (n − e)²/e = 23.209.
    const d = Math.sqrt((23.209 * 100) / 10);
    const counts = [100, ...Array.from({ length: 10 }, (_, i) => 100 + (i % 2 ? d : -d))];
    expect(Math.abs(chiSquareDeviate(counts) - 2.3263)).toBeLessThan(0.03);
  });
});

describe("permutations", () => {
  test.each([2, 3, 4, 5])("all %i! orders are equally likely", (samples) => {
    const draws = 400 * factorial(samples);
    const byEpoch = tally(draws, factorial(samples), (epoch) =>
      epochOrder(lane(0), epoch, samples).join(),
    );
    const byReplica = tally(draws, factorial(samples), (replica) =>
      epochOrder(lane(replica), 3, samples).join(),
    );
    expect(Math.abs(chiSquareDeviate(byEpoch))).toBeLessThan(4);
    expect(Math.abs(chiSquareDeviate(byReplica))).toBeLessThan(4);
  });

  test("negative control: swapping with any position is not uniform", () => {
    // 4^4 equally likely paths to 24 orders: 24 does not divide 256.
    const counts = tally(400 * 24, 24, (i) => {
      const order = [0, 1, 2, 3];
      for (let k = 0; k < 4; k++) {
        const other = index(word(i, k), 4);
        [order[k], order[other]] = [order[other]!, order[k]!];
      }
      return order.join();
    });
    expect(chiSquareDeviate(counts)).toBeGreaterThan(4);
  });

  test("orders of successive epochs are independent: all pairs equally likely", () => {
    const counts = tally(400 * 36, 36, (i) =>
      [0, 1].map((k) => epochOrder(lane(1), 2 * i + k, 3).join()).join("|"),
    );
    expect(Math.abs(chiSquareDeviate(counts))).toBeLessThan(4);
  });

  test("in a long order every (position, sample) pair and neighbour pair is equally likely", () => {
    const samples = 10;
    const draws = 6000;
    const where = new Array<number>(samples).fill(0);
    const neighbours = new Map<string, number>();
    for (let epoch = 0; epoch < draws; epoch++) {
      const order = epochOrder(lane(2), epoch, samples);
      // One position and one neighbour pair of each order: draws stay independent.
      where[order[epoch % samples]!]!++;
      const position = epoch % (samples - 1);
      const pair = `${order[position]},${order[position + 1]}`;
      neighbours.set(pair, (neighbours.get(pair) ?? 0) + 1);
    }
    expect(neighbours.size).toBe(samples * (samples - 1));
    expect(Math.abs(chiSquareDeviate(where))).toBeLessThan(4);
    expect(Math.abs(chiSquareDeviate([...neighbours.values()]))).toBeLessThan(4);
  });
});

describe("epochs", () => {
  test.each(["reshuffled", "sequential"] as const)("%s visits each sample once", (law) => {
    for (const [samples, batch] of [
      [12, 4],
      [30, 5],
      [7, 1],
      [6, 6],
    ] as const) {
      const batches = samples / batch;
      for (let epoch = 0; epoch < 20; epoch++) {
        const visited = Array.from({ length: batches }, (_, k) => [
          ...batchIndices(law, lane(3), epoch * batches + k, samples, batch),
        ]).flat();
        expect(visited.sort((a, b) => a - b)).toEqual(Array.from({ length: samples }, (_, i) => i));
      }
    }
  });

  test("symmetric walks an order forward, then the same batches backward", () => {
    for (let cycle = 0; cycle < 20; cycle++) {
      const walk = Array.from({ length: 6 }, (_, s) =>
        batchIndices("symmetric", lane(4), cycle * 6 + s, 12, 4).join(),
      );
      expect(walk.slice(3)).toEqual(walk.slice(0, 3).reverse());
      const visited = walk.slice(0, 3).join().split(",").map(Number);
      expect(new Set(visited).size).toBe(12);
    }
  });

  test("dropping the last batch leaves each sample out equally often", () => {
    // N = 5, m = 2: one sample of each epoch is in no batch.
    const left = tally(4000, 5, (epoch) => {
      const visited = [0, 1].flatMap((k) => [
        ...batchIndices("reshuffled", lane(5), 2 * epoch + k, 5, 2),
      ]);
      return [0, 1, 2, 3, 4].filter((sample) => !visited.includes(sample)).join();
    });
    expect(left).toHaveLength(5);
    expect(Math.abs(chiSquareDeviate(left))).toBeLessThan(4);
  });
});

describe("sets", () => {
  const sorted = (batch: ArrayLike<number>) =>
    Array.from(batch)
      .sort((a, b) => a - b)
      .join();

  test.each([
    [5, 1],
    [5, 2],
    [6, 3],
    [7, 5],
    [8, 4],
  ] as const)("all subsets are equally likely, N = %i, m = %i", (samples, batch) => {
    const outcomes = choose(samples, batch);
    const distinct = tally(300 * outcomes, outcomes, (step) =>
      sorted(batchIndices("distinct", lane(6), step, samples, batch)),
    );
    expect(Math.abs(chiSquareDeviate(distinct))).toBeLessThan(4);
  });

  test("a batch of reshuffled is a uniform set, each batch of the epoch", () => {
    for (const k of [0, 1, 2]) {
      const counts = tally(300 * 15, 15, (epoch) =>
        sorted(batchIndices("reshuffled", lane(7), 3 * epoch + k, 6, 2)),
      );
      expect(Math.abs(chiSquareDeviate(counts))).toBeLessThan(4);
    }
  });

  test("negative control: replacing a repeated index by its successor is not uniform", () => {
    const counts = tally(300 * 10, 10, (i) => {
      const first = index(word(i, 0), 5);
      const second = index(word(i, 1), 5);
      return sorted([first, second === first ? (first + 1) % 5 : second]);
    });
    expect(chiSquareDeviate(counts)).toBeGreaterThan(4);
  });
});

describe("independent draws", () => {
  test("all pairs and all triples of a batch are equally likely", () => {
    const batch = (step: number) => batchIndices("withReplacement", lane(8), step, 5, 3);
    const triples = tally(100 * 125, 125, (step) => batch(step).join());
    const acrossSteps = tally(400 * 25, 25, (i) => `${batch(2 * i)[2]},${batch(2 * i + 1)[0]}`);
    expect(Math.abs(chiSquareDeviate(triples))).toBeLessThan(4);
    expect(Math.abs(chiSquareDeviate(acrossSteps))).toBeLessThan(4);
  });

  // A range for which the bias of a method without rejection is visible: 3·2^30 = 2^32·(3/4), so
  // four words in three indices. One of three residues mod 3 would be hit twice as often.
  const range = 3 * 2 ** 30;
  const residues = (draw: (i: number) => number) => tally(6000, 3, (i) => `${draw(i) % 3}`);

  test("no modulo bias, where it would be largest", () => {
    const drawn = (step: number) => batchIndices("withReplacement", lane(9), step, range, 1)[0]!;
    expect(Math.abs(chiSquareDeviate(residues(drawn)))).toBeLessThan(4);
    // Nor on a scale of the range: thirds of [0, range).
    const thirds = tally(6000, 3, (step) => `${Math.floor(drawn(step) / 2 ** 30)}`);
    expect(Math.abs(chiSquareDeviate(thirds))).toBeLessThan(4);
  });

  test("negative controls: word mod range, and multiplication without rejection", () => {
    // word mod range hits [0, 2^30) twice as often; multiplication without rejection, index ≡ 0.
    const modulo = tally(6000, 3, (i) => `${Math.floor((word(i, 0) % range) / 2 ** 30)}`);
    expect(chiSquareDeviate(modulo)).toBeGreaterThan(4);
    expect(chiSquareDeviate(residues((i) => index(word(i, 0), range)))).toBeGreaterThan(4);
  });
});
