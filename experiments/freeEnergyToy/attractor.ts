/**
 * Card 1D from the card's start: below η = 1 the loss falls to nothing, above it replicas settle on an
 * orbit of reflections, whose loss is known.
 *
 * The orbit holds replicas on average only (on-off intermittency): rounding is amplified now and then into
 * excursions, in float32 more than in float64, so that from η = 1 on U is of a float64 chain on the host
 * (`doublePrecision.ts`) and the device's own mean stands beside it. On the orbit the loss is |y|²/2 on
 * average and |y| is constant, so the median of |y|²/2 over the device's states has its value.
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
import { F32 } from "../systematic.ts";
import { type HostChain, meanLosses } from "./doublePrecision.ts";
import type { ToySettings } from "./settings.ts";

/** Learning rates for which card 1D found the orbit to hold replicas. */
const ORBIT = { from: 1.02, to: 1.7 } as const;
/**
 * Share of the loss by which float64 rounding and the last of the start lift U above the orbit's: at 35
 * rates 1.02, 1.04, … 1.7, 200 replicas of 50000 steps each, it was 0.0000 to 0.0010, and 0.0012 by 20000.
 */
const LIFT = 0.002;
/** Share by which the median over float32 states misses the orbit: that of 200 roundings of a step. */
const MEDIAN_ROUNDING = 200 * F32;
/** Replicas of the float64 chain, at most: 5·10⁻⁵ of U by 20000 steps. */
const HOST_REPLICAS = 1000;
const SNAPSHOTS = 20;
const LONGEST = 200_000;
/** Enough from η = 1.02 on; nothing is predicted nearer to the critical rate. */
const LONGEST_BURN_IN = 60_000;

export interface AttractorRun extends PoleRun {
  /** E L falls by this factor a step near the pole; 1 from η = 1 on. */
  readonly squareRate: number;
  /** The same in float64, from η = 1 on. */
  readonly host: HostChain | null;
}

export function attractorRun(
  p: ToySettings,
  frame: PoleFrame,
  learningRate: number,
  [first, hostFirst]: readonly [number, number],
): AttractorRun {
  const below = learningRate < 1;
  const rate = below ? squareDecay(frame, learningRate) : 1;
  // Out of the saddle at the equator, and then 30 e-folds of the mean loss.
  const fall = Math.ceil(20 / learningRate + 30 / Math.max(1e-9, -Math.log(rate)));
  // Next to the critical rate the orbit is approached slowly.
  const settle = Math.ceil(10_000 + 20 / Math.max(1e-3, learningRate - 1) ** 2);
  const length = below ? Math.min(LONGEST, fall) : p.steps;
  const snapshotEvery = Math.max(1, Math.floor(length / SNAPSHOTS));
  const shared = {
    label: `OP learning rate ${learningRate}`,
    frame,
    learningRate,
    start: p.start,
    burnIn: below ? 0 : Math.min(LONGEST_BURN_IN, settle),
  };
  const hostReplicas = { first: hostFirst, count: Math.min(HOST_REPLICAS, p.replicas) };
  return {
    ...shared,
    replicas: { first, count: p.replicas },
    steps:
      snapshotEvery * (below ? SNAPSHOTS : Math.max(1, Math.floor(length / snapshotEvery))) + 1,
    every: 1,
    snapshotEvery,
    squareRate: rate,
    host: below ? null : { ...shared, replicas: hostReplicas, steps: p.steps },
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

/** Loss of the orbit where it holds replicas, or null. */
const orbitLoss = ({ learningRate }: AttractorRun, { angle }: ToySettings): number | null =>
  learningRate >= ORBIT.from && learningRate <= ORBIT.to && angle === 30
    ? reflectionOrbit(learningRate).loss
    : null;

function lossQuantity(run: AttractorRun, p: ToySettings, losses: Float64Array): Quantity {
  const { learningRate, steps, squareRate } = run;
  const estimate = estimateOf(() => replicaMean(losses));
  const shared = { name: "U", condition: { regime: "OP", learningRate }, unit: "loss", estimate };
  if (learningRate < 1) {
    // From the saddle, where L <= 1, E L falls by ρ a step once near the pole.
    const near = Math.max(0, steps - 1 - Math.ceil(20 / learningRate));
    return { ...shared, predicted: 0, systematic: 10 * squareRate ** near };
  }
  const predicted = orbitLoss(run, p);
  return { ...shared, predicted, systematic: LIFT * (predicted ?? 0) };
}

/** Median of |y|²/2 over the states, over those of each replica and over replicas. */
function orbitQuantity(run: AttractorRun, p: ToySettings, states: SphereStates): Quantity {
  const { data, times, replicas, d } = states;
  const medians = Float64Array.from({ length: replicas }, (_, r) => {
    const values = Array.from({ length: times }, (_, t) => {
      const at = (t * replicas + r) * d;
      return (data[at]! ** 2 + data[at + 1]! ** 2) / 2;
    }).sort((a, b) => a - b);
    return (values[(times - 1) >> 1]! + values[times >> 1]!) / 2;
  });
  const loss = orbitLoss(run, p);
  return {
    name: "median |y|²/2",
    condition: { regime: "OP", learningRate: run.learningRate },
    unit: "loss",
    estimate: estimateOf(() => replicaMedian(medians)),
    predicted: loss,
    systematic: MEDIAN_ROUNDING * (loss ?? 0),
  };
}

/** How far excursions lift the device's mean loss above that of the orbit. */
function excursions(run: AttractorRun, p: ToySettings, device: Quantity): string[] {
  const orbit = orbitLoss(run, p);
  if (orbit === null) return [];
  const { value, standardError } = device.estimate;
  const [lift, error] = [value / orbit - 1, standardError / orbit];
  if (!(Math.abs(lift) > 4 * error)) return [];
  return [
    `${run.label}: on the device rounding of float32 sets off excursions from the orbit of reflections, which ` +
      `lift its mean loss by ${(100 * lift).toFixed(3)} ± ${(100 * error).toFixed(3)} % above (1 - 1/eta)/3; U is ` +
      "therefore of the same steps in float64 on the host, where it is 0.2 % at most",
  ];
}

/** From η = 1 on: what the device's states have, and its own mean loss in float32. */
function stationary(run: AttractorRun, p: ToySettings, record: PoleRecord): Quantity[] {
  const { learningRate, frame } = run;
  const states = statesOf(record.states);
  const condition = { regime: "OP", learningRate };
  const ratios = averaged(states, (x) => {
    const { gradient, noise } = gradientAndNoise(frame, x);
    return Math.sqrt(gradient / noise);
  });
  const measured = (name: string, unit: string, values: Float64Array): Quantity => ({
    name,
    condition,
    unit,
    estimate: estimateOf(() => replicaMean(values)),
    predicted: null,
    systematic: 0,
  });
  return [
    measured("U in float32", "loss", excessOf(record.squares, frame)),
    orbitQuantity(run, p, states),
    measured("mean SNR", "1", ratios),
  ];
}

export async function measureAttractor(
  p: ToySettings,
  run: AttractorRun,
  stages: Stages,
  context: RunContext,
): Promise<MeasuredAttractor> {
  const record = await simulatePole(run, stages, context);
  const states = statesOf(record.states);
  const { host, frame } = run;
  const losses = host
    ? await meanLosses(host, context.seed, stages)
    : lossesAt(states, frame, states.times - 1);
  const device = host ? stationary(run, p, record) : [];
  const entropy: Quantity = {
    name: "S",
    condition: { regime: "OP", learningRate: run.learningRate },
    unit: "nats",
    estimate: entropyOf(states, p.neighbors),
    predicted: null,
    systematic: 0,
  };
  return {
    run,
    quantities: [lossQuantity(run, p, losses), ...device, entropy],
    decay: host ? null : decayOf(run, states),
    warnings: [
      ...divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`),
      ...device.slice(0, 1).flatMap((mean) => excursions(run, p, mean)),
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
