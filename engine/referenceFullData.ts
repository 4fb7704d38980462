/**
 * Full-data quantities in float64: the twin of `run/evaluate.ts` and `run/fullGradient.ts`.
 *
 *   f(θ) = (1/N) Σ l_i(θ) + (λ/2)|θ|²
 *
 * Draws have their means. Vectors ∇f and H v are summed sample by sample here, where the device averages the scalars v·H_i v.
 */
import type { Node } from "./graph.ts";
import type { Model } from "./model.ts";
import { compileReference } from "./reference.ts";
import { paramViews, sampleViews } from "./referenceReplica.ts";
import type { Setting } from "./update/updateRule.ts";
import type { DataSource } from "./wgsl/row.ts";
import { curvatureNodes, DIRECTION } from "./wgsl/sampleFunction.ts";
import { withoutDraws } from "./withoutDraws.ts";

/** Derivatives of f for a model and a data set; `gradient` and `curvature` reuse their result. */
export interface FullData {
  /** ∇f, [param] */
  readonly gradient: (theta: Float64Array) => Float64Array;
  /** H v, [param] */
  readonly curvature: (theta: Float64Array, direction: Float64Array) => Float64Array;
  /** ∇l_i + λθ of each sample, [sample][param]. */
  readonly sampleGradients: (theta: Float64Array) => Float64Array[];
}

type Blocks = Readonly<Record<string, Float64Array>>;

/** Adds a vector of each sample, given block by block, to `into(sample)`. */
function perSample(
  model: Model,
  data: DataSource,
  blocks: readonly Node[],
  settings: Setting,
): (params: Blocks, into: (sample: number) => Float64Array) => void {
  const run = compileReference(blocks);
  const rows = sampleViews(model, data);
  return (params, into) => {
    rows.forEach((sample, n) => {
      const out = into(n);
      run({ params, sample, settings }).forEach((block, k) => {
        const { offset } = model.params[k]!;
        for (let i = 0; i < block.length; i += 1) out[offset + i]! += block[i]!;
      });
    });
  };
}

/**
 * Prepares the derivatives of f = (1/N) Σ l_i + (λ/2)|θ|², in float64.
 *
 * `settings` are those of the model's loss. Shapes: θ, v and results [param]. Cost: N sample evaluations a call.
 *
 * @example
 * const { gradient } = referenceFullData(model, data, 0.01);
 */
export function referenceFullData(
  given: Model,
  data: DataSource,
  weightDecay = 0,
  settings: Setting = {},
): FullData {
  const model = withoutDraws(given);
  const { parameterCount: count } = model;
  const slopes = perSample(model, data, model.gradients, settings);
  const products = perSample(model, data, curvatureNodes(model), settings);
  const memory = { gradient: new Float64Array(count), curvature: new Float64Array(count) };
  const mean = (sum: Float64Array, decayed: Float64Array): Float64Array => {
    for (let p = 0; p < count; p += 1) {
      sum[p] = sum[p]! / data.samples + weightDecay * decayed[p]!;
    }
    return sum;
  };
  return {
    gradient: (theta) => {
      const out = memory.gradient.fill(0);
      slopes(paramViews(model, theta), () => out);
      return mean(out, theta);
    },
    curvature: (theta, direction) => {
      const along = Object.entries(paramViews(model, direction));
      const directions = Object.fromEntries(along.map(([name, d]) => [`${DIRECTION}${name}`, d]));
      const params = { ...paramViews(model, theta), ...directions };
      const out = memory.curvature.fill(0);
      products(params, () => out);
      return mean(out, direction);
    },
    sampleGradients: (theta) => {
      const rows = Array.from({ length: data.samples }, () => theta.map((x) => weightDecay * x));
      slopes(paramViews(model, theta), (sample) => rows[sample]!);
      return rows;
    },
  };
}
