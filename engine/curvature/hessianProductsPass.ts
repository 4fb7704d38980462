/** Products with the Hessian of every lane of a slice, however they are computed. */
import type { Slice } from "../run/dataPass.ts";

/** For a number of directions at a time. */
export interface HessianPass {
  /** Lanes of a slice, at most. */
  readonly widest: number;
  /** Directions of the products to come, [direction, param, lane of the slice]. */
  readonly write: (directions: Float32Array<ArrayBuffer>) => void;
  /** The same, random signs: probes `first`, `first` + 1, … */
  readonly draw: (slice: Slice, first: number) => void;
  /** H d, [direction, param, lane of the slice]. */
  readonly products: (slice: Slice) => Promise<Float32Array>;
  /** d·H d, [direction, lane of the slice]. */
  readonly forms: (slice: Slice) => Promise<Float64Array>;
  readonly destroy: () => void;
}
