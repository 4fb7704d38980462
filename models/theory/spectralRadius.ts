/** The slowest decay per step of what a matrix takes through a step: moments, a mean. */
import { Matrix } from "ml-matrix";

/** Longest power: 2⁴⁸ steps. */
const MOST_SQUARINGS = 48;

/**
 * Spectral radius ρ(M), [n, n]: (‖M²ᵏ‖/‖Mᵏ‖)^(1/k), k = 1, 2, 4, … until ln ρ settles to 1e-9 of
 * itself. Complex eigenvalues turn the norms by a bounded factor only, which the root forgets.
 */
export function spectralRadius(rows: readonly (readonly number[])[]): number {
  let power = new Matrix(rows.map((row) => [...row]));
  let logarithm = 0; // Mᵏ = exp(logarithm) · power
  let rate = Number.NaN;
  for (let squarings = 0; squarings < MOST_SQUARINGS; squarings += 1) {
    const norm = power.norm();
    if (norm === 0) return 0;
    power = power.div(norm);
    logarithm += Math.log(norm);
    power = power.mmul(power);
    const next = (logarithm + Math.log(power.norm())) / 2 ** squarings;
    if (Math.abs(next - rate) <= 1e-9 * Math.abs(next)) return Math.exp(next);
    rate = next;
    logarithm *= 2;
  }
  return Math.exp(rate);
}
