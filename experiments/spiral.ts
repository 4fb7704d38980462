/**
 * Card B3: the mean path of a mode under the heavy ball spirals in phase space; the steps against
 * their closed form, the continuous model against the steps, and the currents that noise adds.
 *
 * v' = β v − k x, θ' = θ + ηv' from (x_0, v_0), without noise; then the same mode with gradient noise in
 * its stationary state, whose area rate and moments the continuous model misses by O(η).
 */
import { fixed } from "../engine/initial.ts";
import { type SeriesSpec, series } from "../engine/observe/series.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { RecordOf } from "../engine/run/ensemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { continuousPath, heavyBallPath, kickedMode, type ModeState } from "../models/index.ts";
import { comparison } from "./comparison.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { pathRounding } from "./heavyBallRounding.ts";
import { divergenceWarnings } from "./outcome.ts";
import { phasePlane, positions } from "./spiralFigures.ts";
import { noisyMode, noisyModePlan } from "./spiralNoise.ts";
import { type SpiralSettings, spiralSettings } from "./spiralSettings.ts";
import { Stages } from "./stages.ts";
import { F32 } from "./systematic.ts";

/** Operations of one step of the path, roughly. */
const PATH_WORK = 100;

const setup = (p: SpiralSettings, last: number) => ({
  ...kickedMode({ curvature: p.curvature, velocity: p.velocity, steps: last + 1 }),
  sampling: "sequential" as const,
  update: sgd({ learningRate: p.learningRate, momentum: p.momentum, batchSize: 1 }),
  replicas: 1,
  keepVelocity: true,
  observables: { path: series({ of: ["theta", "v.theta"] }) },
});

export const spiral: Experiment<typeof spiralSettings> = {
  id: "spiral",
  title: "A mode under momentum spirals in phase space",
  card: "B3",
  sources: ["D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section 2"],
  summary:
    "One quadratic mode under the heavy ball from (x_0, v_0): x_n and v_n against the closed form of " +
    "the steps, up to rounding, and against the damped oscillator of the continuous model, which " +
    "misses them by O(η). With gradient noise: stationary moments and the area swept per step, exact " +
    "and continuous.",
  parameters: spiralSettings,
  quick: { replicas: 1000 },
  explain: (p) => {
    const { data, ...setting } = setup(p, Math.max(...p.steps));
    return [{ ...setting, samples: data.samples }];
  },
  async run(p, context) {
    const last = Math.max(...p.steps);
    const noise = p.noise > 0 ? noisyModePlan(p) : null;
    const stages = await Stages.open(context, PATH_WORK * (last + 2) + (noise?.work ?? 0));
    const run = await kicked(p, last, stages, context);
    const measured = pathOf(run.path, last);
    const start = { position: p.position, velocity: p.velocity };
    const states = Array.from({ length: last + 1 }, (_, n) => n);
    const exact = states.map((n) => heavyBallPath(p, start, n));
    const continuous = states.map((n) => continuousPath(p, start, n));
    // The kick rounds x_0 − ηv_0, ηv_0 and their sum.
    const displacement = 2 * F32 * Math.abs(p.learningRate * p.velocity);
    const rounding = pathRounding(p, exact, {
      position: 2 * F32 * Math.abs(p.position) + 2 * displacement,
      displacement,
    });
    const noisy = noise && (await noisyMode(p, noise, stages, context));
    return {
      quantities: [
        ...p.steps.flatMap((n) => stepQuantities(n, measured[n]!, exact[n]!, rounding)),
        deviation(measured, exact, continuous, rounding.position),
        ...(noisy?.quantities ?? []),
      ],
      warnings: [...divergenceWarnings(run.run), ...(noisy?.warnings ?? [])],
      figures: [
        phasePlane(p, measured),
        positions(p, measured),
        ...(noisy === null
          ? []
          : [comparison(noisy.quantities, "The mode with noise against the exact formulas.")]),
      ],
      records: { path: run, ...(noisy && { noise: noisy.record }) },
    };
  },
};

async function kicked(
  p: SpiralSettings,
  last: number,
  stages: Stages,
  context: RunContext,
): Promise<RecordOf<{ path: SeriesSpec }>> {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, last),
    seed: context.seed,
    // The kick adds ηv_0.
    initial: fixed(p.position - p.learningRate * p.velocity),
  });
  // The kick and one record more than steps.
  const stage = { label: "path", ensemble, burnIn: 0, steps: last + 2, work: PATH_WORK };
  return (await stages.run(stage)).observed;
}

/** States 0 … last: the record at step n + 1, as the kick is step 0. */
function pathOf(record: SeriesRecord, last: number): ModeState[] {
  const times = record.steps.length;
  const { data } = record.values;
  return Array.from({ length: last + 1 }, (_, n) => ({
    position: data[n + 1]!,
    velocity: data[times + n + 1]!,
  }));
}

function stepQuantities(
  step: number,
  measured: ModeState,
  exact: ModeState,
  rounding: { readonly position: Float64Array; readonly velocity: Float64Array },
): Quantity[] {
  const quantity = (name: string, key: keyof ModeState, unit: string): Quantity => ({
    name,
    condition: { step },
    estimate: exactly(measured[key], "one deterministic trajectory"),
    unit,
    // A frozen trajectory has no value to compare.
    predicted: Number.isFinite(measured[key]) ? exact[key] : null,
    systematic: rounding[key][step]!,
  });
  return [quantity("x", "position", "θ"), quantity("v", "velocity", "θ/η")];
}

/** How far the continuous model is from the steps: known exactly, as both are. */
function deviation(
  measured: readonly ModeState[],
  exact: readonly ModeState[],
  continuous: readonly ModeState[],
  rounding: Float64Array,
): Quantity {
  const largest = (path: readonly ModeState[]): number =>
    path.reduce(
      (most, { position }, n) => Math.max(most, Math.abs(position - continuous[n]!.position)),
      0,
    );
  const value = largest(measured);
  return {
    name: "largest |x - continuous x|",
    condition: {},
    estimate: exactly(value, "largest over the steps of one deterministic trajectory"),
    unit: "θ",
    predicted: Number.isFinite(value) ? largest(exact) : null,
    systematic: rounding.reduce((most, bound) => Math.max(most, bound), 0),
  };
}
