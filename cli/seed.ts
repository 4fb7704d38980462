/** `--seed n`: an unsigned 32-bit integer. */
import { ArgumentError } from "../engine/errors.ts";

/** Used where none is given, so that a command means one thing. */
export const DEFAULT_SEED = 1;

/** @throws ArgumentError for anything but 0 … 2³² − 1. */
export function readSeed(text: string | undefined): number {
  if (text === undefined) return DEFAULT_SEED;
  const seed = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (seed <= 0xffffffff) return seed;
  throw new ArgumentError(
    `--seed ${text}: is not an integer from 0 to 4294967295; give one, e.g. ` +
      `--seed ${DEFAULT_SEED}.`,
  );
}
