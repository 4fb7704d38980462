/**
 * Card 4E: one Hessian mode under implicit SGD beside explicit SGD, over a list of learning rates: the
 * implicit variance is known for every rate, the explicit one has a pole at ηk = 2.
 *
 * Both rules get the same random numbers in the conditions of the same rate.
 */
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { implicitSgd as implicitRule } from "../engine/update/implicitSgd.ts";
import { sgd } from "../engine/update/sgd.ts";
import { quarticMode } from "../models/quarticMode.ts";
import { comparable } from "./comparable.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { varianceFigure } from "./implicitSgd/figure.ts";
import { exactVariance, varianceQuantity } from "./implicitSgd/quantities.ts";
import {
  type ImplicitSettings,
  implicitSettings,
  RULES,
  type Rule,
} from "./implicitSgd/settings.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { durations } from "./parameters.ts";
import { Stages } from "./stages.ts";

function setup(rule: Rule, p: ImplicitSettings) {
  const common = { gradientNoise: p.noise, weightDecay: p.weightDecay };
  const { tolerance, newtonSteps, cgSteps } = p;
  return {
    ...quarticMode(p.curvature, p.quartic),
    sampling: "fullBatch" as const,
    update:
      rule === "explicit"
        ? sgd(common)
        : implicitRule({ ...common, tolerance, newtonSteps, cgSteps }),
    sweep: { learningRate: p.learningRates },
    replicas: p.replicas,
    observables: { moments: moments({}) },
  };
}

/** What both rules share: predictions of every condition, lengths of the run. */
function plan(p: ImplicitSettings) {
  const predictions = RULES.map((rule) =>
    p.learningRates.map((rate) => predictionOf(() => exactVariance(rule, p, rate))),
  );
  const stable = predictions.flat().flatMap(({ exact }) => (exact ? [exact] : []));
  const relaxation = Math.max(1, ...stable.map(({ logDecay }) => -1 / logDecay));
  const width = Math.sqrt(Math.max(...stable.map(({ variance }) => variance)));
  if (!(width > 1e-12 && width < 1e12)) {
    throw new ArgumentError(
      `noise, curvature: θ spreads over ${width.toPrecision(2)}, too far from 1 for the squares that ` +
        "float32 sums; scale noise so that noise / curvature is between 1e-10 and 1e10.",
    );
  }
  const rounded = (value: number): number => Number(value.toPrecision(2));
  return {
    predictions,
    // Off the linear case the start is forgotten as exp(−t/τ) at worst: twice as long.
    ...durations(p, (p.quartic > 0 ? 2 : 1) * relaxation, { burnIn: 200, steps: 200 }),
    // Divergence shows on the scale of the widest stationary state.
    bounds: {
      theta: rounded(1e6 * width),
      loss: rounded(1e12 * p.curvature * width ** 2 + 1e24 * p.quartic * width ** 4),
    },
  };
}

export const implicitSgd: Experiment<typeof implicitSettings> = {
  id: "implicit-sgd",
  title: "Implicit and explicit SGD on a stiff mode",
  card: "4E",
  sources: ["P. Toulis and E. M. Airoldi, Annals of Statistics 45, 1694 (2017)"],
  summary:
    "One mode, quadratic or with a quartic term, and additive Gaussian noise. The implicit step, whose " +
    "gradient is taken where the step ends, is stationary at every learning rate; the explicit step " +
    "diverges at ηk = 2. Both variances are compared with values that are exact at any learning rate.",
  parameters: implicitSettings,
  quick: { replicas: 4000 },
  explain: (p) =>
    RULES.map((rule) => {
      const { data, ...setting } = setup(rule, p);
      return { ...setting, samples: data.samples };
    }),
  async run(p, context) {
    const planned = plan(p);
    const { quantities, warnings, records } = await measure(p, planned, context);
    return {
      quantities,
      warnings: [...planned.predictions.flat().flatMap((one) => one.warnings), ...warnings],
      figures: [varianceFigure(p, quantities, planned.steps)],
      records,
    };
  },
};

/** Operations of a replica-step: the implicit one evaluates the gradient three times, H once. */
const WORK = { implicit: 600, explicit: 150 } as const;

async function measure(p: ImplicitSettings, planned: ReturnType<typeof plan>, context: RunContext) {
  const { burnIn, steps, predictions, bounds } = planned;
  const lanes = p.learningRates.length * p.replicas;
  const total = (burnIn + steps) * lanes * (WORK.implicit + WORK.explicit);
  const stages = await Stages.open(context, total);
  const quantities: Quantity[] = [];
  const warnings: string[] = [];
  const records: Record<string, Awaited<ReturnType<typeof observe>>> = {};
  const observe = async (rule: Rule) => {
    await using ensemble = await createEnsemble(context.device, {
      ...setup(rule, p),
      seed: context.seed,
      initial: fixed(0),
      bounds,
    });
    const work = WORK[rule];
    return (await stages.run({ label: rule, ensemble, burnIn, steps, work })).observed;
  };
  for (const [r, rule] of RULES.entries()) {
    const observed = await observe(rule);
    records[rule] = observed;
    warnings.push(...divergenceWarnings(observed.run).map((text) => `${rule}: ${text}`));
    p.learningRates.forEach((learningRate, condition) => {
      const { exact } = predictions[r]![condition]!;
      const rate = { rule, learningRate, condition, exact, observed };
      const { quantity, doubts } = varianceQuantity(p, planned, rate);
      quantities.push(quantity);
      warnings.push(...doubts.map((doubt) => `${rule}, learning rate ${learningRate}: ${doubt}`));
    });
  }
  const found = comparable(quantities, { replicas: p.replicas });
  return { quantities: found.quantities, warnings: [...warnings, ...found.warnings], records };
}
