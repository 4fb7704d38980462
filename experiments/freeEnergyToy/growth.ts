/**
 * Card 1D next to the minimum: replicas at a tiny distance |y| from the pole, in random directions. There
 * SGD is a random product of 2 × 2 matrices: ln|y|² falls or grows at a rate that is known exactly, and
 * changes sign at η = 1; the signal-to-noise ratio depends on the direction alone.
 */
import { replicaMean } from "../../analysis/index.ts";
import { each } from "../../engine/initial.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { RunRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { directionLoss } from "../../models/directions.ts";
import { mulberry32 } from "../../models/mulberry.ts";
import {
  type DirectionGrowth,
  directionGrowth,
  type PoleFrame,
  signalToNoise,
} from "../../models/theory/index.ts";
import type { Quantity, RunContext } from "../experiment.ts";
import { divergenceWarnings, estimateOf } from "../outcome.ts";
import { poleWork, statesOf } from "../pole/runs.ts";
import type { Stages } from "../stages.ts";
import { F32 } from "../systematic.ts";

export interface GrowthRun {
  readonly label: string;
  readonly frame: PoleFrame;
  readonly learningRate: number;
  readonly replicas: { readonly first: number; readonly count: number };
  /** ln|y_0|² */
  readonly start: number;
  /** Steps at which states are compared, ascending, `every` apart. */
  readonly times: readonly number[];
  readonly every: number;
}

const LONGEST = 20_000;
const INTERVALS = 8;
/** ln|y|² falls or grows by about so much; float32 holds |y| from e^{−170/2}. */
const REACH = 50;
/** ln|y_0|² below the critical rate, and above it, where no step makes |y| smaller. */
const START = { falling: -40, growing: -150 } as const;
/** Growth that leaves |y|² below e⁻²⁰, where the map is linear but for float32. */
const ROOM = -20 - START.growing;
/** |y|² below which float32 begins to lose it. */
const LOST = 1e-72;

/** Directions in the equator, the two coordinates across the pole. */
export const planeOf = ({ directions }: PoleFrame): (readonly [number, number])[] =>
  directions.map(([a, b]) => [a!, b!]);

/** 2 ln ½(1 + |1 − 2η|): mean of ln|A u|² over uniform u, the rate but for the direction's own law. */
const uniformRate = (eta: number): number => 2 * Math.log((1 + Math.abs(1 - 2 * eta)) / 2);

export function growthRun(
  frame: PoleFrame,
  learningRate: number,
  replicas: GrowthRun["replicas"],
): GrowthRun {
  const rate = Math.abs(uniformRate(learningRate));
  const grows = learningRate > 1;
  // |1 − 2η| is the most that a step can make of |y|.
  const most = grows ? Math.floor(ROOM / (2 * Math.log(2 * learningRate - 1))) : LONGEST;
  const length = Math.min(
    most,
    Math.max(INTERVALS + 2, Math.min(LONGEST, Math.floor(REACH / rate))),
  );
  const intervals = Math.min(INTERVALS, length - 1);
  const every = Math.max(1, Math.floor((0.75 * length) / intervals));
  const first = Math.max(1, length - intervals * every);
  return {
    label: `OP learning rate ${learningRate}, near the pole`,
    frame,
    learningRate,
    replicas,
    start: grows ? START.growing : START.falling,
    times: Array.from({ length: intervals + 1 }, (_, k) => first + k * every),
    every,
  };
}

export const growthSteps = ({ times }: GrowthRun): number => times.at(-1)! + 1;

/**
 * Points at distance e^{start/2} from the pole in uniform directions, [replica, 3], for all replicas up to
 * the last of the run, as starts are given by global number.
 */
function startOf({ replicas, start }: GrowthRun, seed: number): Float64Array {
  const uniform = mulberry32(seed ^ Math.imul(replicas.first, 0x9e3779b1));
  const distance = Math.exp(start / 2);
  const theta = new Float64Array(3 * (replicas.first + replicas.count)).fill(1);
  for (let r = replicas.first; r < replicas.first + replicas.count; r += 1) {
    const angle = 2 * Math.PI * uniform();
    theta.set([distance * Math.cos(angle), distance * Math.sin(angle), 1], 3 * r);
  }
  return theta;
}

const setup = ({ frame, learningRate, every }: GrowthRun) => ({
  ...directionLoss(frame.directions),
  sampling: "withReplacement" as const,
  update: sgd({ learningRate, batchSize: 1 }),
  spheres: { groups: "whole" as const },
  observables: { states: snapshot({ every }) },
});

export interface MeasuredGrowth {
  readonly run: GrowthRun;
  readonly exact: DirectionGrowth;
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly record: RunRecord;
}

export async function measureGrowth(
  run: GrowthRun,
  stages: Stages,
  { device, seed }: RunContext,
): Promise<MeasuredGrowth> {
  const { label, replicas, times, every, frame, learningRate } = run;
  await using ensemble = await createEnsemble(device, {
    ...setup(run),
    replicas,
    seed,
    initial: each(startOf(run, seed)),
  });
  const burnIn = times[0]!;
  const steps = growthSteps(run) - burnIn;
  const work = poleWork(frame);
  const { observed } = await stages.run({ label, ensemble, burnIn, steps, multiple: every, work });
  const { data, replicas: count } = statesOf(observed.states);
  const plane = planeOf(frame);
  const rates = new Float64Array(count);
  const ratios = new Float64Array(count);
  const span = times.at(-1)! - burnIn;
  let lost = 0;
  for (let r = 0; r < count; r += 1) {
    times.forEach((_, t) => {
      const [x, y] = data.subarray(3 * (t * count + r)) as unknown as [number, number];
      if (t === times.length - 1 && x * x + y * y < LOST) lost += 1;
      if (t === 0) rates[r]! -= Math.log(x * x + y * y) / span;
      if (t === times.length - 1) rates[r]! += Math.log(x * x + y * y) / span;
      ratios[r]! += signalToNoise(plane, Math.atan2(y, x)) / times.length;
    });
  }
  const exact = directionGrowth(plane, learningRate, times);
  const rate = (exact.growth.at(-1)! - exact.growth[0]!) / span;
  const signal = exact.signal.reduce((sum, value) => sum + value / times.length, 0);
  const condition = { regime: "OP", learningRate };
  const known = lost === 0;
  const quantities: Quantity[] = [
    {
      name: "d ln|y|²/dt at the pole",
      condition,
      unit: "1/step",
      estimate: estimateOf(() => replicaMean(rates)),
      predicted: known ? rate : null,
      // Grid of the theory; rounding of a step to one unit roundoff of each coordinate, |y|² twice that.
      systematic: known ? 2e-4 * Math.abs(rate) + 4 * F32 : 0,
    },
    {
      name: "mean SNR at the pole",
      condition,
      unit: "1",
      estimate: estimateOf(() => replicaMean(ratios)),
      predicted: known ? signal : null,
      systematic: known ? 2e-4 * signal : 0,
    },
  ];
  const warnings = divergenceWarnings(observed.run).map((text) => `${label}: ${text}`);
  if (!known) {
    warnings.push(
      `${label}: ${lost} of ${count} replicas fell below what float32 holds, |y|² = ${LOST}, so that their rate ` +
        "is not predicted; take another learning rate or angle",
    );
  }
  return { run, exact, quantities, warnings, record: observed };
}
