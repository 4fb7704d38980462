/**
 * Card 1B: projected SGD on a sphere with a linear loss and Gaussian noise, on a ladder of learning
 * rates; energy, entropy, free energy and temperature against the exact law of the discrete chain, and
 * against the Gibbs law of T = ηs²/2 that it tends to.
 *
 * x' = (x − η P_x(μ + sξ))/|…|. Rungs have replicas of their own, hence are independent, and run as
 * long as their own relaxation, 1/η steps, asks for.
 */
import { z } from "zod";
import { gaussian } from "../engine/initial.ts";
import { snapshot } from "../engine/observe/snapshot.ts";
import type { SnapshotRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { RecordOf } from "../engine/run/ensemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { linearTilt } from "../models/linearTilt.ts";
import { type TiltedSphere, tiltedSphere } from "../models/theory/index.ts";
import type { Experiment, RunContext } from "./experiment.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { durations, refuseRepeats, replicas } from "./parameters.ts";
import { sphereFigures } from "./sphereGibbs/figures.ts";
import { pointOf, type Rung, sphereQuantities } from "./sphereGibbs/quantities.ts";
import { Stages } from "./stages.ts";

const parameters = z.object({
  dimension: z
    .number()
    .int()
    .min(2)
    .max(64)
    .default(3)
    .describe("D, of the space around the sphere S^(D−1) [coordinates]"),
  learningRates: z
    .array(z.number().positive())
    .min(1)
    .default([0.01, 0.03, 0.1, 0.3])
    .describe("the ladder of η, in any order; temperatures need two [1/loss]"),
  noise: z
    .number()
    .positive()
    .default(1)
    .describe("s, standard deviation of each component of the gradient noise [loss]"),
  replicas: replicas(20_000),
  snapshots: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(4)
    .describe("states of each replica that are used, 4 relaxation times apart [states]"),
  burnIn: z
    .union([z.literal("auto"), z.number().int().min(0)])
    .default("auto")
    .describe("steps from uniform points before the first; auto: 20/η + 50 [steps]"),
});

type Settings = z.infer<typeof parameters>;

const setup = (p: Settings, learningRate: number, every: number) => ({
  ...linearTilt(p.dimension),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate, gradientNoise: p.noise }),
  spheres: { groups: "whole" as const },
  observables: { states: snapshot({ every }) },
});

interface PlannedRung {
  readonly learningRate: number;
  readonly exact: TiltedSphere | null;
  readonly burnIn: number;
  readonly steps: number;
  readonly every: number;
}

function plan(p: Settings): { rungs: PlannedRung[]; warnings: string[] } {
  const rates = [...p.learningRates].sort((a, b) => a - b);
  refuseRepeats("learningRates", rates);
  const warnings: string[] = [];
  const rungs = rates.map((learningRate) => {
    const found = predictionOf(() => tiltedSphere({ ...p, learningRate }));
    warnings.push(...found.warnings.map((text) => `learning rate ${learningRate}: ${text}`));
    const every = Math.ceil(4 / learningRate) + 4;
    // Until the last snapshot, which is taken before its step.
    const steps = (p.snapshots - 1) * every + 1;
    const asked = p.burnIn === "auto" ? Math.ceil(20 / learningRate) + 50 : p.burnIn;
    const lengths = durations({ burnIn: asked, steps }, 1 / learningRate, { burnIn: 0, steps: 0 });
    return { learningRate, exact: found.exact, every, ...lengths };
  });
  return { rungs, warnings };
}

type Observed = RecordOf<ReturnType<typeof setup>["observables"]>;

/** Operations of a replica-step: D normal numbers, three products over D. */
const workOf = ({ dimension }: Settings): number => 60 * dimension;

async function simulate(
  p: Settings,
  { device, seed }: RunContext,
  rung: PlannedRung & { readonly first: number },
  stages: Stages,
): Promise<Observed> {
  const { learningRate, every, burnIn, steps, first } = rung;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, learningRate, every),
    // Replicas of their own: rungs must not share random numbers.
    replicas: { first, count: p.replicas },
    seed,
    initial: gaussian({ standardDeviation: 1 }),
  });
  const label = `learning rate ${learningRate}`;
  const stage = { label, ensemble, burnIn, steps, multiple: every, work: workOf(p) };
  return (await stages.run(stage)).observed;
}

/** Angles from the minimum −μ, [snapshot][replica]; the small ones from the small coordinates. */
export function polarAngles({ values }: SnapshotRecord): Float64Array[] {
  const [times, , replicaCount, width] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  return Array.from({ length: times }, (_, t) =>
    Float64Array.from({ length: replicaCount }, (_, r) => {
      const at = (t * replicaCount + r) * width;
      let square = 0;
      for (let k = 1; k < width; k += 1) square += values.data[at + k]! ** 2;
      return Math.atan2(Math.sqrt(square), -values.data[at]!);
    }),
  );
}

export const sphereGibbs: Experiment<typeof parameters> = {
  id: "sphere-gibbs",
  title: "Projected SGD on a sphere and the Gibbs law",
  card: "1B",
  sources: ["SGD as free energy minimization, arXiv 2505.23489"],
  summary:
    "Linear loss on a sphere, tangential Gaussian noise, steps brought back to the sphere. Mean loss " +
    "U, entropy S, free energy U − TS and dU/dS on a ladder of learning rates, against the stationary " +
    "law of the discrete chain, exact at any rate. The Gibbs law exp(−L/T), T = ηs²/2, a von " +
    "Mises–Fisher law, is its limit for small rates and fails at large ones.",
  parameters,
  quick: { replicas: 4000, learningRates: [0.03, 0.1, 0.3] },
  explain: (p) => {
    const { data, ...setting } = setup(p, p.learningRates[0]!, 1);
    return [{ ...setting, replicas: p.replicas, samples: data.samples }];
  },
  async run(p, context) {
    const { rungs: planned, warnings } = plan(p);
    const work = planned.reduce((sum, { burnIn, steps }) => sum + burnIn + steps, 0);
    const stages = await Stages.open(context, work * p.replicas * workOf(p));
    const rungs: Rung[] = [];
    const records: Record<string, Observed> = {};
    for (const [i, rung] of planned.entries()) {
      const observed = await simulate(p, context, { ...rung, first: i * p.replicas }, stages);
      const angles = polarAngles(observed.states);
      const { point, warnings: refusals } = pointOf(angles, p.dimension);
      const said = [...divergenceWarnings(observed.run), ...refusals];
      warnings.push(...said.map((text) => `learning rate ${rung.learningRate}: ${text}`));
      rungs.push({ ...rung, angles, point });
      records[`rung${i}`] = observed;
    }
    const found = sphereQuantities(p, rungs);
    return {
      quantities: found.quantities,
      warnings: [...warnings, ...found.warnings],
      figures: sphereFigures(p, rungs),
      records,
    };
  },
};
