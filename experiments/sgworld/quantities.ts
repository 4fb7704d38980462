/** The quantities of card A7: laws of each sampler at each rate, gains, powers of the learning rate. */
import { inverse, Matrix } from "ml-matrix";
import { type Estimate, type LawEstimate, logLogSlope } from "../../analysis/index.ts";
import type { PosteriorMoments } from "../../models/index.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { CHAINS } from "./chains.ts";
import type { MeasuredChain, Target } from "./measures.ts";

/** A measured divergence with what it is compared with. */
export interface MeasuredDivergence {
  readonly measured: MeasuredChain;
  readonly estimate: Estimate;
  readonly influence: Float64Array;
  readonly exact: number;
  readonly systematic: number;
}

export function divergenceOf(measured: MeasuredChain, target: Target): MeasuredDivergence {
  const { chain, sharp, bounds } = measured;
  let influence = new Float64Array(0);
  const estimate = estimateOf(() => {
    const found: LawEstimate = sharp.divergence(target.precision);
    influence = Float64Array.from(found.influence);
    return withoutInfluence(found);
  });
  const systematic = divergenceBound(chain.exact, bounds, target);
  return { measured, estimate, influence, exact: chain.exact.kl, systematic };
}

const withoutInfluence = ({
  value,
  standardError,
  n,
  method,
  warnings,
}: LawEstimate): Estimate => ({
  ...{ value, standardError, n, method, warnings },
});

/** δKL = |Λ shift|·δmean + ½ |Λ − S⁻¹|·δS, and the squares: ½ δmᵀΛδm + ¼ tr(ΛδS)². */
function divergenceBound(
  { shift, covariance }: PosteriorMoments,
  bounds: MeasuredChain["bounds"],
  { precision }: Target,
): number {
  const P = inverse(new Matrix(covariance.map((row) => [...row])));
  let first = 0;
  let mean = 0;
  let trace = 0;
  for (const [i, row] of precision.entries()) {
    const force = row.reduce((sum, value, j) => sum + value * shift[j]!, 0);
    first += Math.abs(force) * bounds.mean[i]!;
    for (const [j, value] of row.entries()) {
      first += 0.5 * Math.abs(value - P.get(i, j)) * bounds.covariance[i]![j]!;
      mean += Math.abs(value) * bounds.mean[i]! * bounds.mean[j]!;
      trace += Math.abs(value) * bounds.covariance[i]![j]!;
    }
  }
  return first + 0.5 * mean + 0.25 * trace ** 2;
}

/** Of one chain: shift of the mean, covariance, divergence, mean energy; of a control the energy. */
export function chainQuantities(
  divergence: MeasuredDivergence,
  names: readonly string[],
  target: Target,
): Quantity[] {
  const { chain, learningRate, sharp, plain, bounds } = divergence.measured;
  const { exact, hasErrors } = chain;
  const condition = { sampler: CHAINS[chain.name].title, learningRate };
  const quantity = (
    name: string,
    estimate: Estimate,
    unit: string,
    value: number,
    systematic: number,
    isSquare = true,
  ): Quantity => {
    const predicted = hasErrors || !isSquare ? value : null;
    return { name, condition, estimate, unit, predicted, systematic };
  };
  const d = names.length;
  const energy = energyOf(exact, target);
  const trace = target.precision.reduce(
    (sum, row, i) =>
      row.reduce((part, x, j) => part + Math.abs(x) * bounds.covariance[i]![j]!, sum),
    0,
  );
  const ofEnergy = withoutInfluence(plain.energy(target.precision));
  const plainEnergy = quantity("U/(d T/2), plain average", ofEnergy, "1", energy, trace / d);
  if (!chain.asked) return [plainEnergy];
  const pairs = names.flatMap((_, i) => names.slice(i).map((__, k) => [i, i + k] as const));
  return [
    {
      ...quantity(
        `KL ${CHAINS[chain.name].title}`,
        divergence.estimate,
        "nats",
        divergence.exact,
        divergence.systematic,
      ),
      // One table of all samplers.
      condition: { learningRate },
    },
    ...names.map((name, i) => {
      const estimate = withoutInfluence(sharp.mean[i]!);
      // Rounding of the exact solution.
      const isZero = Math.abs(exact.shift[i]!) < 1e-12 * Math.sqrt(exact.covariance[i]![i]!);
      const shift = isZero ? 0 : exact.shift[i]!;
      return quantity(`shift(${name})`, estimate, "θ", shift, bounds.mean[i]!, false);
    }),
    ...pairs.map(([i, j]) =>
      quantity(
        i === j ? `var(${names[i]})` : `cov(${names[i]},${names[j]})`,
        withoutInfluence(sharp.covariance[i]![j]!),
        "θ²",
        exact.covariance[i]![j]!,
        bounds.covariance[i]![j]!,
      ),
    ),
    plainEnergy,
  ];
}

/** tr(Λ(S + shift shiftᵀ))/d, Λ the target's. */
function energyOf({ shift, covariance }: PosteriorMoments, { precision }: Target): number {
  let sum = 0;
  for (const [i, row] of precision.entries()) {
    for (const [j, value] of row.entries()) {
      sum += value * (covariance[i]![j]! + shift[i]! * shift[j]!);
    }
  }
  return sum / shift.length;
}

/** Standard errors that a divergence must be away from 0 for its logarithm, or as a denominator. */
const RESOLVED = 8;

export const isResolved = ({ estimate: { value, standardError } }: MeasuredDivergence): boolean =>
  standardError > 0 && value > RESOLVED * standardError;

/** KL of SGLD over that of SGWORLD, whose noise is common. */
export function gainQuantities(divergences: readonly MeasuredDivergence[]): Quantity[] {
  const of = (name: string) => divergences.filter(({ measured }) => measured.chain.name === name);
  return of("sgld").flatMap((a) => {
    const { learningRate, chain } = a.measured;
    const b = of("sgworld").find(({ measured }) => measured.learningRate === learningRate);
    if (!b || !isResolved(b) || a.influence.length !== b.influence.length) return [];
    const [x, y] = [a.estimate.value, b.estimate.value];
    let variance = 0;
    let common = 0;
    for (let r = 0; r < a.influence.length; r += 1) {
      const [u, v] = [a.influence[r]! / x, b.influence[r]! / y];
      variance += (u - v) ** 2;
      common += v * (v - u);
    }
    const exact = a.exact / b.exact;
    const estimate = {
      // E x/y = (x/y)(1 + Var y/y² − Cov/(xy)) to second order.
      value: (x / y) * (1 - common),
      standardError: (x / y) * Math.sqrt(variance),
      n: a.estimate.n,
      method: `ratio of divergences, ${a.estimate.method}`,
      warnings: a.estimate.warnings,
    };
    return [
      {
        name: "KL SGLD/KL SGWORLD",
        condition: { learningRate },
        estimate,
        unit: "1",
        predicted: chain.hasErrors && b.measured.chain.hasErrors ? exact : null,
        systematic: exact * (a.systematic / a.exact + b.systematic / b.exact),
      },
    ];
  });
}

/** Power of η in the measured KL of each sampler, from rate to rate where it is resolved. */
export function measuredSlopes(divergences: readonly MeasuredDivergence[]): Quantity[] {
  const usable = divergences.filter(
    (one) => one.measured.chain.asked && one.measured.chain.hasErrors && isResolved(one),
  );
  const names = [...new Set(usable.map(({ measured }) => measured.chain.name))];
  return names.flatMap((name) => {
    const points = usable.filter(({ measured }) => measured.chain.name === name);
    return points.slice(1).map((next, i) => slopeBetween(points[i]!, next));
  });
}

function slopeBetween(a: MeasuredDivergence, b: MeasuredDivergence): Quantity {
  const pair = [a, b];
  const rates = pair.map(({ measured }) => measured.learningRate);
  const estimate = logLogSlope(
    rates,
    pair.map((one) => one.estimate.value),
    pair.map((one) => one.estimate.standardError),
  );
  const distance = Math.log(rates[1]! / rates[0]!);
  // Biases of the logarithms: what the bound does to them, and their own ½(s/y)².
  const moved = pair.map(
    ({ systematic, estimate: { value, standardError } }) =>
      systematic / value + 0.5 * (standardError / value) ** 2,
  );
  return {
    name: "power of eta in KL, measured",
    condition: {
      sampler: CHAINS[a.measured.chain.name].title,
      rates: `${rates[0]} to ${rates[1]}`,
    },
    estimate,
    unit: "1",
    predicted: Math.log(b.exact / a.exact) / distance,
    systematic: (moved[0]! + moved[1]!) / distance,
  };
}
