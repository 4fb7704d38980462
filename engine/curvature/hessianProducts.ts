/** Products of the Hessian with given vectors, at every replica's θ. */
import type { Field } from "../record.ts";
import type { LaneAccess, Lender } from "../run/laneAccess.ts";
import { type DirectionSet, type Directions, directionSet } from "./directions.ts";
import { openHessianPass } from "./hessianPass.ts";
import { laneField, voidFrozen } from "./measureRecord.ts";
import { firstLane, type MeasureOptions, mostDirections, requireData, slicesOf } from "./slices.ts";

export interface HessianProductOptions extends MeasureOptions {
  /** d, [direction][param] for all replicas, or a Field [direction, condition, replica, param]. */
  readonly directions: Directions;
}

/**
 * H(θ) d of every replica, [direction, condition, replica, param], in units of loss/θ² times d.
 *
 * H = ∇²f, f = (1/N) Σ l_i + (λ/2)|θ|², λ the condition's weight decay; draws have their means. Cost: N
 * products ∇²l_i d for each direction, as much as some N/m SGD steps. Error: float32, about
 * 10⁻⁶ of (1/N) Σ |∇²l_i d|. NaN for frozen replicas.
 *
 * @throws ArgumentError for a model that draws its samples, or directions that are none; ShapeError where
 *   they do not fit.
 * @see Pearlmutter, Neural Computation 6, 147 (1994)
 * @example
 * const { eigenvectors } = minimize(model, data, { start: 0.1 });
 * const products = await hessianProducts(ensemble, { directions: eigenvectors.slice(-2) });
 */
export function hessianProducts(
  ensemble: Lender,
  { directions, signal }: HessianProductOptions,
): Promise<Field> {
  const where = "hessianProducts";
  return ensemble.lend(where, async (access) => {
    requireData(where, access);
    const frozen = await access.memory.readFrozen();
    const set = directionSet(where, directions, access);
    const field = await productsAlong(access, set, signal);
    voidFrozen(frozen, field, access.resolved.model.parameterCount);
    return field;
  });
}

/** The same for lanes that are lent. */
export async function productsAlong(
  access: LaneAccess,
  { count, pack }: DirectionSet,
  signal?: AbortSignal,
): Promise<Field & { readonly data: Float64Array }> {
  const { lanes, model } = access.resolved;
  const params = model.parameterCount;
  const field = laneField(access, "loss/θ²", [["direction", count]], [["param", params]]);
  const width = Math.min(count, mostDirections(access));
  const pass = await openHessianPass(access, width);
  try {
    for (const slice of slicesOf(access, pass.widest)) {
      for (let first = 0; first < count; first += width) {
        signal?.throwIfAborted();
        const some = Math.min(width, count - first);
        pass.write(pack(slice, first, some));
        const products = await pass.products(slice);
        for (let at = 0; at < some * params * slice.lanes; at += 1) {
          const lane = firstLane(slice) + (at % slice.lanes);
          const vector = Math.floor(at / slice.lanes);
          const [k, p] = [first + Math.floor(vector / params), vector % params];
          field.data[(k * lanes + lane) * params + p] = products[at]!;
        }
      }
    }
  } finally {
    pass.destroy();
  }
  return field;
}
