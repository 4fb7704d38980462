/**
 * Mean square under random maps A_i = 1 − 2η a_i a_iᵀ: how fast E|y|² falls next to a minimum that all samples
 * of l_i = (a_i·y)² share, and between which bounds the signal-to-noise ratio stays there.
 *
 * E y yᵀ ↦ mean_i A_i (y yᵀ) A_i is linear, its spectral radius ρ the factor of a step. As |A_i| <= 1 for η <= 1,
 * ρ < 1 below the critical rate 1. The gradients g_i = 2(a_i·y)a_i have |ḡ|² = 4|My|² and E|g|² = 4 y·My, so
 * that |ḡ|²/E|g|² lies between the least and largest eigenvalue λ of M, and the ratio
 * |ḡ|/√E|g − ḡ|² between the √(λ/(1 − λ)).
 *
 * Setting: arXiv 2505.23489 (cards 1D, 1F). Left out: the curved sphere.
 */
import { Matrix } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import type { PoleFrame } from "./poleNoise.ts";
import { spectralRadius } from "./spectralRadius.ts";

/** The operator has as many rows squared. */
const MOST_DIMENSIONS = 8;

/**
 * ρ, the factor of a step of E|y|² at late times; directions with eigenvalue 0 of M are left out.
 *
 * @throws ArgumentError for more than 8 dimensions that M does not annihilate.
 * @example squareDecay(poleFrame([[1, 0.5, 0], [1, -0.5, 0]]), 0.1)
 */
export function squareDecay({ directions, eigenvalues }: PoleFrame, learningRate: number): number {
  const kept = eigenvalues.flatMap((value, k) => (value > 0 ? [k] : []));
  if (kept.length > MOST_DIMENSIONS) {
    throw new ArgumentError(
      `squareDecay: ${kept.length} dimensions, at most ${MOST_DIMENSIONS} are solved; use fewer directions.`,
    );
  }
  const n = kept.length;
  const mean = Matrix.zeros(n * n, n * n);
  for (const a of directions) {
    const step = Matrix.eye(n, n);
    kept.forEach((j, row) => {
      kept.forEach((k, column) => {
        step.set(row, column, step.get(row, column) - 2 * learningRate * a[j]! * a[k]!);
      });
    });
    mean.add(step.kroneckerProduct(step).div(directions.length));
  }
  return spectralRadius(mean.to2DArray());
}

/** Least and largest |ḡ|/√E|g − ḡ|² next to the minimum, over all directions in which the loss grows. */
export function signalBounds({ eigenvalues }: PoleFrame): [least: number, most: number] {
  const kept = eigenvalues.filter((value) => value > 0);
  const ratio = (value: number): number => Math.sqrt(value / (1 - value));
  return [ratio(Math.min(...kept)), ratio(Math.max(...kept))];
}
