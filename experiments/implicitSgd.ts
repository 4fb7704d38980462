/**
 * Card 4E: one Hessian mode under implicit SGD beside explicit SGD, over a list of learning rates: the
 * implicit variance is known for every rate, the explicit one has a pole at ηk = 2.
 *
 * Both rules get the same random numbers in the conditions of the same rate.
 */
import { z } from "zod";
import { covariance } from "../analysis/index.ts";
import { ArgumentError } from "../engine/errors.ts";
import { fixed } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { implicitSgd as implicitRule } from "../engine/update/implicitSgd.ts";
import { sgd } from "../engine/update/sgd.ts";
import { quarticMode } from "../models/quarticMode.ts";
import { anharmonicMode, heavyBallMode, implicitMode } from "../models/theory/index.ts";
import type { Experiment, Figure, Quantity, RunContext } from "./experiment.ts";
import { divergenceWarnings, estimateOf, predictionOf } from "./outcome.ts";
import { duration, durations, replicas, weightDecay } from "./parameters.ts";
import { Stages } from "./stages.ts";
import { F32_BLOCK_SUM } from "./systematic.ts";

const RULES = ["implicit", "explicit"] as const;
type Rule = (typeof RULES)[number];

const parameters = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.1, 0.3, 0.39, 1])
    .describe("step sizes η [θ²/loss]"),
  curvature: z.number().positive().default(5).describe("h, Hessian eigenvalue [loss/θ²]"),
  quartic: z
    .number()
    .min(0)
    .default(0)
    .describe("b, adds bθ⁴/4 to the loss: steps are no longer linear equations [loss/θ⁴]"),
  noise: z
    .number()
    .positive()
    .default(1)
    .describe("s, standard deviation of the gradient's noise [loss/θ]"),
  weightDecay: weightDecay(0),
  tolerance: z
    .number()
    .positive()
    .lt(1)
    .default(1e-5)
    .describe("ε, residual of an implicit step relative to the explicit one [1]"),
  newtonSteps: z.number().int().min(1).default(16).describe("most Newton iterations of a step"),
  cgSteps: z
    .number()
    .int()
    .min(1)
    .default(64)
    .describe("most conjugate-gradient iterations of a Newton iteration"),
  replicas: replicas(100_000),
  steps: duration("observed steps"),
  burnIn: duration("steps before observing"),
});
type Parameters = z.infer<typeof parameters>;

interface Exact {
  readonly variance: number;
  /** Relative, of the variance: that of its quadrature. */
  readonly error: number;
  /** ln |a|, a the factor of the mean per step; not below that of the smallest number. */
  readonly logDecay: number;
}

/** Stationary values at a rate; throws where there is no stationary state. */
function theory(rule: Rule, p: Parameters, learningRate: number): Exact {
  const { noise, quartic } = p;
  const curvature = p.curvature + p.weightDecay;
  const mode = { learningRate, curvature, noiseVariance: noise ** 2 };
  const stiffness = learningRate * curvature;
  if (rule === "implicit") {
    const { variance, error } = implicitMode({ ...mode, quartic });
    return { variance, error, logDecay: -Math.log1p(stiffness) };
  }
  if (!(stiffness < 2)) {
    throw new ArgumentError(
      `explicit SGD has no stationary state at learning rate ${learningRate}: learning rate × ` +
        `curvature is ${stiffness}, 2 or more; the implicit step has one.`,
    );
  }
  const far = Math.log(Math.max(Number.MIN_VALUE, Math.abs(1 - stiffness)));
  const logDecay = stiffness < 0.5 ? Math.log1p(-stiffness) : far;
  if (quartic > 0) {
    return { ...anharmonicMode({ learningRate, curvature, quartic, noise }), logDecay };
  }
  const { positionVariance: variance } = heavyBallMode({ ...mode, momentum: 0 });
  return { variance, error: 0, logDecay };
}

function setup(rule: Rule, p: Parameters) {
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
function plan(p: Parameters) {
  const predictions = RULES.map((rule) =>
    p.learningRates.map((rate) => predictionOf(() => theory(rule, p, rate))),
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

export const implicitSgd: Experiment<typeof parameters> = {
  id: "implicit-sgd",
  title: "Implicit and explicit SGD on a stiff mode",
  card: "4E",
  sources: ["P. Toulis and E. M. Airoldi, Annals of Statistics 45, 1694 (2017)"],
  summary:
    "One mode, quadratic or with a quartic term, and additive Gaussian noise. The implicit step, whose " +
    "gradient is taken where the step ends, is stationary at every learning rate; the explicit step " +
    "diverges at ηk = 2. Both variances are compared with values that are exact at any learning rate.",
  parameters,
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
      figures: [figure(p, quantities, planned.steps)],
      records,
    };
  },
};

/**
 * Mean of 1 − a^{2t} over the observed steps, t = burnIn, …: what a start at θ = 0, the mean, has
 * reached of the stationary variance. Exact for both rules.
 */
function settled(logDecay: number, burnIn: number, steps: number): number {
  const rate = 2 * logDecay;
  const left = (Math.exp(rate * burnIn) * Math.expm1(rate * steps)) / Math.expm1(rate);
  return 1 - left / steps;
}

/** Operations of a replica-step: the implicit one evaluates the gradient three times, H once. */
const WORK = { implicit: 600, explicit: 150 } as const;

async function measure(p: Parameters, planned: ReturnType<typeof plan>, context: RunContext) {
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
      const linear = p.quartic === 0;
      const predicted =
        exact && exact.variance * (linear ? settled(exact.logDecay, burnIn, steps) : 1);
      // A step that is ε too short or long is one of a rate that is ε off: dV/V <= dη/η, twice that
      // in case the noise's part is off the other way.
      const solver = rule === "implicit" ? 2 * p.tolerance : 0;
      // |⟨θ_t²⟩ − ⟨θ²⟩| <= 2aᵗ⟨θ²⟩: a replica from 0 and a stationary one with the same noise approach
      // as aᵗ (implicit steps; explicit ones near the bottom).
      const start = exact && !linear ? 2 * Math.exp(exact.logDecay * burnIn) : 0;
      const relative = F32_BLOCK_SUM + solver + start + (exact?.error ?? 0);
      quantities.push({
        name: `var(theta), ${rule}`,
        condition: { learningRate },
        estimate: estimateOf(() => covariance(observed.moments, { i: "w", j: "w", condition })),
        unit: "θ²",
        predicted,
        systematic: relative * (predicted ?? 0),
      });
    });
  }
  return { quantities, warnings, records };
}

/** Variances against ηk, with the continuous theory that both miss. */
function figure(p: Parameters, quantities: readonly Quantity[], steps: number): Figure {
  const k = p.curvature + p.weightDecay;
  const at = p.learningRates.map((rate) => rate * k);
  const [from, to] = [Math.min(0.1, ...at) / 2, Math.max(2, ...at) * 2];
  const grid = Array.from({ length: 161 }, (_, i) => from * (to / from) ** (i / 160));
  const unit = p.noise ** 2 / k ** 2;
  const line = (label: string, x: readonly number[], y: (x: number) => number) => ({
    kind: "line" as const,
    role: "theory" as const,
    label,
    x,
    y: x.map((value) => unit * y(value)),
  });
  // Up to the measured point that is nearest to the pole, or a little below it.
  const gap = Math.min(0.05, ...at.filter((x) => x < 2).map((x) => 2 - x));
  const toPole = Array.from({ length: 41 }, (_, i) => 2 - 0.5 * (gap / 0.5) ** (i / 40));
  const below = [...grid.filter((x) => x < 1.5), ...toPole];
  const shownOf = (rule: Rule) =>
    quantities
      .filter(({ name, predicted }) => name.endsWith(rule) && predicted !== null)
      .filter(({ estimate }) => Number.isFinite(estimate.value))
      .map((quantity) => ({ ...quantity, x: Number(quantity.condition.learningRate) * k }))
      .sort((a, b) => a.x - b.x);
  const points = (rule: Rule) => ({
    kind: "points" as const,
    role: "measured" as const,
    label: rule,
    x: shownOf(rule).map(({ x }) => x),
    y: shownOf(rule).map(({ estimate }) => estimate.value),
    standardError: shownOf(rule).map(({ estimate }) => estimate.standardError),
  });
  // With a quartic term the exact values are known at the measured rates alone.
  const joined = (rule: Rule) => ({
    kind: "line" as const,
    role: "theory" as const,
    label: `${rule}, exact`,
    x: shownOf(rule).map(({ x }) => x),
    y: shownOf(rule).map(({ predicted }) => predicted!),
  });
  const law = p.quartic > 0 ? "quadratic" : "exact";
  return {
    id: "variance",
    title: "Stationary variance of implicit and explicit SGD",
    caption:
      `Curvature ${p.curvature}${p.quartic > 0 ? `, quartic term ${p.quartic}` : ""}, noise ` +
      `${p.noise}, ${p.replicas} replicas observed for ${steps} steps. ` +
      "The explicit variance has its pole at 2; the continuous theory knows neither. Bars are one " +
      "standard error.",
    x: { label: "learning rate × curvature", scale: "log" },
    y: { label: "variance of θ", unit: "θ²", scale: "log" },
    marks: [
      line(`implicit, ${law}`, grid, (x) => x / (2 + x)),
      line(`explicit, ${law}`, below, (x) => x / (2 - x)),
      line("continuous, quadratic", grid, (x) => x / 2),
      ...(p.quartic > 0 ? RULES.map(joined).filter(({ x }) => x.length > 1) : []),
      ...RULES.map(points).filter(({ x }) => x.length > 0),
    ],
  };
}
