/**
 * Quantities of card 1B from the measured rungs, each beside its exact value; and the Gibbs law, which
 * must miss where the learning rate is not small.
 */
import {
  axialLadderPoint,
  type Estimate,
  finiteDifferenceTemperature,
  type LadderPoint,
  replicaMean,
  spacingOrder,
  zScore,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { TiltedSphere } from "../../models/theory/index.ts";
import { comparable } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { F32, transient } from "../systematic.ts";

export interface Rung {
  readonly learningRate: number;
  readonly exact: TiltedSphere | null;
  readonly burnIn: number;
  /** Polar angles from the minimum, [snapshot][replica]. */
  readonly angles: readonly Float64Array[];
  /** U and S; S is NaN where its estimator refused. */
  readonly point: LadderPoint;
}

interface Settings {
  readonly dimension: number;
  readonly noise: number;
  readonly replicas: number;
}

/** T of the Gibbs law. */
export const temperatureOf = ({ noise }: Settings, learningRate: number): number =>
  (learningRate * noise * noise) / 2;

/** U and S of a rung; 1 − cos φ is taken from the angle, so that small ones keep their digits. */
export function pointOf(
  angles: readonly Float64Array[],
  dimension: number,
): { point: LadderPoint; warnings: string[] } {
  const energies = Float64Array.from({ length: angles[0]!.length }, (_, r) =>
    angles.reduce(
      (sum, snapshot) => sum + (2 * Math.sin(snapshot[r]! / 2) ** 2) / angles.length,
      0,
    ),
  );
  try {
    return { point: axialLadderPoint(energies, angles, dimension), warnings: [] };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    const entropy = error.estimate as Estimate;
    const point = { energy: replicaMean(energies), entropy, covariance: 0 };
    return { point, warnings: [error.message] };
  }
}

/**
 * What is left of uniform starts in U, at most: without noise tan(φ/2) falls as e^{−ηt}, and it was above X
 * with a probability of X^{1−D}, so that ⟨2 sin²(φ/2)⟩ is e^{−ηt} on the circle, e^{−2ηt} with a
 * logarithm on S², less in more dimensions.
 */
function startRest({ dimension }: Settings, { burnIn, learningRate }: Rung): number {
  const square = transient(burnIn, 1 / learningRate);
  return dimension === 2 ? 2 * Math.sqrt(square) : 4 * (1 + burnIn * learningRate) * square;
}

/**
 * Bounds on what errors do not cover. U: float32 holds each coordinate to F32 of itself, and so the
 * step's rounding, of which the last 1/η add up at random; the start's rest. S: the same relative to U,
 * as ½(D − 1) ln U; spacing windows at the ends see ln p up to n^{1/3}/n of the ranks off, in as large
 * a share of the samples, with a slope of ln p over the reference law of at most 20 (measured: below
 * 10 for all rates up to 3).
 */
function bounds(p: Settings, rung: Rung): { energy: number; entropy: number } {
  const { exact, learningRate, point } = rung;
  const excess = exact?.excess ?? 1;
  const relative = 8 * F32 * (1 + 1 / Math.sqrt(learningRate)) + startRest(p, rung) / excess;
  const window = spacingOrder(point.entropy.n) / Math.max(1, point.entropy.n);
  return {
    energy: relative * excess,
    entropy: (relative * (p.dimension - 1)) / 2 + 20 * window ** 2,
  };
}

/** U − T S with the correlation of the two errors. */
function freeEnergy({ energy, entropy, covariance }: LadderPoint, T: number): Estimate {
  const square = energy.standardError ** 2 + (T * entropy.standardError) ** 2 - 2 * T * covariance;
  return {
    ...entropy,
    value: energy.value - T * entropy.value,
    standardError: Math.sqrt(Math.max(0, square)),
    method: "U − T S, errors propagated",
  };
}

function ofRung(p: Settings, rung: Rung): Quantity[] {
  const { exact, learningRate, point } = rung;
  const T = temperatureOf(p, learningRate);
  const bound = bounds(p, rung);
  const { excess = null, entropy = null } = exact ?? {};
  const free = excess === null || entropy === null ? null : excess - T * entropy;
  const condition = { learningRate };
  const shared = { condition, unit: "loss" };
  return [
    {
      ...shared,
      name: "U",
      estimate: point.energy,
      predicted: excess,
      systematic: bound.energy,
    },
    {
      name: "S",
      condition,
      unit: "nats",
      estimate: point.entropy,
      predicted: entropy,
      systematic: bound.entropy,
    },
    {
      ...shared,
      name: "F = U - T S",
      estimate: freeEnergy(point, T),
      predicted: free,
      systematic: bound.energy + T * bound.entropy,
    },
  ];
}

/** dU/dS between two rungs. */
function between(p: Settings, a: Rung, b: Rung): { quantity: Quantity | null; warnings: string[] } {
  const condition = { learningRate: `${a.learningRate} to ${b.learningRate}` };
  // Said already, by the estimator of the entropy.
  if (!Number.isFinite(a.point.entropy.value + b.point.entropy.value)) {
    return { quantity: null, warnings: [] };
  }
  let estimate: Estimate;
  try {
    estimate = finiteDifferenceTemperature(a.point, b.point);
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return {
      quantity: null,
      warnings: [`learning rates ${condition.learningRate}: ${error.message}`],
    };
  }
  const quantity = { name: "T1 = dU/dS", condition, estimate, unit: "loss" };
  if (a.exact === null || b.exact === null) {
    return { quantity: { ...quantity, predicted: null, systematic: 0 }, warnings: [] };
  }
  const rise = b.exact.entropy - a.exact.entropy;
  const predicted = (b.exact.excess - a.exact.excess) / rise;
  const [left, right] = [bounds(p, a), bounds(p, b)];
  // A ratio is biased by T Var(ΔS)/ΔS², to leading order.
  const variance = a.point.entropy.standardError ** 2 + b.point.entropy.standardError ** 2;
  const systematic =
    (left.energy + right.energy + Math.abs(predicted) * (left.entropy + right.entropy)) /
      Math.abs(rise) +
    (Math.abs(predicted) * variance) / rise ** 2;
  return { quantity: { ...quantity, predicted, systematic }, warnings: [] };
}

/** Where the Gibbs law of T = ηs²/2 is off by more than 4 errors. */
function gibbsMisses(rungs: readonly Rung[]): string[] {
  return rungs.flatMap(({ exact, learningRate, point }) => {
    if (exact === null) return [];
    const { gibbs } = exact;
    const rows = [
      ["U", point.energy, gibbs.excess],
      ["S", point.entropy, gibbs.entropy],
    ] as const;
    return rows
      .map(([name, estimate, value]) => ({ name, estimate, value, z: zScore(estimate, value) }))
      .filter(({ z }) => Math.abs(z) > 4)
      .map(
        ({ name, estimate, value, z }) =>
          `learning rate ${learningRate}: the Gibbs law exp(-L/T), T = eta s^2/2, misses ${name} by ` +
          `${z.toFixed(1)} standard errors (${estimate.value.toPrecision(5)} measured, ` +
          `${value.toPrecision(5)} by the law), because the step is not small`,
      );
  });
}

/** Where the start may still be seen. */
const shortBurnIns = (p: Settings, rungs: readonly Rung[]): string[] =>
  rungs
    .filter((rung) => startRest(p, rung) > rung.point.energy.standardError)
    .map(
      (rung) =>
        `learning rate ${rung.learningRate}: after ${rung.burnIn} steps up to ` +
        `${startRest(p, rung).toPrecision(2)} of U may be left of the uniform start, which is in the ` +
        `systematic bounds; use burnIn=${Math.ceil(20 / rung.learningRate) + 50}`,
    );

/** Everything that is measured; without predictions where replicas are too few to compare. */
export function sphereQuantities(
  p: Settings,
  rungs: readonly Rung[],
): { quantities: Quantity[]; warnings: string[] } {
  const quantities = rungs.flatMap((rung) => ofRung(p, rung));
  const warnings = shortBurnIns(p, rungs);
  for (let i = 0; i + 1 < rungs.length; i += 1) {
    const found = between(p, rungs[i]!, rungs[i + 1]!);
    if (found.quantity) quantities.push(found.quantity);
    warnings.push(...found.warnings);
  }
  const found = comparable(quantities, { replicas: p.replicas });
  const few = found.warnings.length > 0;
  return {
    quantities: found.quantities,
    warnings: [...warnings, ...(few ? found.warnings : gibbsMisses(rungs))],
  };
}
