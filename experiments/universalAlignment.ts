/**
 * Card 2D: networks of different widths, trained by SGD on different views of the same data, end with the
 * same hidden representation up to a rotation. Gradient descent does not, and weight decay does not.
 *
 * Label noise balances the gradients of neighboring layers, and the balanced h(x) does not know the view.
 * At a finite rate layers fluctuate: 1 − CKA is known to leading order for one hidden layer.
 */
import type { RunRecord } from "../engine/record.ts";
import { comparable } from "./comparable.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { predictionOf } from "./outcome.ts";
import { Stages } from "./stages.ts";
import { contrastQuantities } from "./universalAlignment/card.ts";
import { courseFigure, deficitFigure, matrixFigure } from "./universalAlignment/figures.ts";
import { type Probes, probesOf } from "./universalAlignment/layers.ts";
import { predict } from "./universalAlignment/predictions.ts";
import {
  balances,
  betweenNets,
  type Courses,
  flowQuantity,
  type Predictions,
  withinNets,
} from "./universalAlignment/quantities.ts";
import { type Course, type Method, train } from "./universalAlignment/runs.ts";
import {
  type AlignmentSettings,
  alignmentSettings,
  check,
  NETS,
  setup,
  type Training,
  workOf,
} from "./universalAlignment/settings.ts";

const TRAININGS: readonly Training[] = ["noisy", "noiseless"];

export const universalAlignment: Experiment<typeof alignmentSettings> = {
  id: "universal-alignment",
  title: "Noise makes networks see alike",
  card: "2D",
  sources: [
    "Neural Thermodynamics I, arXiv 2505.12387",
    "S. Kornblith et al., Similarity of neural network representations revisited, arXiv 1905.00414",
  ],
  summary:
    "Linear networks of two widths learn one noisy teacher, one from x, the other from a distorted view Zx. " +
    "Linear CKA between their hidden layers goes to 1 under SGD as the learning rate is lowered, with " +
    "fluctuations that leading order predicts; not under gradient descent, with or without weight decay. The " +
    "entropic flow on the states of zero loss, solved in float64, aligns them without noise.",
  parameters: alignmentSettings,
  quick: {},
  explain: (p) =>
    NETS.flatMap((net) =>
      TRAININGS.map((training) => {
        const { data, ...setting } = setup(p, net, training);
        return { ...setting, replicas: p.replicas, samples: data.samples };
      }),
    ),
  async run(p, context) {
    check(p);
    const steps = p.phaseSteps.reduce((sum, count) => sum + count, 0);
    const lanes = (training: Training) => p.replicas * (training === "noisy" ? 1 : 2);
    const total = NETS.flatMap((net) =>
      TRAININGS.map((training) => steps * lanes(training) * workOf(p, net, training)),
    ).reduce((sum, work) => sum + work, 0);
    const stages = await Stages.open(context, total);
    const courses: Record<string, Partial<Record<Method, Course>>> = {};
    const records: Record<string, RunRecord> = {};
    const warnings: string[] = [];
    for (const net of NETS) {
      for (const training of TRAININGS) {
        const done = await train(p, net, training, stages, context);
        courses[net] = { ...courses[net], ...done.courses };
        Object.assign(records, done.records);
        warnings.push(...done.warnings);
      }
    }
    const probes = probesOf(p.probes, p.viewValues.length, p.dataSeed);
    const found = await evaluate(p, courses as Courses, probes, stages);
    return { ...found, warnings: [...warnings, ...found.warnings], records };
  },
};

/** Theory of both nets; null for deeper ones, and where it says no. */
function predictionsOf(p: AlignmentSettings, probes: Probes) {
  if (p.widthsA.length > 1) {
    const layers = p.widthsA.length;
    return {
      exact: null,
      warnings: [
        `no prediction: fluctuations and the entropic flow are known for one hidden layer, these nets have ` +
          `${layers}; the limit of small rates is an alignment of 1 in every layer`,
      ],
    };
  }
  return predictionOf(
    (): Predictions => ({
      A: predict(p, "A", probes.covariance),
      B: predict(p, "B", probes.covariance),
    }),
  );
}

async function evaluate(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  stages: Stages,
): Promise<{
  quantities: Quantity[];
  warnings: string[];
  figures: ReturnType<typeof courseFigure>[];
}> {
  const { exact, warnings } = predictionsOf(p, probes);
  const notes = [...warnings];
  await stages.pause();
  const between = betweenNets(p, courses, probes, exact);
  await stages.pause();
  const measured = [
    ...between,
    ...contrastQuantities(p, between),
    ...withinNets(p, courses, probes, exact),
  ];
  if (exact) measured.push(...balances(p, courses, exact));
  const checked = comparable(measured, { replicas: p.replicas });
  notes.push(...checked.warnings, ...doubts(p, exact, measured));
  const flow = exact
    ? await flowQuantity(p, courses, probes, exact, () => stages.pause()).catch((error) => {
        const { warnings: why } = predictionOf(() => {
          throw error;
        });
        notes.push(...why);
        return null;
      })
    : null;
  return {
    quantities: [...checked.quantities, ...(flow ? [flow] : [])],
    warnings: notes,
    figures: [
      courseFigure(p, courses, probes),
      deficitFigure(p, courses, probes, between, exact),
      ...matrixFigure(p, courses, probes, "SGD"),
      ...matrixFigure(p, courses, probes, "GD"),
    ],
  };
}

/** Which phases leave alignment open by more than the card's tolerance. */
function doubts(
  p: AlignmentSettings,
  exact: Predictions | null,
  measured: readonly Quantity[],
): string[] {
  if (exact === null) return [];
  const open = measured.filter(
    ({ name, condition, predicted }) =>
      name === "CKA, A-B" && condition.method === "SGD" && predicted === null,
  );
  if (open.length === 0) return [];
  const list = open.map(({ condition }) => {
    const k = Number(condition.phase) - 1;
    const left = Math.min(1, exact.A.left[k]! + exact.B.left[k]!);
    return `${k + 1} (rate ${p.learningRates[k]}, at most ${(100 * left).toPrecision(2)} % of the start left)`;
  });
  return [
    `no prediction of CKA after phase ${list.join(", ")}: orders beyond the leading one, or what is left of ` +
      "the start, may be more than 0.01; lower the rate, or give the phases more steps",
  ];
}
