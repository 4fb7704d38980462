/**
 * Do fourth moments of SGD on linear regression stay finite? Where they do not, averages of squares
 * have no variance, and no error bar made from their scatter can be trusted.
 *
 * About the minimum z = (δ, v) is multiplied by a random matrix at each step, z' = (1/m) Σ_{s∈B} M_s z,
 * so that a fourth moment becomes
 *   E z'_i z'_j z'_k z'_l = m⁻⁴ E Σ_{s…} (M_s z)_i (M_s' z)_j (M_s'' z)_k (M_s''' z)_l,
 * a polynomial in z. Grouped by which of the four draws are the same (a partition π of them),
 * independent draws give Σ_π m(m−1)…/N^|π| Π_blocks P, P the power sum Σ_s Π_{i in block} (M_s z)_i, for
 * the |π| factors of m; distinct samples have N(N−1)… for N^|π| and sums over distinct samples, which
 * are power sums again by inclusion and exclusion (Möbius function of the partitions).
 *
 * Source: H. Kesten, Acta Mathematica 131, 207 (1973), for the power-law tails of such recursions.
 * Left out: batches of an epoch, more than a few dimensions.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { add, monomial, type Polynomial, product, variablesOf } from "./polynomial.ts";
import type { RegressionMomentumOptions } from "./regressionMomentum.ts";
import { spectralRadius } from "./spectralRadius.ts";

/** Components of (δ, v): 35 fourth moments of 4. */
const MAX_STATE = 4;

/**
 * Spectral radius of the fourth-moment map, per step; fourth moments are finite where it is below 1.
 *
 * Exact, for any batch size.
 *
 * @throws ArgumentError for more than 4 dimensions of w, or 2 with momentum.
 */
export function fourthMomentRadius(options: RegressionMomentumOptions): number {
  const forms = sampleForms(options);
  const n = forms[0]!.length;
  if (n > MAX_STATE) {
    throw new ArgumentError(
      `fourthMomentRadius: ${n} dimensions of (w, v) have too many fourth moments; at most ` +
        `${MAX_STATE} dimensions are computed.`,
    );
  }
  const monomials = fourthMonomials(n);
  const place = new Map(monomials.map((key, k) => [key, k]));
  const after = momentAfterStep(options, forms);
  return spectralRadius(
    monomials.map((key) => {
      const row = new Array<number>(monomials.length).fill(0);
      for (const [from, value] of after(variablesOf(key))) row[place.get(from)!]! += value;
      return row;
    }),
  );
}

function fourthMonomials(n: number): string[] {
  const variables = Array.from({ length: n }, (_, i) => i);
  const pairs = variables.flatMap((i) => variables.map((j) => [i, j]));
  return [...new Set(pairs.flatMap((a) => pairs.map((b) => monomial([...a, ...b]))))];
}

/** (M_s z)_i of each sample, linear in z = (δ, v): of δ alone without momentum; [sample][component]. */
function sampleForms(options: RegressionMomentumOptions): Polynomial[][] {
  const { inputs, targets, learningRate: eta, weightDecay = 0 } = options;
  const { momentum: mu = 0, dampening: nu = 0 } = options;
  const d = inputs.length / targets.length;
  const axes = Array.from({ length: d }, (_, i) => i);
  const velocity = (i: number): Polynomial => new Map(mu === 0 ? [] : [[monomial([d + i]), mu]]);
  return Array.from({ length: targets.length }, (_, sample) => {
    const pull = (i: number): Polynomial =>
      new Map(
        axes.map((j) => {
          const curvature = inputs[sample * d + i]! * inputs[sample * d + j]!;
          return [monomial([j]), -(1 - nu) * (curvature + (i === j ? weightDecay : 0))];
        }),
      );
    const next = axes.map((i) => sum([velocity(i), pull(i)]));
    const moved = axes.map((i) => {
      const form = new Map([[monomial([i]), 1]]);
      add(form, next[i]!, eta);
      return form;
    });
    return mu === 0 ? moved : [...moved, ...next];
  });
}

function sum(terms: readonly Polynomial[]): Polynomial {
  const total = new Map<string, number>();
  for (const term of terms) add(total, term);
  return total;
}

/** E z'_i z'_j z'_k z'_l as a polynomial in z, from the four components i, j, k, l. */
function momentAfterStep(
  { targets, batchSize, sampling }: RegressionMomentumOptions,
  forms: readonly (readonly Polynomial[])[],
): (components: readonly number[]) => Polynomial {
  const N = targets.length;
  const m = sampling === "fullBatch" ? N : batchSize;
  const independent = sampling === "withReplacement";
  const powerSum = powerSums(forms);
  return (components) => {
    const total = new Map<string, number>();
    for (const draws of partitions(components)) {
      const q = draws.length;
      const weight = falling(m, q) / (independent ? N ** q : falling(N, q)) / m ** 4;
      if (weight === 0) continue;
      // Sums over distinct samples: draws that coincide after all are taken off again.
      const merged = independent ? [draws.map((block) => [block])] : partitions(draws);
      for (const sets of merged) {
        const sums = sets.map((blocks) => powerSum(blocks.flat()));
        add(total, product(sums), weight * moebius(sets.map(({ length }) => length)));
      }
    }
    return total;
  };
}

/** Σ_s Π (M_s z)_i over the components of a block; each is formed once. */
function powerSums(
  forms: readonly (readonly Polynomial[])[],
): (block: readonly number[]) => Polynomial {
  const known = new Map<string, Polynomial>();
  return (block) => {
    const key = monomial(block);
    const found =
      known.get(key) ??
      sum(forms.map((form) => product(block.map((component) => form[component]!))));
    known.set(key, found);
    return found;
  };
}

/** Π (−1)^(k−1) (k−1)!, for sets of k blocks that were merged. */
const moebius = (sizes: readonly number[]): number =>
  sizes.reduce((value, k) => (value * falling(k - 1, k - 1)) / (k % 2 === 0 ? -1 : 1), 1);

/** All ways to cut a list into blocks: 15 of four. */
function partitions<T>(list: readonly T[]): T[][][] {
  if (list.length === 0) return [[]];
  const [first, ...rest] = list as [T, ...T[]];
  return partitions(rest).flatMap((blocks) => [
    [[first], ...blocks],
    ...blocks.map((block, k) => blocks.map((other, l) => (l === k ? [first, ...block] : other))),
  ]);
}

/** x(x−1)…(x−k+1) */
const falling = (x: number, k: number): number =>
  Array.from({ length: k }, (_, j) => x - j).reduce((a, b) => a * b, 1);
