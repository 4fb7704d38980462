/**
 * Do fourth moments of SGD on linear regression stay finite? Where they do not, averages of squares
 * have no variance, and no error bar made from their scatter can be trusted.
 *
 * About the minimum z = (δ, v) is multiplied by a random matrix M_B at each step, so that E z⊗z⊗z⊗z
 * is multiplied by A = E M_B⊗M_B⊗M_B⊗M_B, whose spectral radius decides. Source: H. Kesten, Acta
 * Mathematica 131, 207 (1973), for the power-law tails of such recursions. Left out: batches of an
 * epoch, more than a few dimensions.
 */
import { Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import { mulberry32 } from "../mulberry.ts";
import type { RegressionMomentumOptions } from "./regressionMomentum.ts";

/** Batches averaged over: all of them where there are fewer, else so many drawn by a fixed seed. */
const BATCHES = 2048;
/** The operator is raised to the power 2^12. */
const SQUARINGS = 12;
/** The operator has n⁸ entries. */
const MAX_STATE = 4;

/**
 * Spectral radius of the fourth-moment map; fourth moments are finite where it is below 1.
 *
 * ρ = ‖A^k‖^(1/k) at k = 4096: exact to about 10⁻³ for up to 2048 different batches, else up to the
 * scatter of 2048 random ones (a per cent or so).
 *
 * @throws ArgumentError for more than 4 dimensions of w, or 2 with momentum.
 */
export function fourthMomentRadius(options: RegressionMomentumOptions): number {
  const batches = batchSets(options);
  const n = stepMatrix(options, batches[0]!).rows;
  if (n > MAX_STATE) {
    throw new ArgumentError(
      `fourthMomentRadius: ${n} dimensions of (w, v) are ${n ** 4} fourth moments; at most ` +
        `${MAX_STATE} dimensions are computed.`,
    );
  }
  const total = new Float64Array(n ** 8);
  for (const batch of batches) {
    const step = stepMatrix(options, batch);
    addSquare(total, step.kroneckerProduct(step).to1DArray());
  }
  let power = Matrix.from1DArray(n ** 4, n ** 4, total).div(batches.length);
  let logarithm = 0;
  for (let k = 0; k < SQUARINGS; k++) {
    const size = power.norm();
    logarithm += Math.log(size) / 2 ** k;
    power = power.div(size);
    power = power.mmul(power);
  }
  return Math.exp(logarithm + Math.log(power.norm()) / 2 ** SQUARINGS);
}

/** Adds P⊗P of a square matrix P, both row-major. */
function addSquare(into: Float64Array, pairs: readonly number[]): void {
  const side = Math.sqrt(pairs.length);
  for (let a = 0; a < pairs.length; a++) {
    const [row, column] = [Math.floor(a / side), a % side];
    for (let b = 0; b < pairs.length; b++) {
      const [i, j] = [Math.floor(b / side), b % side];
      into[(row * side + i) * side * side + column * side + j]! += pairs[a]! * pairs[b]!;
    }
  }
}

/** The linear part of a step: of δ alone without momentum, else of (δ, v), [n, n]. */
function stepMatrix(options: RegressionMomentumOptions, batch: readonly number[]): Matrix {
  const { inputs, learningRate: eta, momentum: mu = 0, dampening: nu = 0 } = options;
  const d = inputs.length / options.targets.length;
  const n = mu === 0 ? d : 2 * d;
  const matrix = Matrix.eye(n, n, 1);
  for (let i = 0; i < d; i++) {
    if (mu !== 0) matrix.set(i, d + i, eta * mu).set(d + i, d + i, mu);
    for (let j = 0; j < d; j++) {
      let curvature = i === j ? (options.weightDecay ?? 0) : 0;
      for (const sample of batch) {
        curvature += (inputs[sample * d + i]! * inputs[sample * d + j]!) / batch.length;
      }
      matrix.set(i, j, matrix.get(i, j) - eta * (1 - nu) * curvature);
      if (mu !== 0) matrix.set(d + i, j, -(1 - nu) * curvature);
    }
  }
  return matrix;
}

/** All batches of a law with equal weights if they are few, else random ones. */
function batchSets({ targets, batchSize: m, sampling }: RegressionMomentumOptions): number[][] {
  const samples = targets.length;
  const all = Array.from({ length: samples }, (_, i) => i);
  if (sampling === "fullBatch") return [all];
  const distinct = sampling === "distinct";
  const count = distinct ? binomial(samples, m) : samples ** m;
  if (count <= BATCHES) return distinct ? combinations(samples, m) : tuples(samples, m);
  const uniform = mulberry32(1);
  return Array.from({ length: BATCHES }, () => {
    if (!distinct) return Array.from({ length: m }, () => Math.floor(uniform() * samples));
    const order = [...all];
    for (let i = 0; i < m; i++) {
      const j = i + Math.floor(uniform() * (samples - i));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order.slice(0, m);
  });
}

function binomial(n: number, m: number): number {
  let value = 1;
  for (let k = 1; k <= m; k++) value = (value * (n - m + k)) / k;
  return value;
}

function combinations(n: number, m: number, first = 0): number[][] {
  if (m === 0) return [[]];
  const found: number[][] = [];
  for (let i = first; i <= n - m; i++) {
    for (const rest of combinations(n, m - 1, i + 1)) found.push([i, ...rest]);
  }
  return found;
}

function tuples(n: number, m: number): number[][] {
  if (m === 0) return [[]];
  return tuples(n, m - 1).flatMap((head) => Array.from({ length: n }, (_, i) => [...head, i]));
}
