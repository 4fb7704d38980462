/** Fourth-order central differences in float64, and comparison of arrays. */
import { expect } from "vitest";

type Values = Readonly<Record<string, Float64Array>>;

/**
 * Derivative of a vector function along a direction:
 * (f(−2h) − 8 f(−h) + 8 f(h) − f(2h)) / 12h, with error h⁴ f⁽⁵⁾/30 + ε|f|/h.
 */
export function directional(
  f: (params: Values) => Float64Array,
  params: Values,
  direction: Values,
  h = 1e-3,
): Float64Array {
  const at = (t: number): Float64Array =>
    f(
      Object.fromEntries(
        Object.entries(params).map(([name, value]) => {
          const along = direction[name];
          return [name, along === undefined ? value : value.map((x, i) => x + t * along[i]!)];
        }),
      ),
    ).slice();
  const [a, b, c, d] = [at(-2 * h), at(-h), at(h), at(2 * h)];
  return c.map((_, i) => (a[i]! - 8 * b[i]! + 8 * c[i]! - d[i]!) / (12 * h));
}

/** ∂f/∂params[name] of a scalar function. */
export function differences(f: (params: Values) => number, params: Values, name: string): number[] {
  return Array.from(params[name]!, (_, i) => {
    const unit = new Float64Array(params[name]!.length);
    unit[i] = 1;
    return directional((p) => Float64Array.of(f(p)), params, { [name]: unit })[0]!;
  });
}

/** Asserts |actual − expected| <= tolerance · max(1, |expected|) for each element. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "",
): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i += 1) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    if (!(error <= tolerance)) {
      expect.fail(`${what}[${i}]: ${actual[i]} is not ${expected[i]} within ${tolerance}`);
    }
  }
}
