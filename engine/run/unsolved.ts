/** Steps of an implicit rule whose equation was not solved: where they are counted, one sentence. */
import type { Resolved } from "./options.ts";

/**
 * Counts out of states, [lane, θ then kept vectors] → [lane]; null for rules that solve nothing.
 *
 * The count is element 0 of the kept vector `unsolved`, a float32: it stops at 2²⁴.
 */
export function unsolvedCounts(
  { dynamics, model, lanes }: Resolved,
  states: Float32Array,
): Int32Array<ArrayBuffer> | null {
  const rank = dynamics.kept.indexOf("unsolved");
  if (rank < 0) return null;
  const width = states.length / lanes;
  const at = (1 + rank) * model.parameterCount;
  return Int32Array.from({ length: lanes }, (_, lane) => states[lane * width + at]!);
}

/**
 * `12 of 400 replicas took steps that were not solved to the tolerance, 31 in all; raise …`
 *
 * `unsolved` is the count of each replica, [condition, replica]; null when all were solved.
 */
export function unsolvedSteps(run: { readonly unsolved?: Int32Array }): string | null {
  const { unsolved = new Int32Array(0) } = run;
  const replicas = unsolved.filter((count) => count > 0).length;
  if (replicas === 0) return null;
  return (
    `${replicas} of ${unsolved.length} replicas took implicit steps that were not solved to the ` +
    `tolerance, ${unsolved.reduce((sum, count) => sum + count, 0)} in all; raise newtonSteps, ` +
    "cgSteps or tolerance, or lower learningRate"
  );
}
