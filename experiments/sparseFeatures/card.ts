/**
 * What card 4A measured: a simulation of 100 data seeds, with errors of its own. Held against other runs of
 * the same settings only. Left out: its test losses, which a few data sets decide (6.8(2.8)·10⁻³ at 0.03).
 */
import type { Estimate } from "../../analysis/index.ts";
import type { Sparsity } from "./measures.ts";
import { type SparseSettings, sparseSettings } from "./settings.ts";

const SEEDS = 100;

/** Values of the card and half of their last digit. */
interface CardRow {
  readonly nonzero: number;
  readonly l1: number;
  readonly imbalance?: number;
  readonly diverged: number;
}

const HALF_DIGIT: Readonly<Record<keyof CardRow, number>> = {
  nonzero: 0.05,
  l1: 5e-4,
  imbalance: 5e-3,
  diverged: 5e-3,
};

const SGD: Readonly<Record<number, CardRow>> = {
  0.03: { nonzero: 26.6, l1: 1.623, imbalance: -2.05, diverged: 0 },
  0.1: { nonzero: 26.2, l1: 1.607, imbalance: -2.18, diverged: 0 },
  0.2: { nonzero: 24.7, l1: 1.577, imbalance: -2.5, diverged: 0 },
  0.3: { nonzero: 19.8, l1: 1.533, imbalance: -3.61, diverged: 0.08 },
  0.4: { nonzero: 12.3, l1: 1.494, imbalance: -6.01, diverged: 0.3 },
};
const DESCENT: CardRow = { nonzero: 26.9, l1: 1.632, diverged: 0 };

/** Settings that the card fixes; rates may be left out, data seeds may be more or fewer. */
const FIXED = [
  "samples",
  "inputs",
  "teachers",
  "u",
  "v",
  "steps",
  "decayAt",
  "decayFactor",
  "decayAbove",
  "threshold",
] as const;

export function atCard(p: SparseSettings): boolean {
  const card = sparseSettings.parse({});
  return FIXED.every((name) => p[name] === card[name]);
}

/** The card's row of a rate, null where it has none. */
export function cardRow(p: SparseSettings, rate: number, descent: boolean): CardRow | null {
  if (!atCard(p)) return null;
  if (descent) return rate === 0.03 ? DESCENT : null;
  return SGD[rate] ?? null;
}

/**
 * Prediction with the card's own sampling error: of both together 4 √(s² + σ²/N) is allowed, 4 s of it by
 * the estimate's own error, the rest here; σ² = s² n, N the card's data seeds that did not diverge.
 */
export function cardPrediction(
  row: CardRow | null,
  measure: keyof Sparsity,
  { standardError, n }: Estimate,
): { predicted: number | null; systematic: number } {
  const predicted = measure === "testLoss" ? undefined : row?.[measure];
  if (row === null || measure === "testLoss" || predicted === undefined) {
    return { predicted: null, systematic: 0 };
  }
  const seeds = measure === "diverged" ? SEEDS : SEEDS * (1 - row.diverged);
  // A share of 0 or 1 has no scatter of its own: the card's p(1 − p), at least that of one data set.
  const share = Math.max(row.diverged, 1 / SEEDS);
  const variance = measure === "diverged" ? share * (1 - share) : standardError ** 2 * n;
  const both = Math.sqrt(standardError ** 2 + variance / seeds);
  return { predicted, systematic: 4 * (both - standardError) + HALF_DIGIT[measure] };
}
