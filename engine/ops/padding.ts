/** A border around an image [channels, height, width], and its removal: the two are adjoint. */
import type { Node, Shape } from "../graph.ts";
import { apply } from "./apply.ts";

/** The least f32: no finite number loses against it in a maximum. */
export const LEAST = -3.4028234663852886e38;

/** The image with [top, bottom, left, right] rows and columns of `value` around it. */
export function padded(x: Node, [top, bottom, left, right]: readonly number[], value = 0): Node {
  const filled = value === 0 ? {} : { value };
  const grown = (node: Node, before: number, after: number, axis: number): Node =>
    before + after === 0 ? node : apply("pad", [node], { before, after, axis, ...filled });
  return grown(grown(x, top!, bottom!, 1), left!, right!, 2);
}

/** What lies within the border: an image of `shape`. */
export function cropped(g: Node, [top, , left]: readonly number[], shape: Shape): Node {
  const cut = (node: Node, start: number, axis: number): Node =>
    node.shape[axis] === shape[axis]
      ? node
      : apply("slice", [node], { start, stop: start + shape[axis]!, axis });
  return cut(cut(g, top!, 1), left!, 2);
}
