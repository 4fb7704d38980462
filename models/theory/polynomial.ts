/**
 * Polynomials in numbered variables that commute: what moment maps are written down with.
 *
 * A monomial is the sorted list of its variables, x₀²x₃ is "0,0,3". Left out: anything but sums and
 * products.
 */

/** Coefficients by monomial. */
export type Polynomial = ReadonlyMap<string, number>;

export const monomial = (variables: readonly number[]): string =>
  [...variables].sort((a, b) => a - b).join();

export const variablesOf = (key: string): number[] =>
  key === "" ? [] : key.split(",").map(Number);

const ONE: Polynomial = new Map([["", 1]]);

/** Adds `factor` times a polynomial to another, in place. */
export function add(into: Map<string, number>, from: Polynomial, factor = 1): void {
  for (const [key, value] of from) into.set(key, (into.get(key) ?? 0) + factor * value);
}

export function times(a: Polynomial, b: Polynomial): Polynomial {
  const result = new Map<string, number>();
  for (const [left, x] of a) {
    for (const [right, y] of b) {
      const key = monomial([...variablesOf(left), ...variablesOf(right)]);
      result.set(key, (result.get(key) ?? 0) + x * y);
    }
  }
  return result;
}

/** 1 for no factors. */
export const product = (factors: readonly Polynomial[]): Polynomial => factors.reduce(times, ONE);
