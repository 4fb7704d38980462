/**
 * Handwritten digits, 1797 images of 8x8 pixels, split into a training and a test part.
 *
 * Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
 * Learning Repository 1998, doi:10.24432/C50P49 (see `data/README.md`). Small enough to travel
 * with the code, so that it works without files or network, in Node and in a browser bundle.
 */
import { inflateSync } from "fflate";
import { ArgumentError } from "../engine/errors.ts";
import { PACKED, SAMPLES } from "./data/digits.ts";
import { type Dataset, subset } from "./dataset.ts";

const PIXELS = 64;
const CLASSES = 10;

export interface DigitsOptions {
  /** Images in the training part; 1440 = 2⁵·3²·5 leaves many batch sizes that divide it. */
  readonly trainSamples?: number;
  /** Decides which images are in which part, and their order. */
  readonly seed: number;
}

/** All images in the order of the source: `x` [64] in 0..1 (pixel / 16), `digit` in 0..9. */
export function allDigits(): Dataset {
  const bytes = inflateSync(Uint8Array.from(atob(PACKED), (character) => character.charCodeAt(0)));
  const x = Float32Array.from(bytes.subarray(0, SAMPLES * PIXELS), (value) => value / 16);
  const digit = Float32Array.from(bytes.subarray(SAMPLES * PIXELS));
  return {
    name: "digits",
    samples: SAMPLES,
    fields: { x: { data: x, shape: [PIXELS] }, digit: { data: digit, shape: [], labels: CLASSES } },
    origin:
      "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak 1998, UCI Machine " +
      "Learning Repository, CC BY 4.0; test part as distributed with scikit-learn",
  };
}

/**
 * Training and test part, stratified: every class is divided in the same proportion to within
 * one image, and both parts are in random order. The split depends on `seed` and `trainSamples`
 * alone. Fields: `x` [64] in 0..1 and `digit`, a label of 10 classes.
 *
 * @throws ArgumentError when `trainSamples` leaves a part empty.
 * @example const { train, test } = digits({ seed: 1 }); // 1440 and 357 images
 */
export function digits({ trainSamples = 1440, seed }: DigitsOptions): {
  train: Dataset;
  test: Dataset;
} {
  if (!Number.isInteger(trainSamples) || trainSamples < 1 || trainSamples >= SAMPLES) {
    throw new ArgumentError(
      `digits: trainSamples is ${trainSamples}; give a whole number from 1 to ${SAMPLES - 1}.`,
    );
  }
  const all = allDigits();
  const labels = all.fields.digit!.data;
  const order = shuffled(SAMPLES, seed);
  const room = quotas(labels, trainSamples);
  const train: number[] = [];
  const test: number[] = [];
  for (const sample of order) {
    const part = room[labels[sample]!]!-- > 0 ? train : test;
    part.push(sample);
  }
  return { train: subset(all, "digits-train", train), test: subset(all, "digits-test", test) };
}

/** Training images per class: proportional, rounded by largest remainders so that they add up. */
function quotas(labels: ArrayLike<number>, trainSamples: number): number[] {
  const share = new Array<number>(CLASSES).fill(0);
  for (let i = 0; i < labels.length; i++) share[labels[i]!]! += trainSamples / labels.length;
  const quota = share.map(Math.floor);
  const missing = trainSamples - quota.reduce((sum, count) => sum + count, 0);
  const byRemainder = share
    .map((value, label) => ({ label, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.label - b.label);
  for (const { label } of byRemainder.slice(0, missing)) quota[label]! += 1;
  return quota;
}

/** 0 … count − 1, sorted by a hash of (seed, index): no state, the same on every machine. */
function shuffled(count: number, seed: number): number[] {
  const key = hash(seed >>> 0);
  const rank = Array.from({ length: count }, (_, index) => hash(index ^ key));
  return rank.map((_, index) => index).sort((a, b) => rank[a]! - rank[b]! || a - b);
}

/** C. Wellons' 32-bit mixer `lowbias32` (hash-prospector, 2018): a bijection, so no ties. */
function hash(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
