/**
 * The generator of synthetic data sets: mulberry32 (T. Ettinger, 2017, public domain).
 *
 * For data only, where a published experiment fixes it; its 32-bit state is no source of noise for
 * ensembles, which use threefry (`engine/random.ts`).
 */

/** A stream of uniform numbers in [0, 1): multiples of 2⁻³², period 2³². */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One standard normal number from two uniform ones: √(−2 ln(1 − u₁)) cos(2π u₂). */
export function gaussian(uniform: () => number): number {
  const u1 = 1 - uniform();
  const u2 = uniform();
  return Math.sqrt(-2 * Math.log(u1)) * Math.cos(2 * Math.PI * u2);
}
