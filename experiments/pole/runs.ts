/**
 * One learning rate of projected SGD on directions (cards 1C, 1F): simulated, and measured in the frame
 * where the minimum of the loss is the last axis.
 *
 * There U − U₀ = Σ (λ_k − U₀)⟨y_k²⟩ is a sum of squares of small coordinates, which float32 holds with all
 * their digits, in place of a small difference of losses. x and −x are the same point for these losses:
 * states are taken to the hemisphere of +e_d.
 */
import {
  type Estimate,
  type LadderPoint,
  nearestNeighborEntropy,
  nearestNeighborLadderPoint,
  noEstimate,
  noiseTemperature,
  replicaMean,
  replicaSquares,
} from "../../analysis/index.ts";
import { ArgumentError, RefusalError } from "../../engine/errors.ts";
import { fixed } from "../../engine/initial.ts";
import { moments } from "../../engine/observe/moments.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { MomentsRecord, SnapshotRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { RecordOf } from "../../engine/run/ensemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { directionLoss } from "../../models/directions.ts";
import type { PoleFrame } from "../../models/theory/index.ts";
import type { RunContext } from "../experiment.ts";
import { divergenceWarnings } from "../outcome.ts";
import type { Stages } from "../stages.ts";

const HIGHEST_RATE = 1e6;

/** @throws ArgumentError for rates whose steps leave the range of float32. */
export function refuseHuge(name: string, rates: readonly number[]): void {
  const huge = rates.find((rate) => rate > HIGHEST_RATE);
  if (huge === undefined) return;
  throw new ArgumentError(
    `${name}: a step at ${huge} leaves the range of float32; give rates of at most ${HIGHEST_RATE}.`,
  );
}

export interface PoleRun {
  readonly label: string;
  readonly frame: PoleFrame;
  readonly learningRate: number;
  readonly replicas: { readonly first: number; readonly count: number };
  /** x₀ in the coordinates of the frame; its length does not matter. */
  readonly start: readonly number[];
  readonly burnIn: number;
  readonly steps: number;
  /** Steps between two records of the moments, and between two states that are kept. */
  readonly every: number;
  readonly snapshotEvery: number;
}

export const poleSetup = ({ frame, learningRate, every, snapshotEvery }: PoleRun) => ({
  ...directionLoss(frame.directions),
  sampling: "withReplacement" as const,
  update: sgd({ learningRate, batchSize: 1 }),
  spheres: { groups: "whole" as const },
  observables: {
    squares: moments({ lags: [0], every }),
    states: snapshot({ every: snapshotEvery }),
  },
});

export type PoleRecord = RecordOf<ReturnType<typeof poleSetup>["observables"]>;

/** Operations of a replica-step of batch 1 in d dimensions, roughly. */
export const poleWork = ({ eigenvalues }: PoleFrame): number => 40 + 16 * eigenvalues.length;

export async function simulatePole(
  run: PoleRun,
  stages: Stages,
  { device, seed }: RunContext,
): Promise<PoleRecord> {
  const { label, burnIn, steps, every, snapshotEvery, frame } = run;
  await using ensemble = await createEnsemble(device, {
    ...poleSetup(run),
    // Replicas of their own: rungs must not share random numbers.
    replicas: run.replicas,
    seed,
    initial: fixed(run.start),
  });
  const work = poleWork(frame);
  // Blocks that both observables fit into.
  const multiple = snapshotEvery % every === 0 ? snapshotEvery : every * snapshotEvery;
  return (await stages.run({ label, ensemble, burnIn, steps, multiple, work })).observed;
}

/** ⟨L⟩ − U₀ over the records, [replica]. */
export function excessOf(squares: MomentsRecord, { eigenvalues }: PoleFrame): Float64Array {
  const minimum = eigenvalues.at(-1)!;
  let total = new Float64Array(0);
  eigenvalues.slice(0, -1).forEach((value, k) => {
    const own = replicaSquares(squares, { i: k });
    if (k === 0) total = new Float64Array(own.length);
    own.forEach((square, r) => {
      total[r]! += (value - minimum) * square;
    });
  });
  return total;
}

/** States in float64 on the sphere, upper hemisphere, [snapshot][replica][coordinate] flat. */
export function statesOf({ values }: SnapshotRecord) {
  const [times, , replicas, d] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const data = Float64Array.from(values.data);
  for (let at = 0; at < data.length; at += d) {
    const row = data.subarray(at, at + d);
    const length = Math.hypot(...row) * (row[d - 1]! < 0 ? -1 : 1);
    for (let k = 0; k < d; k += 1) row[k]! /= length;
  }
  return { data, times, replicas, d };
}

export type SphereStates = ReturnType<typeof statesOf>;

/** |∇L|² and E|g − ∇L|² at a state, over all samples. */
export function gradientAndNoise({ directions, eigenvalues }: PoleFrame, x: Float64Array) {
  const loss = eigenvalues.reduce((sum, value, k) => sum + value * x[k]! * x[k]!, 0);
  // |Mx|² − L² as a variance, so that small gradients keep their digits.
  const gradient =
    4 * eigenvalues.reduce((sum, value, k) => sum + (x[k]! * (value - loss)) ** 2, 0);
  let square = 0;
  for (const a of directions) {
    let p = 0;
    for (let k = 0; k < x.length; k += 1) p += a[k]! * x[k]!;
    square += (4 * p * p * (1 - p * p)) / directions.length;
  }
  return { loss, gradient, noise: square - gradient };
}

/** Means over the snapshots of a function of the state, [replica]. */
export const averaged = (
  { data, times, replicas, d }: SphereStates,
  value: (x: Float64Array) => number,
): Float64Array =>
  Float64Array.from({ length: replicas }, (_, r) => {
    let sum = 0;
    for (let t = 0; t < times; t += 1) {
      const at = (t * replicas + r) * d;
      sum += value(data.subarray(at, at + d));
    }
    return sum / times;
  });

/** Root of a mean, with its error to first order. */
export const root = (estimate: Estimate): Estimate => ({
  ...estimate,
  value: Math.sqrt(estimate.value),
  standardError: estimate.standardError / (2 * Math.sqrt(estimate.value)),
});

export interface MeasuredPole {
  /** k of the nearest-neighbor entropy. */
  readonly neighbors: number;
  /** U − U₀ and S; S is what a refusal carries, or NaN, where its estimator refused. */
  readonly point: LadderPoint;
  /** √⟨|∇L|²/E|g − ∇L|²⟩ */
  readonly signal: Estimate;
  /** η⟨tr C⟩/(2m) */
  readonly noiseTemperature: Estimate;
  readonly warnings: readonly string[];
}

/** Most states that neighbors are looked for among: a few seconds. */
const MOST_STATES = 60_000;

/**
 * Entropy with respect to area, of states of all snapshots together: that of the tangential coordinates y
 * by nearest neighbors, and −⟨ln x_d⟩, as dA = dy/x_d.
 */
function entropyPoint(states: SphereStates, excess: Float64Array, neighbors: number) {
  const { data, replicas, d, times } = states;
  const m = d - 1;
  const used = Math.max(1, Math.min(times, Math.floor(MOST_STATES / replicas)));
  const rows = used * replicas;
  const y = new Float64Array(rows * m);
  let area = 0;
  for (let i = 0; i < rows; i += 1) {
    y.set(data.subarray(i * d, i * d + m), i * m);
    area -= Math.log(data[i * d + m]!) / rows;
  }
  const energies = Float64Array.from({ length: rows }, (_, i) => excess[i % replicas]!);
  const flat = nearestNeighborEntropy({ data: y, replicas: rows, k: m }, { neighbors });
  const entropy = { ...flat, value: flat.value + (Number.isFinite(area) ? area : 0) };
  const { covariance } = nearestNeighborLadderPoint(energies, entropy);
  return { energy: replicaMean(excess), entropy, covariance };
}

export function measurePole(run: PoleRun, record: PoleRecord, neighbors: number): MeasuredPole {
  const excess = excessOf(record.squares, run.frame);
  const states = statesOf(record.states);
  const parts = (x: Float64Array) => gradientAndNoise(run.frame, x);
  const warnings = divergenceWarnings(record.run);
  const ratio = averaged(states, (x) => {
    const { gradient, noise } = parts(x);
    return gradient / noise;
  });
  let point: LadderPoint;
  try {
    point = entropyPoint(states, excess, neighbors);
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    warnings.push(error.message);
    const carried = (error.estimate as Estimate) ?? noEstimate("refused");
    point = { energy: replicaMean(excess), entropy: carried, covariance: 0 };
  }
  return {
    neighbors,
    point,
    signal: root(replicaMean(ratio)),
    noiseTemperature: noiseTemperature(
      averaged(states, (x) => parts(x).noise),
      { learningRate: run.learningRate, dimensions: run.frame.eigenvalues.length - 1 },
    ),
    warnings: warnings.map((text) => `${run.label}: ${text}`),
  };
}

/** The same loss with its constant: U in place of U − U₀. */
export const withMinimum = (excess: Estimate, minimum: number): Estimate => ({
  ...excess,
  value: excess.value + minimum,
});
