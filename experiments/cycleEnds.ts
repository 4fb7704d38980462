/**
 * What cards A3 and A4 share: one-dimensional quadratic samples, observed at the ends of the cycles
 * of a sampling law (a step, an epoch, or a permutation walked forward and back).
 */

import type { ExplainRequest } from "../engine/explain.ts";
import type { MomentsSpec } from "../engine/observe/moments.ts";
import { moments } from "../engine/observe/moments.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { RecordOf } from "../engine/run/ensemble.ts";
import { batchesPerEpoch, type SamplingLaw } from "../engine/sampling.ts";
import { sgd } from "../engine/update/sgd.ts";
import { centeredData, centeredQuadratics } from "../models/centeredQuadratics.ts";
import { cycleMoments } from "../models/theory/index.ts";
import type { RunContext } from "./experiment.ts";
import { predictionOf } from "./outcome.ts";
import { durations } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32, transient } from "./systematic.ts";

export interface CycleProblem {
  readonly curvatures: Float64Array;
  readonly centers: Float64Array;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly sampling: SamplingLaw;
  readonly replicas: number;
  readonly burnIn: number | "auto";
  readonly steps: number | "auto";
}

export interface CycleEnds {
  readonly record: MomentsRecord;
  readonly run: RecordOf<{ moments: MomentsSpec }>;
  /** Exact stationary standard deviation of w. */
  readonly deviation: number;
  /** Rounding of one step over the memory of w: ½ ulp of |w − minimum| for 1/(1 − r) steps. */
  readonly rounding: number;
  /** What is left of the start in second moments, relative. */
  readonly transient: number;
  readonly burnIn: number;
  readonly steps: number;
}

type CycleSettings = Pick<CycleProblem, "learningRate" | "batchSize" | "sampling" | "replicas">;

const cycleSetup = (
  { learningRate, batchSize, sampling, replicas }: CycleSettings,
  cycle: number,
) => ({
  model: centeredQuadratics(),
  sampling,
  update: sgd({ learningRate, batchSize }),
  replicas,
  observables: { moments: moments({ every: cycle }) },
});

/** The model and how it is trained, for `thermograd explain`. */
export const explainCycles = (
  settings: CycleSettings,
  samples: number,
): readonly ExplainRequest[] => [{ ...cycleSetup(settings, samples), samples }];

/** Runs the problem from its minimum and accumulates moments of u = w − minimum at cycle ends. */
export async function observeCycleEnds(
  problem: CycleProblem,
  minimum: number,
  context: RunContext,
): Promise<CycleEnds> {
  const { curvatures, centers, learningRate, batchSize } = problem;
  const { exact } = predictionOf(() => cycleMoments(problem));
  const cycle = cycleSteps(problem);
  const curvature = curvatures.reduce((sum, a) => sum + a, 0) / curvatures.length;
  const relaxation = exact ? Math.max(1, -1 / Math.log(Math.abs(1 - learningRate * curvature))) : 1;
  const { burnIn, steps } = durations(problem, relaxation, {
    burnIn: 40 * cycle,
    steps: Math.max(240 * cycle, 2000),
    multiple: cycle,
  });
  await using ensemble = await createEnsemble(context.device, {
    ...cycleSetup(problem, cycle),
    data: centeredData("epoch-toy", curvatures, centers, minimum),
    seed: context.seed,
  });
  const work = 60 * batchSize + 100;
  const stages = await Stages.open(context, (burnIn + steps) * ensemble.lanes * work);
  const stage = { label: "cycles", ensemble, burnIn, steps, multiple: cycle, work };
  const { observed } = await stages.run(stage);
  const size = largestExcursion(
    centers,
    minimum,
    learningRate,
    curvatures,
    cycle,
    exact?.variance ?? 0,
  );
  return {
    record: observed.moments,
    run: observed,
    deviation: Math.sqrt(exact?.variance ?? 0),
    rounding: (F32 * size) / (learningRate * curvature),
    transient: transient(burnIn, relaxation),
    burnIn,
    steps,
  };
}

/** SGD steps of a cycle: one, an epoch, or a permutation walked forward and back. */
function cycleSteps({ sampling, centers, batchSize }: CycleProblem): number {
  const epoch = batchesPerEpoch(sampling, centers.length, batchSize) ?? 1;
  return sampling === "symmetric" ? 2 * epoch : Math.max(1, epoch);
}

/** |w − minimum| within a cycle: its spread at the ends, and the pulls of one cycle in a row. */
function largestExcursion(
  centers: Float64Array,
  minimum: number,
  eta: number,
  curvatures: Float64Array,
  cycle: number,
  variance: number,
): number {
  let pull = 0;
  centers.forEach((center, i) => {
    pull = Math.max(pull, Math.abs(eta * curvatures[i]! * (center - minimum)));
  });
  return 4 * Math.sqrt(variance) + Math.min(cycle, centers.length) * pull;
}
