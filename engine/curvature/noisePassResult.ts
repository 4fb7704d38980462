/** The gradient and its noise for every lane of a slice, however they are computed. */
import type { Slice } from "../run/dataPass.ts";

export interface NoisePass {
  /** Lanes of a slice, at most. */
  readonly widest: number;
  /** ḡ, [param, lane]; tr C, then the lower triangle of u_k·C u_l, [output, lane]. */
  readonly run: (
    slice: Slice,
    directions: Float32Array<ArrayBuffer>,
  ) => Promise<{ readonly means: Float32Array; readonly sums: Float64Array }>;
  readonly destroy: () => void;
}
