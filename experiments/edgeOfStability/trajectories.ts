/**
 * One trajectory of ½(uw − 1)² in float32 and in float64: how far the products part.
 *
 * Bound where they do not: δ(uw)_n <= Σ_m |(w_n, u_n) J_{n−1} … J_{m+1}| d_m, J the Jacobian of a step
 * along the float64 trajectory, d_m the rounding of step m: U(|u'| + 3η|ew| + η|w||uw|) for u and
 * alike for w, e = uw − 1.
 */
import { fixed } from "../../engine/initial.ts";
import { type SeriesSpec, series } from "../../engine/observe/series.ts";
import { referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { RecordOf } from "../../engine/run/ensemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { productLoss } from "../../models/index.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { F32 } from "../systematic.ts";
import type { EdgeSettings } from "./settings.ts";

export interface Parting {
  readonly learningRate: number;
  /** |uw float32 − uw float64| at each step, as far as both are finite. */
  readonly distance: readonly number[];
  /** First-order bound on its largest value, from rounding alone. */
  readonly bound: number;
  /** First step with distance > `APART`; null if there is none. */
  readonly apart: number | null;
  /** Step at which the device's trajectory left the bounds, −1 if it did not. */
  readonly frozen: number;
}

/** Distance of products at which trajectories count as parted (card 4C). */
export const APART = 0.1;

type Point = readonly [u: number, w: number];

export interface PartingRun {
  readonly partings: readonly Parting[];
  readonly record: RecordOf<{ path: SeriesSpec }>;
}

export async function partings(
  p: EdgeSettings,
  stages: Stages,
  context: RunContext,
): Promise<PartingRun> {
  const { model, data } = productLoss();
  const common = { model, data, sampling: "fullBatch" as const };
  await using ensemble = await createEnsemble(context.device, {
    ...common,
    update: sgd({}),
    sweep: { learningRate: p.learningRates },
    replicas: 1,
    observables: { path: series({ of: ["u", "w"] }) },
    seed: context.seed,
    initial: fixed([p.u, p.w]),
  });
  const steps = p.comparedSteps + 1;
  const { observed } = await stages.run({ label: "path", ensemble, burnIn: 0, steps, work: 20 });
  const conditions = p.learningRates.length;
  const { data: values } = observed.path.values;
  const found = p.learningRates.map((learningRate, c): Parting => {
    const at = (quantity: number, n: number): number =>
      values[(quantity * conditions + c) * steps + n]!;
    const exact = float64Path(p, learningRate);
    const distances = exact.map(([u, w], n) => Math.abs(at(0, n) * at(1, n) - u * w));
    const end = distances.findIndex((value) => !Number.isFinite(value));
    const distance = end < 0 ? distances : distances.slice(0, end);
    const first = distance.findIndex((value) => value > APART);
    return {
      learningRate,
      distance,
      bound: largestBound(exact.slice(0, distance.length), learningRate),
      apart: first < 0 ? null : first,
      frozen: observed.run.frozen[c]!,
    };
  });
  return { partings: found, record: observed };
}

/** (u, w) at steps 0 … comparedSteps in float64. */
function float64Path(p: EdgeSettings, learningRate: number): Point[] {
  const path: Point[] = [];
  const { model, data } = productLoss();
  referenceTrajectory({
    model,
    data,
    rule: sgd({ learningRate }),
    sampling: "fullBatch",
    initial: fixed([p.u, p.w])(model),
    lane: { seed: 0, condition: 0, replica: 0 },
    steps: p.comparedSteps + 1,
    onStep: ({ theta }) => path.push([theta[0]!, theta[1]!]),
  });
  return path;
}

function stepRounding([u, w]: Point, next: Point, eta: number): Point {
  const product = Math.abs(u * w);
  const residual = Math.abs(u * w - 1);
  const of = (after: number, other: number): number =>
    F32 * (Math.abs(after) + eta * Math.abs(other) * (3 * residual + product));
  return [of(next[0], w), of(next[1], u)];
}

/** Largest over n of the bound in the file head. */
export function largestBound(path: readonly Point[], eta: number): number {
  const local = path.map(
    (point, m): Point =>
      m === 0
        ? [F32 * Math.abs(point[0]), F32 * Math.abs(point[1])]
        : stepRounding(path[m - 1]!, point, eta),
  );
  let largest = 0;
  for (let n = 0; n < path.length; n += 1) {
    // The row (w_n, u_n) carried back through the Jacobians, which are symmetric.
    let [a, b] = [path[n]![1], path[n]![0]];
    let sum = 0;
    for (let m = n; m >= 0; m -= 1) {
      sum += Math.abs(a) * local[m]![0] + Math.abs(b) * local[m]![1];
      if (m === 0) break;
      const [u, w] = path[m - 1]!;
      const cross = -eta * (2 * u * w - 1);
      [a, b] = [a * (1 - eta * w * w) + b * cross, a * cross + b * (1 - eta * u * u)];
    }
    largest = Math.max(largest, sum);
  }
  return largest;
}
