/**
 * The file of an interrupted run: which run it was, and the experiment's bytes, in the engine's
 * container with its checksum. Parameters and seed come from here when a run is resumed: a
 * trajectory must not change in the middle.
 */
import { CheckpointError } from "../engine/errors.ts";
import { pack, unpack } from "../engine/index.ts";

export interface CheckpointHeader {
  readonly thermograd: string;
  readonly experiment: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly quick: boolean;
}

export interface Checkpoint {
  readonly header: CheckpointHeader;
  /** What the experiment handed to `onCheckpoint`. */
  readonly bytes: Uint8Array;
}

export const encodeCheckpoint = ({ header, bytes }: Checkpoint): Promise<Uint8Array> =>
  pack({ kind: "run", ...header }, { bytes });

/**
 * The run in a checkpoint file.
 *
 * @throws CheckpointError if it is no checkpoint, damaged, or of another version of thermograd.
 */
export async function decodeCheckpoint(
  file: Uint8Array,
  name: string,
  version: string,
): Promise<Checkpoint> {
  const { header, arrays } = await unpack(file, `--resume ${name}`);
  const { kind, ...run } = header as unknown as CheckpointHeader & { readonly kind: string };
  if (kind !== "run" || !(arrays.bytes instanceof Uint8Array)) {
    throw new CheckpointError(
      `--resume ${name}: is no checkpoint of a run; give the file an interrupted run named.`,
    );
  }
  if (run.thermograd !== version) {
    throw new CheckpointError(
      `--resume ${name}: was written by thermograd ${run.thermograd}, this is ${version}; ` +
        `resume with thermograd ${run.thermograd} or start the run again.`,
    );
  }
  return { header: run, bytes: arrays.bytes };
}
