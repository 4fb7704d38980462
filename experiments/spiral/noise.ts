/**
 * The second part of the spiral: the same mode with gradient noise in its stationary state, against the
 * exact discrete moments and against the continuous model, which misses them.
 */
import { scaled } from "../../analysis/index.ts";
import { ArgumentError } from "../../engine/errors.ts";
import { fixed } from "../../engine/initial.ts";
import { moments } from "../../engine/observe/moments.ts";
import type { RunRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { type HeavyBallMode, heavyBallMode, quadraticMode } from "../../models/index.ts";
import type { Figure, Quantity, RunContext } from "../experiment.ts";
import { modeMoments } from "../heavyBallMoments.ts";
import { divergenceWarnings, predictionOf } from "../outcome.ts";
import { durations } from "../parameters.ts";
import type { Stages } from "../stages.ts";
import { continuousMoments, currentWork, observeCurrent } from "./current.ts";
import type { SpiralSettings } from "./settings.ts";

export interface NoisyMode {
  readonly quantities: readonly Quantity[];
  /** The moments alone, whose ratios to the exact ones are drawn. */
  readonly moments: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly figures: readonly Figure[];
  readonly records: Readonly<Record<string, RunRecord>>;
}

/** Lengths of the run, from the slowest relaxation. */
export interface NoisyModePlan {
  readonly exact: HeavyBallMode | null;
  readonly warnings: readonly string[];
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
  checkWidth(exact);
  // −1/ln of the slowest root's modulus; 1 where there is no stationary state.
  const relaxation = exact ? Math.max(1, -1 / Math.log(exact.decay)) : 1;
  const given = { burnIn: p.burnIn, steps: p.noiseSteps };
  const every = Math.max(1, Math.floor(relaxation / 20));
  const { burnIn, steps: asked } = durations(given, relaxation, {
    burnIn: 400,
    steps: 2000,
    multiple: every,
  });
  // The area needs a pair of states.
  const steps = Math.max(2, asked);
  const work = WORK * p.replicas * (burnIn + steps) + (exact ? currentWork(p) : 0);
  return { exact, warnings, burnIn, steps, every, work };
}

/** @throws ArgumentError where float32 does not hold the squares of θ and v. */
function checkWidth(exact: HeavyBallMode | null): void {
  if (exact === null) return;
  const widths = [Math.sqrt(exact.positionVariance), Math.sqrt(exact.velocityVariance)];
  if (widths.every((width) => width > 1e-12 && width < 1e12)) return;
  const [x, v] = widths.map((width) => width.toPrecision(2));
  throw new ArgumentError(
    `noise: θ and v spread over ${x} and ${v}, too far from 1 for the squares that float32 sums; give a ` +
      "noise that brings both between 1e-12 and 1e12, or 0 to leave the second part out.",
  );
}

/** Divergence shows on the scale of the stationary state. */
const boundsOf = ({ curvature }: SpiralSettings, exact: HeavyBallMode | null) => {
  const variance = exact?.positionVariance ?? 0;
  return {
    theta: Math.max(1e6, 1e3 * Math.sqrt(variance)),
    loss: Math.min(1e38, Math.max(1e12, 1e6 * curvature * variance)),
  };
};

const ensembleOf = (p: SpiralSettings, exact: HeavyBallMode | null) => ({
  ...quadraticMode(p.curvature),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate: p.learningRate, momentum: p.momentum, gradientNoise: p.noise }),
  replicas: p.replicas,
  keepVelocity: true,
  bounds: boundsOf(p, exact),
});

export async function noisyMode(
  p: SpiralSettings,
  plan: NoisyModePlan,
  stages: Stages,
  context: RunContext,
): Promise<NoisyMode> {
  const { exact, burnIn, steps, every } = plan;
  const options = ensembleOf(p, exact);
  await using ensemble = await createEnsemble(context.device, {
    ...options,
    observables: { moments: moments({ lags: [1], every }) },
    seed: context.seed,
    initial: fixed(0),
  });
  const stage = { label: "noise", ensemble, burnIn, steps, multiple: every, work: WORK };
  const { observed } = await stages.run(stage);
  const { replicas } = p;
  const found = modeMoments({ mode: p, exact, replicas, burnIn, record: observed.moments });
  const warnings = [...plan.warnings, ...found.warnings, ...divergenceWarnings(observed.run)];
  const records = { noise: observed };
  // Frozen replicas have no state to go on from.
  if (exact === null || observed.run.frozen.some((step) => step >= 0)) {
    const { quantities } = found;
    return { quantities, moments: quantities, warnings, figures: [], records };
  }
  const age = burnIn + steps;
  const start = { options, state: await ensemble.state(), age };
  const current = await observeCurrent(p, exact, start, stages, context);
  const naive = againstContinuous(p, found.quantities);
  return {
    quantities: [...found.quantities, ...naive.quantities, ...current.quantities],
    moments: found.quantities,
    warnings: [...new Set([...warnings, ...naive.warnings, ...current.warnings])],
    figures: [current.figure],
    records: { ...records, current: current.record },
  };
}

/** Measured over continuous model, without a claim; what is off by more than 4 errors is told. */
function againstContinuous(
  p: SpiralSettings,
  measured: readonly Quantity[],
): Pick<NoisyMode, "quantities" | "warnings"> {
  const off: string[] = [];
  const quantities = Object.entries(continuousMoments(p)).map(([name, continuous]): Quantity => {
    const { estimate, predicted } = measured.find((quantity) => quantity.name === name)!;
    const ratio = scaled(estimate, 1 / continuous);
    const z = (ratio.value - 1) / ratio.standardError;
    if (predicted !== null && Math.abs(z) > 4) {
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
