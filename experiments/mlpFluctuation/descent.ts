/**
 * Which replicas are still in the basin of the minimum: those that the full gradient brings back.
 *
 * Noise is turned off until the projected modes have relaxed; soft modes are still on their way, and
 * stiff ones follow them by little. Other minima are a standard deviation or more away.
 */
import type { Device } from "../../engine/device.ts";
import { each } from "../../engine/initial.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { prototypeNetwork, prototypes } from "../../models/prototypeNetwork.ts";
import type { Landscape, Linear } from "./theory.ts";

/** Relaxation times of the softest projected mode: 5·10⁻⁵ of a displacement is left. */
const TIMES = 10;
/** Standard deviations of the linear theory within which a mode has come back. */
const NEAR = 1;

/** Share of the replicas that are elsewhere, or diverged; `theta` [replica, param]. */
export async function goneShare(
  device: Device,
  { minimum, subspace, weightDecay }: Landscape,
  { continuous, stiffest, softest }: Linear,
  theta: ArrayLike<number>,
): Promise<number> {
  const model = prototypeNetwork();
  const params = model.parameterCount;
  const replicas = theta.length / params;
  const lane = (data: ArrayLike<number>, r: number): number[] =>
    Array.from({ length: params }, (_, q) => data[r * params + q]!);
  const isLost = Array.from({ length: replicas }, (_, r) => !lane(theta, r).every(Number.isFinite));
  const learningRate = 1 / stiffest;
  await using ensemble = await createEnsemble(device, {
    model,
    data: prototypes(),
    sampling: "fullBatch",
    update: sgd({ learningRate, weightDecay }),
    replicas,
    seed: 0,
    initial: each(
      Float64Array.from(isLost.flatMap((lost, r) => (lost ? [...minimum.theta] : lane(theta, r)))),
    ),
  });
  await ensemble.advance({ steps: Math.ceil((TIMES * stiffest) / softest) });
  const { theta: end } = await ensemble.state();
  let gone = 0;
  for (let r = 0; r < replicas; r += 1) {
    const at = lane(end.data, r);
    const isNear = subspace.directions.every((u, k) => {
      const z = at.reduce((sum, x, q) => sum + (x - minimum.theta[q]!) * u[q]!, 0);
      return Math.abs(z) <= NEAR * Math.sqrt(continuous.covariance[k]![k]!);
    });
    if (isLost[r] || !isNear) gone += 1;
  }
  return gone / replicas;
}
