/**
 * Independent normal numbers from the device, and what is measured on them: θ' = θ − η(hθ + ξ) with
 * ηh = 1 forgets its state in one step, so that every step of every replica is a new draw.
 *
 * Draws are measured as they come, block by block of a stage, and only numbers are kept, so that
 * checkpoints stay small and a resumed run goes on where it was.
 */
import { fixed } from "../../engine/initial.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { RunInfo, SnapshotRecord } from "../../engine/record.ts";
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
  /** Names of the numbers that `measure` gives. */
  readonly columns: readonly string[];
  readonly measure: (draw: Float64Array) => readonly number[] | Promise<readonly number[]>;
  /** Operations of the host for one `measure`. */
  readonly hostWork: number;
}

export interface MeasuredDraws {
  /** [column][repeat] */
  readonly columns: readonly Float64Array[];
  /** Standard normal numbers of the first repetition, [sample, dimension]. */
  readonly first: Float64Array;
}

/** Operations of a replica-step. */
export const drawWork = (dimensions: number): number => 60 * dimensions;

/** The state before the first step is the start, no draw. */
const BURN_IN = 1;

export const drawSetup = (dimensions: number) => ({
  ...quadraticModes(Array<number>(dimensions).fill(1)),
  sampling: "fullBatch" as const,
  update: sgd({ learningRate: 1, gradientNoise: 1 }),
  observables: { states: snapshot({ every: 1 }) },
});

/** Measures `repeats` clouds of standard normal numbers. */
export async function measureDraws(
  { device, seed }: RunContext,
  { label, dimensions, samples, repeats, first, columns, measure, hostWork }: DrawRequest,
  stages: Stages,
): Promise<MeasuredDraws> {
  await using ensemble = await createEnsemble(device, {
    ...drawSetup(dimensions),
    replicas: { first, count: samples },
    seed,
    initial: fixed(0),
  });
  const { observed } = await stages.run({
    label,
    ensemble,
    burnIn: BURN_IN,
    steps: repeats,
    work: drawWork(dimensions) + hostWork / samples,
    fold: async ({ states, run }): Promise<Folded> => {
      const draws = statesOf(states);
      const measured: (readonly number[])[] = [];
      for (const draw of draws) measured.push(await measure(draw));
      const numbers = withRows(states, columns, Float64Array.from(measured.flat()));
      return { numbers, clouds: firstTimes(states, states.steps[0] === BURN_IN ? 1 : 0), run };
    },
  });
  const rows = statesOf(observed.numbers);
  return {
    columns: columns.map((_, c) => Float64Array.from(rows, (row) => row[c]!)),
    first: statesOf(observed.clouds)[0]!,
  };
}

/** What is kept of a block. */
interface Folded {
  /** [time, 1, 1, column] */
  readonly numbers: SnapshotRecord;
  /** The first draw where it lies in the block, else none. */
  readonly clouds: SnapshotRecord;
  readonly run: RunInfo;
}

/** The times of a record with other numbers at them. */
const withRows = (
  record: SnapshotRecord,
  coordinates: readonly string[],
  data: Float64Array,
): SnapshotRecord => {
  const [time, condition, replica, coordinate] = record.values.axes;
  const one = { ...replica!, length: 1 };
  const columns = { ...coordinate!, length: coordinates.length, values: coordinates };
  return {
    ...record,
    coordinates,
    values: { axes: [time!, condition!, one, columns], data, unit: "nats" },
  };
};

/** The first `times` of a record. */
function firstTimes(record: SnapshotRecord, times: number): SnapshotRecord {
  const { axes, data, unit } = record.values;
  const size = data.length / record.steps.length;
  const kept = { ...axes[0]!, length: times };
  return {
    ...record,
    steps: record.steps.slice(0, times),
    values: { axes: [kept, ...axes.slice(1)], data: data.slice(0, times * size), unit },
  };
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
