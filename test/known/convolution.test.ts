/**
 * Convolution, pooling and normalization: examples by hand, a plain loop, conventions (same padding,
 * ties, borders), and what the emitter makes of patches.
 */
import { describe, expect, it } from "vitest";
import { gradient, substitute } from "../../engine/autodiff.ts";
import { LimitError } from "../../engine/errors.ts";
import { constant, type Node, param, size, topologicalOrder } from "../../engine/graph.ts";
import { defineModel } from "../../engine/model.ts";
import { op } from "../../engine/ops/index.ts";
import { planThread } from "../../engine/plan/threadPlan.ts";
import { evaluate } from "../../engine/reference.ts";
import { simplify } from "../../engine/simplify.ts";
import { dynamicsOf } from "../../engine/update/dynamics.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { rowLayout } from "../../engine/wgsl/row.ts";
import { lossGradientFunction } from "../../engine/wgsl/sampleFunction.ts";
import { expectClose } from "../differences.ts";
import { cnn, NETWORKS } from "../networks.ts";
import { seeded, uniformArray } from "../seeded.ts";

const counting = (shape: readonly number[]): Node =>
  constant(
    Array.from({ length: size(shape) }, (_, i) => i + 1),
    shape,
  );

/** The value, and that of the graph of primitive operations that runs. */
function both(of: Node): number[] {
  // Parameters in place of constants, which simplifying would fold.
  const params: Record<string, Float64Array> = {};
  const leaves = topologicalOrder([of]).filter((leaf) => leaf.op === "constant");
  const named = leaves.map((leaf, i): [Node, Node] => {
    params[`c${i}`] = Float64Array.from(leaf.attributes.values as number[]);
    return [leaf, param(`c${i}`, leaf.shape)];
  });
  const [node] = substitute([of], new Map(named));
  const [direct] = evaluate([node!], { params, sample: {} });
  const [expanded] = evaluate(simplify([node!]), { params, sample: {} });
  expectClose(expanded!, direct!, 1e-13);
  return [...direct!];
}

describe("conv2d by hand", () => {
  const image = counting([1, 3, 3]); // 1 2 3 / 4 5 6 / 7 8 9

  it("does not mirror the kernel", () => {
    const corner = constant([1, 0, 0, 0], [1, 1, 2, 2]);
    expect(both(op.conv2d(image, corner))).toEqual([1, 2, 4, 5]);
    const asymmetric = constant([1, 2, 3, 4], [1, 1, 2, 2]);
    expect(both(op.conv2d(image, asymmetric))).toEqual([37, 47, 67, 77]);
  });

  it("pads with zeros and strides from the padded corner", () => {
    const ones = constant(new Array(9).fill(1), [1, 1, 3, 3]);
    expect(both(op.conv2d(image, ones, { padding: 1 }))).toEqual([
      12, 21, 16, 27, 45, 33, 24, 39, 28,
    ]);
    expect(both(op.conv2d(image, ones, { padding: 1, stride: 2 }))).toEqual([12, 16, 24, 28]);
    const rows = op.conv2d(image, ones, { padding: [0, 1], stride: [1, 2] });
    expect(rows.shape).toEqual([1, 1, 2]);
    expect(both(rows)).toEqual([27, 33]);
  });

  it("sums over channels and has a kernel for each output", () => {
    const two = counting([2, 1, 2]); // 1 2, 3 4
    const kernels = constant([1, 10, 100, 1000], [2, 2, 1, 1]);
    expect(both(op.conv2d(two, kernels))).toEqual([31, 42, 3100, 4200]);
  });

  it("same padding gives ⌈length/stride⌉ windows, the odd zero at the end", () => {
    const shape = [1, 5, 4];
    const kernel = constant([1, 10, 100, 1000], [1, 1, 2, 2]);
    const node = op.conv2d(counting(shape), kernel, { padding: "same", stride: [2, 1] });
    expect(node.shape).toEqual([1, 3, 4]);
    // Last row 17 18 19 20, below it zeros.
    expect(both(node).slice(8)).toEqual([17 + 180, 18 + 190, 19 + 200, 20]);
  });
});

it("conv2d agrees with a plain loop for eighty random geometries, its gradients too", () => {
  const random = seeded(77);
  let tried = 0;
  const upTo = (n: number): number => 1 + Math.floor(random() * n);
  for (let trial = 0; trial < 100; trial += 1) {
    const [c, h, w, o, kh, kw] = [upTo(3), upTo(6), upTo(6), upTo(3), upTo(3), upTo(3)];
    const [sy, sx] = [upTo(3), upTo(3)];
    const [py, px] = [upTo(3) - 1, upTo(3) - 1];
    if (kh > h + 2 * py || kw > w + 2 * px) continue;
    tried += 1;
    const [x, kernel] = [param("x", [c, h, w]), param("k", [o, c, kh, kw])];
    const y = op.conv2d(x, kernel, { stride: [sy, sx], padding: [py, px] });
    const g = uniformArray(random, size(y.shape));
    const values = { x: uniformArray(random, c * h * w), k: uniformArray(random, o * c * kh * kw) };
    const expected = [y.shape, x.shape, kernel.shape].map((shape) => new Float64Array(size(shape)));
    const [ry, rx, rk] = expected as [Float64Array, Float64Array, Float64Array];
    const [, rows, columns] = y.shape as [number, number, number];
    // y = Σ k x, and with loss Σ g y: ∂x = Σ g k, ∂k = Σ g x, term by term.
    for (let at = 0; at < ry.length * c * kh * kw; at += 1) {
      const b = at % kw;
      const a = Math.floor(at / kw) % kh;
      const channel = Math.floor(at / (kw * kh)) % c;
      const out = Math.floor(at / (kw * kh * c));
      const j = out % columns;
      const i = Math.floor(out / columns) % rows;
      const filter = Math.floor(out / (columns * rows));
      const [row, column] = [i * sy + a - py, j * sx + b - px];
      if (row < 0 || row >= h || column < 0 || column >= w) continue;
      const from = (channel * h + row) * w + column;
      const weight = ((filter * c + channel) * kh + a) * kw + b;
      ry[out]! += values.k[weight]! * values.x[from]!;
      rx[from]! += g[out]! * values.k[weight]!;
      rk[weight]! += g[out]! * values.x[from]!;
    }
    const loss = op.sum(op.mul(y, constant([...g], y.shape)));
    const outputs = [y, ...gradient(loss, [x, kernel])];
    for (const nodes of [outputs, simplify(outputs)]) {
      evaluate(nodes, { params: values, sample: {} }).forEach((actual, q) => {
        expectClose(actual, expected[q]!, 1e-12, `trial ${trial}, output ${q}`);
      });
    }
  }
  expect(tried).toBeGreaterThan(80);
});

describe("pooling by hand", () => {
  const image = constant([1, 5, 2, 0, 3, 4, 8, 8, -1, -2, -3, -4, -5, -6, -7, -8], [1, 4, 4]);

  it("takes means and maxima over windows", () => {
    expect(both(op.maxPool(image, { window: 2 }))).toEqual([5, 8, -1, -3]);
    expect(both(op.avgPool(image, { window: 2 }))).toEqual([3.25, 4.5, -3.5, -5.5]);
    expect(op.maxPool(image, { window: [2, 3], stride: 1 }).shape).toEqual([1, 3, 2]);
  });

  it("counts padding as zeros in a mean and never in a maximum", () => {
    const negative = constant([-1, -2, -3, -4], [1, 2, 2]);
    const options = { window: 2, stride: 2, padding: 1 };
    expect(both(op.maxPool(negative, options))).toEqual([-1, -2, -3, -4]);
    expect(both(op.avgPool(negative, options))).toEqual([-0.25, -0.5, -0.75, -1]);
    const least = constant([-3e38], [1, 1, 1]);
    expect(both(op.maxPool(least, { window: 3, padding: 1 }))).toEqual([-3e38]);
  });

  it("ties share the derivative equally", () => {
    const x = param("x", [1, 2, 4]);
    const [slopes] = evaluate(gradient(op.sum(op.maxPool(x, { window: 2 })), [x]), {
      params: { x: Float64Array.of(7, 1, 2, 2, 7, 0, 2, 1) },
      sample: {},
    });
    expectClose(slopes!, [0.5, 0, 1 / 3, 1 / 3, 0.5, 0, 1 / 3, 0], 1e-15);
  });
});

describe("normalization by hand", () => {
  const values = constant([1, 3, 2, 2, 10, 4], [2, 3]);

  it("layerNorm has mean 0 and mean square 1 over its axes", () => {
    const sixth = Math.sqrt(1.5);
    const rows = both(op.layerNorm(values, { axes: 1, epsilon: 0 }));
    expectClose(rows.slice(0, 3), [-sixth, sixth, 0], 1e-15);
    const all = both(op.layerNorm(values, { epsilon: 0 }));
    expect(all.reduce((sum, x) => sum + x, 0)).toBeCloseTo(0, 14);
    expect(all.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(6, 13);
    // Variance 2/3: ε = 1/3 makes σ = 1.
    const damped = both(op.layerNorm(values, { axes: 1, epsilon: 1 / 3 }));
    expectClose(damped.slice(0, 3), [-1, 1, 0], 1e-14);
  });

  it("weightNorm gives each output row the length asked for", () => {
    const v = constant([3, 4, 0, -2], [2, 2]);
    expectClose(both(op.weightNorm(v)), [0.6, 0.8, 0, -1], 1e-15);
    const gain = constant([10, 3], [2]);
    expectClose(both(op.weightNorm(v, { gain })), [6, 8, 0, -3], 1e-14);
    expectClose(
      both(op.weightNorm(v, { axes: 0 })),
      [1, 4 / Math.sqrt(20), 0, -2 / Math.sqrt(20)],
      1e-15,
    );
    const vector = constant([3, 4], [2]);
    expectClose(both(op.weightNorm(vector, { gain: 5 })), [3, 4], 1e-15);
  });
});

/** |w·∇L|/(|w||∇L|) of each block at a random point. */
function radialParts({ model, data }: (typeof NETWORKS)[string]): Record<string, number> {
  const random = seeded(5);
  const params = Object.fromEntries(
    model.params.map((block) => [block.name, uniformArray(random, block.size)]),
  );
  const sample = Object.fromEntries(
    model.fields.map((field) => [
      field.name,
      Float64Array.from({ length: field.size }, (_, k) => data.fields[field.name]!.data[k]!),
    ]),
  );
  const gradients = evaluate(model.gradients, { params, sample });
  const dot = (a: Float64Array, b: Float64Array): number =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  return Object.fromEntries(
    model.params.map(({ name }, k) => {
      const [w, g] = [params[name]!, gradients[k]!];
      return [name, Math.abs(dot(w, g)) / Math.sqrt(dot(w, w) * dot(g, g))];
    }),
  );
}

it("gradients of a scale-invariant net have no part along the weights, those of others have", () => {
  const invariant = radialParts(NETWORKS.scaleInvariant!);
  expect(Object.keys(invariant)).toEqual(NETWORKS.scaleInvariant!.scaleInvariant);
  for (const [name, part] of Object.entries(invariant)) expect(part, name).toBeLessThan(1e-13);
  for (const name of ["mlp", "cnn"]) {
    const parts = Object.values(radialParts(NETWORKS[name]!));
    expect(Math.max(...parts), name).toBeGreaterThan(0.05);
  }
});

it("epsilon above zero breaks scale invariance by about epsilon over the variance", () => {
  const w = param("w", [4]);
  const x = constant([1, -2, 0.5, 3], [4]);
  const at = { params: { w: Float64Array.of(0.3, -0.8, 1.1, 0.4) }, sample: {} };
  const radial = (epsilon: number): number => {
    const y = op.layerNorm(op.mul(w, x), { epsilon });
    const loss = op.sum(op.mul(op.square(y), constant([1, 2, 3, 4], [4])));
    const [g] = evaluate(gradient(loss, [w]), at);
    return g!.reduce((sum, slope, i) => sum + slope * at.params.w[i]!, 0);
  };
  expect(Math.abs(radial(0))).toBeLessThan(1e-13);
  expect(radial(2e-5) / radial(1e-5)).toBeCloseTo(2, 2);
});

describe("what is generated", () => {
  it("has no array of patches, of mirrored kernels, or of reshaped images", () => {
    const { code } = lossGradientFunction(cnn.model, rowLayout(cnn.model.fields), { unroll: 0 });
    expect(code).not.toMatch(/var (?:patches|reverse|reshape)_\d+ = array/);
    // The largest of conv2d's is its image or its result, 3 channels of 6x6.
    const names = topologicalOrder([cnn.model.loss, ...cnn.model.gradients]).map((node) => node.op);
    expect(names).toContain("patches");
    expect(names).toContain("reverse");
    const lengths = [...code.matchAll(/array<f32, (\d+)>\(\)/g)].map(([, length]) =>
      Number(length),
    );
    expect(Math.max(...lengths)).toBeLessThanOrEqual(108);
  });

  it("is refused where one invocation cannot hold an image's activations", () => {
    const net = (side: number) =>
      defineModel({
        name: "wide",
        params: { K: [4, 1, 3, 3] },
        sample: { x: [1, side, side] },
        loss: ({ K }, { x }) => op.mean(op.square(op.tanh(op.conv2d(x, K)))),
      });
    const plan = (side: number) => {
      const model = net(side);
      const dynamics = dynamicsOf(
        model,
        sgd({}),
        [{ momentum: 0, gradientNoise: 0, clipNorm: 0 }],
        {},
      );
      const sampling = "withReplacement";
      return planThread({
        model,
        dynamics,
        sampling,
        samples: 8,
        maxBatch: 2,
        lanes: 8,
        unroll: 0,
      });
    };
    expect(plan(8).functionMemory).toBeLessThan(8192);
    expect(() => plan(28)).toThrow(LimitError);
    expect(() => plan(28)).toThrow(
      /takes \d{5} bytes of function memory, WGSL allows 8192; use sch/,
    );
  });

  it("divides no index by what only a part of it can reach", () => {
    const { code } = lossGradientFunction(cnn.model, rowLayout(cnn.model.fields), { unroll: 0 });
    // Quotients are of single loop variables: (i / 9u), never ((36u * i + j) / 9u).
    expect(code).toMatch(/\(i\d+ \/ \d+u\)/);
    expect(code).not.toMatch(/\+ i\d+\) [/%]/);
  });
});
