/**
 * Regression by the product of two vectors, β = u ∘ v: the diagonal linear network whose SGD noise
 * favors sparse β (card 4A).
 *
 * Source: M. Andriushchenko, A. Varre, L. Pillaud-Vivien, N. Flammarion, SGD with large step sizes learns
 * sparse features, arXiv 2210.05337. Factors are kept rotated, p = (u + v)/√2, m = (u − v)/√2: SGD is the
 * same, but a step multiplies p_i by 1 − ηa_i and m_i by 1 + ηa_i, a = (x·β − y)x, so that float32 keeps the
 * digits of u_i² − v_i² = 2 p_i m_i, which noise makes small.
 */
import { ArgumentError } from "../engine/errors.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";

/**
 * l = (x·β − y)²/2, β_i = u_i v_i = (p_i² − m_i²)/2. Parameters `p`, `m` [inputs]; sample `x` [inputs], `y`.
 *
 * @throws ArgumentError unless inputs is a whole number >= 1.
 * @example const model = sparseRegression(30);
 */
export function sparseRegression(inputs: number): Model {
  if (!Number.isInteger(inputs) || inputs < 1) {
    throw new ArgumentError(`sparseRegression: inputs is ${inputs}; give a whole number >= 1.`);
  }
  return defineModel({
    name: "sparse-regression",
    params: { p: [inputs], m: [inputs] },
    sample: { x: [inputs], y: [] },
    loss: ({ p, m }, { x, y }) => {
      const beta = op.scale(op.sub(op.square(p), op.square(m)), 0.5);
      return op.scale(op.square(op.sub(op.dot(x, beta), y)), 0.5);
    },
  });
}

export interface SparseTask {
  /** Fields `x` [inputs], `y`; no noise on the labels. */
  readonly data: Dataset;
  /** β*, unit norm, `teachers` positive coordinates, the rest 0, [inputs]. */
  readonly teacher: Float64Array;
}

/**
 * x ~ N(0, 1), y = x·β*, the first coordinates of β* absolute values of a uniform point on the sphere.
 *
 * @throws ArgumentError unless 1 <= teachers <= inputs.
 */
export function sparseTask(options: {
  readonly samples: number;
  readonly inputs: number;
  readonly teachers: number;
  readonly seed: number;
}): SparseTask {
  const { samples, inputs, teachers, seed } = options;
  if (!(teachers >= 1 && teachers <= inputs)) {
    throw new ArgumentError(
      `sparseTask: teachers is ${teachers}; give a number from 1 to the ${inputs} inputs.`,
    );
  }
  const uniform = mulberry32(seed);
  const teacher = new Float64Array(inputs);
  for (let i = 0; i < teachers; i += 1) teacher[i] = Math.abs(gaussian(uniform));
  const norm = Math.hypot(...teacher);
  teacher.forEach((value, i) => {
    teacher[i] = value / norm;
  });
  const x = Float64Array.from({ length: samples * inputs }, () => gaussian(uniform));
  const y = new Float64Array(samples);
  x.forEach((value, k) => {
    y[Math.floor(k / inputs)]! += value * teacher[k % inputs]!;
  });
  return {
    data: {
      name: "sparse-task",
      samples,
      fields: { x: { data: x, shape: [inputs] }, y: { data: y, shape: [] } },
      origin: `x ~ N(0, 1), y = x·β*, ${teachers} positive coordinates of unit norm; mulberry32 seed ${seed}`,
    },
    teacher,
  };
}
