/** The gradient over the data and its noise at one point, in float64: the twin of `gradientNoise`. */
import { dot } from "../dot.ts";
import type { Model } from "../model.ts";
import { referenceFullData } from "../referenceFullData.ts";
import type { Setting } from "../update/updateRule.ts";
import type { DataSource } from "../wgsl/row.ts";

export interface ReferenceGradientNoise {
  /** ∇f, weight decay included, [param] */
  readonly gradient: Float64Array;
  /** tr C */
  readonly trace: number;
  /** u_k·C u_l, [direction][direction'] */
  readonly covariance: readonly (readonly number[])[];
}

export interface ReferenceNoiseOptions {
  readonly theta: Float64Array;
  readonly weightDecay?: number;
  /** u_k, [direction][param] */
  readonly directions?: readonly ArrayLike<number>[];
  /** Of the model's loss. */
  readonly settings?: Setting;
}

/**
 * ∇f, tr C and U^T C U at θ in float64, C = (1/N) Σ (g_i − ḡ)(g_i − ḡ)^T of single samples.
 *
 * A batch's gradient has the covariance f C, f = `noiseFactor(law, N, m)`. Cost: N sample gradients.
 *
 * @throws DataError for data that do not fit the model.
 * @example
 * const { theta } = minimize(model, data, { start: 0.1 });
 * const { trace } = referenceGradientNoise(model, data, { theta });
 */
export function referenceGradientNoise(
  model: Model,
  data: DataSource,
  { theta, weightDecay = 0, directions = [], settings = {} }: ReferenceNoiseOptions,
): ReferenceGradientNoise {
  const f = referenceFullData(model, data, weightDecay, settings);
  const gradient = f.gradient(theta).slice();
  const deviations = f.sampleGradients(theta).map((g) => g.map((x, p) => x - gradient[p]!));
  const along = directions.map((u) => deviations.map((g) => dot(g, u)));
  const mean = (sum: number): number => sum / data.samples;
  return {
    gradient,
    trace: mean(deviations.reduce((sum, g) => sum + dot(g, g), 0)),
    covariance: along.map((a) => along.map((b) => mean(dot(a, b)))),
  };
}
