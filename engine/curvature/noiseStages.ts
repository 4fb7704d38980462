/**
 * The samples' gradients of models of any size, by the stages of the schedule `batched`, without ever
 * having one of them whole:
 *
 *   tr C = (1/N) Σ_i |g_i|² − |ḡ|²,   u_k·C u_l = mean of (u_k·g_i − u_k·ḡ)(u_l·g_i − u_l·ḡ)
 *
 * |δ ⊗ x|² = |δ|²|x|², so that for dense layers |g_i|² costs what the loss and its backward pass cost.
 * Error, float32: the difference leaves tr C about 10⁻⁶ of (1/N) Σ |g_i|². Projections come to the host,
 * a float for each sample and direction, and are centered there in float64.
 */
import { type Node, param } from "../graph.ts";
import type { Model } from "../model.ts";
import { op } from "../ops/index.ts";
import type { BatchedPass } from "../run/batchedPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { DIRECTION } from "../wgsl/sampleFunction.ts";
import type { NoisePass } from "./noisePassResult.ts";
import { openLentPass } from "./passAccess.ts";
import { inColumns, inRows } from "./rows.ts";

/** Bytes of projections that a slice of lanes may have on the host. */
const PROJECTION_BYTES = 1 << 28;

const total = (terms: readonly Node[]): Node => terms.reduce((sum, term) => op.add(sum, term));

/** |∇l|² of one sample. */
const gradientSquare = ({ gradients }: Model): Node =>
  total(gradients.map((g) => op.sum(op.square(g))));

/** d·∇l of one sample. */
const gradientAlong = ({ params, gradients }: Model): Node =>
  total(
    params.map(({ name, shape }, k) =>
      op.sum(op.mul(param(`${DIRECTION}${name}`, shape), gradients[k]!)),
    ),
  );

/** Covariances of [direction][lane, sample], the lower triangle, [pair, lane]. */
function covariances(projections: readonly Float32Array[], lanes: number): Float64Array {
  const out: number[] = [];
  const samples = (projections[0]?.length ?? 0) / lanes;
  const centered = projections.map((all) => {
    const values = Float64Array.from(all);
    for (let lane = 0; lane < lanes; lane += 1) {
      const own = values.subarray(lane * samples, (lane + 1) * samples);
      const mean = own.reduce((sum, x) => sum + x, 0) / samples;
      own.forEach((x, i) => {
        own[i] = x - mean;
      });
    }
    return values;
  });
  centered.forEach((a, k) => {
    for (const b of centered.slice(0, k + 1)) {
      for (let lane = 0; lane < lanes; lane += 1) {
        let sum = 0;
        for (let i = lane * samples; i < (lane + 1) * samples; i += 1) sum += a[i]! * b[i]!;
        out.push(sum / samples);
      }
    }
  });
  return Float64Array.from(out);
}

/** For so many directions, 0 of them too. */
export async function openStagedNoisePass(
  access: LaneAccess,
  directions: number,
): Promise<NoisePass> {
  const { model, data } = access.resolved;
  const params = model.parameterCount;
  const { samples } = data;
  const gradients = await openLentPass(
    access,
    {
      scalars: [gradientSquare(model)],
      vector: { blocks: model.gradients, decayed: "theta" },
      products: [["total", "total"]],
      direction: null,
    },
    { decayed: false },
  );
  const along: BatchedPass | null =
    directions === 0
      ? null
      : await openLentPass(access, {
          scalars: [],
          each: [gradientAlong(model)],
          vector: null,
          products: [],
          direction: "given",
        });
  const onHost = Math.floor(PROJECTION_BYTES / (4 * samples * Math.max(1, directions)));
  return {
    widest: Math.max(1, Math.min(gradients.widest, along?.widest ?? Infinity, onHost)),
    run: async (slice, directionWords) => {
      const { lanes } = slice;
      const { scalars, products, vector } = await gradients.run(slice, { vector: true });
      const projections: Float32Array[] = [];
      for (let k = 0; k < directions; k += 1) {
        const own = directionWords.subarray(k * params * lanes, (k + 1) * params * lanes);
        along!.write(inRows(own, lanes, along!.vectorWords));
        projections.push((await along!.run(slice)).each);
      }
      const scatter = covariances(projections, lanes);
      const sums = new Float64Array(lanes + scatter.length);
      for (let lane = 0; lane < lanes; lane += 1) {
        sums[lane] = scalars[lane]! / samples - products[lane]!;
      }
      sums.set(scatter, lanes);
      return { means: inColumns(vector, lanes, params, gradients.vectorWords), sums };
    },
    destroy: () => {
      gradients.destroy();
      along?.destroy();
    },
  };
}
