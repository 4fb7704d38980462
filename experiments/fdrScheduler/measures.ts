/** What is measured of learning rates that find themselves: when they drop, on what, and the loss. */
import {
  type Estimate,
  noEstimate,
  replicaMean,
  replicaMedian,
  withWarnings,
} from "../../analysis/index.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import { comparable } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32 } from "../systematic.ts";
import {
  excessLoss,
  type SchedulerSettings,
  type SchedulerTheory,
  stationaryExcess,
} from "./theory.ts";

/** Recorded at every check. */
export const OBSERVED = [
  "learningRate",
  "rateDrops",
  "fdrRatio",
  "stepsSinceDrop",
  "w[0]",
  "w[1]",
] as const;

export interface SchedulerParameters extends SchedulerSettings {
  readonly tolerance: number;
  readonly drop: number;
  readonly checkEvery: number;
  readonly steps: number;
  readonly replicas: number;
  readonly scope: "replica" | "condition";
  readonly relation: "auto" | "velocity" | "displacement";
  readonly centered: boolean;
}

/** One drop of one replica. */
export interface Drop {
  /** Steps taken before it. */
  readonly step: number;
  /** Since the drop before, or the start. */
  readonly after: number;
  readonly ratio: number;
  /** More drops than one lie between two records: which of them was seen cannot be said. */
  readonly blurred: boolean;
}

/** A replica's rate over the run, [record]. */
export interface RateRun {
  readonly steps: readonly number[];
  readonly rates: readonly number[];
  readonly ratios: readonly number[];
  readonly excess: readonly number[];
  readonly drops: readonly Drop[];
  /** It did not diverge. */
  readonly alive: boolean;
}

/** Every replica's run from the record. */
export function rateRuns(record: SeriesRecord, theory: SchedulerTheory): RateRun[] {
  const [, conditions, replicas, times] = record.values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const steps = [...record.steps];
  return Array.from({ length: replicas }, (_, r) => {
    const row = (q: (typeof OBSERVED)[number]): number[] => {
      const at = (record.quantities.indexOf(q) * conditions * replicas + r) * times;
      return [...record.values.data.subarray(at, at + times)];
    };
    const [rates, ratios, counts, clocks] = [
      row("learningRate"),
      row("fdrRatio"),
      row("rateDrops"),
      row("stepsSinceDrop"),
    ];
    const [first, second] = [row("w[0]"), row("w[1]")];
    return {
      steps,
      rates,
      ratios,
      excess: first.map((w, t) => excessLoss(theory, [w, second[t]!])),
      drops: dropsOf(steps, counts, clocks, ratios),
      alive: Number.isFinite(rates[times - 1]!),
    };
  });
}

function dropsOf(
  steps: readonly number[],
  counts: readonly number[],
  clocks: readonly number[],
  ratios: readonly number[],
): Drop[] {
  const drops: Drop[] = [];
  let last = 0;
  for (let t = 1; t < steps.length; t += 1) {
    const made = counts[t]! - counts[t - 1]!;
    if (!(made > 0)) continue;
    const step = steps[t]! - clocks[t]!;
    drops.push({ step, after: step - last, ratio: ratios[t]!, blurred: made > 1 });
    last = step;
  }
  return drops;
}

/** k of n, with the binomial error. */
function shareOf(hits: number, n: number, of: string): Estimate {
  const value = n === 0 ? Number.NaN : hits / n;
  return {
    value,
    standardError: n === 0 ? Number.NaN : Math.sqrt((value * (1 - value)) / n),
    n,
    method: `share of ${n} ${of}`,
    warnings: n === 0 ? [`no ${of}`] : [],
  };
}

const plain = (name: string, estimate: Estimate, unit: string): Quantity => ({
  name,
  condition: {},
  estimate,
  unit,
  predicted: null,
  systematic: 0,
});

/** What every drop must fulfill, whatever the setting. */
function dropQuantities(p: SchedulerParameters, living: readonly RateRun[]): Quantity[] {
  const drops = living.flatMap((run) => run.drops);
  const onCheck = drops.filter(
    ({ after, blurred }) => !blurred && after > 0 && after % p.checkEvery === 0,
  );
  // The device compares in float32, with the tolerance it holds.
  const balanced = drops.filter(({ ratio }) => Math.abs(ratio - 1) < Math.fround(p.tolerance));
  const certain = (name: string, hits: number): Quantity => ({
    ...plain(name, shareOf(hits, drops.length, "drops"), "1"),
    predicted: drops.length === 0 ? null : 1,
  });
  return [
    certain("drops at multiples of t_ad", onCheck.length),
    certain("drops with |OL/OR - 1| < X", balanced.length),
  ];
}

/** Steps to a replica's k-th drop, from 0; +∞ where it did not come. */
const timeOf = (run: RateRun, k: number): number =>
  run.alive ? (run.drops[k]?.step ?? Number.POSITIVE_INFINITY) : Number.NaN;

/** Records are taken at the start and at every check. */
const hasCheck = (runs: readonly RateRun[]): boolean => runs[0]!.steps.length > 1;

/** Share of the predicted loss that may be left of the start: more is no stationary state. */
const FORGOTTEN = 0.01;

/** The loss at the first check, when nothing has been decided: an ordinary stationary state. */
function firstExcess(
  p: SchedulerParameters,
  theory: SchedulerTheory,
  runs: readonly RateRun[],
): Quantity {
  const name = "excess loss at the first check";
  if (!hasCheck(runs)) return plain(name, noEstimate("no check"), "loss");
  const estimate = estimateOf(() => replicaMean(runs.map(({ excess }) => excess[1]!)));
  const known = theory.hasErrors ? theory.at(p.learningRate) : null;
  if (known === null) return plain(name, estimate, "loss");
  const predicted = stationaryExcess(known);
  const size = Math.hypot(...theory.minimum);
  const curvature = theory.hessian.reduce((sum, row, i) => sum + row[i]!, 0);
  // The start (w = 0) is forgotten as momentRadius^t, times (1 + t)² where roots of the momentum
  // coincide; tr H bounds the largest eigenvalue.
  const left = (1 + p.checkEvery) ** 2 * known.momentRadius ** p.checkEvery;
  const transient = left * (0.5 * curvature * size ** 2 + predicted);
  // Each step rounds w by 2⁻²⁴|w*|, which is forgotten at the rate of the mean; the loss has a slope
  // of at most √(2 tr H · excess).
  const off = (F32 * size) / (1 - Math.sqrt(known.momentRadius));
  const rounding = off * Math.sqrt(2 * curvature * predicted) + 0.5 * curvature * off ** 2;
  if (transient > FORGOTTEN * predicted + rounding) {
    const early = `no prediction: the start is not forgotten after ${p.checkEvery} steps`;
    return plain(name, withWarnings(estimate, [early]), "loss");
  }
  return {
    ...plain(name, estimate, "loss"),
    predicted,
    systematic: transient + rounding,
  };
}

/** Card C5's acceptance, where its setting is run and does not fulfill it. */
function acceptance(p: SchedulerParameters, first: Estimate, final: Estimate): string[] {
  const isCard =
    p.optimizer === "sgd" &&
    p.learningRate === 0.3 &&
    p.momentum === 0 &&
    p.dampening === 0 &&
    p.batchSize === 4 &&
    p.sampling === "distinct" &&
    p.scope === "replica" &&
    p.relation !== "displacement" &&
    !p.centered &&
    p.weightDecay === 0.1 &&
    p.tolerance === 0.01 &&
    p.drop === 0.9 &&
    p.checkEvery === 1000 &&
    p.steps === 60_000;
  if (!isCard) return [];
  const early = first.value >= 1000 && first.value <= 10_000;
  const twice = Math.abs(final.value / 0.003 - 1) < 1e-5;
  return [
    ...(early ? [] : [`card C5 asks for a median first drop in 1000 to 10000, not ${first.value}`]),
    ...(twice ? [] : [`card C5 asks for a median final rate of 0.003, not ${final.value}`]),
  ];
}

export function measureScheduler(
  p: SchedulerParameters,
  theory: SchedulerTheory,
  record: SeriesRecord,
): { quantities: Quantity[]; warnings: string[]; runs: readonly RateRun[] } {
  const runs = rateRuns(record, theory);
  const living = runs.filter(({ alive }) => alive);
  const last = record.steps.length - 1;
  const median = (value: (run: RateRun) => number): Estimate =>
    estimateOf(() => replicaMedian(runs.map(value)));
  const meanOf = (value: (run: RateRun) => number): Estimate =>
    estimateOf(() => replicaMean(runs.map((run) => (run.alive ? value(run) : NaN))));
  const [first, second] = [0, 1].map((k) => median((run) => timeOf(run, k))) as [
    Estimate,
    Estimate,
  ];
  const final = median((run) => run.rates[last]!);
  const excess = comparable([firstExcess(p, theory, runs)]);
  const never = living.filter(({ drops }) => drops.length === 0).length;
  return {
    runs,
    quantities: [
      plain("median first drop", first, "steps"),
      plain("median second drop", second, "steps"),
      plain("replicas without a drop", shareOf(never, living.length, "replicas"), "1"),
      plain(
        "drops per replica",
        meanOf(({ drops }) => drops.length),
        "1",
      ),
      plain("median final rate", final, "θ²/loss"),
      ...dropQuantities(p, living),
      ...excess.quantities,
      plain(
        "excess loss at the last check",
        hasCheck(runs) ? meanOf(({ excess }) => excess[last]!) : noEstimate("no check"),
        "loss",
      ),
    ],
    warnings: [...excess.warnings, ...acceptance(p, first, final)],
  };
}
