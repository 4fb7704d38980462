/**
 * Card 1A: modes of a quadratic loss under Gaussian gradient noise on a ladder of learning rates;
 * energy, entropy and temperatures of the stationary states against exact values.
 *
 * θ' = θ − η (h θ + s ξ). Each rung has replicas of its own, so that rungs are independent, and runs as
 * long as its own relaxation asks for.
 */
import { z } from "zod";
import {
  gaussianLadderPoint,
  graphLadderPoint,
  type LadderPoint,
  nearestNeighborEntropy,
  nearestNeighborLadderPoint,
  replicaTimeMeans,
} from "../analysis/index.ts";
import type { Device } from "../engine/device.ts";
import { ArgumentError, RefusalError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { series } from "../engine/observe/series.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { EnsembleState, RecordOf } from "../engine/run/ensemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { quadraticModes } from "../models/quadraticModes.ts";
import {
  type QuadraticCalibration,
  quadraticCalibration as theory,
} from "../models/theory/index.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { duration, durations, refuseRepeats, replicas } from "./parameters.ts";
import { calibrationFigures } from "./quadraticCalibration/figures.ts";
import { cloudsOf, referenceClouds } from "./quadraticCalibration/graph.ts";
import { calibrationQuantities, type Rung } from "./quadraticCalibration/quantities.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  curvatures: z
    .array(z.number().positive())
    .min(1)
    .max(16)
    .default([0.25, 0.5, 1, 2])
    .describe("h, Hessian eigenvalue of each mode [loss/θ²]"),
  noise: z
    .number()
    .min(1e-9)
    .max(1e9)
    .default(1)
    .describe("s, standard deviation of the gradient noise of each mode and step [loss/θ]"),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.01, 0.02, 0.04, 0.08, 0.16, 0.32])
    .describe("the ladder of η, in any order; temperatures need two [θ²/loss]"),
  neighbors: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe("k of the nearest-neighbor entropy"),
  replicas: replicas(20_000),
  steps: duration("observed steps of each rung"),
  burnIn: duration("steps from θ = 0 before observing, 12 relaxation times of each rung"),
});

type Settings = z.infer<typeof parameters>;

/** Relaxation times from the start to the first observation: e^{−24} of the variances is missing. */
const BURN_IN_TIMES = 12;
const WORK = 60;

const setup = (p: Settings, learningRate: number, every: number) => ({
  ...quadraticModes(p.curvatures),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate, gradientNoise: p.noise }),
  observables: { loss: series({ of: "loss", every }), moments: moments({ lags: [0], every }) },
});

interface PlannedRung {
  readonly learningRate: number;
  readonly exact: QuadraticCalibration;
  readonly burnIn: number;
  readonly steps: number;
  readonly every: number;
}

/** Rungs with a stationary state, ascending, and a warning for each of the others. */
function plan(p: Settings): { rungs: PlannedRung[]; warnings: string[] } {
  const rates = [...p.learningRates].sort((a, b) => a - b);
  refuseRepeats("learningRates", rates);
  const warnings: string[] = [];
  const rungs = rates.flatMap((learningRate) => {
    const found = predictionOf(() => theory({ ...p, learningRate }));
    warnings.push(
      ...found.warnings.map((text) => `learning rate ${learningRate} left out: ${text}`),
    );
    if (found.exact === null) return [];
    // ηh = 1 forgets in one step.
    const relaxation = Math.max(1, found.exact.relaxation);
    const asked = p.burnIn === "auto" ? Math.ceil(BURN_IN_TIMES * relaxation) : p.burnIn;
    const lengths = durations({ ...p, burnIn: asked }, relaxation, { burnIn: 20, steps: 40 });
    const every = Math.max(1, Math.floor(relaxation / 20));
    return [{ learningRate, exact: found.exact, every, ...lengths }];
  });
  if (rungs.length === 0) {
    throw new ArgumentError(
      `learningRates: none of ${rates.join(", ")} has a stationary state, which needs a rate below ` +
        `2/h = ${2 / Math.max(...p.curvatures)}; lower learningRates or curvatures.`,
    );
  }
  return { rungs, warnings };
}

type Observed = RecordOf<ReturnType<typeof setup>["observables"]>;

async function simulate(
  device: Device,
  p: Settings,
  { seed }: RunContext,
  rung: PlannedRung & { readonly first: number },
  stages: Stages,
): Promise<{ observed: Observed; state: EnsembleState }> {
  const { learningRate, every, burnIn, steps, exact, first } = rung;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, learningRate, every),
    // Replicas of their own: rungs must not share random numbers.
    replicas: { first, count: p.replicas },
    seed,
    initial: fixed(0),
    // Large noise makes large states: nothing diverges here that is not 10³ standard deviations out.
    bounds: {
      theta: Math.max(1e6, 1e3 * Math.sqrt(exact.variances.reduce((sum, v) => sum + v, 0))),
      loss: Math.max(1e12, 1e6 * exact.energy),
    },
  });
  const label = `learning rate ${learningRate}`;
  const { observed } = await stages.run({
    label,
    ensemble,
    burnIn,
    steps,
    multiple: every,
    work: WORK,
  });
  return { observed, state: await ensemble.state() };
}

/** A point of the ladder, or why there is none. */
function pointOf(make: () => LadderPoint): { point: LadderPoint | null; warnings: string[] } {
  try {
    return { point: make(), warnings: [] };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return { point: null, warnings: [error.message] };
  }
}

function measure(p: Settings, planned: PlannedRung, observed: Observed, state: EnsembleState) {
  const energies = replicaTimeMeans(observed.loss);
  const frozen = observed.run.frozen;
  const d = p.curvatures.length;
  // A frozen replica keeps its last state, which is none of the stationary law.
  const data = Float64Array.from(state.theta.data, (value, k) =>
    frozen[Math.floor(k / d)]! >= 0 ? Number.NaN : value,
  );
  const gaussian = pointOf(() => gaussianLadderPoint(energies, observed.moments));
  const neighbors = pointOf(() =>
    nearestNeighborLadderPoint(
      energies,
      nearestNeighborEntropy({ data, replicas: p.replicas, k: d }, { neighbors: p.neighbors }),
    ),
  );
  const clouds = cloudsOf(frozen.reduce((sum, step) => sum + (step < 0 ? 1 : 0), 0));
  const samples = { data, replicas: p.replicas, k: d };
  // A graph of distances in one dimension has no exponent below it.
  const graph = clouds && d > 1 ? graphLadderPoint(energies, samples, clouds) : null;
  const rung: Rung = {
    ...planned,
    energies,
    moments: observed.moments,
    gaussian: gaussian.point,
    neighbors: neighbors.point,
    graph,
    reference: graph ? referenceClouds(planned.exact.variances, clouds!) : new Float64Array(0),
  };
  const warnings = [...new Set([...gaussian.warnings, ...neighbors.warnings])];
  return {
    rung,
    warnings: [
      ...divergenceWarnings(observed.run),
      ...warnings.map((text) => `learning rate ${planned.learningRate}: ${text}`),
    ],
  };
}

export const quadraticCalibration: Experiment<typeof parameters> = {
  id: "quadratic-calibration",
  title: "Temperatures of quadratic modes",
  card: "1A",
  sources: ["SGD as free energy minimization, arXiv 2505.23489"],
  summary:
    "Modes of unequal curvature with equal Gaussian gradient noise, on a ladder of learning rates. " +
    "Mean loss U and entropy S of each stationary state, S from the covariance, from nearest " +
    "neighbors and from their graph, and the temperatures they define: dU/dS, the free-energy interval, equipartition. All " +
    "are exactly known at any learning rate; the continuous theory, T = η s²/2, misses them by O(ηh).",
  parameters,
  quick: { replicas: 2000, learningRates: [0.04, 0.08, 0.16, 0.32] },
  explain: (p) => {
    const { data, ...setting } = setup(p, p.learningRates[0]!, 1);
    return [{ ...setting, replicas: p.replicas, samples: data.samples }];
  },
  async run(p, context) {
    const { rungs: planned, warnings } = plan(p);
    const work = planned.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, work * p.replicas * WORK);
    const rungs: Rung[] = [];
    const records: Record<string, Observed> = {};
    for (const [i, rung] of planned.entries()) {
      const lanes = { ...rung, first: i * p.replicas };
      const { observed, state } = await simulate(context.device, p, context, lanes, stages);
      const measured = measure(p, rung, observed, state);
      rungs.push(measured.rung);
      warnings.push(...measured.warnings);
      records[`rung${i}`] = observed;
      await stages.pause();
    }
    const found = calibrationQuantities(p, rungs);
    return {
      quantities: found.quantities,
      warnings: [...warnings, ...found.warnings],
      figures: calibrationFigures(p, rungs),
      records,
    };
  },
};
