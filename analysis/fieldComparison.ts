/**
 * A measured field against an expected one, as single numbers with errors that know how the cells
 * are correlated: the groups of replicas are the units, not the cells.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Estimate } from "./estimate.ts";
import { type GridField, weightedMean } from "./gridField.ts";
import { uStatistic } from "./uStatistic.ts";

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
 * Unbiased, with the error of `uStatistic`: negative half of the time where the field is as expected.
 *
 * `relativeTo` is another field to measure the distance in, where the expected one is zero.
 *
 * @throws ArgumentError when the lengths differ or what it is relative to is zero everywhere.
 * @example fieldDistance(densityField(record.density), expected)
 */
export function fieldDistance(
  field: GridField,
  expected: ArrayLike<number>,
  relativeTo: ArrayLike<number> = expected,
): Estimate {
  const square = checked("fieldDistance", field, relativeTo);
  const { values, weights } = field.groups;
  const y = values.map((own) => own.map((value, k) => value - expected[k]!));
  const { value, standardError } = uStatistic(y, weights, dot);
  return { value: value / square, standardError: standardError / square, ...kept(field) };
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
