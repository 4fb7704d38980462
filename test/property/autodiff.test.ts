/** Laws of differentiation over random graphs: differences, symmetry, linearity, depth. */
import { describe, expect, it } from "vitest";
import { gradient, hessianVectorProduct } from "../../engine/autodiff.ts";
import { ArgumentError, ShapeError } from "../../engine/errors.ts";
import { constant, type Node, param, size } from "../../engine/graph.ts";
import { op } from "../../engine/ops/index.ts";
import { compileReference, evaluate } from "../../engine/reference.ts";
import { simplify } from "../../engine/simplify.ts";
import { differences, expectClose } from "../differences.ts";
import { randomGraph } from "../randomGraphs.ts";
import { seeded, uniformArray } from "../seeded.ts";

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);
const sample = {};

const randomVectors = (seed: number, params: readonly Node[]): Node[] => {
  const random = seeded(seed);
  return params.map((block) => constant([...uniformArray(random, size(block.shape))], block.shape));
};

const inner = (a: readonly Node[], b: readonly Node[]): Node =>
  a.map((part, i) => op.sum(op.mul(part, b[i]!))).reduce((p, q) => op.add(p, q));

describe.each(SEEDS)("random graph %i", (seed) => {
  const { output, params, values } = randomGraph(seed, 8);

  it("has the gradient that differences give", () => {
    const run = compileReference([output]);
    const actual = evaluate(gradient(output, params), { params: values, sample });
    for (const [i, block] of params.entries()) {
      const name = block.attributes.name as string;
      const expected = differences((p) => run({ params: p, sample })[0]![0]!, values, name);
      expectClose(actual[i]!, expected, 1e-8, name);
    }
  });

  it("has a symmetric, linear Hessian", () => {
    const u = randomVectors(seed + 1000, params);
    const v = randomVectors(seed + 2000, params);
    const hu = hessianVectorProduct(output, params, u);
    const hv = hessianVectorProduct(output, params, v);
    const mixed = u.map((part, i) => op.sub(op.scale(part, 2), op.scale(v[i]!, 3)));
    const hMixed = hessianVectorProduct(output, params, mixed);
    const expected = hu.map((part, i) => op.sub(op.scale(part, 2), op.scale(hv[i]!, 3)));
    const [uhv, vhu] = evaluate([inner(u, hv), inner(v, hu)], { params: values, sample });
    expectClose(uhv!, vhu!, 1e-11, "uHv = vHu");
    const bindings = { params: values, sample };
    const [left, right] = [evaluate(hMixed, bindings), evaluate(expected, bindings)];
    for (const [i, part] of left.entries()) expectClose(part, right[i]!, 1e-11, "H(2u − 3v)");
  });

  it("holds vectors fixed that depend on the parameters: Hg = ∇(½|g|²)", () => {
    const g = gradient(output, params);
    const product = hessianVectorProduct(output, params, g);
    const expected = gradient(op.scale(inner(g, g), 0.5), params);
    const both = evaluate(simplify([...product, ...expected]), { params: values, sample });
    for (let i = 0; i < params.length; i += 1) {
      expectClose(both[i]!, both[i + params.length]!, 1e-10, `block ${i}`);
    }
  });
});

it("is linear in the output", () => {
  const f = randomGraph(3, 8);
  const g = randomGraph(4, 8);
  const both = op.sub(op.scale(f.output, 2), op.scale(g.output, 0.5));
  const bindings = { params: f.values, sample };
  const df = evaluate(gradient(f.output, f.params), bindings);
  const dg = evaluate(gradient(g.output, f.params), bindings);
  evaluate(gradient(both, f.params), bindings).forEach((part, i) => {
    expectClose(
      part,
      part.map((_, k) => 2 * df[i]![k]! - 0.5 * dg[i]![k]!),
      1e-12,
    );
  });
});

it("gives zeros for a node the output does not depend on, and 1 for the output itself", () => {
  const [a, b] = [param("a", [2]), param("b", [2, 3])];
  const output = op.sum(op.square(a));
  const [da, db, self] = evaluate(gradient(output, [a, b, output]), {
    params: { a: Float64Array.of(3, -1) },
    sample,
  });
  expect([...da!]).toEqual([6, -2]);
  expect([...db!]).toEqual([0, 0, 0, 0, 0, 0]);
  expect([...self!]).toEqual([1]);
});

it("knows a parameter by its name, whichever object it is", () => {
  const output = op.mul(param("a", []), op.square(param("a", [])));
  const [da] = evaluate(gradient(output, [param("a", [])]), {
    params: { a: Float64Array.of(2) },
    sample,
  });
  expect(da![0]).toBe(12);
});

it("differentiates with respect to inner nodes", () => {
  const a = param("a", []);
  const square = op.square(a);
  const [slope] = evaluate(gradient(op.mul(square, op.exp(square)), [square]), {
    params: { a: Float64Array.of(0.5) },
    sample,
  });
  // d(s eˢ)/ds = (1 + s) eˢ
  expect(slope![0]).toBeCloseTo(1.25 * Math.exp(0.25), 14);
});

it("does not overflow the stack on a chain of 30 000 nodes", () => {
  const a = param("a", []);
  let node = a;
  for (let i = 0; i < 10_000; i += 1) node = op.add(op.scale(op.sin(node), 0.5), a);
  const [loss, da] = simplify([node, ...gradient(node, [a])]);
  const [, slope] = evaluate([loss!, da!], { params: { a: Float64Array.of(0.3) }, sample });
  // At the fixed point x = ½ sin x + a, dx/da = 1 / (1 − ½ cos x).
  let x = 0;
  for (let i = 0; i < 200; i += 1) x = 0.5 * Math.sin(x) + 0.3;
  expect(slope![0]).toBeCloseTo(1 / (1 - 0.5 * Math.cos(x)), 10);
});

it("refuses an output that is no scalar and vectors that do not fit", () => {
  const a = param("a", [3]);
  expect(() => gradient(op.square(a), [a])).toThrow(ShapeError);
  const loss = op.sum(a);
  expect(() => hessianVectorProduct(loss, [a], [])).toThrow(ArgumentError);
  expect(() => hessianVectorProduct(loss, [a], [constant(1)])).toThrow(
    "hessianVectorProduct: vector 0 has shape [], its node has [3]; they must be equal.",
  );
});
