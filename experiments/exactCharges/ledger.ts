/**
 * Bookkeeping of a layer pair's charges along a trajectory: how far each step is from the exact sum
 *   M' = (1 − ηλ)² M + η² (g1 g1ᵀ − g2ᵀ g2).
 *
 * All in float64, from θ_t, θ_{t+1} and the gradient G_t = g + λθ that the update was given.
 */
import { type LayerPair, layerCharge } from "../../models/index.ts";

export interface ChargeSetting {
  readonly shape: LayerPair;
  readonly learningRate: number;
  /** λ; the decay γ of arXiv 2505.12387 is λ/2. */
  readonly weightDecay: number;
}

/** The neuron charges are the diagonal of M, the matrix charge is all of it. */
export type Charge = "neuron" | "matrix";
export const CHARGES: readonly Charge[] = ["neuron", "matrix"];

/** Violations of a step, relative to (|θ| + η|G|)²; that is |θ|² where steps are small. */
export interface Violation {
  /** |M' − exact|, largest element. */
  readonly exact: Readonly<Record<Charge, number>>;
  /** |M' − M|, largest element: zero if the step were a gradient flow. */
  readonly flow: Readonly<Record<Charge, number>>;
}

export interface ChargeLedger {
  /** Largest over all steps so far, and the number of steps. */
  readonly worst: () => Violation & { readonly steps: number };
  /** Largest over the replicas at each step, `exact` only, [step] by charge. */
  readonly perStep: Readonly<Record<Charge, readonly number[]>>;
  /** Takes a step of a replica; one with numbers not finite, or all below 1e-30, is left out. */
  readonly take: (
    step: number,
    theta: ArrayLike<number>,
    gradient: ArrayLike<number>,
    next: ArrayLike<number>,
  ) => void;
}

const norm = (vector: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < vector.length; i += 1) sum += vector[i]! ** 2;
  return Math.sqrt(sum);
};

/** g = G − λθ. */
export function withoutDecay(
  theta: ArrayLike<number>,
  gradient: ArrayLike<number>,
  weightDecay: number,
): Float64Array {
  return Float64Array.from(gradient, (value, p) => value - weightDecay * theta[p]!);
}

/** Charges of one trajectory before a step, after it, and what the gradients add. */
function charges(
  { shape, weightDecay }: ChargeSetting,
  theta: ArrayLike<number>,
  gradient: ArrayLike<number>,
  next: ArrayLike<number>,
) {
  const make = (): Float64Array => new Float64Array(shape.hidden ** 2);
  const g = withoutDecay(theta, gradient, weightDecay);
  return {
    before: layerCharge(shape, theta, make()),
    after: layerCharge(shape, next, make()),
    added: layerCharge(shape, g, make()),
  };
}

/** The charge that the exact sum gives after a step, element by element. */
export const exactNext = (
  { learningRate, weightDecay }: ChargeSetting,
  before: number,
  added: number,
): number => (1 - learningRate * weightDecay) ** 2 * before + learningRate ** 2 * added;

/** |θ|² below which float32 underflows: what has decayed this far has no digits to compare. */
const SMALLEST = 1e-60;

/** Violation of one step; null where a number is not finite, or all are too small. */
export function violation(
  setting: ChargeSetting,
  theta: ArrayLike<number>,
  gradient: ArrayLike<number>,
  next: ArrayLike<number>,
): Violation | null {
  const scale = (norm(theta) + setting.learningRate * norm(gradient)) ** 2;
  if (!(scale > SMALLEST && scale < Infinity) || !Number.isFinite(norm(next))) return null;
  const { before, after, added } = charges(setting, theta, gradient, next);
  const { hidden } = setting.shape;
  const exact = { neuron: 0, matrix: 0 };
  const flow = { neuron: 0, matrix: 0 };
  for (let e = 0; e < after.length; e += 1) {
    const off = Math.abs(after[e]! - exactNext(setting, before[e]!, added[e]!)) / scale;
    const moved = Math.abs(after[e]! - before[e]!) / scale;
    exact.matrix = Math.max(exact.matrix, off);
    flow.matrix = Math.max(flow.matrix, moved);
    if (e % (hidden + 1) !== 0) continue;
    exact.neuron = Math.max(exact.neuron, off);
    flow.neuron = Math.max(flow.neuron, moved);
  }
  return { exact, flow };
}

export function chargeLedger(setting: ChargeSetting): ChargeLedger {
  const worst = { exact: { neuron: 0, matrix: 0 }, flow: { neuron: 0, matrix: 0 } };
  const perStep: Record<Charge, number[]> = { neuron: [], matrix: [] };
  let steps = 0;
  return {
    worst: () => ({ ...worst, steps }),
    perStep,
    take: (step, theta, gradient, next) => {
      const found = violation(setting, theta, gradient, next);
      if (found === null) return;
      steps += 1;
      for (const charge of CHARGES) {
        worst.exact[charge] = Math.max(worst.exact[charge], found.exact[charge]);
        worst.flow[charge] = Math.max(worst.flow[charge], found.flow[charge]);
        perStep[charge][step] = Math.max(perStep[charge][step] ?? 0, found.exact[charge]);
      }
    },
  };
}

/** One element of M along a trajectory, and what the exact sum makes of its start, [step]. */
export interface ChargeCurve {
  readonly measured: number[];
  readonly exact: number[];
}

export const emptyCurve = (): ChargeCurve => ({ measured: [], exact: [] });

/** Adds a step to the curve of element (i, j) of M. */
export function extendCurve(
  curve: ChargeCurve,
  setting: ChargeSetting,
  [i, j]: readonly [number, number],
  theta: ArrayLike<number>,
  gradient: ArrayLike<number>,
): void {
  const element = i * setting.shape.hidden + j;
  const make = (): Float64Array => new Float64Array(setting.shape.hidden ** 2);
  const g = withoutDecay(theta, gradient, setting.weightDecay);
  const now = layerCharge(setting.shape, theta, make())[element]!;
  const added = layerCharge(setting.shape, g, make())[element]!;
  curve.measured.push(now);
  if (curve.exact.length === 0) curve.exact.push(now);
  curve.exact.push(exactNext(setting, curve.exact.at(-1)!, added));
}
