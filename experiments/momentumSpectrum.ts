/**
 * Card 4D: momentum removes the spread of convergence times between the modes of a quadratic loss.
 *
 * w' = w + v', v' = b v − ηλ w for each eigenvalue λ. Without momentum mode λ decays as (1 − ηλ)ⁿ; with
 * enough of it all modes oscillate and decay as √b, whatever λ. Measured on the envelope that falls by
 * the same factor at each step, not on |w|, which crosses any threshold on its way through zero.
 */
import { z } from "zod";
import { fixed } from "../engine/initial.ts";
import { type SeriesSpec, series } from "../engine/observe/series.ts";
import type { RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { RecordOf } from "../engine/run/ensemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { momentumEnvelope, quadraticMode } from "../models/index.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, ExperimentResult, Quantity, RunContext } from "./experiment.ts";
import { type MeasuredDecay, measureDecay } from "./momentumSpectrum/decay.ts";
import { envelopeFigures, rateFigure } from "./momentumSpectrum/figures.ts";
import { duration, learningRate } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRate: learningRate(0.5),
  curvatures: z
    .array(z.number().positive())
    .min(1)
    .max(16)
    .default([1, 0.1, 0.01])
    .describe("λ, eigenvalues of the Hessian, one mode each [loss/θ²]"),
  momenta: z
    .array(z.number().min(0).lt(1))
    .min(1)
    .max(8)
    .default([0, 0.9, 0.99])
    .describe("b, shares of the velocity kept [1]"),
  threshold: z
    .number()
    .gt(1e-6)
    .lt(1)
    .default(1e-3)
    .describe("share of the start at which a mode counts as converged [1]"),
  steps: duration("observed steps, at least one"),
});

type Settings = z.infer<typeof parameters>;

const unique = (values: readonly number[]): number[] => [...new Set(values)];

/** Longest automatic run of a mode. */
const LONGEST = 100_000;
/** Operations of one replica-step, roughly. */
const WORK = 100;

const setup = (p: Settings, curvature: number) => ({
  ...quadraticMode(curvature),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate: p.learningRate }),
  sweep: { momentum: p.momenta },
  replicas: 1,
  keepVelocity: true,
  observables: { path: series({ of: ["theta", "v.theta"] }) },
});

/** Steps in which every converging momentum passes the threshold, a few to spare. */
function stepsOf(p: Settings, curvature: number): number {
  if (p.steps !== "auto") return Math.max(1, p.steps);
  const needed = p.momenta.map((momentum) => {
    const { rate } = momentumEnvelope({ ...p, momentum, curvature });
    if (rate >= 1) return 1;
    return rate === 0 ? 1 : Math.log(p.threshold) / Math.log(rate);
  });
  return Math.min(LONGEST, 10 + Math.ceil(1.02 * Math.max(...needed)));
}

export const momentumSpectrum: Experiment<typeof parameters> = {
  id: "momentum-spectrum",
  title: "Momentum and the spread of convergence times",
  card: "4D",
  sources: [
    "B. T. Polyak, Some methods of speeding up the convergence of iteration methods, 1964",
    "roots of z² − (1 + b − ηλ)z + b, derived in models/theory/heavyBallPath.ts",
  ],
  summary:
    "Modes of a quadratic loss under the heavy ball at several momenta: decay per step, steps until " +
    "the envelope has fallen to a threshold, and the spread of these between modes. Momentum makes all " +
    "modes that oscillate decay alike, as √b.",
  parameters,
  quick: {},
  explain: (p) => {
    const { data, ...setting } = setup(p, p.curvatures[0]!);
    return [{ ...setting, samples: data.samples }];
  },
  async run(given, context) {
    const p = { ...given, curvatures: unique(given.curvatures), momenta: unique(given.momenta) };
    const lengths = p.curvatures.map((curvature) => stepsOf(p, curvature));
    const work = lengths.reduce((sum, steps) => sum + steps * p.momenta.length * WORK, 0);
    const stages = await Stages.open(context, work);
    const decays: MeasuredDecay[] = [];
    const records: Record<string, RunRecord> = {};
    for (const [m, curvature] of p.curvatures.entries()) {
      const label = `mode ${m + 1}`;
      const record = await observeMode(p, curvature, lengths[m]!, label, stages, context);
      records[label] = record;
      for (const [condition, momentum] of p.momenta.entries()) {
        const mode = { learningRate: p.learningRate, momentum, curvature };
        decays.push(measureDecay(mode, p.threshold, record.path, condition));
      }
    }
    return { ...judged(p, decays), records };
  },
};

async function observeMode(
  p: Settings,
  curvature: number,
  steps: number,
  label: string,
  stages: Stages,
  context: RunContext,
): Promise<RecordOf<{ path: SeriesSpec }>> {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, curvature),
    seed: context.seed,
    initial: fixed(1),
  });
  // One record more than steps: the state after the last.
  const stage = { label, ensemble, burnIn: 0, steps: steps + 1, work: WORK };
  return (await stages.run(stage)).observed;
}

function judged(
  p: Settings,
  decays: readonly MeasuredDecay[],
): Pick<ExperimentResult, "quantities" | "warnings" | "figures"> {
  const spreads = p.momenta.flatMap((momentum) =>
    spread(
      momentum,
      decays.filter((decay) => decay.momentum === momentum),
    ),
  );
  return {
    quantities: [...decays.flatMap(quantitiesOf), ...spreads],
    warnings: warningsOf(p, decays),
    figures: [...envelopeFigures(p, decays), rateFigure(p, decays)],
  };
}

const METHOD = "one deterministic trajectory";

function quantitiesOf(decay: MeasuredDecay): Quantity[] {
  const quantity = (
    name: string,
    value: number,
    unit: string,
    predicted: number | null,
    systematic: number,
  ): Quantity => ({
    name,
    condition: { momentum: decay.momentum, curvature: decay.curvature },
    estimate: exactly(value, METHOD),
    unit,
    predicted,
    systematic,
  });
  const rows = [
    quantity(
      "rate",
      decay.rate,
      "per step",
      decay.converges ? decay.exactRate : null,
      decay.rateRounding,
    ),
  ];
  if (decay.steps !== null) {
    rows.push(
      quantity("envelope steps", decay.steps, "steps", decay.exactSteps, decay.stepsRounding + 1),
    );
  }
  if (decay.crossing !== null) {
    rows.push(quantity("first crossing", decay.crossing, "steps", null, 0));
  }
  return rows;
}

/** Slowest over fastest of the modes at one momentum; nothing where a mode has not converged. */
function spread(momentum: number, modes: readonly MeasuredDecay[]): Quantity[] {
  if (modes.length < 2 || modes.some(({ passage }) => passage === null)) return [];
  const ratio = (values: readonly number[]): number => Math.max(...values) / Math.min(...values);
  const exact = modes.map(({ exactSteps }) => exactSteps);
  const predicted = ratio(exact);
  // A ratio of two times: their relative roundings add.
  const relative = modes.map((m) => m.stepsRounding / m.exactSteps).sort((a, b) => b - a);
  return [
    {
      name: "spread of envelope steps",
      condition: { momentum },
      estimate: exactly(ratio(modes.map(({ passage }) => passage!)), METHOD),
      unit: "1",
      predicted: Number.isFinite(predicted) ? predicted : null,
      systematic: predicted * (relative[0]! + relative[1]!) * (1 + relative[1]!),
    },
  ];
}

function warningsOf(p: Settings, decays: readonly MeasuredDecay[]): string[] {
  const name = ({ momentum, curvature }: MeasuredDecay): string =>
    `λ = ${curvature}, b = ${momentum}`;
  const grows = ({ momentum, curvature }: MeasuredDecay): boolean =>
    p.learningRate * curvature >= 2 * (1 + momentum);
  const diverging = decays.filter(grows);
  const still = decays.filter((decay) => !decay.converges && !grows(decay));
  const slow = decays.filter(({ converges, steps }) => converges && steps === null);
  return [
    ...(diverging.length > 0
      ? [
          `no convergence at ${diverging.map(name).join("; ")}: ηλ is not below 2(1 + b), the mode ` +
            "grows; lower learningRate",
        ]
      : []),
    ...(still.length > 0
      ? [
          `no rate is predicted at ${still.map(name).join("; ")}: it differs from 1 by less than float64 ` +
            "resolves; raise learningRate",
        ]
      : []),
    ...(slow.length > 0
      ? [
          `threshold ${p.threshold} not reached within the observed steps at ` +
            `${slow.map(name).join("; ")}: ` +
            `${slow.map(({ exactSteps }) => Math.ceil(exactSteps)).join(", ")} are needed; raise steps`,
        ]
      : []),
  ];
}
