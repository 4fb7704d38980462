/**
 * Orbits of the balanced map from many starts: on the device as the ensemble's replicas with u = w, and
 * in float64 as the one-dimensional map. Time averages per replica.
 */
import { each } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import type { RunRecord, SeriesRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { balancedStep, localExponent, mulberry32, productLoss } from "../../models/index.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { type EdgeSettings, EVERY, type Window } from "./settings.ts";
import { type DistinctStates, distinctStates } from "./states.ts";

/** What is averaged over the records of an orbit. */
export type Averaged = "exponent" | "product" | "square";

/** Averages over the records of an orbit, [replica]; NaN where it escaped. */
export interface OrbitAverages {
  /** ln |du'/du|. */
  readonly exponent: Float64Array;
  /** uw = u². */
  readonly product: Float64Array;
  /** (uw)². */
  readonly square: Float64Array;
}

export interface ExactOrbits extends OrbitAverages {
  /** ln |du'/du| over all steps, not the records alone. */
  readonly everyStep: Float64Array;
}

export interface DeviceOrbits {
  /** By learning rate. */
  readonly averages: readonly OrbitAverages[];
  /** Distinct float32 states among the records, by learning rate (`distinctStates`). */
  readonly states: readonly DistinctStates[];
  /** Largest |u − w| of replicas that are alive at the end: 0 keeps the map one-dimensional. */
  readonly imbalance: number;
  readonly record: RunRecord;
}

/** One start for each replica, drawn from its own share of [lowest, highest]. */
export function starts({ lowest, highest, replicas }: EdgeSettings, seed: number): Float64Array {
  const uniform = mulberry32(seed);
  return Float64Array.from(
    { length: replicas },
    (_, r) => lowest + ((highest - lowest) * (r + uniform())) / replicas,
  );
}

export const setup = (p: EdgeSettings) => ({
  ...productLoss(),
  sampling: "fullBatch" as const,
  update: sgd({}),
  sweep: { learningRate: p.learningRates },
  replicas: p.replicas,
  observables: { u: series({ of: "u", every: EVERY }) },
});

/** Operations of one replica-step, roughly. */
const WORK = 20;

export const orbitWork = (p: EdgeSettings, { burnIn, steps }: Window): number =>
  WORK * p.learningRates.length * p.replicas * (burnIn + steps);

export async function deviceOrbits(
  p: EdgeSettings,
  { label, burnIn, steps }: Window,
  stages: Stages,
  context: RunContext,
): Promise<DeviceOrbits> {
  const from = starts(p, context.seed);
  const balanced = Float64Array.from({ length: 2 * p.replicas }, (_, i) => from[i >> 1]!);
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p),
    seed: context.seed,
    initial: each(balanced),
  });
  const { observed } = await stages.run({
    label,
    ensemble,
    burnIn,
    steps,
    multiple: EVERY,
    work: WORK,
  });
  const { theta: last } = await ensemble.state();
  let imbalance = 0;
  for (let lane = 0; lane < ensemble.lanes; lane += 1) {
    if (observed.run.frozen[lane]! >= 0) continue;
    imbalance = Math.max(imbalance, Math.abs(last.data[2 * lane]! - last.data[2 * lane + 1]!));
  }
  return {
    averages: p.learningRates.map((eta, c) => averagesOf(observed.u, c, eta)),
    states: p.learningRates.map((eta, c) => distinctStates(observed.u, c, eta)),
    imbalance,
    record: observed,
  };
}

const emptyAverages = (replicas: number): OrbitAverages => ({
  exponent: new Float64Array(replicas),
  product: new Float64Array(replicas),
  square: new Float64Array(replicas),
});

function averagesOf({ values }: SeriesRecord, condition: number, eta: number): OrbitAverages {
  const [, , replicas, times] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const averages = emptyAverages(replicas);
  for (let r = 0; r < replicas; r += 1) {
    const at = (condition * replicas + r) * times;
    for (let t = 0; t < times; t += 1) addRecord(averages, r, values.data[at + t]!, eta, times);
  }
  return averages;
}

function addRecord(a: OrbitAverages, r: number, u: number, eta: number, records: number): void {
  const product = u * u;
  a.exponent[r]! += localExponent(u, eta) / records;
  a.product[r]! += product / records;
  a.square[r]! += (product * product) / records;
}

/** |u| beyond which an orbit has escaped; the device freezes there as well. */
const ESCAPED = 1e6;

/** The same starts in float64, at one learning rate. */
export function exactOrbits(
  p: EdgeSettings,
  { burnIn, steps }: Window,
  eta: number,
  seed: number,
): ExactOrbits {
  const from = starts(p, seed);
  const records = steps / EVERY;
  const averages = { ...emptyAverages(p.replicas), everyStep: new Float64Array(p.replicas) };
  for (let r = 0; r < p.replicas; r += 1) {
    let u = from[r]!;
    for (let t = 0; t < burnIn; t += 1) u = balancedStep(u, eta);
    let sum = 0;
    for (let t = 0; t < steps; t += 1) {
      sum += localExponent(u, eta);
      if (t % EVERY === 0) addRecord(averages, r, u, eta, records);
      u = balancedStep(u, eta);
    }
    averages.everyStep[r] = sum / steps;
    if (Math.abs(u) < ESCAPED) continue;
    for (const values of Object.values(averages)) values[r] = Number.NaN;
  }
  return averages;
}
