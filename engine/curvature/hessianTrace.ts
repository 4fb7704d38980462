/**
 * Traces of the Hessian, and of the Hessian times the gradient noise, by random signs.
 *
 *   tr M = E z·M z,  z_p = ±1 with equal odds;  Var = 2 Σ_{p≠q} S_pq², S the symmetric part of M
 *
 * Source: M. F. Hutchinson, Commun. Stat. Simul. 19, 433 (1990). Left out: deflation by known
 * eigenvectors (Hutch++).
 */
import { ArgumentError } from "../errors.ts";
import type { TraceRecord } from "../record.ts";
import type { LaneAccess, Lender } from "../run/laneAccess.ts";
import { directionSet } from "./directions.ts";
import { noiseAlong } from "./gradientNoise.ts";
import { openHessianPass } from "./hessianPass.ts";
import { productsAlong } from "./hessianProducts.ts";
import { laneField, measureInfo, noiseFactors, place, voidFrozen } from "./measureRecord.ts";
import { probeSigns } from "./probes.ts";
import { type MeasureOptions, requireCount, requireData, slicesOf } from "./slices.ts";

export interface TraceOptions extends MeasureOptions {
  /** Random vectors for each replica; 8 unless given. */
  readonly probes?: number;
}

const PROBES = 8;
/** Draw numbers of a step stay below 2²⁴, also for the largest models. */
const MOST_PROBES = 2 ** 16;

function checkProbes(where: string, probes: number): void {
  requireCount(where, "probes", probes);
  if (probes <= MOST_PROBES) return;
  throw new ArgumentError(
    `${where}: probes is ${probes}, at most ${MOST_PROBES} are drawn at a step; use more replicas.`,
  );
}

/**
 * Unbiased estimates of tr H at every replica's θ, [probe, condition, replica], loss/θ².
 *
 * H = ∇²f, f = (1/N) Σ l_i + (λ/2)|θ|². Each probe is z·H z of fresh random signs, functions of
 * (seed, condition, replica, step, probe) drawn on the device; `analysis/hessianTrace` makes an
 * Estimate of them. Cost: N products ∇²l_i z for each probe, as much as some N/m SGD steps. Error: a probe's
 * variance is 2 Σ_{p≠q} H_pq²; float32 about 10⁻⁶ of the sum of magnitudes.
 *
 * @throws ArgumentError for a model that draws its samples, or a number of probes that is none or above 2¹⁶.
 * @see M. F. Hutchinson, Commun. Stat. Simul. 19, 433 (1990)
 * @example
 * const trace = hessianTrace(await hessianProbes(ensemble, { probes: 16 }));
 */
export function hessianProbes(
  ensemble: Lender,
  { probes = PROBES, signal }: TraceOptions = {},
): Promise<TraceRecord> {
  const where = "hessianProbes";
  return ensemble.lend(where, async (access) => {
    requireData(where, access);
    checkProbes(where, probes);
    const values = laneField(access, "loss/θ²", [["probe", probes]]);
    const pass = await openHessianPass(access, 1);
    const { lanes } = access.resolved;
    try {
      for (const slice of slicesOf(access, pass.widest)) {
        for (let probe = 0; probe < probes; probe += 1) {
          signal?.throwIfAborted();
          pass.draw(slice, probe);
          const own = { data: values.data.subarray(probe * lanes, (probe + 1) * lanes) };
          place(own, await pass.forms(slice), slice, lanes);
        }
      }
    } finally {
      pass.destroy();
    }
    return finished(access, "H", values);
  });
}

/**
 * Unbiased estimates of tr(H C) at every replica's θ, [probe, condition, replica], loss³/θ⁴.
 *
 * C is the covariance of one sample's gradient over the data; a batch's is f C (`noiseFactors`). Each
 * probe is z·C (H z) of fresh random signs, those of `hessianProbes`. Cost: three passes over the data
 * for each probe: N products and twice N gradients. Error: a probe's variance is 2 Σ_{p≠q} S_pq², S = (HC + CH)/2.
 *
 * @throws ArgumentError for a model with draws, whose noise is not that of the data, or probes that are
 *   no number.
 * @see S. Yaida, arXiv 1810.00004: (η/2) tr(H f C) is ⟨|∇L|²⟩ at small rates
 */
export function curvedNoiseProbes(
  ensemble: Lender,
  { probes = PROBES, signal }: TraceOptions = {},
): Promise<TraceRecord> {
  const where = "curvedNoiseProbes";
  return ensemble.lend(where, async (access) => {
    requireData(where, access);
    checkProbes(where, probes);
    const { lanes, model } = access.resolved;
    const values = laneField(access, "loss³/θ⁴", [["probe", probes]]);
    const pair = laneField(access, "1", [["direction", 2]], [["param", model.parameterCount]]);
    const half = pair.data.length / 2;
    const axes = [{ name: "direction", length: 1 }, ...pair.axes.slice(1)];
    for (let probe = 0; probe < probes; probe += 1) {
      for (let lane = 0; lane < lanes; lane += 1) {
        pair.data.set(probeSigns(access, lane, probe), lane * model.parameterCount);
      }
      const signs = { ...pair, axes, data: pair.data.subarray(0, half) };
      const products = await productsAlong(access, directionSet(where, signs, access), signal);
      pair.data.set(products.data, half);
      const { covariance } = await noiseAlong(where, access, pair, signal);
      // [direction, direction', lane]: z·C (H z)
      values.data.set(covariance.data.subarray(lanes, 2 * lanes), probe * lanes);
    }
    return finished(access, "H C", values);
  });
}

async function finished(
  access: LaneAccess,
  matrix: TraceRecord["matrix"],
  values: ReturnType<typeof laneField>,
): Promise<TraceRecord> {
  voidFrozen(await access.memory.readFrozen(), values);
  const factors = noiseFactors(access);
  return { kind: "trace", ...measureInfo(access), matrix, values, noiseFactors: factors };
}
