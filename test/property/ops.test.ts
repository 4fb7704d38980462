/**
 * Laws that hold for every operation of the table: adjoint against differences, second derivatives
 * against differences of gradients, expansion against value, index arithmetic of the generated
 * code against value.
 */
import { describe, expect, it } from "vitest";
import { gradient, hessianVectorProduct } from "../../engine/autodiff.ts";
import { constant, size, topologicalOrder } from "../../engine/graph.ts";
import { op, ops } from "../../engine/ops/index.ts";
import { compileReference, evaluate } from "../../engine/reference.ts";
import { differences, directional, expectClose } from "../differences.ts";
import { seeded, uniformArray } from "../seeded.ts";
import { evaluateLowering } from "./loweringInterpreter.ts";
import { CASES, prepare, title } from "./operationCases.ts";

// Differences are exact to h⁴ f⁽⁵⁾/30 + ε/h ~ 1e−12 · f⁽⁵⁾; 1/x and log on [0.3, ∞) have
// f⁽⁵⁾ up to 120/0.3⁶ ~ 1.6e5.
const TOLERANCE = 2e-7;

it("has a case for every operation, and no case for another", () => {
  expect([...new Set(CASES.map((given) => given.op))].sort()).toEqual(Object.keys(ops).sort());
});

it("has a builder for every operation, under its name", () => {
  expect(Object.keys(op).sort()).toEqual(Object.keys(ops).sort());
});

it("gives each operation exactly one of wgsl and expand", () => {
  for (const rule of Object.values(ops)) {
    expect((rule.wgsl === undefined) !== (rule.expand === undefined), rule.name).toBe(true);
  }
});

/** Operations that hold their input fixed: every derivative is zero by definition, not by value. */
const HELD = new Set(["detach"]);

describe.each(CASES.map((given) => [title(given), given] as const))("%s", (name, given) => {
  const { node, params, values, sample, weights } = prepare(given, seeded(name.length * 7919));
  const loss = op.sum(op.mul(node, weights));

  it("has an adjoint that agrees with differences", () => {
    const run = compileReference([loss]);
    const gradients = evaluate(gradient(loss, params), { params: values, sample });
    for (const [i, block] of params.entries()) {
      const expected = HELD.has(given.op)
        ? new Float64Array(size(block.shape))
        : differences(
            (p) => run({ params: p, sample })[0]![0]!,
            values,
            block.attributes.name as string,
          );
      expectClose(gradients[i]!, expected, TOLERANCE, `gradient ${i}`);
    }
  });

  it("has an adjoint closed under differentiation: Hessian-vector product", () => {
    // The square makes the second derivative of linear operations non-zero.
    const curved = op.add(loss, op.sum(op.mul(op.square(node), weights)));
    const random = seeded(name.length + 17);
    const vectors = params.map((block) => uniformArray(random, size(block.shape)));
    const product = hessianVectorProduct(
      curved,
      params,
      vectors.map((vector, i) => constant([...vector], params[i]!.shape)),
    );
    const direction = Object.fromEntries(vectors.map((vector, i) => [`p${i}`, vector]));
    const run = compileReference(gradient(curved, params));
    const flat = (p: typeof values): Float64Array =>
      Float64Array.from(run({ params: p, sample }).flatMap((part) => [...part]));
    const actual = evaluate(product, { params: values, sample }).flatMap((part) => [...part]);
    expectClose(actual, directional(flat, values, direction), TOLERANCE * 10, "Hv");
  });

  it("has a value that fills the array it is given", () => {
    const rule = ops[node.op]!;
    const inputs = evaluate(node.inputs, { params: values, sample });
    const fresh = rule.value(inputs, node);
    const dirty = new Float64Array(size(node.shape)).fill(Number.NaN);
    expect(rule.value(inputs, node, dirty)).toBe(dirty);
    expect(dirty).toEqual(fresh);
    expect(fresh.length).toBe(size(node.shape));
  });

  it("has WGSL, or an expansion, with the same value", () => {
    const rule = ops[node.op]!;
    const [expected] = evaluate([node], { params: values, sample });
    if (rule.expand !== undefined) {
      const [expanded] = evaluate([rule.expand(node)], { params: values, sample });
      expectClose(expanded!, expected!, 1e-13, "expansion");
      const before = new Set(topologicalOrder([node]));
      const names = topologicalOrder([rule.expand(node)])
        .filter((part) => !before.has(part))
        .map((part) => part.op);
      expect(names).not.toContain(node.op);
      return;
    }
    const inputs = evaluate(node.inputs, { params: values, sample });
    for (const indices of ["literal", "variable"] as const) {
      const actual = evaluateLowering(rule.wgsl!, node, inputs, indices);
      // Literals are f32.
      expectClose(actual, expected!, 1e-7, `WGSL with ${indices} indices`);
    }
  });
});
