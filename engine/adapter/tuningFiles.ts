/**
 * What the tuner found, kept as one small file for each key in the user's cache. Node only.
 *
 * A file is written under a temporary name and renamed, so that another process reads all of it or
 * none. What cannot be read or written costs a measurement, and is no error.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot } from "./cache.ts";
import type { TuningStore } from "./platform.ts";

/** Keys are hexadecimal digests, so they are file names everywhere. */
export function tuningFiles(root: string = cacheRoot()): TuningStore {
  const folder = join(root, "tuning");
  const path = (key: string): string => join(folder, `${key}.json`);
  return {
    read: (key) => readFile(path(key), "utf8").catch(() => null),
    write: async (key, text) => {
      const fresh = `${path(key)}.${randomUUID()}.new`;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFile(fresh, text);
        await rename(fresh, path(key));
      } catch {
        await rm(fresh, { force: true }).catch(() => undefined);
      }
    },
  };
}
