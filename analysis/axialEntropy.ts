/**
 * Differential entropy of a law on the sphere S^{D−1} that is symmetric about an axis, from polar
 * angles of independent samples.
 *
 *   S = −⟨ln p⟩,  p(x) = q(x) r(v),  q(x) ∝ exp(κ cos φ),  v = ∫_0^φ q
 *
 * q is the von Mises–Fisher law with the samples' mean (κ by A. Banerjee et al., JMLR 6, 1345 (2005),
 * eq. 4.4), only a coordinate: it brings v near to uniform, and r is found from the spacings of v. No
 * theory of the law enters. The entropy of a Gaussian of the same covariance is no substitute: on a
 * sphere of radius 1 it is wrong as soon as the spread is not small.
 */
import { ArgumentError } from "../engine/errors.ts";
import { noEstimate } from "./estimate.ts";
import type { LadderPoint } from "./ladderPoint.ts";
import { refuse } from "./refusal.ts";
import { replicaMean } from "./replicas.ts";
import { spacingOrder, spacingScores } from "./spacingEntropy.ts";
import { logSphereArea } from "./sphereCap.ts";

const FEWEST = 20;

/** Versine 1 − cos φ without cancellation. */
const versine = (angle: number): number => 2 * Math.sin(angle / 2) ** 2;

/** Nodes and weights of Gauss–Legendre quadrature with 4 points on [0, 1]. */
const NODES = [0.3399810435848563, 0.8611363115940526] as const;
const WEIGHTS = [0.6521451548625461, 0.34785484513745385] as const;

/** ∫ of the density over an interval of angles. */
function integral(density: (angle: number) => number, from: number, to: number): number {
  const [middle, half] = [(from + to) / 2, (to - from) / 2];
  let sum = 0;
  NODES.forEach((node, k) => {
    sum += WEIGHTS[k]! * (density(middle - half * node) + density(middle + half * node));
  });
  return half * sum;
}

/**
 * −ln p of each sample (nats, with respect to area), whose mean is the entropy; `angles` [sample] in
 * [0, π], `dimension` D >= 2.
 *
 * Samples that are not finite have NaN. Bias and scatter as `spacingScores`.
 *
 * @throws ArgumentError for a dimension or angles out of range; RefusalError for fewer than 20 finite
 *   samples, or samples that are all alike.
 */
export function axialEntropyScores(angles: ArrayLike<number>, dimension: number): Float64Array {
  const where = "axialEntropyScores";
  if (!Number.isInteger(dimension) || dimension < 2) {
    throw new ArgumentError(`${where}: dimension is ${dimension}; give a whole number >= 2.`);
  }
  const order = [...Array(angles.length).keys()].filter((i) => Number.isFinite(angles[i]!));
  order.sort((a, b) => angles[a]! - angles[b]!);
  const n = order.length;
  const [least, most] = [angles[order[0]!]!, angles[order[n - 1]!]!];
  if (n < FEWEST) {
    refuse(`${where}: ${n} finite samples, need ${FEWEST}; add replicas.`, noEstimate(where));
  }
  if (!(least >= 0 && most <= Math.PI)) {
    throw new ArgumentError(`${where}: angles from ${least} to ${most}; give them in [0, π].`);
  }
  const excess = order.reduce((sum, i) => sum + versine(angles[i]!), 0) / n;
  if (!(most > least)) {
    refuse(`${where}: all ${n} samples are alike; the entropy is −∞.`, noEstimate(where));
  }
  const sorted = Float64Array.from(order, (i) => angles[i]!);
  const { v, minusLog } = coordinate(sorted, dimension, excess);
  const spacing = spacingScores(v);
  const scores = new Float64Array(angles.length).fill(Number.NaN);
  order.forEach((i, k) => {
    scores[i] = minusLog(sorted[k]!) + spacing[k]!;
  });
  return scores;
}

/** v of the sorted angles, and −ln q. */
function coordinate(sorted: Float64Array, dimension: number, excess: number) {
  const cosine = 1 - excess;
  const kappa = (cosine * (dimension - cosine * cosine)) / (excess * (2 - excess));
  const log = (angle: number): number =>
    -kappa * versine(angle) + (dimension > 2 ? (dimension - 2) * Math.log(Math.sin(angle)) : 0);
  const top = sorted.reduce((most, angle) => Math.max(most, log(angle)), Number.NEGATIVE_INFINITY);
  const density = (angle: number): number => Math.exp(log(angle) - top);
  const v = new Float64Array(sorted.length);
  let [before, total] = [0, 0];
  sorted.forEach((angle, i) => {
    total += stretch(density, before, angle);
    v[i] = total;
    before = angle;
  });
  total += stretch(density, before, Math.PI);
  const logTotal = Math.log(total) + top + logSphereArea(dimension - 2);
  return {
    v: v.map((value) => value / total),
    minusLog: (angle: number): number => kappa * versine(angle) + logTotal,
  };
}

/** In pieces that are short beside the angle, as the density changes with φ by powers of it. */
function stretch(density: (angle: number) => number, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; ) {
    const next = Math.min(to, at + (at > 0 ? at / 16 : to / 32));
    sum += integral(density, at, next);
    at = next;
  }
  return sum;
}

/**
 * Energy and entropy of a law about an axis, from [snapshot][replica] polar angles; `energies`
 * [replica], of the same replicas.
 *
 * standardError: scatter over replicas of −ln p, snapshots averaged within them; `covariance` likewise.
 * Not covered: the bias of the spacings, of order (n^{1/3}/n)², n the replicas.
 *
 * @throws as `axialEntropyScores`; ArgumentError when the numbers of replicas differ.
 * @see file head; O. Vasicek, J. R. Stat. Soc. B 38, 54 (1976)
 */
export function axialLadderPoint(
  energies: ArrayLike<number>,
  snapshots: readonly ArrayLike<number>[],
  dimension: number,
): LadderPoint {
  const replicas = energies.length;
  if (snapshots.length === 0 || snapshots.some(({ length }) => length !== replicas)) {
    throw new ArgumentError(
      `axialLadderPoint: ${replicas} energies and ${snapshots.length} snapshots of ` +
        `${snapshots.map(({ length }) => length).join(", ")} angles; give one of each replica.`,
    );
  }
  const all = snapshots.map((angles) => axialEntropyScores(angles, dimension));
  const scores = Float64Array.from({ length: replicas }, (_, r) =>
    all.reduce((sum, values) => sum + values[r]! / all.length, 0),
  );
  const energy = replicaMean(energies);
  const entropy = replicaMean(scores);
  let covariance = 0;
  for (let r = 0; r < replicas; r += 1) {
    const product = (energies[r]! - energy.value) * (scores[r]! - entropy.value);
    if (Number.isFinite(product)) covariance += product / (energy.n - 1) / energy.n;
  }
  const method = `spacings of order ${spacingOrder(entropy.n)} of ${entropy.n} polar angles`;
  return { energy, entropy: { ...entropy, method }, covariance };
}
