/**
 * Which samples the kernels of the schedule `batched` compute with, as WGSL: those of each replica's
 * minibatch, or the next block of a data set, the same for all replicas.
 */
import type { Schema } from "../../wgsl/layout.ts";
import { RUN_SCHEMA } from "../threadPlan.ts";

export interface SampleSource {
  /** The uniform that the kernels read. */
  readonly run: Schema;
  /** How many samples a replica has; `h` are its hyperparameters, or an expression of them. */
  readonly count: (h: string) => string;
  /** The number in the data set of the sample at a place of the batch of a slot's replica. */
  readonly number: (slot: string, place: string) => string;
  /** Does `number` read the minibatches that have been drawn? */
  readonly drawn: boolean;
}

/** The minibatch that `batched/draw_batch.wgsl` has drawn. */
export const DRAWN_BATCH: SampleSource = {
  run: RUN_SCHEMA,
  count: (h) => `u32(${h}.batch_size)`,
  number: (slot, place) => `batch_samples[${slot} * MAX_BATCH + ${place}]`,
  drawn: true,
};

/** Beside the uniform of steps: a block of the data, its number, how many samples all blocks have. */
export const PASS_SCHEMA = {
  ...RUN_SCHEMA,
  first_sample: "u32",
  batch: "u32",
  block: "u32",
  samples: "u32",
} as const satisfies Schema;

/** Samples `first_sample`, `first_sample` + 1, … of the data, `batch` of them. */
export const CONSECUTIVE_BLOCK: SampleSource = {
  run: PASS_SCHEMA,
  count: () => "run.batch",
  number: (_slot, place) => `(run.first_sample + ${place})`,
  drawn: false,
};
