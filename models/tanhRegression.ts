/**
 * The nonlinear regression of card A5: a network of 7 weights fitted to a noisy bump, in displacements
 * δ = w − w* from its minimum.
 *
 *   p(x; w) = w₅ tanh(w₁x + w₃) + w₆ tanh(w₂x + w₄) + w₇
 *   l_i = K (y_i − p(x_i; w))² + K λ |w|²,  K = N/(2 s²), s = 0.1
 *
 * Displacements of the minimum and of single epochs are 10⁻⁵ of w and less, which float32 loses: so δ is
 * the state, and the residual is a difference without cancellation, with t = tanh at the minimum,
 *   tanh(a + α) − t = (1 − t²) tanh α/(1 + t tanh α).
 * Source: arXiv 2306.03521, its nonlinear regression; the data are the card's own.
 */
import type { Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";

export const TANH_SAMPLES = 200;
const NOISE = 0.1;
/** K, which makes the loss that of N samples with Gaussian noise. */
export const TANH_SCALE = TANH_SAMPLES / (2 * NOISE ** 2);

/** Where the card's minimum is found from: the paper's, of other noise. */
export const TANH_START = [1.28333, 1.23075, 0.70458, -0.53175, 0.92781, -0.90885, -0.00884];

const NAMES = ["w1", "w2", "w3", "w4", "w5", "w6", "w7"] as const;

type Weights = Readonly<Record<(typeof NAMES)[number], Node>>;

/** 200 points of exp(−x²) with noise 0.1: fields `x` and `y`. */
export function noisyBump(): Dataset {
  const uniform = mulberry32(1);
  const x = Float64Array.from({ length: TANH_SAMPLES }, (_, i) => -3 + 0.03 * i);
  const y = x.map((at) => Math.exp(-at * at) + NOISE * gaussian(uniform));
  return {
    name: "noisy-bump",
    samples: TANH_SAMPLES,
    fields: { x: { data: x, shape: [] }, y: { data: y, shape: [] } },
    origin: "mulberry32 seed 1: x = −3 + 0.03 i, y = exp(−x²) + 0.1 N(0, 1)",
  };
}

const scalars = Object.fromEntries(NAMES.map((name) => [name, []])) as unknown as Record<
  (typeof NAMES)[number],
  []
>;

/** The model in w itself: to find the minimum in float64, not for float32. */
export const tanhRegression = (decay: number): Model =>
  defineModel({
    name: "tanh-regression",
    params: scalars,
    sample: { x: [], y: [] },
    loss: (weights: Weights, { x, y }) => {
      const { w1, w2, w3, w4, w5, w6, w7 } = weights;
      const first = op.tanh(op.add(op.mul(w1, x), w3));
      const second = op.tanh(op.add(op.mul(w2, x), w4));
      const p = op.add(op.add(op.mul(w5, first), op.mul(w6, second)), w7);
      const squares = NAMES.map((name) => op.square(weights[name])).reduce((a, b) => op.add(a, b));
      const fit = op.square(op.sub(y, p));
      return op.scale(op.add(fit, op.scale(squares, decay)), TANH_SCALE);
    },
  });

/** The model in δ = w − `minimum`, for the data of `displacedBump`. */
export const displacedTanhRegression = (decay: number, minimum: ArrayLike<number>): Model =>
  defineModel({
    name: "displaced-tanh-regression",
    params: scalars,
    sample: { x: [], residual: [], t1: [], t2: [] },
    loss: (delta: Weights, { x, residual, t1, t2 }) => {
      const at = (k: number): number => minimum[k]!;
      // The change of one unit: its output at the minimum is t.
      const change = (slope: Node, shift: Node, t: Node): Node => {
        const turned = op.tanh(op.add(op.mul(slope, x), shift));
        const rise = op.mul(op.sub(1, op.square(t)), turned);
        return op.div(rise, op.add(1, op.mul(t, turned)));
      };
      const first = change(delta.w1, delta.w3, t1);
      const second = change(delta.w2, delta.w4, t2);
      const moved = (weight: Node, value: number, t: Node, d: Node): Node =>
        op.add(op.scale(d, value), op.mul(weight, op.add(t, d)));
      const p = op.add(
        op.add(moved(delta.w5, at(4), t1, first), moved(delta.w6, at(5), t2, second)),
        delta.w7,
      );
      // |w|² less its value at the minimum.
      const squares = NAMES.map((name, k) =>
        op.mul(delta[name], op.add(delta[name], 2 * at(k))),
      ).reduce((a, b) => op.add(a, b));
      const fit = op.square(op.sub(residual, p));
      return op.scale(op.add(fit, op.scale(squares, decay)), TANH_SCALE);
    },
  });

/** The samples as `displacedTanhRegression` reads them: residuals and unit outputs at the minimum. */
export function displacedBump(minimum: ArrayLike<number>): Dataset {
  const bump = noisyBump();
  const [w1, w2, w3, w4, w5, w6, w7] = Array.from(minimum) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const x = Float64Array.from(bump.fields.x!.data);
  const t1 = x.map((at) => Math.tanh(w1 * at + w3));
  const t2 = x.map((at) => Math.tanh(w2 * at + w4));
  const residual = x.map((_, i) => bump.fields.y!.data[i]! - (w5 * t1[i]! + w6 * t2[i]! + w7));
  const field = (data: Float64Array) => ({ data, shape: [] });
  return {
    ...bump,
    name: "displaced-bump",
    fields: { x: field(x), residual: field(residual), t1: field(t1), t2: field(t2) },
    origin: `${bump.origin}; residuals and units at the minimum`,
  };
}
