/**
 * Cards 1C and 1D: projected SGD on the sphere S² with losses (a_i·x)²/|x|² and batches of one; three
 * directions that no x fits (underparametrized), and two that the pole fits (overparametrized).
 *
 * x' = (x − η 2p(a − px))/|…|, p = a·x. Underparametrized, the noise at the minimum is finite and the
 * stationary law minimizes U − TS, T = η tr C/(2m). Overparametrized, gradient and noise vanish together:
 * a critical rate in place of a temperature.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { RunRecord } from "../engine/record.ts";
import { equatorialPair, polarDirections } from "../models/directions.ts";
import { poleFrame } from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { type AttractorRun, attractorRun, measureAttractor } from "./freeEnergyToy/attractor.ts";
import { type ToyResult, toyFigures } from "./freeEnergyToy/figures.ts";
import { type GrowthRun, growthRun, growthSteps, measureGrowth } from "./freeEnergyToy/growth.ts";
import { type ToySettings, toySettings } from "./freeEnergyToy/settings.ts";
import { ladderWork, planLadder, runLadder } from "./pole/ladder.ts";
import { poleQuantities } from "./pole/quantities.ts";
import { type PoleRun, poleSetup, poleWork, refuseHuge } from "./pole/runs.ts";
import { Stages } from "./stages.ts";

interface Plan {
  readonly up: readonly PoleRun[];
  readonly attractors: readonly AttractorRun[];
  readonly growths: readonly GrowthRun[];
}

function plan(p: ToySettings): Plan {
  if (!(Math.abs(p.start[2]!) > 1e-6 * Math.hypot(...p.start))) {
    throw new ArgumentError(
      `start: ${p.start.join(", ")} is in the equator, which SGD does not leave; give a third ` +
        "component that is not zero.",
    );
  }
  refuseHuge("learningRatesUp", p.learningRatesUp);
  refuseHuge("learningRatesOp", p.learningRatesOp);
  const upRates = p.regime === "op" ? [] : p.learningRatesUp;
  const opRates = p.regime === "up" ? [] : [...p.learningRatesOp].sort((a, b) => a - b);
  const pair = poleFrame(equatorialPair(p.angle));
  // Replicas of their own for each run; those with a start each have the lowest numbers.
  const lane = (k: number): number => k * p.replicas;
  const up = planLadder({
    label: "UP ",
    frame: poleFrame(polarDirections(p.samples, p.height)),
    learningRates: upRates,
    replicas: p.replicas,
    first: lane(3 * opRates.length),
    start: p.start,
    steps: p.steps,
    burnIn: { rates: 20, times: 12 },
    snapshots: p.snapshots,
  });
  return {
    up,
    attractors: opRates.map((rate, i) =>
      attractorRun(p, pair, rate, [lane(opRates.length + i), lane(2 * opRates.length + i)]),
    ),
    growths: opRates.map((rate, i) => growthRun(pair, rate, { first: lane(i), count: p.replicas })),
  };
}

const workOf = (p: ToySettings, { up, attractors, growths }: Plan): number =>
  ladderWork(up) +
  ladderWork(attractors) +
  ladderWork(attractors.flatMap(({ host }) => host ?? [])) +
  growths.reduce((sum, run) => sum + growthSteps(run) * p.replicas * poleWork(run.frame), 0);

/** What is said once of the overparametrized branch. */
const NO_TEMPERATURE =
  "overparametrized: the stationary law has no density, its entropy is -infinity (all replicas at the " +
  "minimum, or on points of an orbit): S is what neighbors give for the last states, and no temperature is formed";

async function overparametrized(
  p: ToySettings,
  { attractors, growths }: Plan,
  stages: Stages,
  context: RunContext,
): Promise<Omit<ToyResult, "up">> {
  const result = { attractors: [], growths: [] } as {
    attractors: Awaited<ReturnType<typeof measureAttractor>>[];
    growths: Awaited<ReturnType<typeof measureGrowth>>[];
  };
  for (const run of growths) {
    result.growths.push(await measureGrowth(run, stages, context));
    await stages.pause();
  }
  for (const run of attractors) {
    result.attractors.push(await measureAttractor(p, run, stages, context));
    await stages.pause();
  }
  return result;
}

const up = (rates: string | number): Quantity["condition"] => ({
  regime: "UP",
  learningRate: rates,
});

export const freeEnergyToy: Experiment<typeof toySettings> = {
  id: "free-energy-toy",
  title: "Free energy of SGD on a sphere, with and without noise at the minimum",
  card: "1C, 1D",
  sources: ["SGD as free energy minimization, arXiv 2505.23489"],
  summary:
    "Toy models of under- and overparametrized networks: projected SGD on S² with scale-invariant losses of " +
    "three directions, or two that one point fits. Mean loss, entropy, temperature and free energy on a " +
    "ladder of learning rates against the exact moments of the discrete steps; the signal-to-noise ratio, " +
    "√η in one regime and of order 1 in the other; the critical learning rate 1, with exact exponents on " +
    "both sides, and the orbit of reflections above it, whose mean loss is taken in float64 on the host.",
  parameters: toySettings,
  quick: {
    learningRatesUp: [0.01, 0.02, 0.04, 0.1, 0.3],
    learningRatesOp: [0.1, 0.5, 0.9, 1.05, 1.3, 1.6],
    replicas: 500,
    steps: 8000,
  },
  explain: (p) =>
    [...plan(p).up.slice(0, 1), ...plan(p).attractors.slice(0, 1)].map((run) => {
      const { data, ...setting } = poleSetup(run);
      return { ...setting, replicas: p.replicas, samples: data.samples };
    }),
  async run(p, context) {
    const planned = plan(p);
    const stages = await Stages.open(context, workOf(p, planned));
    const ladder = await runLadder(planned.up, p.neighbors, stages, context);
    const op = await overparametrized(p, planned, stages, context);
    const found = poleQuantities(ladder.rungs, up);
    const all = [
      ...found.quantities,
      ...op.growths.flatMap(({ quantities }) => quantities),
      ...op.attractors.flatMap(({ quantities }) => quantities),
    ];
    const { quantities, warnings } = comparable(all, { replicas: p.replicas });
    const records: Record<string, RunRecord> = {};
    ladder.records.forEach((record, i) => {
      records[`up${i}`] = record;
    });
    op.attractors.forEach(({ record }, i) => {
      records[`op${i}`] = record;
    });
    op.growths.forEach(({ record }, i) => {
      records[`pole${i}`] = record;
    });
    return {
      quantities,
      warnings: [
        ...ladder.warnings,
        ...found.warnings,
        ...op.attractors.flatMap((one) => one.warnings),
        ...op.growths.flatMap((one) => one.warnings),
        ...(op.attractors.length > 0 ? [NO_TEMPERATURE] : []),
        ...warnings,
      ],
      figures: toyFigures({ up: ladder.rungs, ...op }, quantities),
      records,
    };
  },
};
