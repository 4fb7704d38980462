/**
 * Points as the device has them, and how far float32 may be off.
 *
 * A common offset is taken out and a power of two brings the largest coordinate to at most 1: x̂ =
 * fl32(s (x − c)). The squared distance f of the device is near that of the points x:
 *
 *   f <= (1 + γ)(s |x − y| + ρ_x + ρ_y)² + τ,   γ = (d + 6) 2⁻²³,  ρ_x = (2⁻²⁴ + 2⁻⁵²)|x̂| + √d 2⁻¹²⁶
 *
 * ρ_x is the rounding of x̂, flush to zero included; γ that of a difference (counted twice), a square
 * and at most d + 2 additions in any order, each by one unit in the last place, since WGSL leaves the
 * direction of rounding open (N. J. Higham, Accuracy and Stability of Numerical Algorithms, section 3.1,
 * for the form of γ); τ = d 2⁻¹²⁴ its underflow. So a point whose f is larger is farther away than |x − y|.
 */

/** Points of the kernel's tile. */
export const TILE = 16;
/** Coordinates of padding: no group's minimum ever, and finite squares of up to 10⁵ differences. */
const FAR = 1e16;
const UNIT = 2 ** -24 + 2 ** -52;
/** Norms are sums in float64, off by less. */
const SLACK = 1 + 1e-6;

/** Points [point, dimension] and the map that brings them to the device. */
export interface PointSet {
  readonly points: Float64Array;
  readonly dimensions: number;
  readonly count: number;
}

export interface Scaling {
  /** c, [dimension]: the middle of the range. */
  readonly center: Float64Array;
  /** s, a power of two. */
  readonly scale: number;
  /** Largest |x − c|. */
  readonly reach: number;
}

/** Middle and size of the range of several sets together. */
export function scalingOf(sets: readonly PointSet[]): Scaling {
  const { dimensions } = sets[0]!;
  const least = new Float64Array(dimensions).fill(Infinity);
  const most = new Float64Array(dimensions).fill(-Infinity);
  for (const { points, count } of sets) {
    for (let i = 0, at = 0; i < count; i++) {
      for (let a = 0; a < dimensions; a++, at++) {
        const x = points[at]!;
        if (x < least[a]!) least[a] = x;
        if (x > most[a]!) most[a] = x;
      }
    }
  }
  const center = least.map((low, a) => low / 2 + most[a]! / 2);
  let reach = 0;
  for (let a = 0; a < dimensions; a++) {
    reach = Math.max(reach, most[a]! - center[a]!, center[a]! - least[a]!);
  }
  // Subnormal ranges would overflow the factor.
  const exponent = reach > 0 ? Math.max(-1000, Math.ceil(Math.log2(reach))) : 0;
  return { center, scale: 2 ** -exponent, reach };
}

/** A range of points as the device has them. */
export interface ScaledPoints {
  /** x̂, [four coordinates, point, coordinate]; those beyond the set are far away. */
  readonly words: Float32Array<ArrayBuffer>;
  /** Points in it, padding included. */
  readonly stride: number;
}

/** `stride` points from `first` on. */
export function scaledPoints(
  { points, dimensions: d, count }: PointSet,
  { center, scale }: Scaling,
  first: number,
  stride: number,
): ScaledPoints {
  const words = new Float32Array(4 * Math.ceil(d / 4) * stride);
  for (let i = 0; i < stride; i++) {
    const point = first + i;
    for (let a = 0; a < d; a++) {
      const x = point < count ? (points[point * d + a]! - center[a]!) * scale : FAR;
      words[((a >> 2) * stride + i) * 4 + (a & 3)] = x;
    }
  }
  return { words, stride };
}

/** ρ of each point. */
export function roundingOf(
  { points, dimensions: d, count }: PointSet,
  { center, scale }: Scaling,
): Float64Array {
  const rounding = new Float64Array(count);
  for (let i = 0, at = 0; i < count; i++) {
    let square = 0;
    for (let a = 0; a < d; a++, at++) square += ((points[at]! - center[a]!) * scale) ** 2;
    rounding[i] = SLACK * UNIT * Math.sqrt(square) + Math.sqrt(d) * 2 ** -126;
  }
  return rounding;
}

/**
 * The largest f (file head) of a point within the squared distance `square`, as float64 computes it,
 * when the roundings of both points together are at most `rounding`.
 */
export function largestSquare(
  square: number,
  rounding: number,
  { scale }: Scaling,
  dimensions: number,
): number {
  // What float64 calls `square` may be a little more; its squares underflow too.
  const distance = Math.sqrt(square * (1 + (dimensions + 4) * 2 ** -52) + dimensions * 2 ** -1020);
  const gamma = (dimensions + 6) * 2 ** -23;
  const reached = scale * distance * SLACK + rounding;
  return (1 + gamma * SLACK) * reached * reached * SLACK + dimensions * 2 ** -124;
}

/** What the kernel computes, in float64 from the same float32 points: [group, query], its twin. */
export function nearestInGroups(
  points: ScaledPoints,
  queries: ScaledPoints,
  chunks: number,
  groupPoints: number,
): Float64Array {
  const groups = points.stride / groupPoints;
  const minima = new Float64Array(groups * queries.stride).fill(Infinity);
  for (let y = 0; y < points.stride; y++) {
    for (let x = 0; x < queries.stride; x++) {
      let square = 0;
      for (let chunk = 0; chunk < chunks; chunk++) {
        for (let a = 0; a < 4; a++) {
          const p = points.words[(chunk * points.stride + y) * 4 + a]!;
          const q = queries.words[(chunk * queries.stride + x) * 4 + a]!;
          square += (q - p) ** 2;
        }
      }
      const at = Math.floor(y / groupPoints) * queries.stride + x;
      minima[at] = Math.min(minima[at]!, square);
    }
  }
  return minima;
}
