/**
 * Card 2C: SGD noise balances the gradients of two layers, E|g_u|² = E|g_w|², and so makes a linear
 * bottleneck sharper or flatter than it need be, whatever its start.
 *
 * y = c x_0 e_0 + noise s on that output and s' on the others, batches of one sample. Each pair of
 * noises has an ensemble for each learning rate; the ratio |w|²/|u|² is extrapolated to η → 0.
 */
import {
  type Estimate,
  polynomialIntercept,
  ratioOfMeans,
  replicaMean,
} from "../analysis/index.ts";
import { ArgumentError } from "../engine/errors.ts";
import type { RunRecord } from "../engine/record.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import {
  type BottleneckNoise,
  type GradientBalance,
  gradientBalance as theory,
} from "../models/theory/index.ts";
import {
  type BottleneckRun,
  type BottleneckSquares,
  bottleneckRun,
  bottleneckSetup,
  bottleneckWork,
  roundingDrift,
  THETA_EVERY,
} from "./bottleneckRuns.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { ratioFigure, sharpnessFigure } from "./gradientBalance/figures.ts";
import { type BalanceParameters, balanceSettings } from "./gradientBalance/settings.ts";
import { divergenceWarnings, estimateOf } from "./outcome.ts";
import { durations, refuseRepeats } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32_BLOCK_SUM } from "./systematic.ts";

/** Terms of order η² above this share of the ratio leave nothing to compare with. */
const LARGEST_REMAINDER = 0.25;

export interface BalanceRun extends BottleneckRun {
  readonly exact: GradientBalance;
}

const netOf = (p: BalanceParameters, i: number): BottleneckNoise => ({
  inputs: p.inputs,
  outputs: p.outputs,
  signal: p.signal,
  labelNoise: p.labelNoise[i]!,
  otherNoise: p.otherNoise[i]!,
});

/** (κη)², relative size of what the expansion leaves out. */
const remainder = ({ exact, learningRate }: BalanceRun): number =>
  (exact.scale * learningRate) ** 2;

function check(p: BalanceParameters): void {
  if (p.labelNoise.length !== p.otherNoise.length) {
    throw new ArgumentError(
      `otherNoise: ${p.otherNoise.length} values for ${p.labelNoise.length} of labelNoise, which are ` +
        "taken in pairs; give as many of each.",
    );
  }
  refuseRepeats("learningRates", p.learningRates);
}

function plan(p: BalanceParameters): BalanceRun[] {
  check(p);
  return p.labelNoise.flatMap((_, i) => {
    const net = netOf(p, i);
    const exact = theory(net);
    return p.learningRates.map((learningRate, j): BalanceRun => {
      const relaxation = 1 / (exact.relaxation * learningRate ** 2);
      const { burnIn, steps } = durations(
        {
          burnIn: p.burnIn === "auto" ? Math.max(1000, Math.ceil(1.5 * relaxation)) : p.burnIn,
          steps: p.steps === "auto" ? Math.max(2000, Math.ceil(2 * relaxation)) : p.steps,
        },
        relaxation,
        { burnIn: 0, steps: 1, multiple: THETA_EVERY },
      );
      // The first order, in a form that stays positive: what is beyond it is left to the burn-in.
      const { value, slope } = exact.ratio;
      const balanced = value * Math.exp((slope * learningRate) / value);
      return {
        label: `noise ${net.labelNoise}, ${net.otherNoise}, learning rate ${learningRate}`,
        net,
        exact,
        learningRate,
        weightDecay: 0,
        ratio: p.start === "balanced" ? balanced : p.start,
        // Random numbers of their own.
        replicas: { first: (i * p.learningRates.length + j) * p.replicas, count: p.replicas },
        thetaEvery: THETA_EVERY,
        burnIn,
        steps,
      };
    });
  });
}

export const gradientBalance: Experiment<typeof balanceSettings> = {
  id: "gradient-balance",
  title: "Gradient balance makes a bottleneck sharp or flat",
  card: "2C",
  sources: ["Neural Thermodynamics I, arXiv 2505.12387"],
  summary:
    "A linear net with one hidden unit learns one noisy direction of fresh data. Its layers can be " +
    "rescaled at no loss; noise chooses: mean squared gradients of the layers become equal, which fixes " +
    "|w|²/|u|² and the Hessian's trace. Equal noise on all outputs leads to the flattest solution, " +
    "unequal noise to sharper ones.",
  parameters: balanceSettings,
  quick: { replicas: 64, learningRates: [0.012, 0.006] },
  explain: (p) => {
    const { model, ...setting } = bottleneckSetup(plan(p)[0]!);
    return [{ model, ...setting, replicas: p.replicas, samples: onlineData.samples }];
  },
  async run(p, context) {
    const runs = plan(p);
    const total = runs.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, total * p.replicas * bottleneckWork(runs[0]!.net));
    const measured: Measured[] = [];
    const records: Record<string, RunRecord> = {};
    const warnings: string[] = [];
    for (const [i, run] of runs.entries()) {
      const { squares, record } = await bottleneckRun(run, stages, context);
      measured.push({ run, squares, ...layersOf(run, squares) });
      records[`run${i}`] = record;
      warnings.push(...divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`));
      warnings.push(...doubts(run));
    }
    const single = measured.flatMap(quantitiesOf);
    const limits = p.labelNoise.flatMap((_, i) => extrapolated(p, measured, i));
    return {
      quantities: [...single, ...limits],
      warnings,
      figures: [
        ratioFigure(p, [...single, ...limits]),
        sharpnessFigure(p, single),
        comparison(
          single.filter(({ name }) => name === "E|g_u|²/E|g_w|²"),
          `Noises ${p.labelNoise.map((s, k) => `(${s}, ${p.otherNoise[k]})`).join(", ")} in order, each ` +
            `at learning rates ${p.learningRates.join(", ")}; ${p.replicas} replicas.`,
        ),
      ],
      records,
    };
  },
};

interface Measured {
  readonly run: BalanceRun;
  readonly squares: BottleneckSquares;
  readonly ratio: Estimate;
  readonly sharpness: Estimate;
}

function layersOf({ net }: BalanceRun, { u, w }: BottleneckSquares) {
  const trace = u.map((value, r) => 2 * (net.inputs * w[r]! + net.outputs * value));
  return {
    ratio: estimateOf(() => ratioOfMeans(w, u)),
    sharpness: estimateOf(() => replicaMean(trace)),
  };
}

function doubts(run: BalanceRun): string[] {
  const left = remainder(run);
  if (left <= LARGEST_REMAINDER) return [];
  return [
    `no prediction of the ratio for ${run.label}: terms of order η² may be ${left.toPrecision(2)} of it; ` +
      `lower it below ${(Math.sqrt(LARGEST_REMAINDER) / run.exact.scale).toPrecision(2)}.`,
  ];
}

const conditionOf = ({ net }: BalanceRun) => ({
  labelNoise: net.labelNoise,
  otherNoise: net.otherNoise,
});

/** What is left of the start's distance from the ratio after burn-in. */
const startBias = ({ exact, learningRate, burnIn, ratio }: BalanceRun): number =>
  Math.abs(ratio - exact.ratio.value - exact.ratio.slope * learningRate) *
  Math.exp(-burnIn * exact.relaxation * learningRate ** 2);

function quantitiesOf({ run, squares, ratio, sharpness }: Measured): Quantity[] {
  const { exact, learningRate } = run;
  const condition = { ...conditionOf(run), learningRate };
  const claimed = remainder(run) <= LARGEST_REMAINDER && Number.isFinite(ratio.value);
  const atOrder = ({ value, slope }: GradientBalance["ratio"]): number =>
    value + slope * learningRate;
  const quantity = (
    name: string,
    estimate: Estimate,
    unit: string,
    predicted: number,
    systematic: number,
  ): Quantity => ({
    name,
    condition,
    estimate,
    unit,
    predicted: claimed ? predicted : null,
    systematic: claimed ? systematic : 0,
  });
  const first = atOrder(exact.ratio);
  // What is left of a start elsewhere, and what the first order leaves out.
  const relative = remainder(run) + startBias(run) / exact.ratio.value;
  return [
    quantity("|w|²/|u|²", ratio, "1", first, relative * exact.ratio.value),
    quantity(
      "tr H",
      sharpness,
      "loss/θ²",
      atOrder(exact.sharpness),
      relative * exact.sharpness.value,
    ),
    ...gradientQuantities(run, squares, condition),
  ];
}

/**
 * Ratio of the mean squared gradients: 1 in a stationary state. What it misses in a finite run is
 * exactly the change of |u|² − |w|² over η² steps, which the telescoped ratio leaves out.
 */
function gradientQuantities(
  { learningRate, steps }: BalanceRun,
  { u, w, gradientU, gradientW, before, after }: BottleneckSquares,
  condition: Quantity["condition"],
): Quantity[] {
  const drift = after.map((value, r) => (value - before[r]!) / (learningRate ** 2 * steps));
  const ratio = estimateOf(() => ratioOfMeans(gradientU, gradientW));
  const moved = estimateOf(() => replicaMean(drift));
  const scale = estimateOf(() => replicaMean(gradientW)).value;
  const exact = estimateOf(() =>
    ratioOfMeans(
      gradientU.map((value, r) => value - drift[r]!),
      gradientW,
    ),
  );
  const finite = Number.isFinite(ratio.value);
  const size = estimateOf(() => replicaMean(u.map((value, r) => value + w[r]!))).value;
  const rounding = roundingDrift(size, steps, u.length) / learningRate ** 2;
  return [
    {
      name: "E|g_u|²/E|g_w|²",
      condition,
      estimate: ratio,
      unit: "1",
      predicted: finite ? 1 : null,
      systematic: finite ? Math.abs(moved.value / scale) : 0,
    },
    {
      name: "E|g_u|²/E|g_w|², telescoped",
      condition,
      estimate: exact,
      unit: "1",
      predicted: finite ? 1 : null,
      systematic: finite ? 2 * F32_BLOCK_SUM + rounding / scale : 0,
    },
  ];
}

/** Ratio and sharpness at η → 0, linearly as the card has it. */
function extrapolated(p: BalanceParameters, all: readonly Measured[], i: number): Quantity[] {
  const usable = all.filter(
    ({ run, ratio }) =>
      run.net.labelNoise === p.labelNoise[i] &&
      run.net.otherNoise === p.otherNoise[i] &&
      remainder(run) <= LARGEST_REMAINDER &&
      Number.isFinite(ratio.value),
  );
  if (usable.length < 2) return [];
  const x = usable.map(({ run }) => run.learningRate);
  const { exact } = usable[0]!.run;
  // The next order is about (κη)²: through two points it leaves κ² times their product, at the most.
  const [a, b] = x.map((rate) => exact.scale * rate).sort((s, t) => t - s) as [number, number];
  const intercept = (values: readonly Estimate[]): Estimate => polynomialIntercept(x, values, 1);
  // Weights of the points are those of the intercept, which is linear in them.
  const start = usable.reduce((sum, { run }, i) => {
    const alone = usable.map((one, k) => ({ ...one.ratio, value: k === i ? startBias(run) : 0 }));
    return sum + Math.abs(intercept(alone).value);
  }, 0);
  const relative = a * b + start / exact.ratio.value;
  const quantity = (name: string, of: "ratio" | "sharpness", unit: string): Quantity => ({
    name: `${name}, extrapolated`,
    condition: { ...conditionOf(usable[0]!.run), learningRate: "0" },
    estimate: intercept(usable.map((one) => one[of])),
    unit,
    predicted: exact[of].value,
    systematic: relative * exact[of].value,
  });
  return [quantity("|w|²/|u|²", "ratio", "1"), quantity("tr H", "sharpness", "loss/θ²")];
}
