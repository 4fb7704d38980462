/** What a batch of matrix products is made of: sizes, operands, a tile, and the caller's WGSL. */
import type { LinkOptions, SlotBody } from "../../wgsl/link.ts";
import type { MatmulTile } from "./matmulTile.ts";

/** How the four consecutive values of a load lie: `A` along k or m, `B` along k or n. */
export interface Operand<Axis extends "m" | "n"> {
  /** The axis whose neighbors are neighbors in memory; a line of the operand runs along it. */
  readonly along: "k" | Axis;
  /**
   * May four values be loaded at once, wherever a line's position is a multiple of 4? What lies beyond
   * the end of a line is ignored.
   */
  readonly four: boolean;
  /** Does locating a line load something, such as a sample's number? Absent: no. */
  readonly lineLoads?: boolean;
}

/**
 * A batch of products. `functions` declares, with `a` for A and `b` for B:
 *
 *   a_line(z: u32, index: u32) -> L              whatever locates a line: its m (k, if A lies along m)
 *   a_four(line: L, position: u32) -> vec4f      where `four`
 *   a_one(line: L, position: u32) -> f32         unless four values at once always do
 *   store(z: u32, m: u32, n: u32, sum: vec4f, count: u32)
 *
 * `store` is given Σ_k A[z, m, k] B[z, k, n + i], i = 0 … count − 1, once for each m and every n that is
 * a multiple of 4. Lines along k are located once for a tile, others once for each k: put there what a
 * gather needs.
 */
export interface MatmulRequest {
  readonly m: number;
  readonly n: number;
  /** Terms of a sum: a number, or a WGSL expression of type u32, in which `z` is the matrix. */
  readonly k: number | string;
  readonly a: Operand<"m">;
  readonly b: Operand<"n">;
  readonly tile: MatmulTile;
  readonly bindings: string;
  readonly functions: SlotBody;
  /** Parameters and slots of files that `functions` imports. */
  readonly further?: Pick<LinkOptions, "params" | "slots">;
  /** The first matrix of a dispatch and the one after its last, WGSL expressions. */
  readonly matrices: { readonly first: string; readonly end: string };
}
