/**
 * Gradients and Hessians of every sample of the nonlinear regression (models/tanhRegression.ts), in
 * closed form and float64.
 *
 *   l = K (y − p)² + Kλ|w|²,  ∇l = 2K[(p − y) ∇p + λw],  ∇∇l = 2K[∇p ∇pᵀ + (p − y) ∇∇p + λ]
 */
import { noisyBump, TANH_SCALE } from "../tanhRegression.ts";
import type { SampleDerivatives } from "./epochDiffusion.ts";

const WEIGHTS = 7;
const { x, y } = noisyBump().fields;

/** ∇l_i [N, 7] and ∇∇l_i [N, 7, 7] at w, for weight decay `decay`. */
export function tanhSamples(w: ArrayLike<number>, decay: number): SampleDerivatives {
  const gradients: Float64Array[] = [];
  const hessians: Float64Array[][] = [];
  for (let i = 0; i < x!.data.length; i += 1) {
    const { gradient, hessian } = sample(w, x!.data[i]!, y!.data[i]!, decay);
    gradients.push(gradient);
    hessians.push(hessian);
  }
  return { gradients, hessians };
}

function sample(w: ArrayLike<number>, x: number, y: number, decay: number) {
  const t = [Math.tanh(w[0]! * x + w[2]!), Math.tanh(w[1]! * x + w[3]!)];
  const residual = w[4]! * t[0]! + w[5]! * t[1]! + w[6]! - y;
  const slope = new Float64Array(WEIGHTS);
  const curve = Array.from({ length: WEIGHTS }, () => new Float64Array(WEIGHTS));
  slope[6] = 1;
  // Unit u: slope at u, shift at u + 2, output weight at u + 4.
  t.forEach((out, u) => {
    const rise = 1 - out * out;
    const bend = -2 * out * rise;
    const inner = [x, 1];
    const at = [u, u + 2];
    slope[u + 4] = out;
    inner.forEach((dk, k) => {
      slope[at[k]!] = w[u + 4]! * rise * dk;
      curve[at[k]!]![u + 4] = rise * dk;
      curve[u + 4]![at[k]!] = rise * dk;
      inner.forEach((dl, l) => {
        curve[at[k]!]![at[l]!] = w[u + 4]! * bend * dk * dl;
      });
    });
  });
  const gradient = slope.map((s, p) => 2 * TANH_SCALE * (residual * s + decay * w[p]!));
  const hessian = curve.map((row, p) =>
    row.map(
      (c, q) => 2 * TANH_SCALE * (slope[p]! * slope[q]! + residual * c + (p === q ? decay : 0)),
    ),
  );
  return { gradient, hessian };
}
