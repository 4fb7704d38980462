/** One way to decline: throw with the estimate so far, or, where the caller says `quiet`, warn. */
import { RefusalError } from "../engine/errors.ts";
import { type Estimate, withWarnings } from "./estimate.ts";

/**
 * Returns the estimate with `message` as a warning when `quiet`.
 * @throws RefusalError<Estimate> carrying the estimate otherwise.
 */
export function refuse(message: string, estimate: Estimate, quiet = false): Estimate {
  if (!quiet) throw new RefusalError(message, estimate);
  return withWarnings(estimate, [message]);
}
