/**
 * Quantities of card 1A from the measured rungs, each beside its exact value; and the continuous
 * theory, which must miss where ηh is not small.
 */
import {
  type Estimate,
  entropyDifference,
  equipartitionTemperature,
  finiteDifferenceTemperature,
  freeEnergyInterval,
  gaussianNeighborBias,
  type LadderPoint,
  replicaMean,
  scaled,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import type { QuadraticCalibration } from "../../models/theory/index.ts";
import { comparable, unsettled, withoutPrediction } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32_BLOCK_SUM, transient, whitening } from "../systematic.ts";
import { referenceDifference } from "./graph.ts";

export interface Rung {
  readonly learningRate: number;
  readonly exact: QuadraticCalibration;
  readonly burnIn: number;
  readonly steps: number;
  /** Mean loss of each replica. */
  readonly energies: Float64Array;
  readonly moments: MomentsRecord;
  /** U and S, null where the estimator refused. */
  readonly gaussian: LadderPoint | null;
  readonly neighbors: LadderPoint | null;
  /** Of clouds of replicas, up to a constant; null where replicas are too few. */
  readonly graph: LadderPoint | null;
  /** Graph entropies of exact draws, the same for all rungs but for their widths. */
  readonly reference: Float64Array;
}

interface Settings {
  readonly curvatures: readonly number[];
  readonly neighbors: number;
}

interface Found {
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
}

/**
 * What the nearest-neighbor estimator adds to S: the states are Gaussian, so its bias is the one known
 * for Gaussians.
 */
const neighborBias = (p: Settings, { neighbors }: Rung): number =>
  gaussianNeighborBias(p.curvatures.length, neighbors!.entropy.n, p.neighbors);

/** Quadrature of that bias, 1e-4, and whitening. */
const neighborRemainder = (p: Settings, { neighbors }: Rung): number =>
  1e-4 + whitening(p.curvatures.length, neighbors!.entropy.n);

/** The U and S that are expected of an estimator, as a point without errors. */
const expectedPoint = (p: Settings, rung: Rung, kind: Kind): LadderPoint => {
  const { energy } = rung.exact;
  const entropy =
    kind === "graph"
      ? replicaMean(rung.reference).value
      : rung.exact.entropy + (kind === "neighbors" ? neighborBias(p, rung) : 0);
  const known = (value: number): Estimate => ({
    value,
    standardError: 0,
    n: Infinity,
    method: "exact",
    warnings: [],
  });
  return { energy: known(energy), entropy: known(entropy), covariance: 0 };
};

/** What is left of the start in the second moments of a rung. */
const leftOf = ({ burnIn, exact }: Rung): number =>
  transient(burnIn, Math.max(1, exact.relaxation));

/** Relative error of second moments: float32 sums, and what the start left. */
const relative = (rung: Rung): number => F32_BLOCK_SUM + leftOf(rung);

/** (η_b − η_a)/ln(η_b/η_a): ΔU/ΔS of U ∝ η, S ∝ (d/2) ln η is this times s²/2. */
export const logMean = (a: number, b: number): number => (b - a) / Math.log(b / a);

/**
 * Everything that is measured; without predictions where replicas are too few to compare, or a rung
 * that goes into them is not stationary yet.
 */
export function calibrationQuantities(p: Settings, rungs: readonly Rung[]): Found {
  const { quantities, warnings } = comparable(compared(p, rungs), {
    replicas: rungs[0]!.energies.length,
  });
  if (warnings.length > 0) return { quantities, warnings };
  const short = rungs.flatMap((rung) => {
    const why = unsettled(leftOf(rung), rung.burnIn);
    return why === null ? [] : [`learning rate ${rung.learningRate}: ${why}`];
  });
  return { quantities, warnings: short.length > 0 ? short : continuousMisses(p, rungs) };
}

function compared(p: Settings, rungs: readonly Rung[]): Quantity[] {
  const isSettled = (rung: Rung): boolean => unsettled(leftOf(rung), rung.burnIn) === null;
  const claimed = (quantity: Quantity, used: readonly Rung[]): Quantity =>
    used.every(isSettled) ? quantity : withoutPrediction(quantity);
  const quantities = rungs.flatMap((rung) => [
    ...ofRung(p, rung).map((quantity) => claimed(quantity, [rung])),
    ...intervalOf(p, rungs, rung).map((quantity) => claimed(quantity, rungs)),
  ]);
  for (let i = 0; i + 1 < rungs.length; i++) {
    const pair = [rungs[i]!, rungs[i + 1]!] as const;
    for (const [kind, name] of [
      ["gaussian", "T1"],
      ["neighbors", "T1 (nearest neighbor)"],
      ["graph", "T1 (graph)"],
    ] as const) {
      const temperature = between(p, pair, kind, name);
      if (temperature) quantities.push(claimed(temperature, pair));
    }
    const difference = graphDifference(...pair);
    if (difference) quantities.push(claimed(difference, pair));
  }
  return quantities;
}

function ofRung(p: Settings, rung: Rung): Quantity[] {
  const { exact, learningRate, gaussian, neighbors, moments, energies } = rung;
  const d = p.curvatures.length;
  const bound = relative(rung);
  const quantity = (
    name: string,
    estimate: Estimate,
    unit: string,
    predicted: number | null,
    systematic: number,
  ): Quantity => ({ name, condition: { learningRate }, estimate, unit, predicted, systematic });
  const equipartition = estimateOf(() =>
    equipartitionTemperature(moments, { curvatures: p.curvatures }),
  );
  const { energy, entropy, continuousTemperature } = exact;
  const rows = [
    quantity(
      "U",
      estimateOf(() => replicaMean(energies)),
      "loss",
      energy,
      bound * energy,
    ),
    quantity("T4", equipartition, "loss", exact.equipartition, bound * exact.equipartition),
    quantity("T4 / (eta s^2/2)", scaled(equipartition, 1 / continuousTemperature), "1", null, 0),
  ];
  // ½ Σ ln Var_i moves by half of each relative error.
  const shift = (d / 2) * bound;
  if (gaussian) rows.push(quantity("S (Gaussian)", gaussian.entropy, "nats", entropy, shift));
  if (neighbors) {
    const expected = entropy + neighborBias(p, rung);
    const bound = shift + neighborRemainder(p, rung);
    rows.push(quantity("S (nearest neighbor)", neighbors.entropy, "nats", expected, bound));
  }
  return rows;
}

type Kind = "gaussian" | "neighbors" | "graph";

/** T2 of an inner rung, from the ladder of all rungs. */
function intervalOf(p: Settings, rungs: readonly Rung[], rung: Rung): Quantity[] {
  const known = rungs.filter(({ gaussian }) => gaussian !== null);
  const i = known.indexOf(rung);
  if (i <= 0 || i >= known.length - 1) return [];
  const points = known.map(({ gaussian }) => gaussian!);
  const exact = freeEnergyInterval(
    known.map((one) => expectedPoint(p, one, "gaussian")),
    i,
  ).temperature.value;
  const { estimate, refused } = attempt(() => freeEnergyInterval(points, i).temperature);
  // Both bounds are ΔU/ΔS of neighbors, with the errors that T1 has.
  const worst = Math.max(
    ratioError([known[i - 1]!, rung], "gaussian"),
    ratioError([rung, known[i + 1]!], "gaussian"),
  );
  return [
    {
      name: "T2",
      condition: { learningRate: rung.learningRate },
      estimate,
      unit: "loss",
      predicted: refused ? null : exact,
      systematic: exact * worst,
    },
  ];
}

/** An estimate with what it was refused for, if it was. */
function attempt(make: () => Estimate): { estimate: Estimate; refused: boolean } {
  try {
    return { estimate: make(), refused: false };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return { estimate: estimateOf(make), refused: true };
  }
}

function between(
  p: Settings,
  pair: readonly [Rung, Rung],
  kind: Kind,
  name: string,
): Quantity | null {
  const [a, b] = pair;
  if (a[kind] === null || b[kind] === null) return null;
  const { estimate, refused } = attempt(() => finiteDifferenceTemperature(a[kind]!, b[kind]!));
  const exact = finiteDifferenceTemperature(
    expectedPoint(p, a, kind),
    expectedPoint(p, b, kind),
  ).value;
  return {
    name,
    condition: { learningRates: `${a.learningRate} to ${b.learningRate}` },
    estimate,
    unit: "loss",
    predicted: refused ? null : exact,
    systematic: exact * (ratioError(pair, kind) + remainder(p, pair, kind)),
  };
}

/** Relative error of the expected ΔS. */
function remainder(p: Settings, pair: readonly [Rung, Rung], kind: Kind): number {
  if (kind === "gaussian") return 0;
  if (kind === "neighbors") return turned(p, pair);
  const { value, standardError } = referenceDifference(pair[0].reference, pair[1].reference);
  return (4 * standardError) / Math.abs(value);
}

/** S_b − S_a by graphs of replicas: their constant cancels. */
function graphDifference(a: Rung, b: Rung): Quantity | null {
  if (a.graph === null || b.graph === null) return null;
  const expected = referenceDifference(a.reference, b.reference);
  const d = a.exact.variances.length;
  return {
    name: "dS (graph)",
    condition: { learningRates: `${a.learningRate} to ${b.learningRate}` },
    estimate: entropyDifference(a.graph.entropy, b.graph.entropy),
    unit: "nats",
    predicted: expected.value,
    // ½ Σ ln Var_i moves by half of each relative error; 4 errors of the reference clouds.
    systematic: (d / 2) * (relative(a) + relative(b)) + 4 * expected.standardError,
  };
}

/** What the remainders of two nearest-neighbor entropies do to ΔS, relative. */
const turned = (p: Settings, [a, b]: readonly [Rung, Rung]): number =>
  (neighborRemainder(p, a) + neighborRemainder(p, b)) / Math.abs(b.exact.entropy - a.exact.entropy);

/**
 * Relative bound on what the error of ΔU/ΔS does not cover: relative errors r of the second moments
 * move U by rU and S by rd/2; a ratio with a noisy denominator is biased by Var(ΔS)/ΔS².
 */
function ratioError([a, b]: readonly [Rung, Rung], kind: Kind): number {
  const rise = Math.abs(b.exact.entropy - a.exact.entropy);
  const gain = Math.abs(b.exact.energy - a.exact.energy);
  const r = Math.max(relative(a), relative(b));
  const moved = (r * (a.exact.energy + b.exact.energy)) / gain;
  const turned = (r * a.exact.variances.length) / rise;
  const noise = [a, b].reduce((sum, one) => sum + one[kind]!.entropy.standardError ** 2, 0);
  return moved + turned + noise / rise ** 2;
}

/** Where η s²/2 is refuted by equipartition, by how many standard errors. */
function continuousMisses(p: Settings, rungs: readonly Rung[]): string[] {
  return rungs.flatMap((rung) => {
    const { exact, learningRate, moments } = rung;
    const { continuousTemperature: naive } = exact;
    const measured = estimateOf(() =>
      equipartitionTemperature(moments, { curvatures: p.curvatures }),
    );
    const errors = (measured.value - naive) / measured.standardError;
    if (!(Math.abs(errors) > 4)) return [];
    return [
      `learning rate ${learningRate}: the continuous theory T = eta s^2/2 = ` +
        `${naive.toPrecision(4)} misses T4 = ${measured.value.toPrecision(4)} by ` +
        `${errors.toFixed(1)} standard errors, as it must at finite eta h`,
    ];
  });
}
