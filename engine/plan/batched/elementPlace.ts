/**
 * An element's axes as locals of a kernel: positions are divided once, and what is read at the
 * element's own index is known as such again.
 */
import type { Shape } from "../../graph.ts";
import {
  flatten,
  type Index,
  isLiteral,
  printIndex,
  unflatten,
  variable,
} from "../../wgsl/indexing.ts";

/** The axes of a position along all of `shape`, with declarations of those that take a division. */
export function axesOf(
  position: Index,
  shape: Shape,
  suffix: string,
): { readonly index: readonly Index[]; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const index = unflatten(position, shape).map((axis, i) => {
    const text = printIndex(axis);
    if (isLiteral(axis) || /^\w+$/.test(text)) return axis;
    const name = `d${i}${suffix}`;
    lines.push(`let ${name} = ${text};`);
    return variable(name, shape[i]!);
  });
  return { index, lines };
}

/** The constant c where `flat` is c behind the element at `index` of `shape`; null where it is not. */
export function isAlong(flat: Index, index: readonly Index[], shape: Shape): number | null {
  const own = flatten(index, shape);
  const same =
    own.terms.size === flat.terms.size &&
    [...own.terms].every(([name, coefficient]) => flat.terms.get(name) === coefficient);
  return same && flat.constant >= own.constant ? flat.constant - own.constant : null;
}
