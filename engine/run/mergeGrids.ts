/** Joining Records on grids: sums add, over time and over shards. */
import type { CrossingsRecord, DensityRecord, Field, FluxRecord } from "../record.ts";

export type OnGrid = DensityRecord | FluxRecord | CrossingsRecord;

export const isOnGrid = (record: { readonly kind: string }): record is OnGrid =>
  record.kind === "density" || record.kind === "flux" || record.kind === "crossings";

export const added = (a: Field, b: Field): Field => ({
  ...a,
  data: (a.data as Float64Array).map((value, i) => value + b.data[i]!),
});

/** Sums of both; what counts replicas is the caller's. */
function sums<R extends OnGrid>(a: R, b: R): R {
  if (a.kind === "density") {
    const other = b as DensityRecord;
    const [counts, outside] = [added(a.counts, other.counts), added(a.outside, other.outside)];
    return { ...a, counts, outside };
  }
  if (a.kind === "crossings") {
    const other = b as CrossingsRecord;
    return {
      ...a,
      displacements: added(a.displacements, other.displacements),
      along: added(a.along, other.along),
      up: added(a.up, other.up),
    };
  }
  const other = b as FluxRecord;
  return {
    ...a,
    visits: added(a.visits, other.visits),
    displacement: added(a.displacement, other.displacement),
    visitsOutside: added(a.visitsOutside, other.visitsOutside),
    displacementOutside: added(a.displacementOutside, other.displacementOutside),
  };
}

/** Two stretches of one run, `a` before `b`. No displacement is counted between them. */
export function gridsInTime<R extends OnGrid>(a: R, b: R): R {
  const lengths =
    a.kind === "density"
      ? { records: a.records + (b as DensityRecord).records }
      : { pairs: a.pairs + (b as FluxRecord | CrossingsRecord).pairs };
  return { ...sums(a, b), ...lengths, frozen: b.frozen };
}

/** Two shards over the same steps. */
export const gridsBeside = <R extends OnGrid>(a: R, b: R): R => ({
  ...sums(a, b),
  replicas: added(a.replicas, b.replicas),
  frozen: added(a.frozen, b.frozen),
});
