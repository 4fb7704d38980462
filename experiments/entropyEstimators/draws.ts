/**
 * Independent normal numbers from the device: θ' = θ − η(hθ + ξ) with ηh = 1 forgets its state in one
 * step, so that every step of every replica is a new draw.
 */
import { fixed } from "../../engine/initial.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { SnapshotRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { quadraticModes } from "../../models/quadraticModes.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";

export interface DrawRequest {
  /** Unique in the experiment. */
  readonly label: string;
  readonly dimensions: number;
  readonly samples: number;
  readonly repeats: number;
  /** Number of the first replica: others have other random numbers. */
  readonly first: number;
}

/** Operations of a replica-step. */
export const drawWork = (dimensions: number): number => 60 * dimensions;

export const drawSetup = (dimensions: number) => ({
  ...quadraticModes(Array<number>(dimensions).fill(1)),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate: 1, gradientNoise: 1 }),
  observables: { states: snapshot({ every: 1 }) },
});

/** Standard normal numbers [repeat][sample, dimension]. */
export async function normalDraws(
  { device, seed }: RunContext,
  { label, dimensions, samples, repeats, first }: DrawRequest,
  stages: Stages,
): Promise<Float64Array[]> {
  await using ensemble = await createEnsemble(device, {
    ...drawSetup(dimensions),
    replicas: { first, count: samples },
    seed,
    initial: fixed(0),
  });
  // The state before the first step is the start, no draw.
  const stage = { label, ensemble, burnIn: 1, steps: repeats, work: drawWork(dimensions) };
  return statesOf((await stages.run(stage)).observed.states);
}

/** [time][replica, coordinate] of the first condition. */
export function statesOf({ values }: SnapshotRecord): Float64Array[] {
  const [times, , count, width] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const size = count * width;
  return Array.from({ length: times }, (_, t) =>
    Float64Array.from(values.data.subarray(t * size, (t + 1) * size)),
  );
}
