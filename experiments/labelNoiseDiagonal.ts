/**
 * Card 3A: a diagonal net v = u_0 … u_D trained by plain SGD on labels with noise, against the stationary
 * law that the balance of its factors leads to, and the collapse of two factors above T_c.
 *
 * l = (v − k − sξ)², batches of one sample, so T = η. Two factors are also started next to v = 0, where
 * ln v grows or falls at a rate that is known exactly.
 */
import { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import { byCondition, each, fixed, type InitialLaw } from "../engine/initial.ts";
import { series } from "../engine/observe/series.ts";
import type { RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { diagonalNet, factorName } from "../models/diagonalNet.ts";
import { mulberry32 } from "../models/mulberry.ts";
import type { BalanceLaw } from "../models/theory/index.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { collapseQuantities, collapseSteps, START } from "./labelNoiseDiagonal/collapse.ts";
import { collapseFigure, momentFigures } from "./labelNoiseDiagonal/figures.ts";
import { momentQuantities } from "./labelNoiseDiagonal/measures.ts";
import { type Claim, claimOf, type LabelNoiseParameters } from "./labelNoiseDiagonal/theory.ts";
import { divergenceWarnings } from "./outcome.ts";
import { duration, refuseRepeats, replicas } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  depth: z.number().int().min(0).max(5).default(1).describe("D: the net has D + 1 factors"),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .max(16)
    .default([0.005, 0.01, 0.02, 0.025, 0.03, 0.04, 0.055])
    .describe("η = T, each a condition of one ensemble [θ²/loss]"),
  slope: z.number().positive().default(0.05).describe("k, the mean of xy at x = ±1 [v]"),
  labelNoise: z
    .number()
    .positive()
    .default(1)
    .describe("s, standard deviation of the labels' noise [v]"),
  noiseLaw: z.enum(["sign", "normal"]).default("sign").describe("law of the labels' noise"),
  start: z
    .enum(["law", "point"])
    .default("law")
    .describe(
      "replicas start from draws of the continuous law where there is one, or all at v = k",
    ),
  replicas: replicas(2000),
  steps: duration("observed steps, 20 relaxation times, at most 20000"),
  burnIn: duration("steps before observing, 2 relaxation times, 12 from a point, at most 20000"),
});

/** Operations of a step: random numbers, products and their gradients. */
const work = (p: LabelNoiseParameters): number => 60 + 10 * (p.depth + 1);
/** Records of a replica: more of them are correlated. */
const RECORDS = 200;

const factors = (p: LabelNoiseParameters): string[] =>
  Array.from({ length: p.depth + 1 }, (_, k) => factorName(k));

const setup = (p: LabelNoiseParameters, every: number) => ({
  model: diagonalNet(p),
  sampling: "withReplacement" as const,
  update: sgd({ batchSize: 1 }),
  sweep: { learningRate: p.learningRates, slope: [p.slope], labelNoise: [p.labelNoise] },
  replicas: p.replicas,
  observables: { factors: series({ of: factors(p), every }) },
});

/** Relaxation times to burn in and to observe; at most so many steps unasked. */
const TIMES = { law: 2, point: 12, observe: 20 } as const;
const LONGEST = 20_000;

function lengths(p: LabelNoiseParameters, claims: readonly Claim[]) {
  const relaxation = Math.max(1, ...claims.map(({ relaxation }) => relaxation ?? 1));
  const auto = (times: number, least: number): number =>
    Math.ceil(Math.min(LONGEST, Math.max(least, times * relaxation)));
  const burnIn = p.burnIn === "auto" ? auto(TIMES[p.start], 200) : p.burnIn;
  const asked = p.steps === "auto" ? auto(TIMES.observe, 2000) : p.steps;
  if (asked < 1) throw new ArgumentError("steps: 0 observe nothing; give at least 1.");
  const every = Math.max(1, Math.floor(asked / RECORDS));
  return { burnIn, every, steps: Math.ceil(asked / every) * every };
}

/** Independent draws of the law, all factors alike, [replica, param]. */
function drawsOf(p: LabelNoiseParameters, law: BalanceLaw, seed: number): InitialLaw {
  const uniform = mulberry32(seed);
  const size = p.depth + 1;
  const theta = new Float64Array(p.replicas * size);
  for (let r = 0; r < p.replicas; r += 1) {
    const u = law.quantile(Math.min(1 - 1e-12, Math.max(1e-12, uniform()))) ** (1 / size);
    theta.fill(u, r * size, (r + 1) * size);
  }
  return each(theta);
}

const start = (p: LabelNoiseParameters, claims: readonly Claim[], seed: number): InitialLaw =>
  byCondition(
    claims.map(({ law }, c) =>
      p.start === "law" && law
        ? drawsOf(p, law, seed + c * 0x9e3779b9)
        : fixed(p.slope ** (1 / (p.depth + 1))),
    ),
  );

export const labelNoiseDiagonal: Experiment<typeof parameters> = {
  id: "label-noise-diagonal",
  title: "Law of balance of a diagonal net under label noise",
  card: "3A",
  sources: [
    "L. Ziyin, H. Li, M. Ueda, Law of balance and stationary distribution, arXiv 2308.06671",
  ],
  summary:
    "A product of D + 1 numbers fitted by SGD to a noisy label. Mean and variance of v against the " +
    "continuous law, and against it with its first correction in the learning rate. Two factors " +
    "(D = 1) have a Gamma law whose mean falls linearly to 0 at a critical temperature, above which v " +
    "collapses; more factors shrink smoothly, and one does not shrink.",
  parameters,
  quick: { replicas: 500, steps: 10_000, burnIn: 5000 },
  explain: (p) => [{ ...setup(p, 1), samples: onlineData.samples }],
  async run(p, context) {
    refuseRepeats("learningRates", p.learningRates);
    const claims = p.learningRates.map((learningRate) => claimOf(p, learningRate));
    const { burnIn, steps, every } = lengths(p, claims);
    const fall = collapseSteps(p);
    const lanes = p.learningRates.length * p.replicas;
    const total = (burnIn + steps + (p.depth === 1 ? fall : 0)) * lanes * work(p);
    const stages = await Stages.open(context, total);
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, every),
      data: onlineData,
      seed: context.seed,
      initial: start(p, claims, context.seed),
    });
    const { observed } = await stages.run({
      label: "net",
      ensemble,
      burnIn,
      steps,
      multiple: every,
      work: work(p),
    });
    const measured = { p, claims, burnIn, steps, record: observed.factors, run: observed.run };
    const found = momentQuantities(measured);
    const collapse = p.depth === 1 ? await nearZero(p, fall, stages, context) : null;
    const falling = collapse ? collapseQuantities(p, collapse.record, fall) : [];
    const records: Record<string, RunRecord> = { net: observed };
    if (collapse) records.collapse = collapse.record;
    return {
      quantities: [...found.quantities, ...falling],
      warnings: [
        ...claims.flatMap(({ warnings }) => warnings),
        ...found.warnings,
        ...divergenceWarnings(observed.run),
      ],
      figures: [
        ...momentFigures(p, found.quantities),
        ...(collapse ? [collapseFigure(p, falling)] : []),
        comparison(
          found.quantities.filter(({ name }) => /^(?:mean|var)\(v\)$/.test(name)),
          `${p.depth + 1} factors, ${p.replicas} replicas observed for ${steps} steps after ${burnIn}; ` +
            `learning rates ${p.learningRates.join(", ")} in order.`,
        ),
      ],
      records,
    };
  },
};

/** Replicas next to v = 0, their factors before and after `steps` steps. */
async function nearZero(
  p: LabelNoiseParameters,
  steps: number,
  stages: Stages,
  context: RunContext,
) {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, steps),
    data: onlineData,
    // Random numbers of their own: lanes beyond those of the other ensemble.
    replicas: { first: p.replicas, count: p.replicas },
    seed: context.seed,
    initial: fixed(START),
  });
  const stage = { label: "near zero", ensemble, burnIn: 0, steps: steps + 1, work: work(p) };
  const { observed } = await stages.run({ ...stage, multiple: steps + 1 });
  return { record: observed };
}
