/**
 * Card B4: anomalous diffusion of a sum of Hessian modes.
 *
 * Modes of curvature i^{−s} with gradient noise ∝ curvatureᵇ under the heavy ball, from their exact
 * stationary state: ⟨|θ_{t+k} − θ_t|²⟩ at many lags against the exact discrete sum, and the exponent of
 * k against that of the exact curve on the same lags. The asymptotic exponent min(1, 1 + 1/s − b) is
 * approached slowly and stands beside.
 */
import { fixed, gaussian, type InitialLaw } from "../engine/initial.ts";
import { displacement } from "../engine/observe/displacement.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { gaussianAt } from "../engine/start/gaussianAt.ts";
import { sgd } from "../engine/update/sgd.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { noisyModes } from "../models/noisyModes.ts";
import { heavyBallMode, modeSpectrum } from "../models/theory/index.ts";
import { diffusionFigures } from "./anomalousDiffusion/figures.ts";
import { measured } from "./anomalousDiffusion/quantities.ts";
import { type Planned, parameters, plan, type Settings } from "./anomalousDiffusion/settings.ts";
import type { Experiment } from "./experiment.ts";
import { divergenceWarnings } from "./outcome.ts";
import { Stages } from "./stages.ts";

const setup = (p: Settings, { sum, lags, spacing }: Planned) => {
  const spectrum = modeSpectrum(sum);
  return {
    model: noisyModes(
      spectrum.map(({ curvature }) => curvature),
      spectrum.map(({ noiseVariance }) => noiseVariance),
    ),
    sampling: "fullBatch" as const,
    update: sgd({
      learningRate: p.learningRate,
      momentum: p.momentum,
      weightDecay: p.weightDecay,
      batchSize: 1,
    }),
    replicas: p.replicas,
    observables: {
      displacement: displacement({ lags, origins: p.origins, spacing }),
    },
  };
};

/** The exact joint Gaussian of (θ, v); at rest in the minimum where there is none. */
function startOf(p: Settings, { sum, exact }: Planned): InitialLaw {
  if (exact === null) return fixed(0);
  const modes = modeSpectrum(sum).map((mode) => heavyBallMode({ ...sum, ...mode }));
  if (p.momentum === 0) {
    const standardDeviation = modes.map(({ positionVariance }) => Math.sqrt(positionVariance));
    return gaussian({ standardDeviation });
  }
  const count = modes.length;
  const joint = Array.from({ length: 2 * count }, () => new Float64Array(2 * count));
  modes.forEach(({ positionVariance, velocityVariance, covariance }, i) => {
    joint[i]![i] = positionVariance;
    joint[count + i]![count + i] = velocityVariance;
    joint[i]![count + i] = covariance;
    joint[count + i]![i] = covariance;
  });
  return gaussianAt({ covariance: joint });
}

export const anomalousDiffusion: Experiment<typeof parameters> = {
  id: "anomalous-diffusion",
  title: "Anomalous diffusion of a sum of modes",
  card: "B4",
  sources: ["D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, on anomalous diffusion"],
  summary:
    "Many Hessian modes with a power-law spectrum and noise that follows it, under the heavy ball in their " +
    "stationary state. Together they diffuse as a power of time that is not 1: mean squared " +
    "displacements and the fitted exponent against the exact discrete sum, which also says where the " +
    "power law holds.",
  parameters,
  quick: { modes: 100, replicas: 128, lags: [10, 30, 100, 300, 1000] },
  explain: (p) => [{ ...setup(p, plan(p)), samples: onlineData.samples }],
  async run(p, context) {
    const planned = plan(p);
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, planned),
      data: onlineData,
      seed: context.seed,
      initial: startOf(p, planned),
    });
    // Normal numbers are most of a step.
    const work = 100 * p.modes;
    const { steps } = planned;
    const stages = await Stages.open(context, steps * ensemble.lanes * work);
    const { observed } = await stages.run({ label: "modes", ensemble, burnIn: 0, steps, work });
    const found = measured(p, planned, observed.displacement);
    return {
      quantities: found.quantities,
      warnings: [...planned.warnings, ...found.warnings, ...divergenceWarnings(observed.run)],
      figures: diffusionFigures(p, planned, found),
      records: { modes: observed },
    };
  },
};
