/**
 * Card A5: a regression network of 7 weights about its minimum, under fresh batches and under epochs.
 *
 * Fresh batches: a stationary current (the area matrix), entropy production and its fluctuation
 * theorems, and a mean that anharmonicity displaces. Epochs without replacement: noise of order η
 * cancels, so that the cloud is of order η³ and the mean follows the effective loss
 * L + (η/4) tr Σ_B. Weights are displacements from the minimum, so that float32 holds them with all
 * their digits; each law has replicas of its own, which start in the predicted law.
 */
import type { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import { entropyProduction } from "../engine/observe/entropyProduction.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { gaussianAt } from "../engine/start/gaussianAt.ts";
import { sgd } from "../engine/update/sgd.ts";
import { displacedBump, displacedTanhRegression } from "../models/index.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { regressionFigures } from "./nonlinearRegression/figures.ts";
import {
  failures,
  type Measured,
  type Observed,
  type Results,
  regressionQuantities,
  resultsOf,
} from "./nonlinearRegression/quantities.ts";
import {
  type Law,
  type RegressionParameters,
  regressionSettings,
} from "./nonlinearRegression/settings.ts";
import { type LawTheory, type Problem, problemOf, theoryOf } from "./nonlinearRegression/theory.ts";
import { divergenceWarnings } from "./outcome.ts";
import { durations, refuseRepeats } from "./parameters.ts";
import { Stages } from "./stages.ts";

const BINS = 40;
/** Bins of |σ| end here at most, nats. */
const LARGEST_SIGMA = 60;

const setup = (p: RegressionParameters, { minimum }: Problem, theory: LawTheory) => {
  const { unit, center, continuous } = theory;
  // σ given w is about normal with twice its mean for variance: quarters of its deviation.
  const spread = Math.sqrt(2 * continuous.entropyProduction);
  const width = Math.min(spread / 4, LARGEST_SIGMA / BINS);
  return {
    model: displacedTanhRegression(p.decay, minimum.theta),
    sampling: theory.law,
    update: sgd({ learningRate: p.learningRate, batchSize: p.batchSize }),
    observables: {
      moments: moments({ lags: [unit], every: unit }),
      sigma: entropyProduction({
        ...{ center, form: continuous.form, every: unit, windows: p.windows },
        histograms: p.windows.includes(1) ? [{ window: 1, width, bins: BINS }] : [],
      }),
    },
  };
};

interface Planned {
  readonly theory: LawTheory;
  readonly burnIn: number;
  readonly steps: number;
  readonly multiple: number;
}

function plan(p: RegressionParameters, problem: Problem): Planned[] {
  refuseRepeats("sampling", p.sampling);
  if (!p.windows.includes(1)) {
    throw new ArgumentError("windows: the entropy of single steps is asked for always; add 1.");
  }
  refuseRepeats("windows", p.windows);
  const relaxation = 1 / (p.learningRate * problem.minimum.eigenvalues[0]!);
  return p.sampling.map((law) => {
    checkBatches(law, p, problem);
    const theory = theoryOf(law, p, problem);
    // Whole events of the longest sums fit into a block.
    const multiple = theory.unit * (Math.max(...p.windows) + 1);
    const burnIn = p.burnIn === "auto" ? Math.ceil(Math.min(relaxation, LONGEST)) : p.burnIn;
    const steps = p.steps === "auto" ? STEPS : p.steps;
    if (steps <= theory.unit) {
      throw new ArgumentError(
        `steps: ${steps} are one epoch, which has no displacement; give more than ${theory.unit}.`,
      );
    }
    const least = { burnIn: 0, steps: 0 };
    const lengths = durations({ burnIn, steps }, relaxation, { ...least, multiple: theory.unit });
    return { theory, multiple, ...lengths };
  });
}

/** Observed steps of each law: the card's 6·10⁷ replica-steps. */
const STEPS = 6000;
/**
 * Automatic burn-in is one relaxation time of the softest mode, and no longer than this: the start is
 * the predicted law, which is right up to what is left out. Stiff modes relax in far fewer steps.
 */
const LONGEST = 30_000;

function checkBatches(law: Law, { batchSize }: RegressionParameters, { samples }: Problem): void {
  if (law === "distinct" || samples % batchSize === 0) return;
  throw new ArgumentError(
    `batchSize: ${batchSize} does not divide the ${samples} samples, so there are no epochs of whole ` +
      "batches; give a divisor, or sampling=distinct.",
  );
}

/** Operations of a replica-step, roughly: a sample's gradient takes 150. */
const workOf = ({ batchSize }: RegressionParameters): number => 150 * batchSize + 500;

async function simulate(
  p: RegressionParameters,
  { device, seed }: RunContext,
  problem: Problem,
  planned: Planned & { readonly first: number },
  stages: Stages,
): Promise<Observed> {
  const { theory, burnIn, steps, multiple, first } = planned;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, problem, theory),
    data: displacedBump(problem.minimum.theta),
    // Replicas of their own: laws must not share random numbers.
    replicas: { first, count: p.replicas },
    seed,
    initial: gaussianAt({ mean: theory.shift, covariance: theory.covariance }),
  });
  const { observed } = await stages.run({
    ...{ label: theory.law, ensemble, burnIn, steps, multiple },
    work: workOf(p),
  });
  return observed;
}

export const nonlinearRegression: Experiment<z.ZodObject<typeof regressionSettings.shape>> = {
  id: "nonlinear-regression",
  title: "Currents and entropy production of a regression network",
  card: "A5",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "A tanh network of 7 weights fitted to a noisy bump, about its minimum. Fresh batches: covariance, " +
    "area matrix against the current of the linear theory, entropy production and fluctuation theorems, " +
    "whose real deviation grows with the learning rate, and the anharmonic shift of the mean. Epochs " +
    "without replacement: the mean goes to the minimum of the effective loss, and the covariance is of " +
    "third order in the learning rate, exact over all permutations.",
  parameters: regressionSettings,
  quick: { replicas: 512, burnIn: 20_000, steps: 12_000 },
  explain: (p) => {
    const problem = problemOf(p);
    return plan(p, problem).map(({ theory }) => ({
      ...setup(p, problem, theory),
      replicas: p.replicas,
      samples: problem.samples,
    }));
  },
  async run(p, context) {
    const problem = problemOf(p);
    const laws = plan(p, problem);
    const work = laws.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, work * p.replicas * workOf(p));
    const warnings: string[] = [];
    const found: { measured: Measured; results: Results }[] = [];
    const records: Record<string, Observed & Record<string, Observed[keyof Observed]>> = {};
    for (const [i, planned] of laws.entries()) {
      const record = await simulate(
        p,
        context,
        problem,
        { ...planned, first: i * p.replicas },
        stages,
      );
      const measured = { ...planned, record };
      const { results, warnings: said } = resultsOf(p, problem, measured);
      const { law } = planned.theory;
      const all = [...planned.theory.warnings, ...divergenceWarnings(record.run), ...said];
      warnings.push(...all.map((text) => `${law}: ${text}`), ...failures(measured, results));
      found.push({ measured, results });
      records[law] = { ...record };
    }
    const rows = found.map(({ measured, results }) =>
      regressionQuantities(p, problem, measured, results),
    );
    return {
      quantities: rows.flatMap(({ quantities }) => quantities),
      warnings: [...new Set([...warnings, ...rows.flatMap((row) => row.warnings)])],
      figures: regressionFigures(p, found),
      records,
    };
  },
};
