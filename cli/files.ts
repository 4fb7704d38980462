/**
 * Files that are either whole or absent: written beside their place, then renamed into it.
 */
import { access, constants, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ArgumentError, DataError } from "../engine/errors.ts";

export type FileContents = Uint8Array | string;

const reasonOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

/**
 * Makes a directory and what is missing above it. Node's recursive `mkdir` never returns where the
 * system refuses with ENOENT below an existing directory, as in /proc (Node 20.20, libuv).
 */
async function createPath(directory: string): Promise<void> {
  if ((await stat(directory).catch(() => null)) !== null) return;
  const parent = dirname(directory);
  if (parent !== directory) await createPath(parent);
  await mkdir(directory).catch((error: unknown) => {
    // Another process may have made it in the meantime.
    if (reasonOf(error) !== "EEXIST") throw error;
  });
}

/**
 * The directory of `--out`, created if absent, and known to take files.
 *
 * @throws ArgumentError before anything is run.
 */
export async function prepareDirectory(out: string, cwd: string): Promise<string> {
  if (out === "") throw new ArgumentError("--out: is empty; give a directory, . for this one.");
  const directory = resolve(cwd, out);
  const existing = await stat(directory).catch(() => null);
  if (existing !== null && !existing.isDirectory()) {
    throw new ArgumentError(`--out ${out}: is a file; give a directory.`);
  }
  try {
    await createPath(directory);
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new ArgumentError(
      `--out ${out}: cannot be written (${reasonOf(error)}); give a directory you may write to.`,
    );
  }
  return directory;
}

const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${process.pid}.partial`);

/**
 * Writes all files, then renames all of them into place: a failure leaves none of them.
 *
 * @throws DataError naming the file and the system's reason.
 */
export async function writeWhole(files: ReadonlyMap<string, FileContents>): Promise<void> {
  const written: string[] = [];
  let current = "";
  try {
    for (const [path, contents] of files) {
      current = path;
      written.push(temporaryName(path));
      await writeFile(temporaryName(path), contents);
    }
    for (const path of files.keys()) {
      current = path;
      await rename(temporaryName(path), path);
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw new DataError(
      `cannot write ${current} (${reasonOf(error)}); free space or choose another place.`,
    );
  }
}
