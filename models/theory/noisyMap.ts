/**
 * Stationary density of a one-dimensional chain w' = T(w) + σξ, ξ standard normal, T odd: the
 * leading eigenvector of its transfer operator on [−L, L].
 *
 *   λ p(w') = ∫ φ_σ(w' − T(w)) p(w) dw
 *
 * Trapezoidal rule on a uniform grid: p is a convolution with φ_σ, hence analytic, and the rule
 * converges as exp(−2π²σ²/h²) (Trefethen and Weideman, SIAM Review 56, 385 (2014)). The matrix is
 * banded; (1 + ε) − K is an M-matrix with nonnegative column sums, so that elimination without
 * pivots is stable, and inverse iteration finds p. 1 − λ is the probability to leave [−L, L] in a
 * step. Left out: noise that depends on w, more than one dimension.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface NoisyMap {
  /** T, odd. */
  readonly map: (w: number) => number;
  /** σ > 0, standard deviation of the noise of a step. */
  readonly deviation: number;
  /** L: the chain is killed beyond. */
  readonly bound: number;
  /** σ/h; 3 makes the error of smooth integrals about 10⁻⁷⁷ where |T'| <= 1. */
  readonly resolution: number;
}

export interface StationaryDensity {
  /** Grid, from −L to L, [point]. */
  readonly w: Float64Array;
  /** Weights h·p(w), sum 1, [point]. */
  readonly weight: Float64Array;
  /** Probability to leave [−L, L] in a step; below 10⁻¹⁴ it is rounding. */
  readonly escape: number;
}

/** Beyond 9 σ the kernel is below 3·10⁻¹⁸ of its peak. */
const KERNEL_DEVIATIONS = 9;
/** Multiplications of the elimination: a few seconds. */
const MAX_WORK = 4e9;
const MAX_POINTS = 1e6;
const SHIFT = 1e-10;

/**
 * The (quasi-)stationary density of the chain, conditioned to stay in [−L, L].
 *
 * @throws ArgumentError when the grid would cost more than a few seconds, or when the chain leaves
 *   [−L, L] so fast that no density settles.
 */
export function stationaryDensity(chain: NoisyMap): StationaryDensity {
  const { deviation, bound, resolution, map } = chain;
  const half = Math.ceil((bound * resolution) / deviation);
  const n = 2 * half + 1;
  if (!(n <= MAX_POINTS)) refuseGrid(n, KERNEL_DEVIATIONS * resolution, chain);
  const h = bound / half;
  const w = Float64Array.from({ length: n }, (_, i) => (i - half) * h);
  const image = w.map(map);
  let reach = 0;
  for (let i = 0; i < n; i++) reach = Math.max(reach, Math.abs(image[i]! - w[i]!));
  const band = Math.min(n - 1, Math.ceil((KERNEL_DEVIATIONS * deviation + reach) / h));
  if (!(n * band * band <= MAX_WORK)) refuseGrid(n, band, chain);
  const kernel = kernelBand(w, image, deviation, h, band);
  const weight = leadingVector(kernel, n, band);
  return { w, weight, escape: 1 - sum(applied(kernel, weight, n, band)) };
}

function refuseGrid(n: number, band: number, { deviation, bound }: NoisyMap): never {
  throw new ArgumentError(
    `stationaryDensity: ${n} grid points with a band of ${band} are too many; the noise of a step, ` +
      `${deviation}, is too small beside the range ${bound}: raise learningRate or noise.`,
  );
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

/** K[to, from] = h φ_σ(w_to − T(w_from)), [to, from − to + band]. */
function kernelBand(
  w: Float64Array,
  image: Float64Array,
  deviation: number,
  h: number,
  band: number,
): Float64Array {
  const n = w.length;
  const width = 2 * band + 1;
  const kernel = new Float64Array(n * width);
  const norm = h / (deviation * Math.sqrt(2 * Math.PI));
  for (let to = 0; to < n; to++) {
    const last = Math.min(n - 1, to + band);
    for (let from = Math.max(0, to - band); from <= last; from++) {
      const z = (w[to]! - image[from]!) / deviation;
      kernel[to * width + from - to + band] = norm * Math.exp(-0.5 * z * z);
    }
  }
  return kernel;
}

function applied(kernel: Float64Array, x: Float64Array, n: number, band: number): Float64Array {
  const width = 2 * band + 1;
  return x.map((_, to) => {
    let total = 0;
    const last = Math.min(n - 1, to + band);
    for (let from = Math.max(0, to - band); from <= last; from++) {
      total += kernel[to * width + from - to + band]! * x[from]!;
    }
    return total;
  });
}

/** Inverse iteration from the uniform density, until 14 digits stand or rounding stops it. */
function leadingVector(kernel: Float64Array, n: number, band: number): Float64Array {
  const width = 2 * band + 1;
  const factors = kernel.map((value, k) => (k % width === band ? 1 + SHIFT : 0) - value);
  eliminate(factors, n, band);
  let weight: Float64Array = new Float64Array(n).fill(1 / n);
  let before = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < 200; iteration++) {
    const next = substituted(factors, weight, n, band);
    const total = sum(next);
    let change = 0;
    let largest = 0;
    for (let i = 0; i < n; i++) {
      next[i]! /= total;
      change = Math.max(change, Math.abs(next[i]! - weight[i]!));
      largest = Math.max(largest, next[i]!);
    }
    weight = next;
    // Rounding of the kernel, 10⁻¹⁶, over the gap of a slow chain is as far as it goes.
    const stalled = change <= 1e-7 * largest && change >= 0.5 * before;
    if (change <= 1e-14 * largest || stalled) return weight;
    before = change;
  }
  throw new ArgumentError(
    "stationaryDensity: the chain leaves its range before a density settles, so there is no " +
      "stationary state; lower learningRate or noise.",
  );
}

/** LU in place without pivots: unit lower factor below the diagonal. */
function eliminate(a: Float64Array, n: number, band: number): void {
  const width = 2 * band + 1;
  for (let k = 0; k < n; k++) {
    const pivot = a[k * width + band]!;
    const last = Math.min(n - 1, k + band);
    for (let i = k + 1; i <= last; i++) {
      const row = i * width + band - i;
      const factor = a[row + k]! / pivot;
      a[row + k] = factor;
      if (factor === 0) continue;
      const source = k * width + band - k;
      for (let j = k + 1; j <= last; j++) a[row + j]! -= factor * a[source + j]!;
    }
  }
}

function substituted(a: Float64Array, b: Float64Array, n: number, band: number): Float64Array {
  const width = 2 * band + 1;
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    const row = i * width + band - i;
    for (let j = Math.max(0, i - band); j < i; j++) x[i]! -= a[row + j]! * x[j]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    const row = i * width + band - i;
    const last = Math.min(n - 1, i + band);
    for (let j = i + 1; j <= last; j++) x[i]! -= a[row + j]! * x[j]!;
    x[i]! /= a[row + i]!;
  }
  return x;
}
