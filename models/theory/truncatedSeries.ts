/**
 * Power series in several variables, cut at a total degree: what a smooth step near its fixed point is
 * written down with.
 *
 * A series is its coefficients by number of the monomial, in ascending degree, the constant first.
 * Products are sums over pairs of monomials, listed once. Left out: sparse series, division by a
 * series without a constant.
 */

export type Series = Float64Array;

export interface SeriesAlgebra {
  readonly variables: number;
  readonly degree: number;
  /** Exponents of each monomial, [monomial][variable]. */
  readonly exponents: readonly (readonly number[])[];
  /** Number of a monomial; −1 beyond the degree. */
  readonly indexOf: (exponents: readonly number[]) => number;
  readonly constant: (value: number) => Series;
  readonly variable: (k: number) => Series;
  /** Σ weight · series. */
  readonly sum: (...terms: readonly (readonly [weight: number, series: Series])[]) => Series;
  readonly product: (a: Series, b: Series) => Series;
  /** a^exponent, for a positive constant of a. */
  readonly power: (a: Series, exponent: number) => Series;
}

/** Number of monomials in so many variables up to a degree, C(variables + degree, degree). */
export function monomialCount(variables: number, degree: number): number {
  let count = 1;
  for (let k = 1; k <= degree; k += 1) count = (count * (variables + k)) / k;
  return Math.round(count);
}

function exponentsUpTo(variables: number, degree: number): number[][] {
  const ofDegree = (left: number, total: number): number[][] =>
    left === 1
      ? [[total]]
      : Array.from({ length: total + 1 }, (_, first) => total - first).flatMap((first) =>
          ofDegree(left - 1, total - first).map((rest) => [first, ...rest]),
        );
  return Array.from({ length: degree + 1 }, (_, total) => ofDegree(variables, total)).flat();
}

/** Algebras already made: the list of pairs is what takes time. */
const known = new Map<string, SeriesAlgebra>();

/**
 * The algebra of series in `variables` >= 1 variables, cut beyond `degree`.
 *
 * A product costs C(2·variables + degree, degree) multiplications.
 */
export function seriesAlgebra(variables: number, degree: number): SeriesAlgebra {
  const name = `${variables} ${degree}`;
  const found = known.get(name) ?? makeAlgebra(variables, degree);
  known.set(name, found);
  return found;
}

/** First factor, second factor, product of each pair of monomials, one after the other. */
function pairsOf(exponents: readonly (readonly number[])[], degree: number): Int32Array {
  const degrees = exponents.map((list) => list.reduce((sum, e) => sum + e, 0));
  const key = (list: readonly number[]): number =>
    list.reduce((sum, e) => sum * (degree + 1) + e, 0);
  const numbers = new Map(exponents.map((list, i) => [key(list), i]));
  const keys = exponents.map(key);
  const pairs: number[] = [];
  for (let i = 0; i < exponents.length; i += 1) {
    for (let j = 0; j < exponents.length; j += 1) {
      if (degrees[i]! + degrees[j]! > degree) break;
      pairs.push(i, j, numbers.get(keys[i]! + keys[j]!)!);
    }
  }
  return Int32Array.from(pairs);
}

function makeAlgebra(variables: number, degree: number): SeriesAlgebra {
  const exponents = exponentsUpTo(variables, degree);
  const numbers = new Map(exponents.map((list, i) => [list.join(), i]));
  const size = exponents.length;
  const table = pairsOf(exponents, degree);
  const constant = (value: number): Series => {
    const series = new Float64Array(size);
    series[0] = value;
    return series;
  };
  const product = (a: Series, b: Series): Series => {
    const result = new Float64Array(size);
    for (let t = 0; t < table.length; t += 3) {
      result[table[t + 2]!]! += a[table[t]!]! * b[table[t + 1]!]!;
    }
    return result;
  };
  return {
    variables,
    degree,
    exponents,
    indexOf: (list) => numbers.get(list.join()) ?? -1,
    constant,
    variable: (k) => {
      const series = new Float64Array(size);
      const unit = exponents[0]!.map((_, j) => (j === k ? 1 : 0));
      if (degree > 0) series[numbers.get(unit.join())!] = 1;
      return series;
    },
    sum: (...terms) => {
      const result = new Float64Array(size);
      for (const [weight, series] of terms) {
        for (let i = 0; i < size; i += 1) result[i]! += weight * series[i]!;
      }
      return result;
    },
    product,
    // Σ_k binomial(r, k) δ^k with a = a_0 (1 + δ): δ^k begins at degree k, so that the sum ends.
    power: (a, exponent) => {
      const delta = a.map((value, i) => (i === 0 ? 0 : value / a[0]!));
      let term = constant(1);
      const result = constant(1);
      for (let k = 1; k <= degree; k += 1) {
        term = product(term, delta);
        const factor = (exponent - k + 1) / k;
        for (let i = 0; i < size; i += 1) {
          term[i]! *= factor;
          result[i]! += term[i]!;
        }
      }
      return result.map((value) => value * a[0]! ** exponent);
    },
  };
}
