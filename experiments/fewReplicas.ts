/** Few replicas do not know their own scatter: their numbers are shown, but compared with nothing. */
import type { Quantity } from "./experiment.ts";

/** 4 standard errors of 19 degrees of freedom are passed by chance 1 time in 1300, of 9 one in 320. */
export const COMPARABLE = 20;

/**
 * The same quantities, without predictions where fewer than `COMPARABLE` replicas are behind a
 * standard error; what needs none (standardError 0) keeps its prediction.
 */
export function comparable(quantities: readonly Quantity[]): {
  quantities: Quantity[];
  warnings: string[];
} {
  const isDoubtful = ({ estimate: { n, standardError }, predicted }: Quantity): boolean =>
    predicted !== null && n < COMPARABLE && standardError !== 0;
  const doubtful = quantities.filter(isDoubtful);
  if (doubtful.length === 0) return { quantities: [...quantities], warnings: [] };
  const fewest = Math.min(...doubtful.map(({ estimate: { n } }) => n));
  return {
    quantities: quantities.map((quantity) =>
      isDoubtful(quantity) ? { ...quantity, predicted: null, systematic: 0 } : quantity,
    ),
    warnings: [
      `no prediction where a standard error is that of ${fewest} replica${fewest === 1 ? "" : "s"}, too ` +
        `few to know their own scatter; use at least ${COMPARABLE}`,
    ],
  };
}
