/**
 * Windows of an image as an array, and back: patches, unpatch. Each is the other's adjoint.
 *
 *   patches(x)[c, a, b, i, j] = x[c, s_y i + a, s_x j + b]
 *   unpatch(g)[c, y, x] = Σ g[c, a, b, i, j] over all a, b, i, j with s_y i + a = y, s_x j + b = x
 *
 * `patches` is a view: a convolution becomes a matrix product whose right operand is read through
 * it ("implicit GEMM", Chellapilla, Puri and Simard 2006 without the copy). `unpatch` reads; it
 * never scatters: of the k offsets of a window only every s-th can reach a given pixel, so it sums
 * ⌈k/s⌉ terms an axis, one where windows do not overlap.
 */
import { ShapeError } from "../errors.ts";
import { type Node, printShape, type Shape, size } from "../graph.ts";
import {
  bound,
  divide,
  type Index,
  isLiteral,
  literal,
  modulo,
  plus,
  printIndex,
  times,
  variable,
} from "../wgsl/indexing.ts";
import { apply } from "./apply.ts";
import type { Op } from "./op.ts";
import { expectInputs, perNode, walk } from "./shapes.ts";
import { expectImage, UNPADDED, windowCounts } from "./windows.ts";

const list = (node: Pick<Node, "attributes">, name: string): readonly number[] =>
  node.attributes[name] as readonly number[];

/** Where in the image each element of its patches lies. */
const offsets = (patched: Shape, [height, width]: readonly number[], stride: readonly number[]) =>
  walk(patched, [height! * width!, width!, 1, stride[0]! * width!, stride[1]!]);

const gathered = perNode((node) =>
  offsets(node.shape, node.inputs[0]!.shape.slice(1), list(node, "stride")),
);

/** [C, H, W] → [C, kh, kw, H′, W′]; attributes `window` and `stride`, both [y, x]. */
export const patches: Op = {
  name: "patches",
  shape: (inputs, attributes) => {
    expectInputs("patches", inputs, 1);
    const [image] = inputs as [Shape];
    expectImage("patches", image);
    const window = attributes.window as readonly number[];
    const stride = attributes.stride as readonly number[];
    const counts = windowCounts("patches", image, { window, stride, padding: UNPADDED });
    return [image[0]!, ...window, ...counts];
  },
  value: ([x], node, out = new Float64Array(size(node.shape))) => {
    const from = gathered(node);
    for (let i = 0; i < out.length; i += 1) out[i] = x![from[i]!]!;
    return out;
  },
  adjoint: (node, g) => [
    apply("unpatch", [g], {
      stride: list(node, "stride"),
      size: node.inputs[0]!.shape.slice(1),
    }),
  ],
  wgsl: {
    reads: (node, [c, a, b, i, j]) => {
      const [sy, sx] = list(node, "stride") as [number, number];
      return [[c!, plus(times(i!, sy), a!), plus(times(j!, sx), b!)]];
    },
    expression: ([x]) => x!,
  },
};

const scattered = perNode((node) =>
  offsets(node.inputs[0]!.shape, node.shape.slice(1), list(node, "stride")),
);

/** clamp(a − b, 0, length − 1), in u32 without wrapping. */
function clampedDifference(a: Index, b: Index, length: number): Index {
  if (isLiteral(a) && isLiteral(b)) {
    return literal(Math.min(Math.max(a.constant - b.constant, 0), length - 1));
  }
  if (length === 1) return literal(0);
  const zero = isLiteral(b) && b.constant === 0;
  const least = isLiteral(b) ? b.constant : 0;
  if (zero && bound(a) <= length) return a;
  const [left, right] = [printIndex(a), printIndex(b)];
  const raised = zero ? left : `(max(${left}, ${right}) - (${right}))`;
  const inside = bound(a) - least <= length;
  return variable(inside ? raised : `min(${raised}, ${length - 1}u)`, length);
}

/** Which term of an axis is read at a pixel, and the tests that it exists; null: it never does. */
interface Term {
  readonly offset: Index;
  readonly place: Index;
  readonly tests: readonly string[] | null;
}

/**
 * The m-th window that may cover pixel y: it begins at place ⌊y/s⌋ − m, where y is its offset
 * y mod s + s m.
 */
function term(y: Index, m: Index, stride: number, window: number, count: number): Term {
  const raw = plus(modulo(y, stride), times(m, stride));
  const last = divide(y, stride);
  const place = clampedDifference(last, m, count);
  const offset = clampedDifference(raw, literal(0), window);
  const tests: string[] = [];
  let never = false;
  const demand = (fact: boolean | null, test: string): void => {
    if (fact === false) never = true;
    if (fact === null) tests.push(test);
  };
  const known = (index: Index, holds: boolean): boolean | null => (isLiteral(index) ? holds : null);
  const [q, k] = [printIndex(last), printIndex(m)];
  const both = isLiteral(last) && isLiteral(m);
  demand(bound(raw) <= window || known(raw, false), `((${printIndex(raw)}) < ${window}u)`);
  if (!(isLiteral(m) && m.constant === 0)) {
    demand(both ? last.constant >= m.constant : null, `((${q}) >= (${k}))`);
  }
  const least = isLiteral(m) ? m.constant : 0;
  if (bound(last) - least > count) {
    demand(both ? false : null, `((${q}) < (${k}) + ${count}u)`);
  }
  return { offset, place, tests: never ? null : tests };
}

function terms(node: Node, [, y, x]: readonly Index[], [m, n]: readonly Index[]): [Term, Term] {
  const [, kh, kw, rows, columns] = node.inputs[0]!.shape as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [sy, sx] = list(node, "stride") as [number, number];
  return [term(y!, m!, sy, kh, rows), term(x!, n!, sx, kw, columns)];
}

/** [C, kh, kw, H′, W′] → [C, H, W]; attributes `stride` [y, x] and `size` [H, W]. */
export const unpatch: Op = {
  name: "unpatch",
  shape: (inputs, attributes) => {
    expectInputs("unpatch", inputs, 1);
    const [patched] = inputs as [Shape];
    const [stride, image] = ["stride", "size"].map((name) => attributes[name] as number[]);
    if (patched.length !== 5) {
      throw new ShapeError(
        "unpatch: needs patches [channels, window height, window width, rows, columns], got " +
          `${printShape(patched)}.`,
      );
    }
    const window = patched.slice(1, 3);
    const given = [patched[0]!, ...image!];
    const counts = windowCounts("unpatch", given, { window, stride: stride!, padding: UNPADDED });
    if (counts.some((count, axis) => count !== patched[axis + 3])) {
      throw new ShapeError(
        `unpatch: an image ${printShape(image!)} has ${printShape(counts)} windows ` +
          `${printShape(window)} at stride ${printShape(stride!)}, got ${printShape(patched.slice(3))}.`,
      );
    }
    return given;
  },
  value: ([g], node, out = new Float64Array(size(node.shape))) => {
    const to = scattered(node);
    out.fill(0);
    for (let i = 0; i < g!.length; i += 1) out[to[i]!]! += g![i]!;
    return out;
  },
  adjoint: (node, g) => [
    apply("patches", [g], {
      window: node.inputs[0]!.shape.slice(1, 3),
      stride: list(node, "stride"),
    }),
  ],
  wgsl: {
    reduce: {
      over: (node) => {
        const [, kh, kw] = node.inputs[0]!.shape as [number, number, number];
        const [sy, sx] = list(node, "stride") as [number, number];
        return [Math.ceil(kh / sy), Math.ceil(kw / sx)];
      },
      combine: "sum",
    },
    reads: (node, out, k) => {
      const [vertical, horizontal] = terms(node, out, k);
      return [[out[0]!, vertical.offset, horizontal.offset, vertical.place, horizontal.place]];
    },
    expression: ([x], node, out, k) => {
      const tests = terms(node, out, k).map((one) => one.tests);
      if (tests.includes(null)) return "0f";
      const all = tests.flatMap((some) => some!);
      return all.length === 0 ? x! : `select(0f, ${x}, ${all.join(" && ")})`;
    },
  },
};
