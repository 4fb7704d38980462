/**
 * Products with the Hessian of models of any size, by the stages of the schedule `batched`: one pass over
 * the data for each direction, all lanes of a slice at once.
 *
 * The Hessian's product with d is a graph (`curvatureNodes`) that shares the forward and the backward
 * pass between θ and d; its products of matrices are tiled. Error, float32: B + N/B roundings of each
 * component, B ≈ √N.
 */
import type { Slice } from "../run/dataPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { curvatureNodes } from "../wgsl/sampleFunction.ts";
import { withoutDraws } from "../withoutDraws.ts";
import type { HessianPass } from "./hessianProductsPass.ts";
import { openLentPass } from "./passAccess.ts";
import { probeSigns } from "./probes.ts";
import { inColumns, inRows } from "./rows.ts";
import { firstLane } from "./slices.ts";

/** For `directions` directions at a time. */
export async function openStagedHessianPass(
  access: LaneAccess,
  directions: number,
): Promise<HessianPass> {
  const model = withoutDraws(access.resolved.model);
  const params = model.parameterCount;
  const pass = await openLentPass(access, {
    scalars: [],
    vector: { blocks: curvatureNodes(model), decayed: "direction" },
    products: [["direction", "total"]],
    direction: "given",
  });
  const { vectorWords } = pass;
  let given: Float32Array = new Float32Array(0);
  /** What the passes for all directions give, in order. */
  const each = async (slice: Slice, vector: boolean) => {
    const results = [];
    const width = params * slice.lanes;
    for (let k = 0; k < given.length / width; k += 1) {
      const own = given.subarray(k * width, (k + 1) * width);
      pass.write(inRows(own, slice.lanes, vectorWords));
      results.push(await pass.run(slice, { vector }));
    }
    return results;
  };
  return {
    widest: pass.widest,
    write: (words) => {
      given = words;
    },
    draw: (slice, first) => {
      const { lanes } = slice;
      given = new Float32Array(directions * params * lanes);
      for (let k = 0; k < directions; k += 1) {
        for (let lane = 0; lane < lanes; lane += 1) {
          probeSigns(access, firstLane(slice) + lane, first + k).forEach((sign, p) => {
            given[(k * params + p) * lanes + lane] = sign;
          });
        }
      }
    },
    products: async (slice) => {
      const { lanes } = slice;
      const out = new Float32Array(given.length);
      (await each(slice, true)).forEach(({ vector }, k) => {
        out.set(inColumns(vector, lanes, params, vectorWords), k * params * lanes);
      });
      return out;
    },
    forms: async (slice) => {
      const results = await each(slice, false);
      return Float64Array.from(
        results.flatMap(({ products }) => [...products.subarray(0, slice.lanes)]),
      );
    },
    destroy: pass.destroy,
  };
}
