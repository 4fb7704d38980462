/**
 * How moments of (e, v) pass through a step of momentum SGD on online linear regression without
 * label noise: the homogeneous part of the dynamics, which decides what moments exist.
 *
 *   u = A e,  A = (1/S) Σ x xᵀ,  x ~ N(0, diag h);   v' = βv − λe − u,   e' = e + ηv'.
 *
 * Given e the numbers s = x·e are normal, and x = w s/q + x⊥ with w = He, q = e·He and x⊥ independent
 * of s. Hence u = w R/S + (√R/S) g with R ~ χ² of S degrees of freedom, g ~ N(0, qH − wwᵀ), and
 * every moment of u is a polynomial in e (Isserlis), e_i its variable 2i, v_i 2i + 1. By the symmetry
 * x_i → −x_i only monomials even in each pair (e_i, v_i) matter. Left out: odd moments, label noise
 * (it adds lower moments).
 */
import { add, monomial, type Polynomial, product, times, variablesOf } from "./polynomial.ts";

export interface MultiplicativeNoise {
  /** h, variances of the inputs. */
  readonly inputVariances: readonly number[];
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** S */
  readonly batchSize: number;
}

/** All ways to take `count` of a list: what is taken and what is left. */
function choices<T>(list: readonly T[], count: number): { taken: T[]; left: T[] }[] {
  if (count === 0) return [{ taken: [], left: [...list] }];
  if (list.length < count) return [];
  const [first, ...rest] = list as [T, ...T[]];
  return [
    ...choices(rest, count - 1).map(({ taken, left }) => ({ taken: [first, ...taken], left })),
    ...choices(rest, count).map(({ taken, left }) => ({ taken, left: [first, ...left] })),
  ];
}

/** E R^k/S^n, R ~ χ² of S degrees of freedom: S(S + 2)…(S + 2k − 2)/S^n. */
const chiSquared = (S: number, k: number, n: number): number =>
  Array.from({ length: k }, (_, j) => S + 2 * j).reduce((a, b) => a * b, 1) / S ** n;

/** E[u_i u_j …] given e, as a polynomial; at most four factors. */
function gradientMoment(
  indices: readonly number[],
  { inputVariances: h, batchSize: S }: MultiplicativeNoise,
): Polynomial {
  const w = (i: number): Polynomial => new Map([[monomial([2 * i]), h[i]!]]);
  const covariance = (i: number, j: number): Polynomial => {
    const value = new Map<string, number>();
    for (const [k, hk] of h.entries()) {
      if (i === j) add(value, new Map([[monomial([2 * k, 2 * k]), hk]]), h[i]!);
    }
    add(value, times(w(i), w(j)), -1);
    return value;
  };
  const n = indices.length;
  const total = new Map<string, number>();
  add(total, product(indices.map(w)), chiSquared(S, n, n));
  for (const { taken, left } of choices(indices, 2)) {
    const pair = covariance(taken[0]!, taken[1]!);
    add(total, product([pair, ...left.map(w)]), chiSquared(S, n - 1, n));
    if (n !== 4) continue;
    // Both orders of two pairs are met: half of each.
    const both = times(pair, covariance(left[0]!, left[1]!));
    add(total, both, chiSquared(S, 2, 4) / 2);
  }
  return total;
}

/** E of a monomial after a step, as a polynomial in the state before it. */
function afterStep(variables: readonly number[], noise: MultiplicativeNoise): Polynomial {
  const { learningRate: eta, momentum: beta, weightDecay } = noise;
  // e' = (1 − ηλ)e + ηβv − ηu, v' = βv − λe − u.
  const scale = (variable: number): number => (variable % 2 === 0 ? eta : 1);
  const linear = (variable: number): Polynomial => {
    const e = variable - (variable % 2);
    const kept = variable % 2 === 0 ? 1 : 0;
    return new Map([
      [monomial([e]), kept - scale(variable) * weightDecay],
      [monomial([e + 1]), scale(variable) * beta],
    ]);
  };
  const total = new Map<string, number>();
  for (let count = 0; count <= variables.length; count += 1) {
    for (const { taken, left } of choices(variables, count)) {
      const factor = taken.reduce((sofar, variable) => -sofar * scale(variable), 1);
      const moment = gradientMoment(
        taken.map((variable) => variable >> 1),
        noise,
      );
      add(total, product([moment, ...left.map(linear)]), factor);
    }
  }
  return total;
}

/** Monomials of degree 2 or 4 that are even in each pair (e_i, v_i). */
function evenMonomials(inputs: number, degree: 2 | 4): string[] {
  const squares = Array.from({ length: inputs }, (_, i) => [
    [2 * i, 2 * i],
    [2 * i, 2 * i + 1],
    [2 * i + 1, 2 * i + 1],
  ]).flat();
  if (degree === 2) return squares.map(monomial);
  return [...new Set(squares.flatMap((a) => squares.map((b) => monomial([...a, ...b]))))];
}

/** The matrix that takes the even moments of a degree through one step, [moment, moment]. */
export function momentMatrix(noise: MultiplicativeNoise, degree: 2 | 4): number[][] {
  const monomials = evenMonomials(noise.inputVariances.length, degree);
  const place = new Map(monomials.map((key, k) => [key, k]));
  return monomials.map((key) => {
    const row = new Array<number>(monomials.length).fill(0);
    for (const [from, value] of afterStep(variablesOf(key), noise)) row[place.get(from)!]! += value;
    return row;
  });
}
