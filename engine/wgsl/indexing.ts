/**
 * Index arithmetic of generated code: affine expressions of loop variables.
 *
 * Indices that are known at generation time fold to literals, so an unrolled loop addresses
 * function-scope arrays by constants and the compiler keeps them in registers.
 */

/** constant + Σ coefficient·variable, or (for uneven reshapes) an opaque u32 expression. */
export interface Index {
  readonly constant: number;
  /** Variable or opaque u32 subexpression → coefficient ≥ 1, in order of appearance. */
  readonly terms: ReadonlyMap<string, number>;
  /** Exclusive upper bound of each term's values, where known; used to simplify div and mod. */
  readonly bounds: ReadonlyMap<string, number>;
}

const NONE: ReadonlyMap<string, number> = new Map();

export const literal = (constant: number): Index => ({ constant, terms: NONE, bounds: NONE });

/** A loop variable (or any u32 expression) running over `[0, length)`. */
export const variable = (name: string, length: number): Index =>
  length === 1
    ? literal(0)
    : { constant: 0, terms: new Map([[name, 1]]), bounds: new Map([[name, length]]) };

export const isLiteral = (index: Index): boolean => index.terms.size === 0;

export function plus(a: Index, b: Index): Index {
  const terms = new Map(a.terms);
  for (const [name, coefficient] of b.terms) terms.set(name, (terms.get(name) ?? 0) + coefficient);
  return {
    constant: a.constant + b.constant,
    terms,
    bounds: new Map([...a.bounds, ...b.bounds]),
  };
}

export const times = (a: Index, factor: number): Index =>
  factor === 0
    ? literal(0)
    : {
        constant: a.constant * factor,
        terms: new Map([...a.terms].map(([name, c]) => [name, c * factor])),
        bounds: a.bounds,
      };

/** Exclusive upper bound of the index. */
export const bound = (a: Index): number => {
  let top = a.constant;
  for (const [name, c] of a.terms) top += c * ((a.bounds.get(name) ?? Infinity) - 1);
  return top + 1;
};

/** The part whose coefficients `divisor` divides, and the rest. */
function split(a: Index, divisor: number): { whole: Index; rest: Index } {
  const whole = new Map<string, number>();
  const rest = new Map<string, number>();
  for (const [name, c] of a.terms) (c % divisor === 0 ? whole : rest).set(name, c);
  const constantRest = a.constant % divisor;
  return {
    whole: { constant: a.constant - constantRest, terms: whole, bounds: a.bounds },
    rest: { constant: constantRest, terms: rest, bounds: a.bounds },
  };
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * A factor g of the divisor such that a = g·high + low with low < g: then ⌊a/divisor⌋ is
 * ⌊high/(divisor/g)⌋, and a mod divisor is g·(high mod (divisor/g)) + low. The largest, or null.
 */
function stratum(a: Index, divisor: number): { g: number; high: Index; low: Index } | null {
  const factors = [...a.terms.values()].map((c) => gcd(c, divisor)).sort((p, q) => q - p);
  for (const g of factors) {
    if (g === 1) break;
    const { whole, rest } = split(a, g);
    if (whole.terms.size > 0 && bound(rest) <= g) {
      const high = {
        constant: whole.constant / g,
        terms: new Map([...whole.terms].map(([name, c]) => [name, c / g])),
        bounds: a.bounds,
      };
      return { g, high, low: rest };
    }
  }
  return null;
}

const opaque = (text: string, length: number): Index => variable(text, length);

/** ⌊a / divisor⌋ */
export function divide(a: Index, divisor: number): Index {
  if (divisor === 1) return a;
  const { whole, rest } = split(a, divisor);
  const quotient: Index = {
    constant: whole.constant / divisor,
    terms: new Map([...whole.terms].map(([name, c]) => [name, c / divisor])),
    bounds: a.bounds,
  };
  if (bound(rest) <= divisor) return quotient;
  const level = stratum(rest, divisor);
  if (level) return plus(quotient, divide(level.high, divisor / level.g));
  return plus(
    quotient,
    opaque(`(${factor(rest)} / ${divisor}u)`, Math.ceil(bound(rest) / divisor)),
  );
}

/** a mod divisor */
export function modulo(a: Index, divisor: number): Index {
  if (divisor === 1) return literal(0);
  const { rest } = split(a, divisor);
  if (bound(rest) <= divisor) return rest;
  const level = stratum(rest, divisor);
  if (level) return plus(times(modulo(level.high, divisor / level.g), level.g), level.low);
  return opaque(`(${factor(rest)} % ${divisor}u)`, divisor);
}

/** Row-major offset of a multi-index. */
export function flatten(index: readonly Index[], shape: readonly number[]): Index {
  let flat = literal(0);
  index.forEach((i, axis) => {
    flat = plus(times(flat, shape[axis]!), i);
  });
  return flat;
}

/** Multi-index of a row-major offset. */
export function unflatten(flat: Index, shape: readonly number[]): Index[] {
  const out: Index[] = [];
  let stride = shape.reduce((product, axis) => product * axis, 1);
  let rest = flat;
  for (const axis of shape) {
    stride /= axis;
    out.push(divide(rest, stride));
    rest = modulo(rest, stride);
  }
  return out;
}

/** WGSL text, a u32 expression. */
export function printIndex(index: Index): string {
  const parts = [...index.terms].map(([name, c]) => (c === 1 ? name : `${c}u * ${name}`));
  if (index.constant !== 0 || parts.length === 0) parts.push(`${index.constant}u`);
  return parts.join(" + ");
}

/** The same, safe as an operand of `*`, `/` and `%`. */
function factor(index: Index): string {
  const [only] = index.terms;
  const single = index.constant === 0 && index.terms.size === 1 && only![1] === 1;
  return single ? only![0] : `(${printIndex(index)})`;
}

/** Right-aligned broadcasting: the index into an input of `shape` for an output index. */
export function broadcastIndex(out: readonly Index[], shape: readonly number[]): Index[] {
  const lead = out.length - shape.length;
  return shape.map((axis, i) => (axis === 1 ? literal(0) : out[lead + i]!));
}
