/**
 * Card 1D from the card's start: below η = 1 the loss falls to nothing, above it replicas settle on an
 * orbit of reflections, whose loss is known.
 */
import { type Estimate, nearestNeighborEntropy, replicaMean } from "../../analysis/index.ts";
import { type PoleFrame, reflectionOrbit } from "../../models/theory/index.ts";
import { spectralRadius } from "../../models/theory/spectralRadius.ts";
import type { Quantity, RunContext } from "../experiment.ts";
import { divergenceWarnings, estimateOf } from "../outcome.ts";
import {
  averaged,
  excessOf,
  gradientAndNoise,
  type PoleRecord,
  type PoleRun,
  type SphereStates,
  simulatePole,
  statesOf,
} from "../poleRuns.ts";
import type { Stages } from "../stages.ts";
import type { ToySettings } from "./settings.ts";

/** Learning rates for which card 1D found the orbit to hold replicas, to 0.3 % of U. */
const ORBIT = { from: 1.02, to: 1.7, loss: 0.003 } as const;
const SNAPSHOTS = 20;
const LONGEST = 200_000;

/** ρ of E|y|² → E|A y|²: how fast the mean loss falls at the latest. */
function squareRate({ directions }: PoleFrame, eta: number): number {
  const rows = [0, 1, 2].map(() => [0, 0, 0]);
  for (const [a, b] of directions as readonly [number, number, number][]) {
    const A = [
      [1 - 2 * eta * a * a, -2 * eta * a * b],
      [-2 * eta * a * b, 1 - 2 * eta * b * b],
    ] as const;
    const [[p, q], [, s]] = A;
    const share = 1 / directions.length;
    // (y₁², y₁y₂, y₂²) of A y.
    const next = [
      [p * p, 2 * p * q, q * q],
      [p * q, p * s + q * q, q * s],
      [q * q, 2 * q * s, s * s],
    ];
    next.forEach((row, i) => {
      row.forEach((value, j) => {
        rows[i]![j]! += share * value;
      });
    });
  }
  return spectralRadius(rows);
}

export interface AttractorRun extends PoleRun {
  /** E L falls by this factor a step near the pole; 1 from η = 1 on. */
  readonly squareRate: number;
}

export function attractorRun(
  p: ToySettings,
  frame: PoleFrame,
  learningRate: number,
  first: number,
): AttractorRun {
  const below = learningRate < 1;
  const rate = below ? squareRate(frame, learningRate) : 1;
  // Out of the saddle at the equator, and then 30 e-folds of the mean loss.
  const fall = Math.ceil(20 / learningRate + 30 / Math.max(1e-9, -Math.log(rate)));
  const settle = Math.ceil(20 / learningRate + 50 / Math.max(2e-4, learningRate - 1));
  const length = below ? Math.min(LONGEST, fall) : p.steps;
  const snapshotEvery = Math.max(1, Math.floor(length / SNAPSHOTS));
  return {
    label: `OP learning rate ${learningRate}`,
    frame,
    learningRate,
    replicas: { first, count: p.replicas },
    start: p.start,
    burnIn: below ? 0 : Math.min(LONGEST, settle),
    steps:
      snapshotEvery * (below ? SNAPSHOTS : Math.max(1, Math.floor(length / snapshotEvery))) + 1,
    every: 1,
    snapshotEvery,
    squareRate: rate,
  };
}

/** Means over replicas of ln L at each snapshot; replicas at exactly zero are left out. */
export interface Decay {
  readonly steps: readonly number[];
  readonly logLoss: readonly Estimate[];
}

export interface MeasuredAttractor {
  readonly run: AttractorRun;
  readonly quantities: readonly Quantity[];
  readonly decay: Decay | null;
  readonly warnings: readonly string[];
  readonly record: PoleRecord;
}

const lossesAt = (states: SphereStates, frame: PoleFrame, t: number): Float64Array =>
  Float64Array.from({ length: states.replicas }, (_, r) => {
    const at = (t * states.replicas + r) * states.d;
    return gradientAndNoise(frame, states.data.subarray(at, at + states.d)).loss;
  });

/** Entropy of the last states, refused or with the remark that there is none. */
function entropyOf(states: SphereStates, neighbors: number): Estimate {
  const { data, times, replicas } = states;
  const y = Float64Array.from({ length: 2 * replicas }, (_, i) => {
    const at = 3 * ((times - 1) * replicas + Math.floor(i / 2)) + (i % 2);
    return data[at]!;
  });
  return estimateOf(() =>
    nearestNeighborEntropy({ data: y, replicas, k: 2 }, { neighbors, quiet: true }),
  );
}

function lossQuantity(run: AttractorRun, p: ToySettings, estimate: Estimate): Quantity {
  const { learningRate, steps, squareRate } = run;
  const shared = { name: "U", condition: { regime: "OP", learningRate }, unit: "loss", estimate };
  if (learningRate < 1) {
    // From the saddle, where L <= 1, E L falls by ρ a step once near the pole.
    const near = Math.max(0, steps - 1 - Math.ceil(20 / learningRate));
    return { ...shared, predicted: 0, systematic: 10 * squareRate ** near };
  }
  const onOrbit = learningRate >= ORBIT.from && learningRate <= ORBIT.to && p.angle === 30;
  if (!onOrbit) return { ...shared, predicted: null, systematic: 0 };
  const { loss } = reflectionOrbit(learningRate);
  // Excursions from the orbit, as card 1D measured them.
  return { ...shared, predicted: loss, systematic: ORBIT.loss * loss };
}

export async function measureAttractor(
  p: ToySettings,
  run: AttractorRun,
  stages: Stages,
  context: RunContext,
): Promise<MeasuredAttractor> {
  const record = await simulatePole(run, stages, context);
  const { learningRate, frame } = run;
  const states = statesOf(record.states);
  const below = learningRate < 1;
  const condition = { regime: "OP", learningRate };
  const energies = below
    ? lossesAt(states, frame, states.times - 1)
    : excessOf(record.squares, frame);
  const quantities = [
    lossQuantity(
      run,
      p,
      estimateOf(() => replicaMean(energies)),
    ),
  ];
  if (!below) {
    const ratios = averaged(states, (x) => {
      const { gradient, noise } = gradientAndNoise(frame, x);
      return Math.sqrt(gradient / noise);
    });
    quantities.push({
      name: "mean SNR",
      condition,
      unit: "1",
      estimate: estimateOf(() => replicaMean(ratios)),
      predicted: null,
      systematic: 0,
    });
  }
  quantities.push({
    name: "S",
    condition,
    unit: "nats",
    estimate: entropyOf(states, p.neighbors),
    predicted: null,
    systematic: 0,
  });
  return {
    run,
    quantities,
    decay: below ? decayOf(run, states) : null,
    warnings: divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`),
    record,
  };
}

function decayOf({ frame, snapshotEvery }: AttractorRun, states: SphereStates): Decay {
  const logs = Array.from({ length: states.times }, (_, t) =>
    lossesAt(states, frame, t).map((loss) => (loss > 0 ? Math.log(loss) : Number.NaN)),
  );
  const kept = logs.filter((values) => values.some(Number.isFinite));
  return {
    steps: kept.map((_, t) => t * snapshotEvery),
    logLoss: kept.map((values) => replicaMean(values)),
  };
}
