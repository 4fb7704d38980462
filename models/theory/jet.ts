/**
 * Functions of one variable near a point, as their first Taylor coefficients f⁽ⁿ⁾/n!: sums, products,
 * quotients and derivatives, exact but for rounding. Left out: functions of jets beyond these.
 */

/** [f, f', f''/2, f'''/6, …]; operations keep as many as all their operands have. */
export type Jet = readonly number[];

const shortest = (jets: readonly Jet[]): number => Math.min(...jets.map(({ length }) => length));

/** Σ factor · jet */
export const jetSum = (...terms: readonly (readonly [number, Jet])[]): Jet =>
  Array.from({ length: shortest(terms.map(([, jet]) => jet)) }, (_, n) =>
    terms.reduce((sum, [factor, jet]) => sum + factor * jet[n]!, 0),
  );

export const multiplied = (f: Jet, g: Jet): Jet =>
  Array.from({ length: shortest([f, g]) }, (_, n) => {
    let sum = 0;
    for (let k = 0; k <= n; k += 1) sum += f[k]! * g[n - k]!;
    return sum;
  });

export const squareOf = (f: Jet): Jet => multiplied(f, f);

/** f/g, g not zero: from f = (f/g) g, coefficient by coefficient. */
export function divided(f: Jet, g: Jet): Jet {
  const quotient: number[] = [];
  for (let n = 0; n < shortest([f, g]); n += 1) {
    let rest = f[n]!;
    for (let k = 0; k < n; k += 1) rest -= quotient[k]! * g[n - k]!;
    quotient.push(rest / g[0]!);
  }
  return quotient;
}

/** f', one coefficient shorter. */
export const differentiated = (f: Jet): Jet => f.slice(1).map((value, n) => (n + 1) * value);
