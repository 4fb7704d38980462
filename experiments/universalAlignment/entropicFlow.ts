/**
 * The entropic flow on the states of zero loss, in float64, from where gradient descent ended:
 *   W1' = −M W1, W2' = W2 M,  M = W1 Σ_z W1ᵀ tr Σ_ε − W2ᵀ Σ_ε W2 tr Σ_z  (card 2D),
 * which keeps W2 W1 and lowers the mean squared gradient until the layers are balanced.
 */
import { Matrix } from "ml-matrix";
import type { AlignmentNetOptions } from "../../models/linearTeacher.ts";
import { integrate, type TwoLayers } from "../../models/theory/index.ts";
import { layerMap, weights } from "./layers.ts";
import type { AlignmentSettings } from "./settings.ts";

/** Tolerance of the solution, and the steps that its stiffness may cost. */
const TOLERANCE = 1e-9;
const MOST_STEPS = 200_000;

export interface FlowEnd {
  /** x → h of the first layer, [unit, input]. */
  readonly layer: Matrix;
  /** |W2 W1 Z − V|/|V|: what gradient descent had left, and the flow keeps. */
  readonly loss: number;
}

/** Where one replica ends. @throws ArgumentError where the flow is too stiff. */
export function entropicFlow(
  p: AlignmentSettings,
  net: AlignmentNetOptions,
  theta: Float64Array,
): FlowEnd {
  const [W1, W2] = weights(net, theta) as [Matrix, Matrix];
  const view = new Matrix(net.view as number[][]);
  const inputs = view.mmul(view.transpose());
  const [h, d, outputs] = [W1.rows, W1.columns, W2.rows];
  const noise = p.labelNoise ** 2;
  const size = h * d;
  const field = (y: Float64Array, out: Float64Array): void => {
    const first = Matrix.from1DArray(h, d, y.subarray(0, size));
    const second = Matrix.from1DArray(outputs, h, y.subarray(size));
    const M = first
      .mmul(inputs)
      .mmul(first.transpose())
      .mul(outputs * noise);
    M.sub(
      second
        .transpose()
        .mmul(second)
        .mul(noise * inputs.trace()),
    );
    out.set(M.mmul(first).mul(-1).to1DArray());
    out.set(second.mmul(M).to1DArray(), size);
  };
  const start = [...W1.to1DArray(), ...W2.to1DArray()];
  const end = integrate(field, start, p.flowTime, { tolerance: TOLERANCE, most: MOST_STEPS });
  const V = new Matrix(net.teacher as number[][]);
  const miss = Matrix.sub(W2.mmul(layerMap(net, theta, 0)), V).norm() / V.norm();
  return { layer: layerMap(net, end, 0), loss: miss };
}

/**
 * Bound on 1 − CKA after the flow.
 *
 * Linear about the balance M decays with 4 tr Σ_ε a, a the least eigenvalue of W1 Σ_z W1ᵀ. Where a hidden
 * direction leads to no output, y = |h|² along it obeys y' = −2 tr Σ_ε y², so that y <= 1/(2 tr Σ_ε t) for each of
 * inputs − outputs directions, of 1 − CKA at most (y_A² + y_B²)/|h hᵀ|². The square of the loss that was
 * left, as the flow keeps it; and 10 tolerances a unit of time, squared.
 */
export function flowBound(p: AlignmentSettings, balanced: TwoLayers, loss: number): number {
  const { W1, inputs, noiseTrace } = balanced;
  const A = W1.mmul(inputs).mmul(W1.transpose());
  const least = Math.min(...A.diagonal());
  const silent = p.viewValues.length - p.singularValues.length;
  const power = 1 / (2 * noiseTrace * p.flowTime);
  return (
    Math.exp(-8 * noiseTrace * least * p.flowTime) +
    (2 * silent * power ** 2) / A.norm() ** 2 +
    4 * loss ** 2 +
    (10 * TOLERANCE * p.flowTime) ** 2
  );
}
