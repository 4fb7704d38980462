/** What the Records of `engine/curvature/` share: step, settings, axes, noise factors, frozen lanes. */
import type { Axis, Field } from "../record.ts";
import type { Slice } from "../run/dataPass.ts";
import { ensembleAxes } from "../run/ensembleShape.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { noiseFactor } from "../sampling.ts";
import { firstLane } from "./slices.ts";

export const measureInfo = ({ step, settings, resolved: { groupSize } }: LaneAccess) => ({
  step,
  conditions: settings,
  ...(groupSize !== null && { groupSize }),
});

/** f of each condition; NaN for batches in a fixed order, which are not random. */
export const noiseFactors = ({ settings, resolved }: LaneAccess): number[] =>
  settings.map(({ batchSize }) =>
    resolved.sampling === "sequential"
      ? Number.NaN
      : noiseFactor(resolved.sampling, resolved.data.samples, batchSize!),
  );

const counted = (name: string, length: number): Axis => ({ name, length });

/** A Field [outer…, condition, replica, inner…] of zeros. */
export function laneField(
  { resolved: { shape, lanes } }: LaneAccess,
  unit: string,
  outer: readonly (readonly [string, number])[],
  inner: readonly (readonly [string, number])[] = [],
): Field & { readonly data: Float64Array } {
  const axes = [
    ...outer.map(([name, length]) => counted(name, length)),
    ...ensembleAxes(shape),
    ...inner.map(([name, length]) => counted(name, length)),
  ];
  const size = [...outer, ...inner].reduce((product, [, length]) => product * length, lanes);
  return { axes, data: new Float64Array(size), unit };
}

/** Puts NaN where a replica is frozen, in a field [outer…, lane, inner…]. */
export function voidFrozen(
  frozen: ArrayLike<number>,
  { data }: { readonly data: Float64Array },
  inner = 1,
): void {
  const lanes = frozen.length;
  for (let at = 0; at < data.length; at += inner) {
    if (frozen[(at / inner) % lanes]! >= 0) data.fill(Number.NaN, at, at + inner);
  }
}

/** Scatters [outer, lane of the slice] into [outer, lane]. */
export function place(
  { data }: { readonly data: Float64Array },
  values: ArrayLike<number>,
  slice: Slice,
  lanes: number,
): void {
  const from = firstLane(slice);
  for (let at = 0; at < values.length; at += 1) {
    const outer = Math.floor(at / slice.lanes);
    data[outer * lanes + from + (at % slice.lanes)] = values[at]!;
  }
}
