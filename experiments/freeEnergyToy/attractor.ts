/**
 * Card 1D from the card's start: below η = 1 the loss falls to nothing, above it replicas settle on an
 * orbit of reflections, whose loss is known.
 *
 * The orbit holds replicas on average only (on-off intermittency): rounding is amplified now and then into
 * excursions, in float32 several times as many as in float64, which lift the mean loss by up to 0.6 %. On
 * the orbit the loss is |y|²/2 on average and |y| is constant, so the median of |y|²/2 has its value.
 */
import {
  type Estimate,
  nearestNeighborEntropy,
  replicaMean,
  replicaMedian,
} from "../../analysis/index.ts";
import { type PoleFrame, reflectionOrbit, squareDecay } from "../../models/theory/index.ts";
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
} from "../pole/runs.ts";
import type { Stages } from "../stages.ts";
import type { ToySettings } from "./settings.ts";

/** Learning rates for which card 1D found the orbit to hold replicas, and how well. */
const ORBIT = { from: 1.02, to: 1.7, loss: 0.003 } as const;
const SNAPSHOTS = 20;
const LONGEST = 200_000;

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
  const rate = below ? squareDecay(frame, learningRate) : 1;
  // Out of the saddle at the equator, and then 30 e-folds of the mean loss.
  const fall = Math.ceil(20 / learningRate + 30 / Math.max(1e-9, -Math.log(rate)));
  // Next to the critical rate the orbit is approached slowly.
  const settle = Math.ceil(3000 + 20 / Math.max(1e-3, learningRate - 1) ** 2);
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

function lossQuantity(run: AttractorRun, estimate: Estimate): Quantity {
  const { learningRate, steps, squareRate } = run;
  const shared = { name: "U", condition: { regime: "OP", learningRate }, unit: "loss", estimate };
  if (learningRate < 1) {
    // From the saddle, where L <= 1, E L falls by ρ a step once near the pole.
    const near = Math.max(0, steps - 1 - Math.ceil(20 / learningRate));
    return { ...shared, predicted: 0, systematic: 10 * squareRate ** near };
  }
  return { ...shared, predicted: null, systematic: 0 };
}

/** Median of |y|²/2 over the states, over those of each replica and over replicas. */
function orbitQuantity(
  { learningRate }: AttractorRun,
  p: ToySettings,
  states: SphereStates,
): Quantity {
  const { data, times, replicas, d } = states;
  const medians = Float64Array.from({ length: replicas }, (_, r) => {
    const values = Array.from({ length: times }, (_, t) => {
      const at = (t * replicas + r) * d;
      return (data[at]! ** 2 + data[at + 1]! ** 2) / 2;
    }).sort((a, b) => a - b);
    return (values[(times - 1) >> 1]! + values[times >> 1]!) / 2;
  });
  const onOrbit = learningRate >= ORBIT.from && learningRate <= ORBIT.to && p.angle === 30;
  const loss = onOrbit ? reflectionOrbit(learningRate).loss : null;
  return {
    name: "median |y|²/2",
    condition: { regime: "OP", learningRate },
    unit: "loss",
    estimate: estimateOf(() => replicaMedian(medians)),
    predicted: loss,
    // Excursions are not even about the orbit; card 1D found them to move U by less than this.
    systematic: loss === null ? 0 : ORBIT.loss * loss,
  };
}

/** How far excursions lift the mean loss above that of the orbit. */
function excursions({ learningRate }: AttractorRun, [U, orbit]: readonly Quantity[]): string[] {
  if (!orbit || orbit.predicted === null || !U) return [];
  const { value, standardError } = U.estimate;
  const [lift, error] = [value / orbit.predicted - 1, standardError / orbit.predicted];
  if (!(Math.abs(lift) > 4 * error)) return [];
  return [
    `OP learning rate ${learningRate}: excursions from the orbit of reflections lift U by ` +
      `${(100 * lift).toFixed(3)} ± ${(100 * error).toFixed(3)} % above (1 - 1/eta)/3; in float32 rounding sets ` +
      "off more of them than in float64, so U itself is not predicted",
  ];
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
      estimateOf(() => replicaMean(energies)),
    ),
  ];
  if (!below) {
    const ratios = averaged(states, (x) => {
      const { gradient, noise } = gradientAndNoise(frame, x);
      return Math.sqrt(gradient / noise);
    });
    quantities.push(orbitQuantity(run, p, states), {
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
    warnings: [
      ...divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`),
      ...(below ? [] : excursions(run, quantities)),
    ],
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
