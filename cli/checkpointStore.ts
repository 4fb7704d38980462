/** Where the checkpoint of a running experiment is kept: in memory, and on disk where asked. */
import { rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { VERSION } from "../engine/version.ts";
import { type CheckpointHeader, encodeCheckpoint } from "./checkpoint.ts";
import type { RunSettings } from "./commandLine.ts";
import { writeWhole } from "./files.ts";

export interface CheckpointStore {
  /** Whether a checkpoint was taken. */
  readonly isTaken: () => boolean;
  /** Takes a checkpoint; on disk at once if there is an output directory. */
  readonly take: (bytes: Uint8Array) => Promise<void>;
  /** Puts the last checkpoint on disk; its path for the user, null if there is none. */
  readonly save: () => Promise<string | null>;
  /** Removes the file of a run that is finished. */
  readonly discard: () => Promise<void>;
}

export interface StoreOptions {
  readonly settings: RunSettings;
  readonly cwd: string;
  /** `--out`, absolute. */
  readonly directory?: string | undefined;
  /** `--resume`, as given: still good where no later checkpoint was made. */
  readonly resumed?: string | undefined;
}

const headerOf = ({ experiment, parameters, seed, quick }: RunSettings): CheckpointHeader => ({
  thermograd: VERSION,
  experiment: experiment.id,
  parameters,
  seed,
  quick,
});

export function createCheckpointStore(options: StoreOptions): CheckpointStore {
  const { settings, cwd, directory, resumed } = options;
  const path =
    directory === undefined
      ? join(cwd, `${settings.experiment.id}.checkpoint`)
      : join(directory, "checkpoint.bin");
  let latest: Uint8Array | null = null;
  let writing = Promise.resolve();
  let isOnDisk = false;
  const settled = () => writing.catch(() => {});
  const write = (bytes: Uint8Array): Promise<void> => {
    // One after the other: an experiment need not wait for the last one.
    writing = settled().then(async () => {
      await writeWhole(
        new Map([[path, await encodeCheckpoint({ header: headerOf(settings), bytes })]]),
      );
      isOnDisk = true;
    });
    return writing;
  };
  return {
    isTaken: () => latest !== null,
    take: async (bytes) => {
      latest = bytes;
      isOnDisk = false;
      if (directory !== undefined) await write(bytes);
    },
    save: async () => {
      await settled();
      if (latest === null) return resumed ?? null;
      if (!isOnDisk) await write(latest);
      return relative(cwd, path) || path;
    },
    discard: async () => {
      await settled();
      const isOwn = resumed !== undefined && resolve(cwd, resumed) === path;
      if (isOnDisk || isOwn || directory !== undefined) await rm(path, { force: true });
    },
  };
}
