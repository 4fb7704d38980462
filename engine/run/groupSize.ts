/**
 * With whom a replica interacts: groups of replicas of one condition, one after the other.
 */
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";

/**
 * Replicas of a group, null for a model that does not read their mean.
 *
 * Without a size all replicas of a condition are one group.
 *
 * @throws ArgumentError unless the replicas are whole groups.
 */
export function resolveGroupSize(
  model: Model,
  given: number | undefined,
  { first, count }: { readonly first: number; readonly count: number },
): number | null {
  if (!model.interacts) {
    if (given === undefined) return null;
    throw new ArgumentError(
      `groupSize: replicas of ${model.name} do not interact, so that there are no groups of ` +
        `${given}; leave it out, or read mean in the loss.`,
    );
  }
  if (given === undefined && first > 0) {
    throw new ArgumentError(
      `groupSize: is missing, and a shard from replica ${first} on cannot know with which others its ` +
        "replicas interact; give the group size of the whole ensemble.",
    );
  }
  const size = given ?? count;
  if (!(Number.isInteger(size) && size >= 1) || first % size !== 0 || count % size !== 0) {
    throw new ArgumentError(
      `groupSize: ${size} does not cut ${count} replicas from number ${first} on into whole groups; ` +
        "give a whole number that divides both.",
    );
  }
  return size;
}
