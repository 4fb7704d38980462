/**
 * What each observable costs: w1 and w2 with every one of them, each timed in turn with plain SGD.
 *
 * `default` is what most experiments record, every tenth step; grids, displacements and entropy
 * production are of two coordinates and of every step, the most they can cost. Workloads run only
 * when they, or their group `observables`, are named.
 */
import {
  crossings,
  density,
  displacement,
  entropyProduction,
  flux,
  moments,
  type Observables,
  series,
  snapshot,
} from "../engine/index.ts";
import type { Workload } from "./workload.ts";

/** Observables by the end of the workload's name, of two coordinates. */
function observablesOf(of: readonly [string, string]): Record<string, Observables> {
  const axes = of.map((name) => ({ of: name, from: -3, to: 3, bins: 16 }));
  const plane = {
    center: [0, 0],
    form: [
      [0, 1],
      [-1, 0],
    ],
  };
  return {
    default: {
      loss: series({ of: ["loss", "theta.theta"], every: 10 }),
      moments: moments({ of: [...of], every: 10 }),
    },
    moments: { moments: moments({ of: [...of], lags: [0, 1] }) },
    density: { density: density({ axes }) },
    flux: { flux: flux({ axes }) },
    crossings: { crossings: crossings({ axes }) },
    displacement: { displacement: displacement({ lags: { to: 1000 }, local: false }) },
    local: { displacement: displacement({ lags: { to: 1000 }, local: true }) },
    production: { sigma: entropyProduction({ of: [...of], ...plane, windows: [1, 10] }) },
    snapshot: { states: snapshot({ every: 100 }) },
  };
}

/** Every observable on a workload. */
export const observableWorkloads = (
  workload: Workload,
  of: readonly [string, string],
): Workload[] =>
  Object.entries(observablesOf(of)).map(([name, observables]) => ({
    ...workload,
    id: `${workload.id}-${name}`,
    title: `${workload.id} observed (${name})`,
    extra: true,
    group: "observables",
    observables,
  }));
