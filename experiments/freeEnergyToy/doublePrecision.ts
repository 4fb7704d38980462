/**
 * Card 1D at and above the critical rate in float64, on the host: the mean loss of many replicas.
 *
 * The orbit of reflections holds replicas on average only: rounding is amplified now and then into
 * excursions from it. In float32 they lift the mean loss by up to 1 %, by other amounts at other rates; in
 * float64 by about 0.1 % where the orbit attracts. The map is the device's, written out for two
 * directions in the equator:
 *
 *   x' = (x − 2ηp(a − px))/|…|,  p = a·x,  a one of the two, by one random bit
 */
import { laneKey, STREAM_MINIBATCH, threefry2x32, type Words } from "../../engine/random.ts";
import type { PoleFrame } from "../../models/theory/index.ts";
import { poleWork } from "../pole/runs.ts";
import type { Stages } from "../stages.ts";

export interface HostChain {
  readonly label: string;
  readonly frame: PoleFrame;
  readonly learningRate: number;
  /** Lanes whose random numbers are used; no device run may have them too. */
  readonly replicas: { readonly first: number; readonly count: number };
  /** x₀ in the coordinates of the frame; its length does not matter. */
  readonly start: readonly number[];
  readonly burnIn: number;
  readonly steps: number;
}

/** Random bits of one pair of words. */
const BITS = 64;

/** Mean of L over the steps after burn-in, of one replica. */
export function meanLoss(chain: Omit<HostChain, "label" | "replicas">, key: Words): number {
  const { frame, learningRate, burnIn, steps } = chain;
  const [[ax, ay], [bx, by]] = frame.directions as [[number, number], [number, number]];
  const [first, second] = frame.eigenvalues as [number, number];
  const length = Math.hypot(...chain.start);
  let [x, y, z] = chain.start.map((value) => value / length) as [number, number, number];
  let [low, high] = [0, 0];
  let total = 0;
  for (let t = 0; t < burnIn + steps; t += 1) {
    if (t % BITS === 0) [low, high] = threefry2x32(key, [t / BITS, 0]);
    if (t >= burnIn) total += first * x * x + second * y * y;
    const bit = ((t % BITS < 32 ? low : high) >>> (t & 31)) & 1;
    const cx = bit === 1 ? ax : bx;
    const cy = bit === 1 ? ay : by;
    const p = cx * x + cy * y;
    const pull = 2 * learningRate * p;
    const along = 1 + pull * p;
    x = along * x - pull * cx;
    y = along * y - pull * cy;
    z *= along;
    const norm = 1 / Math.sqrt(x * x + y * y + z * z);
    x *= norm;
    y *= norm;
    z *= norm;
  }
  return total / steps;
}

/** Replica-steps between two pauses: about a fifth of a second. */
const BETWEEN_PAUSES = 1e7;

/** Mean losses, [replica]. */
export async function meanLosses(
  chain: HostChain,
  seed: number,
  stages: Stages,
): Promise<Float64Array> {
  const { replicas, burnIn, steps, frame, label } = chain;
  const losses = new Float64Array(replicas.count);
  const each = (burnIn + steps) * poleWork(frame);
  let work = 0;
  for (let r = 0; r < replicas.count; r += 1) {
    losses[r] = meanLoss(chain, laneKey(seed, STREAM_MINIBATCH, 0, replicas.first + r));
    work += each;
    if (work < BETWEEN_PAUSES * poleWork(frame) && r < replicas.count - 1) continue;
    await stages.pause({ phase: `${label}: in float64 on the host`, work });
    work = 0;
  }
  return losses;
}
