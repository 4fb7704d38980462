/**
 * One step of gradient descent beside gradient flows over the time η, in float64.
 *
 * The flow of L + cη|∇L|² is θ' = −∇L − 2cη H∇L; gradient and Hessian-vector product are the engine's
 * graphs. Distances are root mean squares over the starts, so that a start of small error does not set
 * the order.
 */
import { type FullData, referenceFullData } from "../../engine/referenceFullData.ts";
import { type Dataset, integrate, subset } from "../../models/index.ts";
import type { BackwardSettings, setup } from "./settings.ts";

/** c of L + cη|∇L|², by the card's names. */
export const CORRECTIONS = {
  none: 0,
  "+eta/4": 0.25,
  "+eta/2": 0.5,
  "-eta/4": -0.25,
} as const;
export type Correction = keyof typeof CORRECTIONS;

/** What is allowed for in a solution: local errors of a few steps. */
export const TOLERANCE = 1e-14;
/** A time η of a smooth flow takes ten or twenty steps. */
const MOST_STEPS = 2000;

export const norm = (x: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) sum += x[i]! ** 2;
  return Math.sqrt(sum);
};

export const rms = (values: readonly number[]): number => norm(values) / Math.sqrt(values.length);

/** θ − η∇L. */
export function descend(full: FullData, theta: Float64Array, eta: number): Float64Array {
  const slope = full.gradient(theta);
  return theta.map((value, p) => value - eta * slope[p]!);
}

/** Where the flow of L + cη|∇L|² is after the time η. @throws ArgumentError where it diverges. */
export function flow(full: FullData, theta: Float64Array, eta: number, c: number): Float64Array {
  const field = (y: Float64Array, out: Float64Array): void => {
    const slope = full.gradient(y);
    if (c === 0) {
      out.forEach((_, p) => {
        out[p] = -slope[p]!;
      });
      return;
    }
    const curved = full.curvature(y, slope);
    out.forEach((_, p) => {
      out[p] = -slope[p]! - 2 * c * eta * curved[p]!;
    });
  };
  return integrate(field, theta, eta, { tolerance: TOLERANCE, most: MOST_STEPS });
}

export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Float64Array.from(a, (value, p) => value - b[p]!));

export const fullOf = ({ model, data }: ReturnType<typeof setup>): FullData =>
  referenceFullData(model, data);

/** The data cut into batches of m, in order, each as a loss of its own. */
export function batchLosses(p: BackwardSettings, made: ReturnType<typeof setup>): FullData[] {
  const { model, data } = made;
  return Array.from({ length: p.samples / p.batchSize }, (_, b) => {
    const members = Array.from({ length: p.batchSize }, (_, i) => b * p.batchSize + i);
    return referenceFullData(model, subset(data as Dataset, `batch ${b}`, members));
  });
}

/** Sums over starts of ⟨d, G⟩ and |G|², d the mean over batches of (flow − step)/η². */
export interface Projection {
  readonly along: number;
  readonly square: number;
  /** |flow − step|² and |step|², mean over batches. */
  readonly miss: number;
  readonly way: number;
}

/** Steps that miss their flow by a larger share of their length are beyond expansions in η. */
export const MOST_MISSED = 0.25;

/**
 * d beside G = ∇E|g_B|² = 2 E[H_B g_B], where flows have no correction: d → G/4, because flow minus step is
 * η²Hg/2 + O(η³).
 */
export function batchProjection(
  batches: readonly FullData[],
  theta: Float64Array,
  eta: number,
): Projection {
  const d = new Float64Array(theta.length);
  const G = new Float64Array(theta.length);
  let [miss, way] = [0, 0];
  for (const batch of batches) {
    const end = flow(batch, theta, eta, 0);
    const step = descend(batch, theta, eta);
    miss += distance(end, step) ** 2 / batches.length;
    way += distance(theta, step) ** 2 / batches.length;
    const curved = batch.curvature(theta, batch.gradient(theta).slice());
    for (let p = 0; p < theta.length; p += 1) {
      d[p]! += (end[p]! - step[p]!) / eta ** 2 / batches.length;
      G[p]! += (2 * curved[p]!) / batches.length;
    }
  }
  const along = d.reduce((sum, value, p) => sum + value * G[p]!, 0);
  return { along, square: norm(G) ** 2, miss, way };
}
