/**
 * Card 1F: projected SGD on a sphere with losses (a_i·x)²/|x|² of random directions, batches of one; more
 * directions than dimensions (underparametrized), and fewer (overparametrized).
 *
 * Underparametrized: U − U₀ = η tr C/4 and dU/dS = η tr C/(2(d − 1)) at small rates, whatever the Hessian, and
 * exact moments of the discrete steps beside them. Overparametrized: the loss vanishes below η = 1.
 */
import { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import type { RunRecord } from "../engine/record.ts";
import { randomDirections } from "../models/directions.ts";
import { type PoleFrame, poleFrame } from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { fallRun, measureFall } from "./freeEnergySphere/fall.ts";
import { sphereLossFigure, sphereSignalFigure } from "./freeEnergySphere/figures.ts";
import { learningRates, replicas } from "./parameters.ts";
import { poleFigures } from "./pole/figures.ts";
import { ladderWork, planLadder, runLadder } from "./pole/ladder.ts";
import { poleQuantities } from "./pole/quantities.ts";
import { poleSetup, refuseHuge } from "./pole/runs.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  dimension: z
    .number()
    .int()
    .min(3)
    .max(7)
    .default(6)
    .describe("d, of the space around the sphere S^(d−1) [coordinates]"),
  samplesUp: z
    .number()
    .int()
    .min(0)
    .max(1000)
    .default(40)
    .describe("random directions of the underparametrized loss, at least d; 0: none"),
  samplesOp: z
    .number()
    .int()
    .min(0)
    .max(6)
    .default(4)
    .describe("random directions of the overparametrized loss, 2 to d − 1; 0: none"),
  directionSeed: z
    .number()
    .int()
    .min(0)
    .default(3)
    .describe("of the random directions, which are data and not noise"),
  learningRatesUp: learningRates(
    [0.01, 0.02, 0.04, 0.08],
    16,
    "the ladder of η of the underparametrized loss, in any order [1/loss]",
  ),
  learningRatesOp: learningRates(
    [0.1, 0.3, 0.6, 0.9, 1.1, 1.5],
    16,
    "the ladder of η of the overparametrized loss, in any order [1/loss]",
  ),
  replicas: replicas(20_000),
  steps: z
    .number()
    .int()
    .min(1)
    .max(2e6)
    .default(6000)
    .describe("observed steps of each stationary state [steps]"),
  snapshots: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(2)
    .describe(
      "states of each replica that entropy is taken from, at most, 4 relaxation times apart [states]",
    ),
  neighbors: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe("k of the nearest-neighbor entropy"),
});

type Settings = z.infer<typeof parameters>;

function check(p: Settings): void {
  const { dimension, samplesUp, samplesOp } = p;
  refuseHuge("learningRatesUp", p.learningRatesUp);
  refuseHuge("learningRatesOp", p.learningRatesOp);
  if (samplesUp !== 0 && samplesUp < dimension) {
    throw new ArgumentError(
      `samplesUp: ${samplesUp} directions in ${dimension} dimensions leave some x where all losses are zero; ` +
        `give at least ${dimension}, or 0 for none.`,
    );
  }
  if (samplesOp !== 0 && (samplesOp < 2 || samplesOp >= dimension)) {
    throw new ArgumentError(
      `samplesOp: ${samplesOp} directions in ${dimension} dimensions; give 2 to ${dimension - 1}, or 0 for ` +
        "none.",
    );
  }
  if (samplesUp + samplesOp === 0) {
    throw new ArgumentError(
      "samplesUp, samplesOp: both are 0, so there is nothing to run; raise one.",
    );
  }
}

/** Up the pole itself, so that the cloud grows to its size and nothing else has to be forgotten. */
const pole = (dimension: number): number[] =>
  Array.from({ length: dimension }, (_, k) => (k === dimension - 1 ? 1 : 0));

function plan(p: Settings) {
  check(p);
  const frameOf = (samples: number, seed: number): PoleFrame =>
    poleFrame(randomDirections(samples, p.dimension, seed));
  const up =
    p.samplesUp === 0
      ? []
      : planLadder({
          label: "UP ",
          frame: frameOf(p.samplesUp, 2 * p.directionSeed),
          learningRates: p.learningRatesUp,
          replicas: p.replicas,
          first: 0,
          start: pole(p.dimension),
          steps: p.steps,
          burnIn: { rates: 20, times: 6 },
          snapshots: p.snapshots,
        });
  const opRates = p.samplesOp === 0 ? [] : [...p.learningRatesOp].sort((a, b) => a - b);
  const op = opRates.map((rate, i) =>
    fallRun(
      frameOf(p.samplesOp, 2 * p.directionSeed + 1),
      rate,
      // Losses that vanish need no small error bars.
      { first: (up.length + i) * p.replicas, count: Math.min(p.replicas, 2000) },
      p.steps,
    ),
  );
  return { up, op };
}

const up = (rates: string | number): Quantity["condition"] => ({
  regime: "UP",
  learningRate: rates,
});

export const freeEnergySphere: Experiment<typeof parameters> = {
  id: "free-energy-sphere",
  title: "Free energy of SGD on a sphere in more dimensions",
  card: "1F",
  sources: ["SGD as free energy minimization, arXiv 2505.23489"],
  summary:
    "Projected SGD with scale-invariant losses of random directions. With more directions than dimensions " +
    "mean loss, entropy, temperature and free energy on a ladder of learning rates, against the exact moments " +
    "of the discrete steps and against the small-rate laws η tr C/4 and η tr C/(2(d − 1)), which hold for any " +
    "Hessian. With fewer directions loss and noise vanish together below the critical rate 1.",
  parameters,
  quick: {
    replicas: 4000,
    steps: 2000,
    learningRatesUp: [0.02, 0.04, 0.08],
    learningRatesOp: [0.3, 0.9, 1.5],
  },
  explain: (p) =>
    [...plan(p).up, ...plan(p).op].slice(0, 1).map((run) => {
      const { data, ...setting } = poleSetup(run);
      return { ...setting, replicas: p.replicas, samples: data.samples };
    }),
  async run(p, context) {
    const planned = plan(p);
    const stages = await Stages.open(context, ladderWork(planned.up) + ladderWork(planned.op));
    const ladder = await runLadder(planned.up, p.neighbors, stages, context);
    const falls: Awaited<ReturnType<typeof measureFall>>[] = [];
    for (const run of planned.op) {
      falls.push(await measureFall(run, stages, context));
      await stages.pause();
    }
    const found = poleQuantities(ladder.rungs, up);
    const all = [...found.quantities, ...falls.flatMap(({ quantities }) => quantities)];
    const { quantities, warnings } = comparable(all, { replicas: p.replicas });
    const records: Record<string, RunRecord> = {};
    ladder.records.forEach((record, i) => {
      records[`up${i}`] = record;
    });
    falls.forEach(({ record }, i) => {
      records[`op${i}`] = record;
    });
    return {
      quantities,
      warnings: [
        ...ladder.warnings,
        ...found.warnings,
        ...falls.flatMap((one) => one.warnings),
        ...warnings,
      ],
      figures: [
        ...(ladder.rungs.length > 0 ? poleFigures(ladder.rungs) : []),
        sphereSignalFigure(ladder.rungs, falls),
        ...(falls.length > 0 ? [sphereLossFigure(falls)] : []),
      ],
      records,
    };
  },
};
