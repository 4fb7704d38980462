/**
 * Is an error bar honest? z = (value − exact)/standardError of many independent repetitions has mean 0
 * and spread 1.
 */
import { expect } from "vitest";
import type { Estimate } from "../analysis/estimate.ts";

const SEEDS = 40;

export interface ZScan {
  readonly mean: number;
  readonly spread: number;
}

/** z over 40 repetitions; `bias` of the value where it is known. */
export function zScan(estimateOf: (seed: number) => Estimate, exact: number): ZScan {
  const z = Array.from({ length: SEEDS }, (_, seed) => {
    const { value, standardError } = estimateOf(seed);
    return (value - exact) / standardError;
  });
  const mean = z.reduce((sum, one) => sum + one, 0) / SEEDS;
  const squares = z.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { mean, spread: Math.sqrt(squares / (SEEDS - 1)) };
}

/** |mean| within 4 of its errors, spread in 0.7 … 1.4 (3 errors of 40 either way). */
export const isHonest = ({ mean, spread }: ZScan): boolean =>
  Math.abs(mean) < 4 / Math.sqrt(SEEDS) && spread > 0.7 && spread < 1.4;

export function expectHonest(scan: ZScan): void {
  expect(isHonest(scan), `z has mean ${scan.mean} and spread ${scan.spread}`).toBe(true);
}
