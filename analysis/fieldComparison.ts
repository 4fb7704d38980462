/**
 * A measured field against an expected one, as single numbers with errors that know how the cells
 * are correlated: the groups of replicas are the units, not the cells.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import { type GridField, weightedMean } from "./gridField.ts";

/**
 * Slope of the regression of a field on an expected one through the origin, Σ_k x_k e_k / Σ_k e_k².
 *
 * 1 where they agree; `expected` [component, cell…]. Linear in the field: unbiased, error by the
 * jackknife over groups.
 *
 * @throws ArgumentError when the lengths differ or `expected` is zero everywhere.
 * @example fieldSlope(currentField(record.flux), expected)
 */
export function fieldSlope(field: GridField, expected: ArrayLike<number>): Estimate {
  const square = checked("fieldSlope", field, expected);
  const { values, weights } = field.groups;
  const slopes = values.map((own) => Float64Array.of(dot(own, expected) / square));
  const { value, standardError } = weightedMean({ values: slopes, weights });
  return { value: value[0]!, standardError: standardError[0]!, ...kept(field) };
}

/**
 * Squared L2 distance of a field from an expected one, relative to it, without what noise adds:
 *   Σ_{g≠h} w_g w_h y_g·y_h / (1 − Σ w_g²) / |e|²,  y_g = x_g − e.
 *
 * A U-statistic, unbiased: 0 on average where the field is as expected, and then negative half of
 * the time. Its error has both parts, T = ⟨(y_g·y_h)²⟩ about the mean and the linear one,
 *   variance = 2 T ω²/(1 − ω) + 4 (Var_g(y_g·ȳ₋g) − ωT)₊ ω,   ω = Σ w_g²,
 * which stays right at zero distance, where the jackknife's would be √2 too large.
 *
 * `relativeTo` is another field to measure the distance in, where the expected one is zero.
 *
 * @throws ArgumentError when the lengths differ or what it is relative to is zero everywhere.
 * @see W. Hoeffding, Ann. Math. Statist. 19, 293 (1948), for the two parts.
 * @example fieldDistance(densityField(record.density), expected)
 */
export function fieldDistance(
  field: GridField,
  expected: ArrayLike<number>,
  relativeTo: ArrayLike<number> = expected,
): Estimate {
  const square = checked("fieldDistance", field, relativeTo);
  const { values, weights } = field.groups;
  const n = values.length;
  const y = values.map((own) => own.map((value, k) => value - expected[k]!));
  const mean = field.value.map((value, k) => value - expected[k]!);
  const omega = weights.reduce((sum, w) => sum + w * w, 0);
  const own = y.map((one) => dot(one, one));
  const selves = own.reduce((sum, one, g) => sum + weights[g]! ** 2 * one, 0);
  const value = (dot(mean, mean) - selves) / (1 - omega);
  // (y_g − ȳ)·(y_h − ȳ) from the products alone.
  const toMean = y.map((one) => dot(one, mean));
  const meanSquare = dot(mean, mean);
  let pairs = 0;
  for (let g = 0; g < n; g += 1) {
    for (let h = 0; h < g; h += 1) {
      const product = dot(y[g]!, y[h]!) - toMean[g]! - toMean[h]! + meanSquare;
      pairs += 2 * product * product;
    }
  }
  const T = pairs / (n * (n - 1));
  const others = y.map((_, g) => (toMean[g]! - weights[g]! * own[g]!) / (1 - weights[g]!));
  const linear = Math.max(0, variance(others) - omega * T);
  const spread = (2 * T * omega ** 2) / (1 - omega) + 4 * linear * omega;
  return {
    value: value / square,
    standardError: n > 1 ? Math.sqrt(spread) / square : Number.NaN,
    ...kept(field),
  };
}

/**
 * L2 distance of a field from an expected one, relative to it, noise and all: √(Σ (m − e)²/Σ e²).
 *
 * What the noise adds to the square is the difference to `fieldDistance`, whose error it has.
 *
 * @throws ArgumentError as `fieldDistance` does.
 */
export function fieldError(
  field: GridField,
  expected: ArrayLike<number>,
  relativeTo: ArrayLike<number> = expected,
): Estimate {
  const distance = fieldDistance(field, expected, relativeTo);
  const square = field.value.reduce((sum, value, k) => sum + (value - expected[k]!) ** 2, 0);
  const value = Math.sqrt(square / dot(relativeTo, relativeTo));
  return { ...distance, value, standardError: distance.standardError / (2 * value) };
}

const kept = ({ n, method, warnings }: GridField) => ({ n, method, warnings });

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k += 1) sum += a[k]! * b[k]!;
  return sum;
}

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

function checked(where: string, { value }: GridField, expected: ArrayLike<number>): number {
  if (expected.length !== value.length) {
    throw new ArgumentError(
      `${where}: ${expected.length} expected values for ${value.length} of the field; give one each.`,
    );
  }
  const square = dot(expected, expected);
  if (!(square > 0)) {
    throw new ArgumentError(
      `${where}: the expected field is zero or not finite, and nothing is relative to it; use ` +
        "signFlipTest against zero.",
    );
  }
  return square;
}
