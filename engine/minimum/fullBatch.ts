/**
 * Loss, gradient and Hessian of all samples together, in float64 on the CPU.
 *
 *   L(θ) = (1/N) Σ_i l_i(θ) + (λ/2)|θ|²
 *
 * The Hessian is made column by column by `hessianVectorProduct`: exact, O(N P) evaluations of a
 * graph of the gradient's size. Left out: products for more parameters than a dense Hessian bears.
 */
import { hessianVectorProduct } from "../autodiff.ts";
import { dot } from "../dot.ts";
import { ArgumentError } from "../errors.ts";
import { param } from "../graph.ts";
import type { Model } from "../model.ts";
import { compileReference } from "../reference.ts";
import { paramViews, sampleViews } from "../referenceReplica.ts";
import { checkData } from "../run/checkData.ts";
import { simplify } from "../simplify.ts";
import type { DataSource } from "../wgsl/row.ts";

export interface FullBatchPoint {
  readonly theta: Float64Array;
  /** L, weight decay included. */
  readonly loss: number;
  /** ∇L, [param] */
  readonly gradient: Float64Array;
  /** |∇L| */
  readonly gradientNorm: number;
  /** √((1/N) Σ |∇l_i|²) + λ|θ|: what ∇L is a sum of, hence the size its rounding is relative to. */
  readonly gradientScale: number;
}

export interface FullBatch {
  readonly parameters: number;
  readonly at: (theta: Float64Array) => FullBatchPoint;
  /** ∂²L/∂θ∂θ, [param, param], symmetrized. */
  readonly hessian: (theta: Float64Array) => Float64Array[];
}

/**
 * Prepares the evaluation; nothing is computed yet.
 *
 * @throws DataError when the data do not fit the model.
 */
export function fullBatch(model: Model, data: DataSource, weightDecay = 0): FullBatch {
  checkData(data, model);
  if (model.interacts) {
    throw new ArgumentError(
      `fullBatch: the loss of ${model.name} depends on means over a group of replicas, it is no ` +
        "function of one θ; use a model that does not read mean.",
    );
  }
  const parameters = model.parameterCount;
  const samples = sampleViews(model, data);
  const run = compileReference([model.loss, ...model.gradients]);
  const at = (theta: Float64Array): FullBatchPoint => {
    const params = paramViews(model, theta);
    const gradient = new Float64Array(parameters);
    let loss = 0;
    let squares = 0;
    for (const sample of samples) {
      const [value, ...blocks] = run({ params, sample });
      loss += value![0]!;
      blocks.forEach((block, k) => {
        const { offset } = model.params[k]!;
        for (let i = 0; i < block.length; i += 1) gradient[offset + i]! += block[i]!;
        squares += dot(block, block);
      });
    }
    const N = samples.length;
    for (let p = 0; p < parameters; p += 1) {
      gradient[p] = gradient[p]! / N + weightDecay * theta[p]!;
    }
    return {
      theta,
      loss: loss / N + (weightDecay / 2) * dot(theta, theta),
      gradient,
      gradientNorm: Math.sqrt(dot(gradient, gradient)),
      gradientScale: Math.sqrt(squares / N) + weightDecay * Math.sqrt(dot(theta, theta)),
    };
  };
  const columns = hessianColumns(model, samples);
  const hessian = (theta: Float64Array): Float64Array[] => {
    const rows = columns(theta);
    for (let i = 0; i < parameters; i += 1) {
      rows[i]![i]! += weightDecay;
      for (let j = 0; j < i; j += 1) {
        const mean = (rows[i]![j]! + rows[j]![i]!) / 2;
        rows[i]![j] = mean;
        rows[j]![i] = mean;
      }
    }
    return rows;
  };
  return { parameters, at, hessian };
}

/** (1/N) Σ_i H_i e_k for every k; the graph is made at the first call. */
function hessianColumns(
  model: Model,
  samples: ReturnType<typeof sampleViews>,
): (theta: Float64Array) => Float64Array[] {
  let run: ReturnType<typeof compileReference> | undefined;
  const P = model.parameterCount;
  // Names with a dot: no parameter block can have them.
  const direction = (name: string): string => `direction.${name}`;
  return (theta) => {
    const blocks = model.params.map(({ name, shape }) => param(name, shape));
    const vectors = model.params.map(({ name, shape }) => param(direction(name), shape));
    run ??= compileReference(simplify(hessianVectorProduct(model.loss, blocks, vectors)));
    const unit = new Float64Array(P);
    const directions = Object.entries(paramViews(model, unit)).map(
      ([name, view]) => [direction(name), view] as const,
    );
    const params = { ...paramViews(model, theta), ...Object.fromEntries(directions) };
    return Array.from({ length: P }, (_, k) => {
      unit.fill(0);
      unit[k] = 1;
      const column = new Float64Array(P);
      for (const sample of samples) {
        run!({ params, sample }).forEach((block, b) => {
          const { offset } = model.params[b]!;
          for (let i = 0; i < block.length; i += 1) column[offset + i]! += block[i]!;
        });
      }
      return column.map((value) => value / samples.length);
    });
  };
}
