/**
 * Observable `snapshot`: whole states (θ, and v when there is one) at chosen steps.
 *
 * The host reads the state between dispatches; cost: one readback a snapshot.
 */
import { requireEvery } from "./series.ts";

export interface SnapshotSpec {
  readonly kind: "snapshot";
  readonly every: number;
}

/**
 * Records [time, condition, replica, coordinate].
 *
 * @example snapshot({ every: 1000 })
 */
export function snapshot(options: { readonly every: number }): SnapshotSpec {
  requireEvery("snapshot", options.every);
  return { kind: "snapshot", every: options.every };
}
