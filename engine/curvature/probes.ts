/**
 * Random signs of every replica, functions of (seed, condition, replica, step, probe) alone: probes
 * of Hutchinson's estimator. Integer-exact twin of `shaders/curvature/rademacher.wgsl`.
 */
import { laneKey, normalPair, threefry2x32, type Words } from "../random.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import type { Schema } from "../wgsl/layout.ts";

/** The stream of probes; the same number stands in the shader. */
export const STREAM_PROBE = 6;

/** Signs of one pair of words. */
export const SIGNS = 64;

export const PROBE_RUN = {
  first_lane: "u32",
  lanes: "u32",
  global_lane: "u32",
  replicas: "u32",
  first_replica: "u32",
  seed: "u32",
  step: "u32",
  first_probe: "u32",
  common_noise: "u32",
} as const satisfies Schema;

type Stepped = Pick<LaneAccess, "resolved" | "step">;

/** Draws of normal numbers begin here, so that they share none with signs. */
const FIRST_NORMAL = 2 ** 23;

function keyOf({ resolved: { replicas, commonNoise, seed } }: Stepped, lane: number): Words {
  const condition = commonNoise ? 0 : Math.floor(lane / replicas.count);
  const replica = replicas.first + (lane % replicas.count);
  return laneKey(seed, STREAM_PROBE, condition, replica);
}

/** Standard normal numbers, on the host alone: where iterations start. [param] */
export function probeNormals(access: Stepped, lane: number, vector: number): Float64Array {
  const key = keyOf(access, lane);
  const { parameterCount } = access.resolved.model;
  const pairs = Math.ceil(parameterCount / 2);
  const numbers = Array.from({ length: pairs }, (_, k) =>
    normalPair(threefry2x32(key, [access.step, FIRST_NORMAL + vector * pairs + k])),
  );
  return Float64Array.from(numbers.flat().slice(0, parameterCount));
}

/** ±1 for each parameter, [param]. */
export function probeSigns(access: Stepped, lane: number, probe: number): Float64Array {
  const key = keyOf(access, lane);
  const { parameterCount } = access.resolved.model;
  const pairs = Math.ceil(parameterCount / SIGNS);
  const signs = new Float64Array(parameterCount);
  for (let pair = 0; pair < pairs; pair += 1) {
    const words = threefry2x32(key, [access.step, probe * pairs + pair]);
    const last = Math.min((pair + 1) * SIGNS, signs.length);
    for (let p = pair * SIGNS; p < last; p += 1) {
      const word = words[(p >>> 5) & 1]!;
      signs[p] = 1 - 2 * ((word >>> (p & 31)) & 1);
    }
  }
  return signs;
}
