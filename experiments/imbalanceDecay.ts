/**
 * Card 3B: label noise balances the factors of v = uw. I = u² − w² obeys I' = I(1 − η²a²) step by step,
 * and falls at a rate 4s²η²(1 + O(η)), where gradient flow conserves it.
 *
 * The identity is checked on a short run that records every step, in float32 on the device and in
 * the float64 twin; the rate on a large ensemble for each learning rate, between times 1/η and 4/η.
 */

import { type Estimate, polynomialIntercept, replicaMean, scaled } from "../analysis/index.ts";
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { series } from "../engine/observe/series.ts";
import type { RunRecord, SeriesRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { factorPair } from "../models/factorPair.ts";
import { imbalanceScale, imbalanceDecay as theory } from "../models/theory/index.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { decayFigure, imbalanceFigure } from "./imbalanceDecay/figures.ts";
import { deviceViolation, type ImbalanceStep, twinViolation } from "./imbalanceDecay/identity.ts";
import { type ImbalanceParameters, imbalanceSettings } from "./imbalanceDecay/settings.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { refuseRepeats } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32 } from "./systematic.ts";

/** Replicas of the run that records every step. */
const RECORDED = 64;
const WORK = 220;
/** |I| below this share of u² + w² is rounding in float32. */
const SMALLEST_IMBALANCE = 1e-3;

const setup = (p: ImbalanceParameters, learningRate: number, labelNoise: number) => ({
  model: factorPair(),
  sampling: "withReplacement" as const,
  update: sgd({ learningRate, batchSize: 1 }),
  sweep: { slope: [p.slope], labelNoise: [labelNoise] },
});

const start = ({ u, slope }: ImbalanceParameters): [number, number] => [u, slope / u];

function check(p: ImbalanceParameters): void {
  const [u, w] = start(p);
  if (Math.abs(u * u - w * w) < SMALLEST_IMBALANCE * (u * u + w * w)) {
    throw new ArgumentError(
      `u: ${u} and ${w} are balanced to ${SMALLEST_IMBALANCE}, so that there is no imbalance to decay; ` +
        "give a u that differs from the square root of slope.",
    );
  }
  const { learningRates } = p;
  const steps = p.time / Math.min(...learningRates);
  if (steps > LONGEST) {
    throw new ArgumentError(
      `learningRates: time ${p.time} at ${Math.min(...learningRates)} is ${steps.toPrecision(3)} steps, more ` +
        `than ${LONGEST}; raise the rate or lower time.`,
    );
  }
  refuseRepeats("learningRates", learningRates);
}

/** Longest run: beyond it a run would take hours unasked. */
const LONGEST = 2e6;

/** One ensemble whose factors are recorded before and after the measured time. */
interface DecayRun {
  readonly label: string;
  readonly learningRate: number;
  readonly labelNoise: number;
  readonly replicas: { readonly first: number; readonly count: number };
  readonly burnIn: number;
  readonly steps: number;
}

async function measure(
  p: ImbalanceParameters,
  run: DecayRun,
  stages: Stages,
  context: RunContext,
): Promise<{ rate: Estimate; record: RunRecord }> {
  const { label, learningRate, labelNoise, replicas, burnIn, steps } = run;
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, learningRate, labelNoise),
    data: onlineData,
    replicas,
    seed: context.seed,
    initial: fixed(start(p)),
    observables: { factors: series({ of: ["u", "w"], every: steps }) },
  });
  const stage = { label, ensemble, burnIn, steps: steps + 1, multiple: steps + 1, work: WORK };
  const { observed } = await stages.run(stage);
  const { data } = observed.factors.values;
  const { count } = replicas;
  const logs = Float64Array.from({ length: count }, (_, r) => {
    const imbalance = (time: number): number =>
      data[2 * r + time]! ** 2 - data[2 * (count + r) + time]! ** 2;
    return Math.log(Math.abs(imbalance(1) / imbalance(0)));
  });
  return {
    rate: scaled(
      estimateOf(() => replicaMean(logs)),
      1 / steps,
    ),
    record: observed,
  };
}

/** Runs of all learning rates with noise, and one without it at the largest. */
function decayRuns(p: ImbalanceParameters): DecayRun[] {
  const lengths = (rate: number) => ({
    burnIn: Math.ceil(1 / rate),
    steps: Math.max(1, Math.ceil((p.time - 1) / rate)),
  });
  const noisy = p.learningRates.map(
    (learningRate, i): DecayRun => ({
      label: `learning rate ${learningRate}`,
      learningRate,
      labelNoise: p.labelNoise,
      replicas: { first: i * p.replicas, count: p.replicas },
      ...lengths(learningRate),
    }),
  );
  const learningRate = Math.max(...p.learningRates);
  const quiet: DecayRun = {
    label: "no noise",
    learningRate,
    labelNoise: 0,
    replicas: { first: noisy.length * p.replicas, count: RECORDED },
    ...lengths(learningRate),
  };
  return [...noisy, quiet];
}

export const imbalanceDecay: Experiment<typeof imbalanceSettings> = {
  id: "imbalance-decay",
  title: "Noise balances the factors of a product",
  card: "3B",
  sources: [
    "L. Ziyin, H. Li, M. Ueda, Law of balance and stationary distribution, arXiv 2308.06671",
  ],
  summary:
    "Two numbers whose product is fitted to a noisy line, started at zero mean loss but unequal. " +
    "Gradient flow would conserve I = u² − w²; each SGD step multiplies it by exactly 1 − η²a², on the " +
    "device and in its float64 twin, so that it decays at a rate 4s²η², measured and extrapolated.",
  parameters: imbalanceSettings,
  quick: { replicas: 4000 },
  explain: (p) => [
    {
      ...setup(p, p.learningRates[0]!, p.labelNoise),
      replicas: p.replicas,
      observables: { factors: series({ of: ["u", "w"] }) },
      samples: onlineData.samples,
    },
  ],
  async run(p, context) {
    check(p);
    const runs = decayRuns(p);
    const total = runs.reduce(
      (sum, { burnIn, steps, replicas }) => sum + (burnIn + steps) * replicas.count,
      p.identitySteps * RECORDED,
    );
    const stages = await Stages.open(context, total * WORK);
    const step = await identity(p, stages, context);
    const records: Record<string, RunRecord> = { identity: step.record };
    const rates: Estimate[] = [];
    const warnings = divergenceWarnings(step.record.run).map((text) => `identity: ${text}`);
    for (const [i, run] of runs.entries()) {
      const { rate, record } = await measure(p, run, stages, context);
      rates.push(rate);
      records[`run${i}`] = record;
      warnings.push(...divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`));
    }
    const found = rateQuantities(p, runs, rates);
    return {
      quantities: [...step.quantities, ...found.quantities],
      warnings: [...warnings, ...found.warnings],
      figures: [decayFigure(p, found.quantities), imbalanceFigure(step.device)],
      records,
    };
  },
};

/** The identity of a step at the largest learning rate. */
async function identity(p: ImbalanceParameters, stages: Stages, context: RunContext) {
  const learningRate = Math.max(...p.learningRates);
  const options = setup(p, learningRate, p.labelNoise);
  // Random numbers of their own: lanes beyond all others.
  const first = (p.learningRates.length + 1) * p.replicas;
  await using ensemble = await createEnsemble(context.device, {
    ...options,
    data: onlineData,
    replicas: { first, count: RECORDED },
    seed: context.seed,
    initial: fixed(start(p)),
    observables: { steps: series({ of: ["u", "w", "g.u", "g.w"] }) },
  });
  const stage = { label: "identity", ensemble, burnIn: 0, steps: p.identitySteps + 1, work: WORK };
  const { observed } = await stages.run(stage);
  const device = deviceViolation(observed.steps as SeriesRecord, learningRate);
  const twin = twinViolation({
    ...options,
    start: start(p),
    steps: p.identitySteps,
    lanes: Array.from({ length: 4 }, (_, r) => ({
      seed: context.seed,
      condition: 0,
      replica: first + r,
    })),
    learningRate,
  });
  const quantity = (arithmetic: string, found: ImbalanceStep, bound: number): Quantity => ({
    name: "|I' - I(1 - eta² a²)|",
    condition: { arithmetic },
    estimate: exactly(found.worst, `largest of ${found.steps} steps`, found.steps),
    unit: "(|θ| + |Δθ|)²",
    predicted: found.steps > 0 ? 0 : null,
    systematic: bound,
  });
  return {
    record: observed,
    device,
    quantities: [
      // u' and w' are rounded once, ηg and its factors a few times: 8 roundings of I at the most.
      quantity("float32 on the device", device, 8 * F32),
      quantity("float64", twin, 8 * Number.EPSILON),
    ],
  };
}

function rateQuantities(
  p: ImbalanceParameters,
  runs: readonly DecayRun[],
  rates: readonly Estimate[],
): { quantities: Quantity[]; warnings: string[] } {
  const warnings: string[] = [];
  const noisy = runs.filter(({ labelNoise }) => labelNoise > 0);
  const measured = noisy.map((run, i) => {
    const options = { ...p, noise: p.labelNoise, learningRate: run.learningRate };
    const { exact, warnings: why } = predictionOf(() => theory(options));
    warnings.push(...why);
    const continuous = -4 * (p.labelNoise * run.learningRate) ** 2;
    return { run, exact, ratio: scaled(rates[i]!, 1 / continuous), rate: rates[i]! };
  });
  const quantities = measured.flatMap(({ run, exact, ratio, rate }): Quantity[] => {
    const condition = { learningRate: run.learningRate };
    const value = exact ? exact.rate / exact.continuousRate : null;
    return [
      {
        name: "d ln|I|/step",
        condition,
        estimate: rate,
        unit: "1/step",
        predicted: exact?.rate ?? null,
        systematic: exact ? exact.remainder * Math.abs(exact.rate) : 0,
      },
      {
        name: "rate / (-4 s² eta²)",
        condition,
        estimate: ratio,
        unit: "1",
        predicted: value,
        systematic: exact && value ? exact.remainder * value : 0,
      },
    ];
  });
  quantities.push(...extrapolated(p, measured), withoutNoise(p, runs, rates));
  return { quantities, warnings };
}

/** The ratio at η → 0: polynomial through the smallest rates, of degree 2 at the most. */
function extrapolated(
  p: ImbalanceParameters,
  measured: readonly { run: DecayRun; exact: object | null; ratio: Estimate }[],
): Quantity[] {
  const usable = measured.filter(({ exact, ratio }) => exact && Number.isFinite(ratio.value));
  if (usable.length < 2) return [];
  const x = usable.map(({ run }) => run.learningRate);
  const degree = Math.min(2, x.length - 1);
  // The next power: its coefficient is about (3Λ)^(degree + 1), of the geometric series of Var v.
  const next = x
    .map((rate) => imbalanceScale(p) * rate)
    .sort((a, b) => b - a)
    .slice(0, degree + 1)
    .reduce((product, value) => product * value, 1);
  return [
    {
      name: "rate / (-4 s² eta²), extrapolated",
      condition: { learningRate: "0" },
      estimate: polynomialIntercept(
        x,
        usable.map(({ ratio }) => ratio),
        degree,
      ),
      unit: "1",
      predicted: 1,
      systematic: next,
    },
  ];
}

/** Without noise nothing moves: zero loss is a fixed point, and I stays. */
function withoutNoise(
  p: ImbalanceParameters,
  runs: readonly DecayRun[],
  rates: readonly Estimate[],
): Quantity {
  const i = runs.findIndex(({ labelNoise }) => labelNoise === 0);
  const [u, w] = start(p);
  const { learningRate, steps } = runs[i]!;
  return {
    name: "d ln|I|/step without noise",
    condition: { learningRate },
    estimate: rates[i]!,
    unit: "1/step",
    predicted: 0,
    // The start is rounded to float32, and v moves by so much to k: a few roundings of I in all.
    systematic: (16 * F32 * (u * u + w * w)) / Math.abs(u * u - w * w) / steps,
  };
}
