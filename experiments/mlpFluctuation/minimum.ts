/** Curvature and noise at the minimum, as the device has them, beside their values in float64. */
import {
  curvedNoise,
  type Estimate,
  hessianEigenvalue,
  hessianTrace,
  noiseTrace,
} from "../../analysis/index.ts";
import type {
  EigenpairsRecord,
  Field,
  GradientNoiseRecord,
  TraceRecord,
} from "../../engine/record.ts";
import { dot } from "../dot.ts";
import type { Quantity } from "../experiment.ts";
import { F32 } from "../systematic.ts";
import type { Landscape } from "./theory.ts";

export interface AtMinimum {
  /** Of the replicas: the minimum, rounded to float32. */
  readonly theta: Float64Array;
  readonly loss: Field;
  readonly trace: TraceRecord;
  readonly curved: TraceRecord;
  readonly pairs: EigenpairsRecord;
  readonly noise: GradientNoiseRecord;
}

/** One point, so no scatter: what all replicas agree on to the last bit has no standard error. */
const single = (value: number, method: string): Estimate => ({
  value,
  standardError: 0,
  n: 1,
  method,
  warnings: [],
});

/**
 * Rounding of a sum over the data in float32, relative to the sum of magnitudes: √N roundings in a
 * block and as many of blocks, P of them in a square or a form, each of 2⁻²⁴ and all in one direction at
 * worst, some ten in a sample's own derivative.
 */
const rounding = (samples: number, parameters: number): number =>
  (2 * Math.sqrt(samples) + parameters + 10) * F32;

/**
 * Predictions are exact derivatives at the minimum. A probe's quadratic form sums P² products of
 * magnitudes that are bounded by √(P tr H²) ≤ √P tr H.
 */
export function minimumQuantities(scene: Landscape, found: AtMinimum): Quantity[] {
  const { minimum, curvatureTrace, noiseTrace: noise, curvedNoise: curved, subspace } = scene;
  const bound = rounding(scene.samples, minimum.theta.length);
  const { pairs } = found;
  const k = subspace.directions.length;
  const ofPair = (pair: number): Quantity => {
    const { value, warnings } = hessianEigenvalue(pairs, { pair });
    const residual = Math.max(...pairs.residuals.data);
    return {
      name: `h_${pair + 1}, Lanczos`,
      condition: {},
      estimate: { ...single(value, `${pairs.products} products of each replica`), warnings },
      unit: "loss/θ²",
      predicted: subspace.hessian[pair]![pair]!,
      // Within the residual there is an eigenvalue; rounding of products is in it.
      systematic: residual,
    };
  };
  const size = Math.sqrt(minimum.theta.length) * curvatureTrace;
  return [
    {
      name: "L at the minimum, with decay",
      condition: {},
      estimate: single(found.loss.data[0]! + scene.decay, "one pass over the data"),
      unit: "loss",
      predicted: minimum.loss,
      systematic: bound * minimum.loss,
    },
    ofPair(0),
    ofPair(k - 1),
    {
      name: "tr H, random signs",
      condition: {},
      estimate: hessianTrace(found.trace),
      unit: "loss/θ²",
      predicted: curvatureTrace,
      systematic: bound * size,
    },
    {
      name: "tr Sigma_B",
      condition: {},
      estimate: single(noiseTrace(found.noise).value, "two passes over the data"),
      unit: "(loss/θ)²",
      predicted: noise,
      // θ* is rounded to float32 too, which moves gradients by |H| 2⁻²⁴|θ|, far less than they scatter.
      systematic: 2 * bound * noise,
    },
    {
      name: "tr(H Sigma_B), random signs",
      condition: {},
      estimate: curvedNoise(found.curved),
      unit: "loss³/θ⁴",
      predicted: curved,
      systematic: 2 * bound * noise * Math.sqrt(dot(minimum.eigenvalues, minimum.eigenvalues)),
    },
  ];
}
