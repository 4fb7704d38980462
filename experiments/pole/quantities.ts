/**
 * Quantities of rungs of projected SGD about a pole (cards 1C, 1F) beside the exact law, and what small
 * learning rates would make of them, which must miss where the step is not small.
 */
import {
  type Estimate,
  finiteDifferenceTemperature,
  freeEnergyMinimum,
  gaussianNeighborBias,
  type LadderPoint,
  zScore,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { type PoleMoments, poleMoments, poleNoise } from "../../models/theory/index.ts";
import { unsettled } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import { F32, F32_BLOCK_SUM } from "../systematic.ts";
import { type MeasuredPole, type PoleRun, withMinimum } from "./runs.ts";

export interface PoleRung extends MeasuredPole {
  readonly run: PoleRun;
  /** null where no stationary law about the pole is known. */
  readonly exact: PoleMoments | null;
}

/** Bound on the entropy's error above which it is not compared: atoms and skewness are seen. */
const LARGEST_ENTROPY_ERROR = 0.1;

/** The exact law, and why there is none. */
export function claimOf(run: PoleRun): { exact: PoleMoments | null; warnings: string[] } {
  const { exact, warnings } = predictionOf(() => poleMoments(run.frame, run.learningRate));
  if (exact !== null) {
    const why = unsettled(startRest(run) / exact.excess, run.burnIn);
    if (why !== null) return { exact: null, warnings: [`${run.label}: ${why}`] };
  }
  return { exact, warnings: warnings.map((text) => `${run.label}: ${text}`) };
}

/**
 * What is left of the start in U − U₀: without noise the tangent of the angle from the pole falls as
 * e^{−ηht} or faster, h the least curvature, and the cloud's own variance grows to its full size alike.
 */
export function startRest({ frame, learningRate, burnIn, start }: PoleRun): number {
  const { curvatures, noise } = poleNoise(frame);
  const height = start.at(-1)!;
  const tangentSquare = start.slice(0, -1).reduce((sum, x) => sum + x * x, 0) / height ** 2;
  const decay = Math.exp(-2 * learningRate * Math.min(...curvatures) * burnIn);
  const cloud = (learningRate * noise) / 4;
  return decay * ((tangentSquare * Math.max(...curvatures)) / 2 + cloud);
}

/** Bounds on what errors do not cover. */
interface Bounds {
  readonly energy: number;
  readonly entropy: number;
  /** Relative, of means over states. */
  readonly relative: number;
}

/**
 * U: what the expansion leaves out; float32 sums; the rounding of each step, of which the last 1/η add up at
 * random; the start's rest. S: the same relative to U as ½ m ln U; the expansion about a Gaussian; the bias of
 * the neighbors, known for Gaussians to 1e-4 and to m²/n, and by Pinsker's inequality to √(2J) of itself
 * for a law of negentropy J.
 */
function boundsOf({ run, exact, point, neighbors }: PoleRung): Bounds {
  if (exact === null) return { energy: 0, entropy: 0, relative: 0 };
  const m = run.frame.eigenvalues.length - 1;
  const relative =
    F32_BLOCK_SUM + 8 * F32 * (1 + 1 / Math.sqrt(run.learningRate)) + startRest(run) / exact.excess;
  const n = Math.max(1, point.entropy.n);
  const spread = Math.abs(biasOf(point.entropy.n, m, neighbors));
  return {
    energy: (relative + exact.errors.excess) * exact.excess,
    entropy:
      exact.errors.entropy +
      (m / 2) * relative +
      1e-4 +
      (m * m) / n +
      spread * Math.sqrt(2 * exact.negentropy),
    relative,
  };
}

const biasOf = (n: number, m: number, k: number): number =>
  n > k ? gaussianNeighborBias(m, n, k) : 0;

/** Is S of this rung held against the theory? */
export const isResolved = ({ exact, point }: PoleRung): boolean =>
  exact !== null &&
  exact.errors.entropy < LARGEST_ENTROPY_ERROR &&
  Number.isFinite(point.entropy.value + point.entropy.standardError);

/** U − U₀ and S as the estimators are expected to give them, without errors. */
export function expectedPoint({ run, exact, point, neighbors }: PoleRung): LadderPoint {
  const m = run.frame.eigenvalues.length - 1;
  const known = (value: number): Estimate => ({
    value,
    standardError: 0,
    n: Infinity,
    method: "exact",
    warnings: [],
  });
  const bias = biasOf(point.entropy.n, m, neighbors);
  return {
    energy: known(exact!.excess),
    entropy: known(exact!.entropy + bias),
    covariance: 0,
  };
}

/** One rung: U, S, signal-to-noise ratio, temperature of the noise. */
function ofRung(rung: PoleRung, condition: Quantity["condition"]): Quantity[] {
  const { run, exact, point, signal, noiseTemperature } = rung;
  const { minimum, dimensions } = poleNoise(run.frame);
  const bound = boundsOf(rung);
  const relative = (error: number | undefined): number => bound.relative + (error ?? 0);
  const claimed = isResolved(rung);
  const signalValue =
    exact === null || exact.errors.signalSquare > 0.1 ? null : Math.sqrt(exact.signalSquare);
  const T = exact && (run.learningRate * exact.noise) / (2 * dimensions);
  return [
    {
      name: "U",
      condition,
      unit: "loss",
      estimate: withMinimum(point.energy, minimum),
      predicted: exact && minimum + exact.excess,
      systematic: bound.energy,
    },
    {
      name: "S",
      condition,
      unit: "nats",
      estimate: point.entropy,
      predicted: claimed ? expectedPoint(rung).entropy.value : null,
      systematic: claimed ? bound.entropy : 0,
    },
    {
      name: "rms SNR",
      condition,
      unit: "1",
      estimate: signal,
      predicted: signalValue,
      // A root has half the relative error of its square.
      systematic:
        signalValue === null ? 0 : (signalValue * relative(exact?.errors.signalSquare)) / 2,
    },
    {
      name: "T = eta tr C/2m",
      condition,
      unit: "loss",
      estimate: noiseTemperature,
      predicted: T,
      systematic: T === null ? 0 : T * relative(exact?.errors.noise),
    },
  ];
}

/** dU/dS between two rungs whose S are resolved. */
function between(a: PoleRung, b: PoleRung, condition: Quantity["condition"]) {
  const exact = finiteDifferenceTemperature(expectedPoint(a), expectedPoint(b)).value;
  const [left, right] = [boundsOf(a), boundsOf(b)];
  const rise = Math.abs(b.exact!.entropy - a.exact!.entropy);
  const gain = Math.abs(b.exact!.excess - a.exact!.excess);
  const estimate = finiteDifferenceTemperature(a.point, b.point);
  // A ratio is biased by T Var(ΔS)/ΔS², to leading order.
  const noise = a.point.entropy.standardError ** 2 + b.point.entropy.standardError ** 2;
  return {
    name: "T1 = dU/dS",
    condition,
    unit: "loss",
    estimate,
    predicted: exact,
    systematic:
      exact *
      ((left.energy + right.energy) / gain +
        (left.entropy + right.entropy) / rise +
        noise / rise ** 2),
  };
}

/** Rungs that a minimum of F is found from are apart by this factor: noise decides between nearer ones. */
const APART = 1.4;

/** The rate at which F = U − T S is lowest over the rate of the rung, T that of the rung's noise. */
function lowest(rungs: readonly [PoleRung, PoleRung, PoleRung], condition: Quantity["condition"]) {
  const [, own] = rungs;
  const eta = own.run.learningRate;
  const positions = rungs.map(({ run }) => Math.log(run.learningRate / eta));
  const { dimensions } = poleNoise(own.run.frame);
  const T = (eta * own.exact!.noise) / (2 * dimensions);
  const at = (points: readonly LadderPoint[], temperature: number): Estimate =>
    freeEnergyMinimum(points, positions, temperature);
  const expected = rungs.map(expectedPoint);
  const predicted = Math.exp(at(expected, T).value);
  // Each F moved by its bound, one after the other.
  const systematic = rungs.reduce((sum, rung, k) => {
    const { energy, entropy } = boundsOf(rung);
    const moved = expected.map((point, j) =>
      j === k
        ? {
            ...point,
            energy: { ...point.energy, value: point.energy.value + energy + T * entropy },
          }
        : point,
    );
    return sum + Math.abs(Math.exp(at(moved, T).value) - predicted);
  }, 0);
  const found = at(
    rungs.map(({ point }) => point),
    own.noiseTemperature.value,
  );
  const value = Math.exp(found.value);
  return {
    name: "eta of lowest F / eta",
    condition,
    unit: "1",
    estimate: { ...found, value, standardError: value * found.standardError },
    predicted,
    systematic,
  };
}

/** What small rates predict, where it is more than 4 errors off. */
function smallRateMisses({ run, point, exact }: PoleRung): string[] {
  if (exact === null) return [];
  const { noise } = poleNoise(run.frame);
  const naive = (run.learningRate * noise) / 4;
  const z = zScore(point.energy, naive);
  if (!(Math.abs(z) > 4)) return [];
  return [
    `${run.label}: the law of small rates, U - U0 = eta tr C/4 = ${naive.toPrecision(4)}, misses ` +
      `${point.energy.value.toPrecision(4)} by ${z.toFixed(1)} standard errors, as it must at finite steps`,
  ];
}

function unresolvedEntropies(rungs: readonly PoleRung[]): string[] {
  const unresolved = rungs.filter((rung) => !isResolved(rung));
  if (unresolved.length === 0) return [];
  const rates = unresolved.map(({ run }) => run.learningRate).join(", ");
  return [
    `no prediction of S, T1 and F at learning rates ${rates}: with few samples the stationary law is a ` +
      "fractal there, or its expansion has not settled, and neighbors measure no entropy of a density; " +
      "lower learningRates",
  ];
}

/** All that is measured on the ladder; `conditionOf` names a rung or a stretch of rates. */
export function poleQuantities(
  rungs: readonly PoleRung[],
  conditionOf: (rates: string | number) => Quantity["condition"],
): { quantities: Quantity[]; warnings: string[] } {
  const quantities = rungs.flatMap((rung) => ofRung(rung, conditionOf(rung.run.learningRate)));
  const warnings = [...unresolvedEntropies(rungs), ...rungs.flatMap(smallRateMisses)];
  const attempt = (label: string, make: () => Quantity): void => {
    try {
      quantities.push(make());
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      warnings.push(`${label}: ${error.message}`);
    }
  };
  const known = rungs.filter(isResolved);
  known.slice(1).forEach((b, i) => {
    const a = known[i]!;
    const rates = `${a.run.learningRate} to ${b.run.learningRate}`;
    attempt(`learning rates ${rates}`, () => between(a, b, conditionOf(rates)));
  });
  for (const own of known) {
    const { learningRate } = own.run;
    const below = known.filter(({ run }) => run.learningRate * APART <= learningRate).at(-1);
    const above = known.find(({ run }) => run.learningRate >= learningRate * APART);
    if (!below || !above) continue;
    attempt(own.run.label, () => lowest([below, own, above], conditionOf(learningRate)));
  }
  return { quantities, warnings };
}
