/** The limit η → 0 of exact numbers on a ladder of learning rates, and how far it can be off. */
import { polynomialIntercept } from "../analysis/index.ts";
import { exactly } from "./exactly.ts";

export interface SmallRateLimit {
  /** Through the three smallest rates, quadratic in η. */
  readonly value: number;
  /**
   * The larger of |quadratic − linear through the two smallest| and |quadratic − quadratic one rate up|. What
   * is left is of order η³, seven times smaller than the latter on halved rates; either may vanish by chance.
   */
  readonly bound: number;
}

/** Sum of |weights| of the quadratic extrapolation on halved rates (8/3, −2, 1/3): how it amplifies rounding. */
export const AMPLIFICATION = 5;

/** η, η/2, η/4, …: `halvings` + 1 rates. */
export const ladder = (learningRate: number, halvings: number): number[] =>
  Array.from({ length: halvings + 1 }, (_, k) => learningRate / 2 ** k);

/** `values` at `rates`, largest rate first, four at least. */
export function smallRateLimit(
  rates: readonly number[],
  values: readonly number[],
): SmallRateLimit {
  const points = values.map((value) => exactly(value, "exact"));
  const through = (count: number, end = values.length): number => {
    const from = end - count;
    return polynomialIntercept(rates.slice(from, end), points.slice(from, end), count - 1).value;
  };
  const value = through(3);
  const above = through(3, values.length - 1);
  return { value, bound: Math.max(Math.abs(value - through(2)), Math.abs(value - above)) };
}

/** Local orders log2(e_k/e_{k+1}) of errors on a ladder of halved rates, at the larger rate of each pair. */
export const localOrders = (errors: readonly number[]): number[] =>
  errors.slice(1).map((error, k) => Math.log2(errors[k]! / error));
