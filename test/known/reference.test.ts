/** The float64 interpreter: bindings, reuse of memory, errors; and numbers as WGSL literals. */
import { describe, expect, it } from "vitest";
import { ArgumentError, DataError, LimitError } from "../../engine/errors.ts";
import { constant, param, sampleField } from "../../engine/graph.ts";
import { op } from "../../engine/ops/index.ts";
import { compileReference, evaluate } from "../../engine/reference.ts";
import { floatLiteral } from "../../engine/wgsl/literal.ts";

const [w, x, y] = [param("w", [2]), sampleField("x", [2]), sampleField("y", [])];
const loss = op.sub(op.dot(w, x), y);

describe("compileReference", () => {
  it("follows new bindings, in place or exchanged, and allocates nothing for its results", () => {
    const run = compileReference([loss, w]);
    const values = Float64Array.of(1, 2);
    const sample = { x: Float64Array.of(3, 4), y: 1 };
    const first = run({ params: { w: values }, sample });
    expect(first[0]![0]).toBe(10);
    expect(first[1]).toBe(values);
    values[0] = 5;
    const second = run({ params: { w: values }, sample: { ...sample, y: 2 } });
    expect(second[0]).toBe(first[0]);
    expect(second[0]![0]).toBe(21);
    const other = Float64Array.of(0, 1);
    const third = run({ params: { w: other }, sample: { x: sample.x, y: Float64Array.of(1) } });
    expect(third[0]![0]).toBe(3);
    expect(third[1]).toBe(other);
  });

  it("goes back from an array to a number for a scalar field", () => {
    const run = compileReference([loss]);
    const bind = (value: number | Float64Array) => ({
      params: { w: Float64Array.of(0, 0) },
      sample: { x: Float64Array.of(0, 0), y: value },
    });
    const array = Float64Array.of(7);
    expect(run(bind(array))[0]![0]).toBe(-7);
    expect(run(bind(8))[0]![0]).toBe(-8);
    expect(array[0]).toBe(7);
  });
});

it("evaluate gives arrays of its own", () => {
  const values = Float64Array.of(1, 2);
  const [copy] = evaluate([w], { params: { w: values }, sample: {} });
  expect(copy).toEqual(values);
  expect(copy).not.toBe(values);
});

it("computes a shared node once: 2^60 paths", () => {
  let node = constant(1);
  for (let i = 0; i < 60; i += 1) node = op.add(node, node);
  expect(evaluate([node], { params: {}, sample: {} })[0]![0]).toBe(2 ** 60);
});

describe("errors", () => {
  const sample = { x: Float64Array.of(3, 4), y: 1 };
  it("names the leaf without values", () => {
    expect(() => evaluate([loss], { params: {}, sample })).toThrow(
      new ArgumentError("reference: no values for parameter block w; given are: none."),
    );
    const params = { w: Float64Array.of(1, 2) };
    expect(() => evaluate([loss], { params, sample: { y: 1 } })).toThrow(
      new ArgumentError("reference: no values for sample field x; given are: y."),
    );
  });

  it("names the leaf with the wrong number of values", () => {
    const params = { w: Float64Array.of(1, 2, 3) };
    expect(() => evaluate([loss], { params, sample })).toThrow(
      new DataError("reference: parameter block w [2] needs 2 values, got 3."),
    );
  });

  it("refuses labels that are no class", () => {
    const label = sampleField("label", [], 3);
    const logits = constant([1, 2, 3], [3]);
    for (const node of [
      op.oneHot(label, 3),
      op.pick(logits, label),
      op.softmaxCrossEntropy(logits, label),
    ]) {
      for (const wrong of [3, -1, 0.5]) {
        expect(() => evaluate([node], { params: {}, sample: { label: wrong } })).toThrow(DataError);
      }
    }
  });
});

describe("floatLiteral", () => {
  it("is the shortest decimal of the f32", () => {
    const table: readonly (readonly [number, string])[] = [
      [0, "0f"],
      [1, "1f"],
      [0.1, "0.1f"],
      [-2.5, "(-2.5f)"],
      [1 / 3, "0.33333334f"],
      [1e-7, "1e-7f"],
      [1e21, "1e21f"],
      [16777217, "16777216f"],
      [3.4028234e38, "3.402823466e38f"],
    ];
    for (const [value, text] of table) expect(floatLiteral(value)).toBe(text);
  });

  it("refuses what has no finite f32 value", () => {
    for (const value of [Number.NaN, Infinity, 1e39]) {
      expect(() => floatLiteral(value)).toThrow(LimitError);
    }
  });
});
