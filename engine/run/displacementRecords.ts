/**
 * The host's side of displacements: sums of all windows in float64, and the Records made of them.
 */
import { displacementCounts, displacementSums } from "../observe/displacement.ts";
import type { DisplacementRegion } from "../observe/observation.ts";
import { quantityName } from "../observe/quantity.ts";
import type { Axis, DisplacementRecord } from "../record.ts";
import { type EnsembleShape, ensembleAxes } from "./ensembleShape.ts";

export interface DisplacementHost {
  readonly region: DisplacementRegion;
  /** [sum, lane] */
  readonly sums: Float64Array;
}

export const displacementHost = (region: DisplacementRegion, lanes: number): DisplacementHost => ({
  region,
  sums: new Float64Array(displacementSums(region.spec) * lanes),
});

/** Which steps a Record is of, counted from where the origins began. */
export interface Observed {
  readonly from: number;
  readonly steps: number;
}

/** `frozen` holds the step a lane froze at, −1 otherwise. */
export function displacementRecord(
  { region, sums }: DisplacementHost,
  shape: EnsembleShape,
  names: readonly string[],
  { from, steps }: Observed,
  frozen: Int32Array,
): DisplacementRecord {
  const { of, lags, origins, spacing, local } = region.spec;
  const lanes = shape.conditions * shape.replicas;
  const counts = displacementCounts(region.spec, from, from + steps);
  const mean = (sum: number, lane: number, count: number): number =>
    // A frozen replica has no time average.
    frozen[lane]! >= 0 || count === 0 ? Number.NaN : sums[sum * lanes + lane]! / count;
  const meanSquare = new Float64Array(lanes * lags.length);
  const single = new Float64Array(lanes);
  const localSteps = local ? steps : 0;
  for (let lane = 0; lane < lanes; lane += 1) {
    lags.forEach((_, l) => {
      meanSquare[lane * lags.length + l] = mean(l, lane, counts[l]!);
    });
    single[lane] = mean(lags.length, lane, localSteps);
  }
  const axes = ensembleAxes(shape);
  const lag: Axis = { name: "lag", length: lags.length, values: lags, unit: "steps" };
  return {
    kind: "displacement",
    coordinates: of?.map(quantityName) ?? names,
    lags,
    counts,
    origins,
    spacing,
    meanSquare: { axes: [...axes, lag], data: meanSquare, unit: "θ²" },
    localSteps,
    local: { axes, data: single, unit: "θ²" },
  };
}
