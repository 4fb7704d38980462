/**
 * What an ensemble needs to go on bitwise, as bytes: states, frozen steps, hyperparameters, the point
 * that moments are taken about, origins of displacements, the step. Orders of shuffled epochs are rebuilt, not kept.
 */
import { CheckpointError } from "../errors.ts";
import { type PlanSetting, readSetting } from "../execution.ts";
import type { Setting } from "../update/updateRule.ts";
import { pack, unpack } from "./container.ts";
import { NO_ORIGINS, type OriginClock, type SavedOrigins } from "./origins.ts";

export interface CheckpointContent {
  readonly step: number;
  /** Digest of the options that decide trajectories. */
  readonly fingerprint: string;
  readonly conditions: readonly Setting[];
  /** How it was run; null in checkpoints of earlier versions. */
  readonly setting: PlanSetting | null;
  /** [lane, word of its state] */
  readonly states: Float32Array;
  /** Step at which each lane froze, −1 if it did not. */
  readonly frozen: Int32Array;
  /** The observables' constants, once pilot means are in them. */
  readonly reference: Float32Array;
  readonly hasReference: boolean;
  readonly saved: SavedOrigins;
}

export const packCheckpoint = (content: CheckpointContent): Promise<Uint8Array> => {
  const { states, frozen, reference, saved, ...header } = content;
  const { origins, ...clocked } = saved;
  return pack({ kind: "ensemble", ...header, ...clocked }, { states, frozen, reference, origins });
};

/** The setting a checkpoint's run had; null where it does not say. @throws CheckpointError */
export const savedSetting = async (bytes: Uint8Array): Promise<PlanSetting | null> =>
  readSetting((await unpack(bytes, "checkpoint")).header.setting);

/** @throws CheckpointError for bytes that are damaged, or of another ensemble than `fingerprint`. */
export async function unpackCheckpoint(
  bytes: Uint8Array,
  fingerprint: string,
): Promise<CheckpointContent> {
  const { header, arrays } = await unpack(bytes, "checkpoint");
  const { states, frozen, reference } = arrays;
  if (header.kind !== "ensemble" || !states || !frozen || !reference) {
    throw new CheckpointError(
      "checkpoint: holds no ensemble; give bytes made by ensemble.checkpoint().",
    );
  }
  if (header.fingerprint !== fingerprint) {
    throw new CheckpointError(
      "checkpoint: made by another ensemble (model, data, update rule, sampling, replicas or seed " +
        "differ); create the ensemble with the options it was made with.",
    );
  }
  return {
    step: header.step as number,
    fingerprint,
    conditions: header.conditions as Setting[],
    setting: readSetting(header.setting),
    states: states as Float32Array,
    frozen: frozen as Int32Array,
    reference: reference as Float32Array,
    hasReference: header.hasReference === true,
    saved: {
      // Absent in checkpoints of earlier versions.
      clock: (header.clock as OriginClock | undefined) ?? NO_ORIGINS,
      of: (header.of as string | undefined) ?? "",
      origins: (arrays.origins as Float32Array | undefined) ?? new Float32Array(0),
    },
  };
}
