/** Replicas that left the bounds: one sentence, and the error of `onDiverge: "throw"`. */
import { DivergedError } from "../errors.ts";

/** `1e6`, `250`. */
const short = (value: number): string =>
  value >= 1e4 ? value.toExponential().replace("e+", "e") : String(value);

interface Run {
  readonly frozen: Int32Array;
  readonly bounds: { readonly theta: number; readonly loss: number };
}

/**
 * `37 of 4096 replicas left |θ| < 1e6 or loss < 1e12, first at step 812; lower learningRate …`
 *
 * `frozen` is the step each replica froze at, −1 where it did not, [condition, replica].
 */
export function divergence(run: Run): string {
  const steps = run.frozen.filter((step) => step >= 0);
  const { theta, loss } = run.bounds;
  return (
    `${steps.length} of ${run.frozen.length} replicas left |θ| < ${short(theta)} or loss < ${short(loss)}, first at ` +
    `step ${steps.reduce((least, step) => Math.min(least, step), Infinity)}, and were frozen; ` +
    "lower learningRate, or widen bounds if this is not divergence"
  );
}

/** @throws DivergedError if any replica is frozen. */
export function refuseDivergence(run: Run): void {
  if (run.frozen.some((step) => step >= 0)) throw new DivergedError(`${divergence(run)}.`);
}
