/** Estimates of what has no sampling error: a number that a deterministic run gave. */
import type { Estimate } from "../analysis/index.ts";

/** The number itself; its error is rounding, which stands in a quantity's `systematic`. */
export const exactly = (value: number, method: string, n = 1): Estimate => ({
  value,
  standardError: 0,
  n,
  method,
  warnings: [],
});
