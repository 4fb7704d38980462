/**
 * Folders of unpacked files in the user's cache, safe against damage and against races.
 *
 * A folder is written under a temporary name and renamed when complete, with a manifest of SHA-256
 * sums; it is verified at each use and replaced when anything differs. Of two processes that
 * unpack at once the second takes what the first has put there. Node only.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { ArgumentError } from "../errors.ts";

export interface CachedFile {
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

const MANIFEST = "manifest.json";

/** Where thermograd keeps what it can make again: `$XDG_CACHE_HOME/thermograd` or the like. */
export function cacheRoot(environment: NodeJS.ProcessEnv = process.env): string {
  const base =
    environment.XDG_CACHE_HOME ||
    (process.platform === "win32" ? environment.LOCALAPPDATA : undefined) ||
    join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
  return join(base, "thermograd");
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Is every file of the manifest there, with the bytes it was written with? */
async function isIntact(folder: string): Promise<boolean> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(folder, MANIFEST), "utf8"));
    if (typeof manifest !== "object" || manifest === null) return false;
    const entries = Object.entries(manifest);
    if (entries.length === 0) return false;
    for (const [path, sum] of entries) {
      if (digest(await readFile(join(folder, path))) !== sum) return false;
    }
    return true;
  } catch {
    return false; // absent, cut short or unreadable: all are cured by unpacking again
  }
}

async function writeFolder(folder: string, files: readonly CachedFile[]): Promise<void> {
  const manifest: Record<string, string> = {};
  for (const { path, mode, bytes } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    await writeFile(join(folder, path), bytes, { mode });
    manifest[path] = digest(bytes);
  }
  await writeFile(join(folder, MANIFEST), JSON.stringify(manifest, null, 2));
}

/** Puts `fresh` at `folder` unless another process has put an intact one there. */
async function install(fresh: string, folder: string): Promise<void> {
  const moved = (from: string, to: string): Promise<boolean> =>
    rename(from, to).then(
      () => true,
      () => false,
    );
  // Renaming onto a folder that is not empty fails, so an intact one is never disturbed.
  if ((await moved(fresh, folder)) || (await isIntact(folder))) return;
  // Damaged: moved away, not deleted in place, as another process may have its files mapped.
  const aside = `${folder}.${randomUUID()}.old`;
  await moved(folder, aside);
  await moved(fresh, folder);
  await rm(aside, { recursive: true, force: true });
}

/**
 * The folder `name` of the cache, made with `unpack` when it is absent or damaged.
 *
 * @throws ArgumentError when the cache cannot be written; ask for another with XDG_CACHE_HOME.
 */
export async function cachedFolder(
  name: string,
  unpack: () => Promise<readonly CachedFile[]>,
  root: string = cacheRoot(),
): Promise<string> {
  const folder = join(root, name);
  if (await isIntact(folder)) return folder;
  const files = await unpack();
  const fresh = `${folder}.${randomUUID()}.new`;
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await writeFolder(fresh, files);
    await install(fresh, folder);
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    throw new ArgumentError(
      `cache ${folder}: cannot be written (${fact}); set XDG_CACHE_HOME to a folder that can.`,
    );
  } finally {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
  }
  if (await isIntact(folder)) return folder;
  throw new ArgumentError(
    `cache ${folder}: is damaged again right after it was written; ` +
      "check the disk, or set XDG_CACHE_HOME to another folder.",
  );
}
