/**
 * The second part of the spiral: the same mode with gradient noise in its stationary state, against the
 * exact discrete moments and against the continuous model, which misses them.
 */
import { areaRate, covariance, type Estimate, scaled } from "../analysis/index.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import type { RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { type HeavyBallMode, heavyBallMode, quadraticMode } from "../models/index.ts";
import type { Quantity, RunContext } from "./experiment.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { durations } from "./parameters.ts";
import type { SpiralSettings } from "./spiralSettings.ts";
import type { Stages } from "./stages.ts";
import { F32_BLOCK_SUM, transient } from "./systematic.ts";

export interface NoisyMode {
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly record: RunRecord;
}

/** Var x, Var v and area per step of the continuous model, noise variance s² (arXiv 2107.09133). */
const continuousMoments = (p: SpiralSettings) => ({
  "var(theta)": (p.learningRate * p.noise ** 2) / (2 * (1 - p.momentum) * p.curvature),
  "var(v)": p.noise ** 2 / (1 - p.momentum ** 2),
  area: (-p.learningRate * p.noise ** 2) / (1 - p.momentum ** 2),
});

/** Lengths of the run, from the slowest relaxation. */
export interface NoisyModePlan {
  readonly exact: HeavyBallMode | null;
  readonly warnings: readonly string[];
  /** −1/ln of the slowest root's modulus; 1 where there is no stationary state. */
  readonly relaxation: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly every: number;
  /** Operations of all replicas and steps, roughly. */
  readonly work: number;
}

/** Operations of one replica-step, roughly. */
const WORK = 200;

export function noisyModePlan(p: SpiralSettings): NoisyModePlan {
  const { exact, warnings } = predictionOf(() =>
    heavyBallMode({ ...p, noiseVariance: p.noise ** 2 }),
  );
  const relaxation = exact ? Math.max(1, -1 / Math.log(exact.decay)) : 1;
  const given = { burnIn: p.burnIn, steps: p.noiseSteps };
  const every = Math.max(1, Math.floor(relaxation / 20));
  const { burnIn, steps } = durations(given, relaxation, {
    burnIn: 400,
    steps: 2000,
    multiple: every,
  });
  const work = WORK * p.replicas * (burnIn + steps);
  return { exact, warnings, relaxation, burnIn, steps, every, work };
}

export async function noisyMode(
  p: SpiralSettings,
  plan: NoisyModePlan,
  stages: Stages,
  context: RunContext,
): Promise<NoisyMode> {
  const { exact, burnIn, steps, every } = plan;
  await using ensemble = await createEnsemble(context.device, {
    ...quadraticMode(p.curvature),
    sampling: "fullBatch",
    update: sgd({
      learningRate: p.learningRate,
      momentum: p.momentum,
      gradientNoise: p.noise,
    }),
    replicas: p.replicas,
    keepVelocity: true,
    observables: { moments: moments({ lags: [1], every }) },
    seed: context.seed,
    initial: fixed(0),
  });
  const stage = { label: "noise", ensemble, burnIn, steps, multiple: every, work: WORK };
  const { observed } = await stages.run(stage);
  const { moments: record } = observed;
  const [i, j] = ["theta", "v.theta"];
  const relative = F32_BLOCK_SUM + transient(burnIn, plan.relaxation);
  const quantity = (
    name: string,
    estimator: () => Estimate,
    predicted: number | undefined,
    unit: string,
  ): Quantity => ({
    name,
    condition: {},
    estimate: estimateOf(estimator),
    unit,
    predicted: predicted ?? null,
    systematic: relative * Math.abs(predicted ?? 0),
  });
  const quantities = [
    quantity("var(theta)", () => covariance(record, { i, j: i }), exact?.positionVariance, "θ²"),
    quantity("var(v)", () => covariance(record, { i: j, j }), exact?.velocityVariance, "(θ/η)²"),
    quantity("cov(theta,v)", () => covariance(record, { i, j }), exact?.covariance, "θ²/η"),
    quantity("area", () => areaRate(record, { i, j }), exact?.areaRate, "θ²/η per step"),
  ];
  const naive = exact ? againstContinuous(p, quantities) : { quantities: [], warnings: [] };
  return {
    quantities: [...quantities, ...naive.quantities],
    warnings: [...plan.warnings, ...naive.warnings, ...divergenceWarnings(observed.run)],
    record: observed,
  };
}

/** Measured over continuous model, without a claim; what is off by more than 4 errors is told. */
function againstContinuous(
  p: SpiralSettings,
  measured: readonly Quantity[],
): Pick<NoisyMode, "quantities" | "warnings"> {
  const off: string[] = [];
  const quantities = Object.entries(continuousMoments(p)).map(([name, continuous]): Quantity => {
    const { estimate } = measured.find((quantity) => quantity.name === name)!;
    const ratio = scaled(estimate, 1 / continuous);
    const z = (ratio.value - 1) / ratio.standardError;
    if (Math.abs(z) > 4) {
      off.push(`${name} by ${(100 * (ratio.value - 1)).toFixed(2)} % (${z.toFixed(0)} errors)`);
    }
    return {
      name: `${name} / continuous`,
      condition: {},
      estimate: ratio,
      unit: "1",
      predicted: null,
      systematic: 0,
    };
  });
  const warnings =
    off.length === 0
      ? []
      : [`the continuous model misses ${off.join(", ")}: it holds to O(η) only, as it must`];
  return { quantities, warnings };
}
