/**
 * Seeded random numbers for test inputs (mulberry32); not the engine's generator, so that tests of
 * the engine do not lean on it.
 */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const choice = <T>(random: Random, items: readonly T[]): T =>
  items[Math.floor(random() * items.length)]!;

/** Uniform in [-1, 1). */
export const uniformArray = (random: Random, length: number): Float64Array =>
  Float64Array.from({ length }, () => 2 * random() - 1);

/**
 * `length` numbers of [-1.2, 1.2] in random order, no two nearer than 1.6 / length and none nearer
 * to 0 than 0.4 / length: kinks and ties are out of reach of a difference quotient.
 */
export function spacedArray(random: Random, length: number): Float64Array {
  const cells = length + (length % 2);
  const values = Array.from(
    { length: cells },
    (_, i) => -1.2 + (2.4 * (i + 0.5 + 0.3 * (random() - 0.5))) / cells,
  );
  for (let i = cells - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return Float64Array.from(values.slice(0, length));
}
