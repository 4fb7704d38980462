/**
 * The best linear current of a linear process, exactly: 2 μᵀ Σ⁻¹ μ/τ for the d² currents
 * J_ij = Σ ½(x + x')_i (x' − x)_j over a window of n steps.
 *
 * States dt apart are Gaussian, x' = F x + noise with stationary covariance S, so that Isserlis' theorem
 * gives Σ from the covariances of u = ½(x + x') and v = x' − x at any two times. As the window
 * shrinks the bound rises to the entropy production of the continuous process.
 *
 * Source: A. Dechant, S. Sasa, J. Stat. Mech. 063209 (2018), for the bound; G. Isserlis, Biometrika 12,
 * 134 (1918). Left out: currents that are not linear.
 */
import { Matrix, solve } from "ml-matrix";
import { linearStep, type SampledOptions, sampledOrnsteinUhlenbeck } from "./ornsteinUhlenbeck.ts";

/**
 * In nats per unit of time; `window` steps, default 1.
 *
 * Error: that of a linear solve of d² currents. O(d⁴ window).
 *
 * @throws ArgumentError as `sampledOrnsteinUhlenbeck`.
 */
export function linearUncertaintyBound(options: SampledOptions, window = 1): number {
  const S = new Matrix(sampledOrnsteinUhlenbeck(options).covariance);
  const d = S.rows;
  const { timeStep } = options;
  const F = Matrix.sub(Matrix.eye(d), new Matrix(linearStep(options).drift).mul(timeStep));
  // ⟨x(t) x(0)ᵀ⟩ = Fᵗ S, and its transpose for negative times.
  const lagged: Matrix[] = [S];
  for (let t = 1; t <= window; t++) lagged.push(F.mmul(lagged[t - 1]!));
  const at = (t: number): Matrix => (t >= 0 ? lagged[t]! : lagged[-t]!.transpose());
  // ⟨a(t) b(0)ᵀ⟩ of a, b in {u, v}, as weights of x' and x.
  const parts = { u: [0.5, 0.5], v: [1, -1] } as const;
  const between = (a: "u" | "v", b: "u" | "v", t: number): Matrix => {
    const [a1, a0] = parts[a];
    const [b1, b0] = parts[b];
    return Matrix.mul(at(t), a1 * b1 + a0 * b0)
      .add(Matrix.mul(at(t + 1), a1 * b0))
      .add(Matrix.mul(at(t - 1), a0 * b1));
  };
  const currents = d * d;
  const mean = between("u", "v", 0).to1DArray();
  const covarianceAt = (t: number): Matrix => {
    const [uu, uv] = [between("u", "u", t), between("u", "v", t)];
    const [vu, vv] = [between("v", "u", t), between("v", "v", t)];
    const result = Matrix.zeros(currents, currents);
    for (let a = 0; a < currents; a++) {
      for (let b = 0; b < currents; b++) {
        const [i, j, k, l] = [Math.floor(a / d), a % d, Math.floor(b / d), b % d];
        result.set(a, b, uu.get(i, k) * vv.get(j, l) + uv.get(i, l) * vu.get(j, k));
      }
    }
    return result;
  };
  const sum = covarianceAt(0).mul(window);
  for (let t = 1; t < window; t++) {
    const one = covarianceAt(t);
    sum.add(Matrix.add(one, one.transpose()).mul(window - t));
  }
  const total = Matrix.columnVector(mean.map((value) => value * window));
  return (2 * total.transpose().mmul(solve(sum, total)).get(0, 0)) / (window * timeStep);
}
