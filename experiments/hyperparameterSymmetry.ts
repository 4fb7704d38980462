/**
 * Card B5: hyperparameters that the limiting dynamics of a Hessian mode cannot tell apart.
 *
 * η'(1 + β') = η(1 + β) and S'(1 − β'²) = S(1 − β²) leave the modified loss and the temperature of the
 * continuous theory as they are, and with them Var θ and Var v. A batch S/α goes with
 * β' = √(1 − α(1 − β²)). Finite steps break the symmetry: the discrete moments are known exactly.
 */
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import type { RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { quadraticMode } from "../models/quadraticMode.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { symmetryFigure } from "./hyperparameterSymmetry/figures.ts";
import { misses, quantitiesOf } from "./hyperparameterSymmetry/quantities.ts";
import {
  type Member,
  type Parameters,
  type Planned,
  parameters,
  plan,
} from "./hyperparameterSymmetry/settings.ts";
import { divergenceWarnings } from "./outcome.ts";
import { Stages } from "./stages.ts";

const setup = (
  p: Parameters,
  { learningRate, momentum, noiseVariance }: Member,
  every: number,
) => ({
  ...quadraticMode(p.curvature),
  sampling: "fullBatch" as const,
  update: sgd({
    learningRate,
    momentum,
    weightDecay: p.weightDecay,
    gradientNoise: Math.sqrt(noiseVariance),
  }),
  observables: { moments: moments({ every }) },
});

const WORK = 200;

export const hyperparameterSymmetry: Experiment<typeof parameters> = {
  id: "hyperparameter-symmetry",
  title: "Hyperparameters of the same limiting dynamics",
  card: "B5",
  sources: [
    "D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section on the modified loss",
  ],
  summary:
    "One noisy mode under the heavy ball, at settings of learning rate, momentum and batch size that the " +
    "continuous theory maps onto each other. Its variances are the same for all of them; the exact " +
    "discrete ones differ, from it and from each other, and are what is measured.",
  parameters,
  quick: { replicas: 2000 },
  explain: (p) =>
    plan(p).map(({ member }) => {
      const { data, ...setting } = setup(p, member, 1);
      return { ...setting, keepVelocity: true, replicas: p.replicas, samples: data.samples };
    }),
  async run(p, context) {
    const planned = plan(p);
    const total = planned.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, total * p.replicas * WORK);
    const quantities: Quantity[] = [];
    const warnings: string[] = [];
    const records: Record<string, RunRecord> = {};
    for (const [i, one] of planned.entries()) {
      const observed = await simulate(p, one, i, stages, context);
      const found = quantitiesOf(p, one, observed.moments);
      quantities.push(...found.quantities);
      warnings.push(...one.warnings, ...found.warnings, ...divergenceWarnings(observed.run));
      records[`setting${i}`] = observed;
    }
    warnings.push(...misses(quantities));
    const settings = planned.map(({ member }) => settingWords(member)).join(", ");
    return {
      quantities,
      warnings: [...new Set(warnings)],
      figures: [
        symmetryFigure(p, planned, quantities),
        comparison(
          quantities.filter(({ predicted }) => predicted !== null),
          `${p.replicas} replicas at (batch; momentum; learning rate) ${settings}, in order.`,
        ),
      ],
      records,
    };
  },
};

async function simulate(
  p: Parameters,
  { member, relaxation, burnIn, steps }: Planned,
  i: number,
  stages: Stages,
  context: RunContext,
) {
  const every = Math.max(1, Math.floor(relaxation / 20));
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, member, every),
    keepVelocity: true,
    // Random numbers of their own.
    replicas: { first: i * p.replicas, count: p.replicas },
    seed: context.seed,
    initial: fixed(0),
  });
  const stage = { label: `batch ${member.batchSize}`, ensemble, burnIn, steps, work: WORK };
  return (await stages.run({ ...stage, multiple: every })).observed;
}

const settingWords = ({ batchSize, momentum, learningRate }: Member): string =>
  `(${batchSize}; ${momentum.toPrecision(6)}; ${learningRate.toPrecision(6)})`;
