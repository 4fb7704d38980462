/**
 * The window of an observation and the device memory of a lane: decided before anything is created,
 * so that an ensemble and `explain` say the same.
 */
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";
import { DISPLACEMENT_BLOCK } from "../observe/displacement.ts";
import { entropyBlock } from "../observe/entropyProduction.ts";
import { GRID_BLOCK, GROUPS } from "../observe/grid.ts";
import { MOMENTS_BLOCK, momentsLayout } from "../observe/moments.ts";
import { type Observables, type ObservationPlan, planObservation } from "../observe/observation.ts";
import { kernelQuantities, windowSlots } from "../observe/series.ts";
import { UNROLL } from "../plan/threadPlan.ts";
import { type SamplingLaw, storesOrder } from "../sampling.ts";
import { type Dynamics, stateWords } from "../update/dynamics.ts";
import type { Setting } from "../update/updateRule.ts";
import { chooseWindow, type LaneWords } from "./chunk.ts";

/** Bytes of series that all lanes may hold between two readbacks. */
const SERIES_BYTES = 32 * 2 ** 20;
const LONGEST_WINDOW = 1 << 16;

interface Planned {
  readonly model: Model;
  readonly conditions: readonly Setting[];
  readonly hasVelocity: boolean;
  readonly lanes: number;
  readonly dynamics: Dynamics;
  readonly execution?: { readonly unroll?: number };
}

interface Kept {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly sampling: SamplingLaw;
  readonly samples: number;
}

/** Records of a grid in a window: the ends of a group's displacements, 2 a record, stay below 2²⁴. */
const gridBlock = (replicas: number): number =>
  Math.max(1, Math.min(GRID_BLOCK, Math.floor(2 ** 23 / Math.ceil(replicas / GROUPS))));

/** The observables' regions and WGSL, with the window chosen; null without observables. */
export function observationPlan(
  observables: Observables | undefined,
  { model, conditions, hasVelocity, lanes, dynamics, execution }: Planned,
): ObservationPlan | null {
  if (!observables || Object.keys(observables).length === 0) return null;
  if ("run" in observables) {
    throw new ArgumentError(
      'observables: the name "run" is taken by the record of the run itself; choose another.',
    );
  }
  const specs = Object.values(observables);
  const series = specs.filter((spec) => spec.kind === "series");
  const blocks = specs.flatMap((spec) => {
    if (spec.kind === "moments") return [MOMENTS_BLOCK * spec.every];
    if (spec.kind === "displacement") return [DISPLACEMENT_BLOCK];
    if (spec.kind === "entropyProduction") {
      return [entropyBlock(lanes / conditions.length, MOMENTS_BLOCK) * spec.every];
    }
    return spec.kind === "density" || spec.kind === "flux" || spec.kind === "crossings"
      ? [gridBlock(lanes / conditions.length) * spec.every]
      : [];
  });
  const wordsAt = (window: number): number =>
    series.reduce(
      (sum, spec) => sum + kernelQuantities(spec).length * windowSlots(spec.every, window),
      0,
    );
  const window = chooseWindow(wordsAt, lanes, Math.min(LONGEST_WINDOW, ...blocks), SERIES_BYTES);
  for (const spec of specs) {
    if (spec.kind === "moments") {
      momentsLayout(spec, {
        model,
        hasVelocity,
        adapts: true,
        conditions: conditions.length,
        place: () => 0,
      });
    }
  }
  return planObservation({
    model,
    observables,
    conditions: conditions.length,
    hasVelocity,
    adapts: dynamics.rate?.adaptation !== undefined,
    window,
    unroll: execution?.unroll ?? UNROLL,
  });
}

/** What one lane keeps on the device. */
export function laneWords(
  { model, dynamics, sampling, samples }: Kept,
  plan: ObservationPlan | null,
): LaneWords {
  return {
    state: stateWords(dynamics, model.parameterCount),
    order: storesOrder(sampling) ? samples : 0,
    series: plan?.seriesWords ?? 0,
    moments: plan ? plan.momentsWords + plan.gridWords + plan.keptWords + plan.originWords : 0,
  };
}
