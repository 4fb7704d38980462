/** Passes in stages over the data of lanes that are lent. */
import type { PassRequest } from "../plan/batched/passPlan.ts";
import { planPass } from "../plan/batched/passPlan.ts";
import { type BatchedPass, openBatchedPass } from "../run/batchedPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { planLimits } from "../run/planner.ts";
import { withoutDraws } from "../withoutDraws.ts";
import { decayWords } from "./slices.ts";

type Wanted = Pick<PassRequest, "scalars" | "each" | "vector" | "products" | "direction">;

/** A pass over the data the ensemble is trained on; `decayed: false` leaves λ out. */
export function openLentPass(
  access: LaneAccess,
  wanted: Wanted,
  { decayed = true } = {},
): Promise<BatchedPass> {
  const { device, memory, resolved, plan } = access;
  const { dynamics, data, execution } = resolved;
  const { chunks, hyper, readback } = memory;
  const passPlan = planPass({
    ...wanted,
    model: withoutDraws(resolved.model),
    dynamics,
    row: plan.row,
    samples: data.samples,
    limits: planLimits(device.gpu),
    ...(execution.tile !== undefined && { tile: execution.tile }),
  });
  const decay = [...decayWords(access)].map((lambda) => (decayed ? lambda : 0));
  const replicas = resolved.replicas.count;
  const source = { device, chunks, data: memory.data, samples: data.samples, hyper, readback };
  return openBatchedPass({ ...source, decay, replicas }, passPlan);
}
