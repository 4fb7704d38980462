/** What hidden layers see: from θ to the maps x → h of each layer, their activations and their balance. */
import { Matrix } from "ml-matrix";
import type { Activations } from "../../analysis/index.ts";
import { gaussian, mulberry32 } from "../../models/index.ts";
import type { AlignmentNetOptions } from "../../models/linearTeacher.ts";
import { linearAlignment } from "../../models/theory/index.ts";
import type { States } from "./runs.ts";

/** Probe inputs [probe, input], and their covariance. */
export interface Probes {
  readonly inputs: Matrix;
  readonly covariance: Matrix;
}

export function probesOf(count: number, inputs: number, seed: number): Probes {
  // A stream of its own beside that of the teacher.
  const uniform = mulberry32(seed + 0x9e3779b9);
  const matrix = new Matrix(
    Array.from({ length: count }, () => Array.from({ length: inputs }, () => gaussian(uniform))),
  );
  const centered = matrix.clone().center("column");
  return { inputs: matrix, covariance: centered.transpose().mmul(centered).div(count) };
}

/** W_1 … W_L of a state. */
export function weights(
  { widths, teacher, view }: AlignmentNetOptions,
  theta: Float64Array,
): Matrix[] {
  const sizes = [view.length, ...widths, teacher.length];
  let offset = 0;
  return sizes.slice(1).map((rows, k) => {
    const columns = sizes[k]!;
    const values = Array.from(theta.subarray(offset, offset + rows * columns));
    offset += rows * columns;
    return Matrix.from1DArray(rows, columns, values);
  });
}

/** x → h of hidden layer number `layer` (from 0), [unit, input]. */
export function layerMap(net: AlignmentNetOptions, theta: Float64Array, layer: number): Matrix {
  const view = new Matrix(net.view as number[][]);
  return weights(net, theta)
    .slice(0, layer + 1)
    .reduce((map, W) => W.mmul(map), view);
}

/** Activations of a layer on the probes, for each replica. */
export const activations = (
  net: AlignmentNetOptions,
  { theta }: States,
  layer: number,
  probes: Probes,
): Activations[] =>
  theta.map((one) => {
    const seen = probes.inputs.mmul(layerMap(net, one, layer).transpose());
    return { data: seen.to1DArray(), probes: seen.rows, units: seen.columns };
  });

/** Replicas of each net whose pairs make a point of a curve. */
const CURVE_REPLICAS = 6;

/** Mean CKA over pairs of the first replicas, by the closed form of linear layers; NaN if one is lost. */
export function pairAlignment(
  nets: readonly [AlignmentNetOptions, AlignmentNetOptions],
  states: readonly [States, States],
  layer: number,
  probes: Probes,
): number {
  const [first, second] = nets.map((net, i) =>
    states[i]!.theta.slice(0, CURVE_REPLICAS).map((theta) => layerMap(net, theta, layer)),
  ) as [Matrix[], Matrix[]];
  let sum = 0;
  for (const a of first) {
    for (const b of second) sum += linearAlignment(a, b, probes.covariance);
  }
  return sum / (first.length * second.length);
}

/** |W1 Σ_z W1ᵀ/tr Σ_z − W2ᵀ W2/outputs|² of the two layers of each replica. */
export function balanceResiduals(net: AlignmentNetOptions, { theta }: States): Float64Array {
  const view = new Matrix(net.view as number[][]);
  return Float64Array.from(theta, (one) => {
    const [W1, W2] = weights(net, one) as [Matrix, Matrix];
    const seen = W1.mmul(view);
    const input = seen.mmul(seen.transpose()).div(view.norm() ** 2);
    const output = W2.transpose().mmul(W2).div(W2.rows);
    return Matrix.sub(input, output).norm() ** 2;
  });
}
