/**
 * Card A6: entropy production and fluctuation theorems of SGD on a network of 172 parameters, seen in
 * the stiffest modes of the Hessian at its minimum.
 *
 * z = Uᵀ(θ − c), c the mean over the second half of the burn-in; σ = zᵀ Q (z' − z) with Q = S⁻¹ C D⁻¹ of
 * the linear theory at the minimum. Before the run, curvature and noise at the minimum are measured on
 * the device as well. Left out: momentum, for which σ is another form.
 */
import { mean } from "../analysis/index.ts";
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { entropyProduction } from "../engine/observe/entropyProduction.ts";
import { moments } from "../engine/observe/moments.ts";
import type { Projection } from "../engine/observe/quantity.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { prototypeNetwork, prototypes } from "../models/prototypeNetwork.ts";
import { dot } from "./dot.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { measureMinimum } from "./mlpFluctuation/atMinimum.ts";
import { goneShare } from "./mlpFluctuation/descent.ts";
import { networkFigures } from "./mlpFluctuation/figures.ts";
import { minimumQuantities } from "./mlpFluctuation/minimum.ts";
import { fluctuationQuantities } from "./mlpFluctuation/quantities.ts";
import { type Observed, type Rung, rungOf } from "./mlpFluctuation/rung.ts";
import { type NetworkSettings, networkSettings } from "./mlpFluctuation/settings.ts";
import { type Landscape, type Linear, landscape, linearTheory } from "./mlpFluctuation/theory.ts";
import { divergenceWarnings, estimateOf } from "./outcome.ts";
import { refuseRepeats } from "./parameters.ts";
import { Stages } from "./stages.ts";

/** Longest automatic burn-in: beyond it a run would take hours unasked. */
const LONGEST = 2e6;

function burnInSteps({ burnIn, weightDecay }: NetworkSettings, learningRate: number): number {
  if (burnIn !== "auto") return burnIn;
  const steps = 4 / (learningRate * weightDecay);
  if (steps <= LONGEST) return Math.ceil(steps);
  throw new ArgumentError(
    `burnIn: 4/(learning rate × weightDecay) is ${steps.toPrecision(3)} steps, more than ${LONGEST}; ` +
      "raise learningRates or weightDecay, or give burnIn yourself.",
  );
}

const setup = (p: NetworkSettings, learningRate: number) => ({
  model: prototypeNetwork(),
  sampling: p.sampling,
  update: sgd({ learningRate, batchSize: p.batchSize, weightDecay: p.weightDecay }),
});

/** z before its center is taken off. */
const projections = ({ subspace }: Landscape): Projection[] =>
  subspace.directions.map((u, k) => ({ name: `z${k + 1}`, vector: Array.from(u) }));

const observed = (p: NetworkSettings, scene: Landscape, rung: Planned, center: Center) => ({
  moments: moments({ of: projections(scene), lags: [0, 1] }),
  sigma: entropyProduction({
    of: projections(scene),
    center,
    form: rung.linear.continuous.form,
    windows: [1, p.stretch],
    histograms: [{ window: 1, width: rung.width, bins: BINS }],
  }),
});

/** A sample's gradient takes about 1500 operations; a projection and σ of it some hundreds. */
const workOf = (p: NetworkSettings): number => 1500 * p.batchSize + 1500 * p.modes;

type Center = readonly number[];

/** The minimum's. */
const centerOf = ({ minimum, subspace }: Landscape): Center =>
  subspace.directions.map((u) => dot(minimum.theta, u));

/** Bins of |σ|, which end at so many nats at most. */
const BINS = 40;
const LARGEST_SIGMA = 60;

interface Planned {
  readonly learningRate: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly first: number;
  readonly linear: Linear;
  /** Width of the bins of |σ|: a quarter of its typical deviation. */
  readonly width: number;
}

function plan(p: NetworkSettings, scene: Landscape): Planned[] {
  const rates = [...p.learningRates].sort((a, b) => a - b);
  refuseRepeats("learningRates", rates);
  const multiple = p.stretch + 1;
  return rates.map((learningRate, i) => {
    const linear = linearTheory(scene, learningRate);
    const spread = Math.sqrt(2 * linear.continuous.entropyProduction);
    return {
      learningRate,
      burnIn: burnInSteps(p, learningRate),
      steps: Math.ceil(p.steps / multiple) * multiple,
      // Replicas of their own: rungs must not share random numbers.
      first: i * p.replicas,
      linear,
      width: Math.min(spread / 4, LARGEST_SIGMA / BINS),
    };
  });
}

/** Goes from the minimum to the stationary state; the mean of z over the second half of the way. */
async function relax(
  p: NetworkSettings,
  { device, seed }: RunContext,
  scene: Landscape,
  rung: Planned,
  stages: Stages,
): Promise<{ center: Center; from: Uint8Array }> {
  const { learningRate, burnIn, first } = rung;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, learningRate),
    observables: { moments: moments({ of: projections(scene) }) },
    data: prototypes(),
    replicas: { first, count: p.replicas },
    seed,
    initial: fixed([...scene.minimum.theta]),
  });
  const pilot = Math.floor(burnIn / 2);
  const label = `learning rate ${learningRate}, relax`;
  const steps = { burnIn: burnIn - pilot, steps: pilot };
  const { observed } = await stages.run({ label, ensemble, ...steps, work: workOf(p) });
  const center = centerOf(scene).map((start, k) => {
    if (observed === null) return start; // too short a burn-in for a pilot
    const { value } = estimateOf(() => mean(observed.moments, { i: k }));
    return Number.isFinite(value) ? value : start;
  });
  return { center, from: await ensemble.checkpoint() };
}

async function simulate(
  p: NetworkSettings,
  context: RunContext,
  scene: Landscape,
  rung: Planned,
  stages: Stages,
): Promise<{ record: Observed; gone: number }> {
  const { learningRate, linear, steps, first } = rung;
  const { device, seed } = context;
  const { center, from } = await relax(p, context, scene, rung, stages);
  await using ensemble = await createEnsemble(device, {
    ...setup(p, learningRate),
    observables: observed(p, scene, rung, center),
    data: prototypes(),
    replicas: { first, count: p.replicas },
    seed,
    from,
  });
  const { observed: record } = await stages.run({
    ...{ label: `learning rate ${learningRate}`, ensemble, burnIn: 0, steps },
    ...{ work: workOf(p), multiple: p.stretch + 1 },
  });
  const end = await ensemble.state();
  return { record, gone: await goneShare(device, scene, linear, end.theta.data) };
}

export const mlpFluctuation: Experiment<typeof networkSettings> = {
  id: "mlp-fluctuation",
  title: "Fluctuation theorems of a network, in its stiffest modes",
  card: "A6",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "SGD on a tanh network of 172 parameters about its minimum, projected onto the stiffest eigenvectors of " +
    "the Hessian, a subspace that the linear drift does not leave. Curvature and gradient noise at the " +
    "minimum, measured on the device; entropy production, areas, diffusion and variances against the " +
    "linear theory at the minimum, and against that of the mean curvature and noise over the " +
    "stationary cloud; the fluctuation theorems.",
  parameters: networkSettings,
  quick: { replicas: 64, steps: 2200, burnIn: 2000, probes: 2 },
  explain: (p) => {
    const scene = landscape(p);
    return plan(p, scene).map((rung) => ({
      ...setup(p, rung.learningRate),
      observables: observed(p, scene, rung, centerOf(scene)),
      replicas: p.replicas,
      samples: prototypes().samples,
    }));
  },
  async run(p, context) {
    const scene = landscape(p);
    const rungs = plan(p, scene);
    const work = rungs.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, work * p.replicas * workOf(p));
    await stages.pause({ phase: "at the minimum", work: 0 });
    const atMinimum = await measureMinimum(p, context, scene, stages);
    await stages.pause();
    const done: Rung[] = [];
    const warnings: string[] = [];
    const records: Record<string, Observed> = {};
    for (const [i, rung] of rungs.entries()) {
      const { record, gone } = await simulate(p, context, scene, rung, stages);
      await stages.pause();
      const results = rungOf(scene, { ...rung, stretch: p.stretch, gone }, record);
      const all = [...rung.linear.warnings, ...divergenceWarnings(record.run), ...results.warnings];
      warnings.push(...all.map((text) => `learning rate ${rung.learningRate}: ${text}`));
      done.push(results);
      records[`rung${i}`] = { ...record };
    }
    const found = fluctuationQuantities(p, done);
    return {
      quantities: [...minimumQuantities(scene, atMinimum), ...found.quantities],
      warnings: [...warnings, ...found.warnings],
      figures: networkFigures(p, scene, atMinimum, done),
      records,
    };
  },
};
