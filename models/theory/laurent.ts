/**
 * Laurent polynomials Σ c_e u^e with real exponents, as functions of X = ln u: the algebra in which
 * expansions of one-dimensional steps are written without error.
 *
 * Left out: logarithms, which appear only when a constant term is integrated (`evaluateIntegral`).
 */

/** Coefficient by exponent. */
export type Laurent = ReadonlyMap<number, number>;

/** Exponents closer than this are equal: sums of ratios round. */
const RESOLUTION = 1e9;
const key = (exponent: number): number => Math.round(exponent * RESOLUTION) / RESOLUTION;

/** c u^e, one term for each pair. */
export function laurent(...terms: readonly (readonly [coefficient: number, exponent: number])[]) {
  const result = new Map<number, number>();
  for (const [coefficient, exponent] of terms) {
    const at = key(exponent);
    result.set(at, (result.get(at) ?? 0) + coefficient);
  }
  return result as Laurent;
}

/** Σ w_k a_k. */
export const combination = (
  ...terms: readonly (readonly [weight: number, polynomial: Laurent])[]
): Laurent =>
  laurent(
    ...terms.flatMap(([weight, a]) => [...a].map(([e, c]): [number, number] => [weight * c, e])),
  );

export const product = (a: Laurent, b: Laurent): Laurent =>
  laurent(...[...a].flatMap(([e, c]) => [...b].map(([f, d]): [number, number] => [c * d, e + f])));

/** d/dX = u d/du. */
export const derivative = (a: Laurent): Laurent =>
  laurent(...[...a].map(([e, c]): [number, number] => [e * c, e]));

/** ∫ a dX at X, without a constant: Σ c u^e/e, the term of exponent 0 being c X. */
export const evaluateIntegral = (a: Laurent, X: number): number =>
  [...a].reduce((sum, [e, c]) => sum + (e === 0 ? c * X : (c * Math.exp(e * X)) / e), 0);
