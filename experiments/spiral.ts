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
import {
  continuousPath,
  heavyBallPath,
  heavyBallRoots,
  type ModeState,
  quadraticMode,
} from "../models/index.ts";
import { comparison } from "./comparison.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { pathRounding } from "./heavyBallRounding.ts";
import { divergenceWarnings } from "./outcome.ts";
import { DRAWN, phasePlane, positions } from "./spiral/figures.ts";
import { noisyMode, noisyModePlan } from "./spiral/noise.ts";
import { type SpiralSettings, spiralSettings } from "./spiral/settings.ts";
import { Stages } from "./stages.ts";
import { F32 } from "./systematic.ts";

/** Operations of one step of the path, roughly. */
const PATH_WORK = 100;

const setup = (p: SpiralSettings) => ({
  ...quadraticMode(p.curvature),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate: p.learningRate, momentum: p.momentum }),
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
    const { data, ...setting } = setup(p);
    return [{ ...setting, samples: data.samples }];
  },
  async run(p, context) {
    const compared = [...new Set(p.steps)].sort((a, b) => a - b);
    const last = compared.at(-1)!;
    const shown = Math.max(last, turns(p));
    const noise = p.noise > 0 ? noisyModePlan(p) : null;
    const stages = await Stages.open(context, PATH_WORK * (shown + 1) + (noise?.work ?? 0));
    const run = await withoutNoise(p, shown, stages, context);
    const measured = pathOf(run.path);
    const start = { position: p.position, velocity: p.velocity };
    const states = Array.from({ length: last + 1 }, (_, n) => n);
    const exact = states.map((n) => heavyBallPath(p, start, n));
    const continuous = states.map((n) => continuousPath(p, start, n));
    const rounding = pathRounding(p, exact, {
      position: F32 * Math.abs(p.position),
      displacement: 2 * F32 * Math.abs(p.learningRate * p.velocity),
    });
    const noisy = noise && (await noisyMode(p, noise, stages, context));
    return {
      quantities: [
        ...compared.flatMap((n) => stepQuantities(n, measured[n]!, exact[n]!, rounding)),
        deviation(measured.slice(0, last + 1), exact, continuous, rounding.position),
        ...(noisy?.quantities ?? []),
      ],
      warnings: [...divergenceWarnings(run.run), ...(noisy?.warnings ?? [])],
      figures: [
        phasePlane(p, measured),
        positions(p, measured),
        ...(noisy === null
          ? []
          : [comparison(noisy.moments, "The mode with noise against the exact formulas.")]),
        ...(noisy?.figures ?? []),
      ],
      records: { path: run, ...noisy?.records },
    };
  },
};

/** Steps of three half turns of a path that spirals, which is what the figures show; 0 if it does not. */
function turns(p: SpiralSettings): number {
  const { trace, discriminant } = heavyBallRoots(p);
  if (discriminant >= 0) return 0;
  const angle = Math.atan2(Math.sqrt(-discriminant), trace);
  return Math.min(DRAWN, Math.ceil((3 * Math.PI) / angle));
}

async function withoutNoise(
  p: SpiralSettings,
  steps: number,
  stages: Stages,
  context: RunContext,
): Promise<RecordOf<{ path: SeriesSpec }>> {
  const size = Math.max(1, Math.abs(p.position), p.learningRate * Math.abs(p.velocity));
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p),
    seed: context.seed,
    initial: fixed(p.position, p.velocity),
    // Divergence shows on the scale of the start.
    bounds: {
      theta: 1e6 * size,
      loss: Math.min(1e38, 1e12 * Math.max(1, p.curvature * size ** 2)),
    },
  });
  // One record more than steps: the state after the last.
  const stage = { label: "path", ensemble, burnIn: 0, steps: steps + 1, work: PATH_WORK };
  return (await stages.run(stage)).observed;
}

/** The states at all steps. */
function pathOf({ steps, values: { data } }: SeriesRecord): ModeState[] {
  return Array.from(steps, (_, n) => ({ position: data[n]!, velocity: data[steps.length + n]! }));
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
