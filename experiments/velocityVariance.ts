/**
 * Card B6: the velocity of SGD with momentum on a small network is set by the gradient noise alone,
 * ⟨|v|²⟩ → tr Σ_B/(1 − β²) at small rates, whatever the Hessian.
 *
 * The prototypes network of cards A6 and C3, from its minimum; settings of learning rate and momentum in
 * pairs. Settings of equal momentum are extrapolated to rate 0, where the law is exact. At finite rates
 * Σ_B depends on where the replicas are: it is taken at states of theirs as well, in float64.
 */
import { ratioOfMeans, replicaMean, replicaMoments } from "../analysis/index.ts";
import { fixed } from "../engine/initial.ts";
import type { Minimum } from "../engine/minimize.ts";
import { moments } from "../engine/observe/moments.ts";
import { snapshot } from "../engine/observe/snapshot.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { prototypeNetwork, prototypes } from "../models/prototypeNetwork.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { prototypeMinimum } from "./prototypeMinimum.ts";
import { Stages } from "./stages.ts";
import { rateFigure } from "./velocityVariance/figures.ts";
import {
  extrapolated,
  lawOf,
  localNoise,
  type Measured,
  quantitiesOf,
} from "./velocityVariance/quantities.ts";
import { type Parameters, parameters, plan, type Setting } from "./velocityVariance/settings.ts";

/** States of a replica at which the noise is taken. */
const STATES = 4;
/** Operations of a sample's gradient, roughly. */
const SAMPLE_WORK = 1500;

const setup = (p: Parameters, { learningRate, momentum }: Setting) => ({
  model: prototypeNetwork(),
  sampling: p.sampling,
  update: sgd({ learningRate, momentum, weightDecay: p.weightDecay, batchSize: p.batchSize }),
  keepVelocity: true,
  observables: {
    velocity: moments({ of: ["v.v"] }),
    states: snapshot({ every: Math.ceil(p.steps / STATES) }),
  },
});

export const velocityVariance: Experiment<typeof parameters> = {
  id: "velocity-variance",
  title: "The velocity's variance is that of the gradient noise",
  card: "B6",
  sources: ["D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section 2"],
  summary:
    "A tanh network of 172 parameters with weight decay, stationary about a minimum, with and without " +
    "momentum. The mean square of its velocity is the trace of the gradient noise at the minimum over " +
    "1 − β² at small rates; at larger ones steps, and noise that changes around the minimum, add to it.",
  parameters,
  quick: {
    learningRates: [0.02, 0.05, 0.02],
    momenta: [0, 0, 0.9],
    replicas: 32,
    steps: 1500,
    burnIn: 2000,
  },
  explain: (p) =>
    plan(p).map((setting) => ({
      ...setup(p, setting),
      replicas: p.replicas,
      samples: prototypes().samples,
    })),
  async run(p, context) {
    const settings = plan(p);
    const minimum = prototypeMinimum(p.weightDecay);
    const work = SAMPLE_WORK * p.batchSize;
    const total = settings.reduce((sum, { burnIn }) => sum + burnIn + p.steps, 0);
    const stages = await Stages.open(context, total * p.replicas * work);
    const measured: Measured[] = [];
    for (const [i, setting] of settings.entries()) {
      measured.push(await simulate(p, setting, i, minimum, stages, context));
    }
    const found = measured.map(quantitiesOf);
    const limits = [...new Set(p.momenta)].flatMap((momentum) =>
      extrapolated(measured.filter((one) => one.momentum === momentum)),
    );
    return {
      quantities: [...found.flatMap(({ quantities }) => quantities), ...limits],
      warnings: [...found, ...measured].flatMap(({ warnings }) => warnings),
      figures: [rateFigure(measured, limits)],
      records: Object.fromEntries(measured.map(({ record }, i) => [`setting${i}`, record])),
    };
  },
};

async function simulate(
  p: Parameters,
  setting: Setting,
  i: number,
  minimum: Minimum,
  stages: Stages,
  context: RunContext,
): Promise<Measured> {
  const { learningRate, momentum, burnIn } = setting;
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, setting),
    data: prototypes(),
    // Random numbers of their own.
    replicas: { first: i * p.replicas, count: p.replicas },
    seed: context.seed,
    initial: fixed([...minimum.theta]),
  });
  const label = `learning rate ${learningRate}, momentum ${momentum}`;
  const work = SAMPLE_WORK * p.batchSize;
  const { observed } = await stages.run({ label, ensemble, burnIn, steps: p.steps, work });
  const { exact: law, warnings } = predictionOf(() => lawOf(p, setting, minimum));
  const squares = replicaMoments(observed.velocity, { i: "v.v" });
  const noise = localNoise(p, observed.states).map((value) => value / (1 - momentum ** 2));
  return {
    ...setting,
    effectiveRate: learningRate / (1 - momentum),
    estimate: estimateOf(() => replicaMean(squares)),
    local: estimateOf(() => ratioOfMeans(squares, noise)),
    law,
    record: observed,
    warnings: [...warnings, ...divergenceWarnings(observed.run).map((text) => `${label}: ${text}`)],
  };
}
