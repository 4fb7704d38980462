/**
 * Random numbers that are pure functions of (seed, stream, condition, replica, step, draw).
 *
 * Integer-exact twin of `shaders/lib/threefry2x32.wgsl` and `shaders/lib/random.wgsl`; `normalPair`
 * is the float64 twin of `shaders/lib/normal.wgsl`, equal up to its float32 rounding. The generator
 * is threefry2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, SC 2011). Not for cryptography.
 */

/** Two 32-bit words as unsigned integers: a key, a counter or a result. */
export type Words = readonly [number, number];

/** What a lane's numbers are used for; the same names stand in `shaders/lib/random.wgsl`. */
export const STREAM_MINIBATCH = 0;
export const STREAM_GRADIENT_NOISE = 1;
export const STREAM_INITIAL = 2;
export const STREAM_ORDER = 3;
export const STREAM_SAMPLE = 4;
export const STREAM_THERMAL_NOISE = 5;

/** Draw numbers share a 32-bit word with the 8-bit count of redraws. */
export const MAX_DRAWS = 2 ** 24;

const ODD_ROTATIONS = [13, 15, 26, 6] as const;
const EVEN_ROTATIONS = [17, 29, 16, 24] as const;

/**
 * Two random words from a key and a counter: result = f(key, counter), 20 rounds.
 * @see Salmon et al., SC 2011, section 3.3; vectors in `test/vectors/threefry2x32.txt`
 */
export function threefry2x32(key: Words, counter: Words): Words {
  const schedule = [key[0], key[1], 0x1bd11bda ^ key[0] ^ key[1]];
  let x = (counter[0] + key[0]) | 0;
  let y = (counter[1] + key[1]) | 0;
  for (let injection = 1; injection <= 5; injection++) {
    for (const rotation of injection % 2 === 1 ? ODD_ROTATIONS : EVEN_ROTATIONS) {
      x = (x + y) | 0;
      y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    }
    x = (x + schedule[injection % 3]!) | 0;
    y = (y + schedule[(injection + 1) % 3]! + injection) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/** Key of one replica's stream: threefry(key (seed, stream), counter (condition, replica)). */
export const laneKey = (seed: number, stream: number, condition: number, replica: number): Words =>
  threefry2x32([seed >>> 0, stream], [condition, replica]);

/** Uniform on the 2²³ midpoints (k + ½)/2²³, never 0 or 1; the same number as in float32. */
export const uniformOpen = (word: number): number => ((word >>> 9) + 0.5) * 2 ** -23;

/** Upper 32 bits of the 64-bit product of two 32-bit words, from 16-bit halves. */
export function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const cross = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middle = aLow * bHigh + (cross & 0xffff);
  return aHigh * bHigh + Math.floor(cross / 65536) + Math.floor(middle / 65536);
}

/** Which word of which draw a number came from, so that a rejected one can be drawn again. */
export interface Draw {
  readonly key: Words;
  readonly step: number;
  /** Number of the draw pair, below `MAX_DRAWS`. */
  readonly draw: number;
  readonly component: 0 | 1;
}

/**
 * Uniform index in [0, range) without modulo bias, range ≥ 1: ⌊word · range / 2³²⌋, where the
 * 2³² mod range surplus words are drawn again as threefry(key, (step, draw | attempt·2²⁴)).
 * `word` is the component of threefry(key, (step, draw)) that `draw` names.
 * @see Lemire, ACM TOMACS 29 (2019), algorithm 5
 */
export function below(word: number, range: number, draw: Draw): number {
  let candidate = word;
  if (Math.imul(candidate, range) >>> 0 < range) {
    const threshold = 2 ** 32 % range;
    for (let attempt = 1; attempt < 256; attempt++) {
      if (Math.imul(candidate, range) >>> 0 >= threshold) break;
      const counter: Words = [draw.step, (draw.draw | (attempt << 24)) >>> 0];
      candidate = threefry2x32(draw.key, counter)[draw.component];
    }
  }
  return multiplyHigh(candidate, range);
}

/**
 * Two independent standard normal numbers from a pair of words (Box & Muller 1958):
 * √(−2 ln u) (cos φ, sin φ), u = (word₀ + ½)/2³², φ = 2π word₁/2³². |z| ≤ √(66 ln 2) = 6.764.
 */
export function normalPair(words: Words): readonly [number, number] {
  // u has 33 significant bits, so float64 holds it exactly, also near 1.
  const radius = Math.sqrt(-2 * Math.log((words[0] + 0.5) * 2 ** -32));
  const angle = words[1] * (2 * Math.PI * 2 ** -32);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
