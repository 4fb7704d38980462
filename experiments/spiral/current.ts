/**
 * The current in phase space of the noisy mode, ring by ring around the center, by the midpoint rule: each
 * step counts half in the ring where it starts and half where it ends (card E3).
 *
 * In coordinates z whitened by the exact moments the current is a rigid rotation: every ring turns by
 * the same angle per step, and nothing crosses it (models/theory/heavyBallCurrent.ts). Per ring
 * ⟨½ z × Δz⟩ and ⟨½ z · Δz⟩, start and end, over ⟨½ |z|²⟩; no binning error, as both are integrals over
 * the same ring. A rule that counts whole steps where they start finds a flow to the center instead.
 */
import { type Estimate, ratioOfMeans } from "../../analysis/index.ts";
import { series } from "../../engine/observe/series.ts";
import type { RunRecord, SeriesRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleState } from "../../engine/run/ensemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { fromState } from "../../engine/start/fromState.ts";
import { type HeavyBallCurrent, type HeavyBallMode, heavyBallCurrent } from "../../models/index.ts";
import { comparable, unsettled, withoutPrediction } from "../comparable.ts";
import type { Figure, Quantity, RunContext } from "../experiment.ts";
import { missingShare } from "../heavyBallMoments.ts";
import { estimateOf } from "../outcome.ts";
import type { Stages } from "../stages.ts";
import { F32 } from "../systematic.ts";
import type { SpiralSettings } from "./settings.ts";

/** Edges of the rings, in standard deviations. */
const EDGES = [0, 0.5, 1, 1.5, 2, 3];
const RINGS = EDGES.slice(1).map((outer, k) => ({ inner: EDGES[k]!, outer }));

/** Steps looked at, and numbers recorded at most. */
const STEPS = 64;
const LARGEST = 2e7;
/** Operations of one replica-step, roughly. */
const WORK = 200;

const stepsOf = ({ replicas }: SpiralSettings): number =>
  Math.max(2, Math.min(STEPS + 1, Math.floor(LARGEST / (2 * replicas))));

export const currentWork = (p: SpiralSettings): number => WORK * p.replicas * stepsOf(p);

/** Var θ, Var v and area per step of the continuous model, noise variance s² (arXiv 2107.09133). */
export const continuousMoments = (p: SpiralSettings) => ({
  "var(theta)": (p.learningRate * p.noise ** 2) / (2 * (1 - p.momentum) * p.curvature),
  "var(v)": p.noise ** 2 / (1 - p.momentum ** 2),
  area: (-p.learningRate * p.noise ** 2) / (1 - p.momentum ** 2),
});

/** Where the current is measured from: the ensemble, its state, and how old that is. */
export interface CurrentStart {
  readonly options: Omit<EnsembleOptions, "observables" | "seed" | "initial">;
  readonly state: EnsembleState;
  /** Steps since θ = v = 0. */
  readonly age: number;
}

export interface MeasuredCurrent {
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly figure: Figure;
  readonly record: RunRecord;
}

export async function observeCurrent(
  p: SpiralSettings,
  exact: HeavyBallMode,
  { options, state, age }: CurrentStart,
  stages: Stages,
  context: RunContext,
): Promise<MeasuredCurrent> {
  await using ensemble = await createEnsemble(context.device, {
    ...options,
    observables: { path: series({ of: ["theta", "v.theta"] }) },
    // Noise of its own: that of the first steps must not come twice.
    seed: (context.seed ^ 0x9e3779b9) >>> 0,
    initial: fromState(state),
  });
  const stage = { label: "current", ensemble, burnIn: 0, steps: stepsOf(p), work: WORK };
  const { observed } = await stages.run(stage);
  const theory = heavyBallCurrent(p, exact);
  const rings = ringSums(observed.path, theory).map(({ along, across, weight }) => ({
    along: estimateOf(() => ratioOfMeans(along, weight)),
    across: estimateOf(() => ratioOfMeans(across, weight)),
  }));
  const missing = missingShare(p, exact, age);
  const early = unsettled(missing, age);
  const quantities = rings.flatMap((ring, k) => ringQuantities(ring, k, theory, missing));
  const found =
    early === null
      ? comparable(quantities, { replicas: p.replicas })
      : { quantities: quantities.map(withoutPrediction), warnings: [] };
  return { ...found, figure: currentFigure(p, rings, theory), record: observed };
}

/** Sums of each replica over its steps, [replica]. */
interface RingSums {
  readonly along: Float64Array;
  readonly across: Float64Array;
  readonly weight: Float64Array;
}

/** The sums of every ring; NaN for a replica that froze. */
export function ringSums(
  { values: { axes, data } }: SeriesRecord,
  { whiten }: Pick<HeavyBallCurrent, "whiten">,
): RingSums[] {
  const [, , replicas, times] = axes.map(({ length }) => length);
  const empty = (): Float64Array => new Float64Array(replicas!);
  const sums = RINGS.map(() => ({ along: empty(), across: empty(), weight: empty() }));
  for (let r = 0; r < replicas!; r += 1) {
    const state = (t: number): readonly [number, number] =>
      whiten(data[r * times! + t]!, data[(replicas! + r) * times! + t]!);
    let z = state(0);
    for (let t = 1; t < times!; t += 1) {
      const next = state(t);
      addStep(sums, r, z, next);
      z = next;
    }
    if (z.every(Number.isFinite)) continue;
    for (const { along, across, weight } of sums) along[r] = across[r] = weight[r] = Number.NaN;
  }
  return sums;
}

function addStep(
  sums: readonly RingSums[],
  r: number,
  from: readonly [number, number],
  to: readonly [number, number],
): void {
  const area = from[0] * to[1] - from[1] * to[0];
  const step = [to[0] - from[0], to[1] - from[1]] as const;
  for (const end of [from, to]) {
    const square = end[0] ** 2 + end[1] ** 2;
    const ring = sums[RINGS.findIndex(({ outer }) => square < outer ** 2)];
    if (ring === undefined) continue;
    ring.along[r]! += area / 2;
    ring.across[r]! += (end[0] * step[0] + end[1] * step[1]) / 2;
    ring.weight[r]! += square / 2;
  }
}

interface Ring {
  readonly along: Estimate;
  readonly across: Estimate;
}

function ringQuantities(
  { along, across }: Ring,
  k: number,
  { rotation, stretch }: HeavyBallCurrent,
  missing: number,
): Quantity[] {
  const { inner, outer } = RINGS[k]!;
  // θ and v are rounded by F32 each, at both ends; angles and shares are of order one.
  const systematic = 8 * F32 * stretch + missing;
  const quantity = (name: string, estimate: Estimate, unit: string, exact: number): Quantity => ({
    name,
    condition: { "|z|": `${inner} to ${outer}` },
    estimate,
    unit,
    // A ring that few replicas have seen has no error to compare with.
    predicted: estimate.warnings.length === 0 && Number.isFinite(estimate.value) ? exact : null,
    systematic,
  });
  return [
    quantity("rotation", along, "rad per step", rotation),
    quantity("flow across", across, "1 per step", 0),
  ];
}

/** Angle per step of each ring. */
function currentFigure(
  p: SpiralSettings,
  rings: readonly Ring[],
  { rotation, continuous }: HeavyBallCurrent,
): Figure {
  const shown = rings.flatMap(({ along }, k) =>
    Number.isFinite(along.value) ? [{ along, x: (RINGS[k]!.inner + RINGS[k]!.outer) / 2 }] : [],
  );
  const level = (label: string, y: number) => ({
    kind: "line" as const,
    label,
    role: "theory" as const,
    x: [0, EDGES.at(-1)!],
    y: [y, y],
  });
  return {
    id: "current",
    title: "The current with noise is a rigid rotation",
    caption:
      `Angle by which the probability current turns each ring around the center, learning rate ` +
      `${p.learningRate}, momentum ${p.momentum}, ${p.replicas} replicas; the distance is in standard ` +
      "deviations. Negative is clockwise in the (x, v) plane. Bars are one standard error.",
    x: { label: "distance from the center |z|" },
    y: { label: "rotation", unit: "rad per step" },
    marks: [
      level("exact", rotation),
      level("continuous model", continuous),
      {
        kind: "points",
        label: "measured",
        role: "measured",
        x: shown.map(({ x }) => x),
        y: shown.map(({ along }) => along.value),
        standardError: shown.map(({ along }) => along.standardError),
      },
    ],
  };
}
