/**
 * Full-data quantities in float64: the twin of `run/evaluate.ts` and `run/fullGradient.ts`.
 *
 *   f(θ) = (1/N) Σ l_i(θ) + (λ/2)|θ|²
 *
 * Vectors ∇f and H v are summed sample by sample here, where the device averages the scalars v·H_i v.
 */
import { hessianVectorProduct } from "./autodiff.ts";
import { type Node, param } from "./graph.ts";
import type { Model } from "./model.ts";
import { compileReference } from "./reference.ts";
import { paramViews, sampleViews } from "./referenceTrajectory.ts";
import { simplify } from "./simplify.ts";
import type { DataSource } from "./wgsl/row.ts";

/** f of a model and a data set, with its derivatives; all calls share the memory they return. */
export interface FullData {
  /** ∇f, [param] */
  readonly gradient: (theta: Float64Array) => Float64Array;
  /** H v, [param] */
  readonly curvature: (theta: Float64Array, direction: Float64Array) => Float64Array;
}

type Blocks = Readonly<Record<string, Float64Array>>;

/** The mean over the samples of vectors given block by block, into `out`. */
function averaged(
  model: Model,
  data: DataSource,
  blocks: readonly Node[],
): (params: Blocks, out: Float64Array) => void {
  const run = compileReference(blocks);
  const rows = sampleViews(model, data);
  return (params, out) => {
    out.fill(0);
    for (const sample of rows) {
      run({ params, sample }).forEach((block, k) => {
        const { offset } = model.params[k]!;
        for (let i = 0; i < block.length; i += 1) out[offset + i]! += block[i]!;
      });
    }
    for (let p = 0; p < out.length; p += 1) out[p]! /= data.samples;
  };
}

/** Σ_b ∂²l/∂θ_a∂θ_b d_b, block by block; d in leaves `direction <block>`. */
function productNodes(model: Model): Node[] {
  const theta = model.params.map(({ name, shape }) => param(name, shape));
  const d = model.params.map(({ name, shape }) => param(`direction ${name}`, shape));
  return simplify(hessianVectorProduct(model.loss, theta, d));
}

/**
 * Prepares f = (1/N) Σ l_i + (λ/2)|θ|² and its derivatives, in float64.
 *
 * Shapes: θ, v and results [param]. Cost: N sample evaluations a call.
 *
 * @example
 * const { gradient } = referenceFullData(model, data, 0.01);
 */
export function referenceFullData(model: Model, data: DataSource, weightDecay = 0): FullData {
  const slope = averaged(model, data, model.gradients);
  const product = averaged(model, data, productNodes(model));
  const gradient = new Float64Array(model.parameterCount);
  const curvature = new Float64Array(model.parameterCount);
  const decayed = (out: Float64Array, vector: Float64Array): Float64Array => {
    for (let p = 0; p < out.length; p += 1) out[p]! += weightDecay * vector[p]!;
    return out;
  };
  return {
    gradient: (theta) => {
      slope(paramViews(model, theta), gradient);
      return decayed(gradient, theta);
    },
    curvature: (theta, direction) => {
      const along = Object.entries(paramViews(model, direction));
      const directions = Object.fromEntries(along.map(([name, d]) => [`direction ${name}`, d]));
      product({ ...paramViews(model, theta), ...directions }, curvature);
      return decayed(curvature, direction);
    },
  };
}
