/**
 * One ruler for all peers: the loss of each replica, computed here in float64 from the weights that a
 * peer hands back, and compared with that of a float64 training of the same replicas.
 *
 * Peers draw minibatches with generators of their own, so the losses of a replica differ; their
 * logarithms do so about the same mean if the peer computes the same dynamics. D_r = log(peer) −
 * log(reference) over replicas r must have |mean| ≤ 6 standard errors: a right peer is refused in fewer
 * than one of 10⁴ checks for 16 replicas (Student's t with 15 degrees of freedom).
 */
import { type Problem, type Sizes, weightsOf } from "./problem.ts";

/** Samples the loss is taken over: the first ones. */
export const RULED_SAMPLES = 256;
const STANDARD_ERRORS = 6;
/** Rounding of float32, for replicas that all agree. */
const ROUNDING = 1e-4;

function activate(h: Float64Array, activation: Sizes["activation"]): void {
  for (let j = 0; j < h.length; j += 1) {
    h[j] = activation === "tanh" ? Math.tanh(h[j]!) : Math.max(0, h[j]!);
  }
}

function crossEntropy(z: Float64Array, label: number): number {
  const largest = Math.max(...z);
  const sum = z.reduce((all, value) => all + Math.exp(value - largest), 0);
  return largest + Math.log(sum) - z[label]!;
}

/** Loss of each replica over the first samples: [replica]. */
export function replicaLosses(
  { sizes, x, y }: Omit<Problem, "theta">,
  theta: Float32Array | Float64Array,
): Float64Array {
  const { replicas, inputs, hidden, outputs, activation, loss } = sizes;
  const { W, b, A, c } = weightsOf(sizes, theta);
  const samples = Math.min(RULED_SAMPLES, sizes.samples);
  const h = new Float64Array(hidden);
  const z = new Float64Array(outputs);
  return Float64Array.from({ length: replicas }, (_, r) => {
    let sum = 0;
    for (let i = 0; i < samples; i += 1) {
      if (hidden === 0) {
        z[0] = 0;
        for (let k = 0; k < inputs; k += 1) z[0] += x[i * inputs + k]! * W[r * inputs + k]!;
      } else {
        for (let j = 0; j < hidden; j += 1) h[j] = b[r * hidden + j]!;
        for (let k = 0; k < inputs; k += 1) {
          const row = (r * inputs + k) * hidden;
          for (let j = 0; j < hidden; j += 1) h[j] = h[j]! + x[i * inputs + k]! * W[row + j]!;
        }
        activate(h, activation);
        for (let o = 0; o < outputs; o += 1) {
          let dot = c[r * outputs + o]!;
          for (let j = 0; j < hidden; j += 1) dot += h[j]! * A[(r * hidden + j) * outputs + o]!;
          z[o] = dot;
        }
      }
      sum += loss === "square" ? (z[0]! - y[i]!) ** 2 : crossEntropy(z, y[i]!);
    }
    return sum / samples;
  });
}

export const meanOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Why a peer's losses are not those of the dynamics, in one sentence; null where they agree. */
export function disagreement(losses: Float64Array, reference: Float64Array): string | null {
  if (losses.length !== reference.length || !losses.every(Number.isFinite)) {
    return `${losses.length} losses, not all finite, where ${reference.length} were expected`;
  }
  const differences = Array.from(losses, (loss, r) => Math.log(loss / reference[r]!));
  const mean = meanOf(differences);
  const variance =
    differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (losses.length - 1);
  const standardError = Math.sqrt(variance / losses.length);
  if (Math.abs(mean) <= STANDARD_ERRORS * standardError + ROUNDING) return null;
  return (
    `mean loss ${meanOf(losses).toPrecision(4)} after training, ${meanOf(reference).toPrecision(4)} ` +
    `in float64: log ratio ${mean.toPrecision(3)} ± ${standardError.toPrecision(2)}`
  );
}
