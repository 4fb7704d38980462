/**
 * Card C2: the second fluctuation-dissipation relation beyond leading order, on one anharmonic mode
 * f = ½ a w² + ¼ b w⁴ with Gaussian gradient noise. The relation has three terms and is exact with
 * all of them; every average is also known absolutely, from the chain's transfer operator.
 */
import { z } from "zod";
import { moments } from "../engine/observe/moments.ts";
import type { MomentsRecord, RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { quarticMode } from "../models/quarticMode.ts";
import { type AnharmonicMode, anharmonicMode as theory } from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { type AnharmonicPoint, measureAnharmonic } from "./fdrAnharmonic/measures.ts";
import { ratioFigure, slopeFigure } from "./fdrFigures.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { duration, durations, learningRates, replicas } from "./parameters.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  learningRates: learningRates(
    [0.01, 0.03, 0.1, 0.2],
    32,
    "step sizes η, one after the other [w²/loss]",
  ),
  curvature: z.number().min(0).default(1).describe("a, of ½ a w² [loss/w²]"),
  quartic: z.number().min(0).default(1).describe("b, of ¼ b w⁴ [loss/w⁴]"),
  noise: z
    .number()
    .positive()
    .default(1)
    .describe("s, standard deviation of the gradient noise [loss/w]"),
  replicas: replicas(200_000),
  steps: duration("observed steps, at each η", 1),
  burnIn: duration("steps before observing, at each η"),
});

type Settings = z.infer<typeof parameters>;

/** Products of these pairs are all the moments that the relation needs. */
const OBSERVED = ["theta.theta", "loss", "theta.g", "g.g"] as const;

const setup = (p: Settings, learningRate: number) => ({
  ...quarticMode(p.curvature, p.quartic),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate, gradientNoise: p.noise }),
  observables: { moments: moments({ of: OBSERVED }) },
});

/** One η: what is known beforehand, and how long to run. */
interface Plan {
  readonly learningRate: number;
  readonly exact: AnharmonicMode | null;
  /** τ of w, in steps. */
  readonly relaxation: number;
  readonly burnIn: number;
  readonly steps: number;
  readonly warnings: readonly string[];
}

/** Burn-in of the card, 20/η, in relaxation times of w. */
const BURN_IN = 20;

function plan(p: Settings, learningRate: number): Plan {
  const { curvature, quartic, noise } = p;
  const { exact, warnings } = predictionOf(() =>
    theory({ learningRate, curvature, quartic, noise }),
  );
  const kept = exact ? Math.abs(exact.correlation) : 0;
  const relaxation = kept > 0 ? Math.max(1, -1 / Math.log(kept)) : 1;
  const least = { burnIn: Math.max(50, Math.ceil(BURN_IN * relaxation)), steps: 400 };
  return { learningRate, exact, relaxation, ...durations(p, relaxation, least), warnings };
}

export const fdrAnharmonic: Experiment<typeof parameters> = {
  id: "fdr-anharmonic",
  title: "Fluctuation and dissipation of an anharmonic mode",
  card: "C2",
  sources: [
    "S. Yaida, Fluctuation-dissipation relations for stochastic gradient descent, arXiv 1810.00004",
  ],
  summary:
    "One parameter, f = ½ a w² + ¼ b w⁴, Gaussian gradient noise. In the stationary state " +
    "⟨f'²⟩ = (η/2)⟨f''G²⟩ − (η²/6)⟨f'''G³⟩ + (η³/24)⟨f''''G⁴⟩ holds exactly (FDR2); the first term alone " +
    "misses it by O(η²). ⟨f'²⟩/η starts at a s²/2 and rises with the anharmonicity. All averages are " +
    "compared with those over the stationary density of the chain, which is computed numerically.",
  parameters,
  quick: { replicas: 20_000 },
  explain: (p) => {
    const { data, ...setting } = setup(p, p.learningRates[0]!);
    return [{ ...setting, replicas: p.replicas, samples: data.samples }];
  },
  async run(p, context) {
    const plans = p.learningRates.map((learningRate) => plan(p, learningRate));
    const points: AnharmonicPoint[] = [];
    const warnings: string[] = [];
    const records: Record<string, RunRecord> = {};
    for await (const { point, record } of observed(p, plans, context)) {
      points.push(point);
      records[`rate${points.length}`] = record;
      const { learningRate, warnings: own } = plans[points.length - 1]!;
      warnings.push(
        ...[...own, ...point.warnings, ...divergenceWarnings(record.run)].map(
          (text) => `learningRate ${learningRate}: ${text}`,
        ),
      );
    }
    const { quantities, warnings: few } = comparable(points.flatMap((point) => point.quantities));
    const caption =
      `a = ${p.curvature}, b = ${p.quartic}, s = ${p.noise}; ${p.replicas} replicas, observed for ` +
      `${[...new Set(plans.map(({ steps }) => steps))].join(", ")} steps.`;
    return {
      quantities,
      warnings: [...warnings, ...few],
      figures: [slopeFigure(points, p, caption), ratioFigure(points, caption)],
      records,
    };
  },
};

/** The rates one after the other; each has replica numbers, hence noise, of its own. */
async function* observed(
  p: Settings,
  plans: readonly Plan[],
  context: RunContext,
): AsyncGenerator<{ point: AnharmonicPoint; record: RunRecord }> {
  const work = 150;
  const lengths = plans.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
  const stages = await Stages.open(context, lengths * p.replicas * work);
  for (const [k, each] of plans.entries()) {
    const { learningRate, burnIn, steps } = each;
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, learningRate),
      replicas: { first: k * p.replicas, count: p.replicas },
      seed: context.seed,
    });
    const label = `rate ${k + 1}`;
    const { observed: record } = await stages.run({ label, ensemble, burnIn, steps, work });
    const { moments: measured }: { moments: MomentsRecord } = record;
    yield { point: measureAnharmonic({ ...p, ...each }, measured), record };
  }
}
