/**
 * Card 1E: the graph entropy of consecutive iterates of a run beside that of as many independent
 * replicas, for chains θ' = (1 − ηh)θ − ηsξ on the device.
 *
 * No closed form is known for the path: its expectation is taken from runs of the same chain in float64
 * on the host, with random numbers of their own. All chains start in their stationary law.
 */
import {
  type Estimate,
  expectedGraphEntropy,
  gaussianEntropy,
  gaussianNeighborLaw,
  graphEntropyOf,
  nearestNeighborEntropy,
} from "../../analysis/index.ts";
import { gaussian } from "../../engine/initial.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { RunRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { mulberry32, gaussian as normal } from "../../models/mulberry.ts";
import { quadraticModes } from "../../models/quadraticModes.ts";
import { quadraticCalibration } from "../../models/theory/index.ts";
import type { RunContext } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import type { Stages } from "../stages.ts";
import { F32 } from "../systematic.ts";
import { drawWork, statesOf } from "./draws.ts";
import type { Settings } from "./settings.ts";

export interface Rate {
  readonly learningRate: number;
  /** Stationary variance of each mode. */
  readonly variance: number;
  /** Steps. */
  readonly relaxation: number;
}

export interface PathResult extends Rate {
  /** Graph entropy of the iterates of each run, of independent replicas, and of runs in float64. */
  readonly paths: Float64Array;
  readonly replicas: Float64Array;
  readonly reference: Float64Array;
  /** Of independent replicas: expectation by quadrature, before the scatter of ln L. */
  readonly expected: number;
  /** Exact entropy of the stationary law, and its estimates from all replicas at once. */
  readonly entropy: number;
  readonly gaussian: Estimate;
  readonly neighbors: Estimate;
}

/** The reference has so many runs for each of the device: it adds an eighth to the error. */
const REFERENCE = 4;
/** Steps from the stationary law before observing: the device's own dynamics, not the start, is seen. */
const BURN_IN = 200;
/** Rounding of a state then lengthens a step by less than 10⁻³. */
const LEAST_STEP = 32 * F32;

export function ratesOf(p: Settings): { rates: Rate[]; warnings: string[] } {
  const warnings: string[] = [];
  const rates = [...p.learningRates]
    .sort((a, b) => a - b)
    .flatMap((learningRate) => {
      const found = predictionOf(() =>
        quadraticCalibration({ curvatures: [p.curvature], noise: p.noise, learningRate }),
      );
      warnings.push(...found.warnings.map((w) => `learning rate ${learningRate} left out: ${w}`));
      if (found.exact === null) return [];
      const { variances, relaxation } = found.exact;
      const variance = variances[0]!;
      const step = (learningRate * p.noise) / Math.sqrt(variance);
      if (step < LEAST_STEP) {
        warnings.push(
          `learning rate ${learningRate} left out: steps are ${step.toPrecision(2)} of the states' ` +
            "width, which float32 rounds away; raise learningRates or curvature",
        );
        return [];
      }
      return [{ learningRate, variance, relaxation: Math.max(1, relaxation) }];
    });
  return { rates, warnings };
}

export const chainSetup = (p: Settings, learningRate: number) => ({
  ...quadraticModes(Array<number>(p.dimension).fill(p.curvature)),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate, gradientNoise: p.noise }),
  observables: { states: snapshot({ every: 1 }) },
});

/** Operations of one graph: all pairs, where neighbors are as many as 1 in 20. */
const graphWork = ({ iterates, dimension, graphNeighbors }: Settings): number =>
  iterates * (6 * iterates * dimension + 40 * graphNeighbors);

export function pathWork(p: Settings, rates: readonly Rate[]): number {
  const lanes = p.repeats * (p.iterates + BURN_IN) + p.repeats * p.iterates * (BURN_IN + 1);
  const device = lanes * drawWork(p.dimension);
  return rates.length * (device + p.repeats * (2 + REFERENCE) * graphWork(p));
}

/** States of `count` replicas from the stationary law on, [time][replica, coordinate]. */
async function chain(
  p: Settings,
  rate: Rate,
  { device, seed }: RunContext,
  stages: Stages,
  of: { readonly label: string; readonly first: number; readonly count: number; steps: number },
): Promise<{ states: Float64Array[]; record: RunRecord }> {
  const { label, first, count, steps } = of;
  const width = Math.sqrt(rate.variance);
  await using ensemble = await createEnsemble(device, {
    ...chainSetup(p, rate.learningRate),
    replicas: { first, count },
    seed,
    initial: gaussian({ standardDeviation: width }),
    bounds: { theta: 1e3 * width * Math.sqrt(p.dimension), loss: 1e30 },
  });
  const stage = { label, ensemble, burnIn: BURN_IN, steps, work: drawWork(p.dimension) };
  const { observed } = await stages.run(stage);
  return { states: statesOf(observed.states), record: observed };
}

/** Iterates of a chain in float64, [time, coordinate]. */
function referencePath(p: Settings, { learningRate, variance }: Rate, uniform: () => number) {
  const d = p.dimension;
  const path = new Float64Array(p.iterates * d);
  const keep = 1 - learningRate * p.curvature;
  for (let i = 0; i < d; i++) {
    let x = Math.sqrt(variance) * normal(uniform);
    for (let t = 0; t < p.iterates; t++) {
      path[t * d + i] = x;
      x = keep * x - learningRate * p.noise * normal(uniform);
    }
  }
  return path;
}

/** Graph entropies of clouds, with a pause after each. */
async function graphs(
  p: Settings,
  stages: Stages,
  phase: string,
  count: number,
  cloud: (index: number) => Float64Array,
): Promise<Float64Array> {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = graphEntropyOf(cloud(i), p.dimension, { neighbors: p.graphNeighbors });
    await stages.pause({ phase, work: graphWork(p) });
  }
  return values;
}

export async function measurePaths(
  p: Settings,
  rates: readonly Rate[],
  context: RunContext,
  stages: Stages,
  first: number,
): Promise<{ results: PathResult[]; records: Record<string, RunRecord> }> {
  const d = p.dimension;
  const results: PathResult[] = [];
  const records: Record<string, RunRecord> = {};
  const law = gaussianNeighborLaw(d);
  const unit = expectedGraphEntropy(law, p.iterates, d, { neighbors: p.graphNeighbors });
  for (const [c, rate] of rates.entries()) {
    const name = `learning rate ${rate.learningRate}`;
    const all = p.repeats * p.iterates;
    const own = first + c * (all + p.repeats);
    const run = { label: `paths, ${name}`, first: own, count: p.repeats, steps: p.iterates };
    const path = await chain(p, rate, context, stages, run);
    records[`paths${c}`] = path.record;
    const apart = { label: `replicas, ${name}`, first: own + p.repeats, count: all, steps: 1 };
    const states = (await chain(p, rate, context, stages, apart)).states[0]!;
    const phase = `${name}: graphs`;
    const paths = await graphs(p, stages, phase, p.repeats, (r) =>
      Float64Array.from({ length: p.iterates * d }, (_, i) => {
        return path.states[Math.floor(i / d)]![r * d + (i % d)]!;
      }),
    );
    const replicas = await graphs(p, stages, phase, p.repeats, (r) =>
      states.subarray(r * p.iterates * d, (r + 1) * p.iterates * d),
    );
    // A stream of its own for each rate; the device has another generator.
    const uniform = mulberry32((context.seed + 1) * 0x9e3779b1 + c * 0x85ebca6b);
    const reference = await graphs(p, stages, phase, REFERENCE * p.repeats, () =>
      referencePath(p, rate, uniform),
    );
    const samples = { data: states, replicas: all, k: d };
    results.push({
      ...rate,
      paths,
      replicas,
      reference,
      expected: unit + (d / 2) * Math.log(rate.variance),
      entropy: (d / 2) * Math.log(2 * Math.PI * Math.E * rate.variance),
      gaussian: gaussianEntropy(samples, { quiet: true }),
      neighbors: nearestNeighborEntropy(samples, {
        neighbors: p.neighbors,
        whiten: false,
        quiet: true,
      }),
    });
    await stages.pause();
  }
  return { results, records };
}
