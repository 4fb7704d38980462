/**
 * The main job: handwritten digits, two classifiers, a sweep of learning rates; the stationary
 * state of SGD on real data and the fluctuation-dissipation relation in it.
 *
 * In any stationary state of plain SGD ⟨θ·G⟩ = (η/2)⟨|G|²⟩ holds exactly, G the minibatch gradient
 * with weight decay included (arXiv 1810.00004, FDR1): whatever the data, the network, the noise.
 */
import { z } from "zod";
import type { Estimate } from "../analysis/index.ts";
import { fanIn } from "../engine/initial.ts";
import type { Model } from "../engine/model.ts";
import { series } from "../engine/observe/series.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import type { Dataset } from "../models/dataset.ts";
import { digits as digitsData } from "../models/digits.ts";
import { softmaxClassifier, tanhClassifier } from "../models/digitsClassifiers.ts";
import { accuracyFigure, lossFigure, ratioFigure, stationaryLossFigure } from "./digits/figures.ts";
import { type ClassifierResult, type Measured, measureCondition } from "./digits/measures.ts";
import type { Experiment, ExperimentResult, Quantity, RunContext } from "./experiment.ts";
import { divergenceWarnings } from "./outcome.ts";
import { replicas } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
    .describe("the sweep of η [θ²/loss]"),
  weightDecay: z.number().positive().default(0.01).describe("λ, adds λθ to the gradient [loss/θ²]"),
  batchSize: z.number().int().min(1).default(8).describe("m, samples in a minibatch [samples]"),
  hidden: z.number().int().min(1).max(13).default(8).describe("tanh units of the network"),
  replicas: replicas(16),
  burnIn: z.number().int().min(0).default(8000).describe("steps before observing [steps]"),
  steps: z.number().int().min(200).default(8000).describe("observed steps [steps]"),
});

type Settings = z.infer<typeof parameters>;

const QUANTITIES = ["loss", "theta.theta", "g.g", "theta.g"] as const;
const EVERY = 10;

const classifiers = (p: Settings): readonly Model[] => [
  softmaxClassifier(),
  tanhClassifier(p.hidden),
];

const decay = (p: Settings) => ({ batchSize: p.batchSize, weightDecay: p.weightDecay });

const setup = (p: Settings) => ({
  update: sgd(decay(p)),
  replicas: p.replicas,
  observables: { series: series({ of: QUANTITIES, every: EVERY }) },
});

export const digits: Experiment<typeof parameters> = {
  id: "digits",
  title: "The stationary state of SGD on handwritten digits",
  card: "C (FDR1)",
  sources: [
    "S. Yaida, Fluctuation-dissipation relations for stochastic gradient descent, arXiv 1810.00004",
    "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI 1998",
  ],
  summary:
    "A linear softmax classifier and a small tanh network learn 1440 handwritten digits by plain " +
    "SGD with weight decay, all learning rates and replicas in one ensemble each. Once stationary, " +
    "⟨θ·G⟩ = (η/2)⟨|G|²⟩ must hold at every learning rate; loss, |θ|², |G|² and accuracy are " +
    "reported beside it.",
  parameters,
  quick: { replicas: 8, burnIn: 3000, steps: 3000, learningRates: [0.1, 0.3, 0.8] },
  explain: (p) =>
    classifiers(p).map((model) => ({
      ...setup(p),
      model,
      update: sgd({ ...decay(p), learningRate: p.learningRates[0]! }),
      samples: digitsData({ seed: 1 }).train.samples,
    })),
  async run(p, context) {
    const { train, test } = digitsData({ seed: 1 });
    const models = classifiers(p);
    const lanes = p.learningRates.length * p.replicas;
    const work = models.map((model) => p.batchSize * 6 * model.parameterCount);
    const total = work.reduce((sum, w) => sum + w * lanes * (p.burnIn + p.steps), 0);
    const stages = await Stages.open(context, total);
    const results: ClassifierResult[] = [];
    const quantities: Quantity[] = [];
    const warnings: string[] = [];
    const records: Record<string, ExperimentResult["records"][string]> = {};
    for (const [i, model] of models.entries()) {
      const outcome = await classifier(model, train, test, p, work[i]!, stages, context);
      results.push(outcome.result);
      quantities.push(...outcome.quantities);
      warnings.push(...outcome.warnings);
      records[model.name] = outcome.record;
    }
    return {
      quantities,
      warnings,
      figures: [
        ...results.map((result) => lossFigure(result)),
        stationaryLossFigure(results),
        ratioFigure(results),
        accuracyFigure(results),
      ],
      records,
    };
  },
};

interface Outcome {
  readonly result: ClassifierResult;
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly record: ExperimentResult["records"][string];
}

async function classifier(
  model: Model,
  train: Dataset,
  test: Dataset,
  p: Settings,
  work: number,
  stages: Stages,
  context: RunContext,
): Promise<Outcome> {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p),
    model,
    data: train,
    sweep: { learningRate: p.learningRates },
    seed: context.seed,
    initial: fanIn(),
  });
  const { burnIn, observed } = await stages.run({
    label: model.name,
    ensemble,
    burnIn: p.burnIn,
    steps: p.steps,
    multiple: EVERY,
    observeBurnIn: true,
    work,
  });
  const accuracies = {
    train: await ensemble.evaluate({ of: ["accuracy"] }),
    test: await ensemble.evaluate({ of: ["accuracy"], data: test }),
  };
  const measured = p.learningRates.map((learningRate, condition) =>
    measureCondition({
      record: observed.series,
      accuracies,
      condition,
      learningRate,
      steps: p.steps,
    }),
  );
  return {
    quantities: measured.flatMap((m) => quantitiesOf(model.name, m)),
    warnings: [
      ...warningsOf(model.name, measured),
      ...divergenceWarnings(observed.run).map((warning) => `${model.name}: ${warning}`),
    ],
    record: observed,
    result: {
      name: model.name,
      rates: p.learningRates,
      loss: measured.map(({ loss }) => loss),
      ratio: measured.map(({ ratio }) => ratio),
      trainAccuracy: measured.map(({ trainAccuracy }) => trainAccuracy),
      testAccuracy: measured.map(({ testAccuracy }) => testAccuracy),
      burnIn: burnIn?.series ?? null,
      observed: observed.series,
    },
  };
}

function quantitiesOf(model: string, m: Measured): Quantity[] {
  const quantity = (name: string, estimate: Estimate, unit: string): Quantity => ({
    name,
    condition: { model, learningRate: m.learningRate },
    estimate,
    unit,
    predicted: null,
    systematic: 0,
  });
  return [
    quantity("loss", m.loss, "nats"),
    quantity("|theta|^2", m.norm, "θ²"),
    quantity("|g|^2", m.gradient, "(loss/θ)²"),
    quantity("theta.g", m.left, "loss"),
    quantity("eta/2 |g|^2", m.right, "loss"),
    {
      ...quantity("FDR ratio", m.ratio, "1"),
      // Nothing is claimed where no replica is left.
      predicted: Number.isFinite(m.ratio.value) ? 1 : null,
      systematic: m.drift,
    },
    quantity("stationary", m.stationary, "1 = yes"),
    quantity("R-hat |theta|^2", m.rHat, "1"),
    quantity("train accuracy", m.trainAccuracy, "1"),
    quantity("test accuracy", m.testAccuracy, "1"),
  ];
}

function warningsOf(model: string, measured: readonly Measured[]): string[] {
  const drifting = measured.filter(
    ({ stationary, loss }) => stationary.value === 0 && Number.isFinite(loss.value),
  );
  const apart = measured.filter(({ rHat }) => rHat.value > 1.1);
  const rates = (of: readonly Measured[]): string =>
    of.map(({ learningRate }) => learningRate).join(", ");
  const largest = Math.max(...apart.map(({ rHat }) => rHat.value));
  return [
    ...(drifting.length > 0
      ? [
          `${model}: not stationary at learning rate ${rates(drifting)}: averages drift; raise burnIn`,
        ]
      : []),
    ...(apart.length > 0
      ? [
          `${model}: at learning rate ${rates(apart)} the replicas have not mixed, each keeps its own ` +
            `|theta|^2 over the observed steps (split R-hat up to ${largest.toFixed(2)}); error bars come ` +
            "from the scatter of the replicas and include this",
        ]
      : []),
  ];
}
