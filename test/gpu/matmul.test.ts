/**
 * Batched matrix products against three loops in float64.
 *
 * Bound of the error: each of the K products and K sums rounds by at most 2⁻²⁴ of what is summed so far,
 * in any order and fused or not, so |C − C₆₄| ≤ 2 K 2⁻²⁴ Σ_k |a_k b_k| (Higham 2002, section 3.1).
 */
import { expect, test } from "vitest";
import type { Device } from "../../engine/device.ts";
import { LimitError } from "../../engine/errors.ts";
import { matmulShader, matmulWorkgroups } from "../../engine/plan/batched/matmul.ts";
import type { MatmulRequest } from "../../engine/plan/batched/matmulRequest.ts";
import { type MatmulTile, matmulTiles, tileText } from "../../engine/plan/batched/matmulTile.ts";
import { Readback, storage } from "../../engine/run/buffers.ts";
import { type BindingKind, kernel } from "../../engine/run/pipeline.ts";
import { mulberry32 } from "../../models/mulberry.ts";
import { describeWithDevice } from "../gpu.ts";

const SIZES = [1, 2, 3, 5, 7, 10, 17, 33, 64, 100] as const;
const ORDERS = ["NN", "NT", "TN", "TT"] as const;
type Order = (typeof ORDERS)[number];

const numbers = (count: number, seed: number): Float32Array<ArrayBuffer> => {
  const uniform = mulberry32(seed);
  return Float32Array.from({ length: count }, () => 2 * uniform() - 1);
};

interface Shape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly count: number;
}

/** Operands that lie in order in one array each; N: A along k, B along n. */
const plain = ({ m, n, k }: Shape, order: Order) => {
  const [aAlongK, bAlongN] = [order[0] === "N", order[1] === "N"];
  const index = {
    a: (z: number, i: number, l: number) => (aAlongK ? (z * m + i) * k + l : (z * k + l) * m + i),
    b: (z: number, l: number, j: number) => (bAlongN ? (z * k + l) * n + j : (z * n + j) * k + l),
  };
  const [aLength, bLength] = [aAlongK ? k : m, bAlongN ? n : k];
  const operand = (name: "a" | "b", lines: number, length: number): string =>
    `fn ${name}_line(z: u32, line: u32) -> u32 { return (z * ${lines}u + line) * ${length}u; }
     fn ${name}_one(line: u32, at: u32) -> f32 {
       ${length % 4 === 0 ? `let w = line + at; return ${name}[w / 4u][w % 4u];` : `return ${name}[line + at];`}
     }
     ${length % 4 === 0 ? `fn ${name}_four(line: u32, at: u32) -> vec4f { return ${name}[(line + at) / 4u]; }` : ""}`;
  return {
    index,
    a: { along: aAlongK ? "k" : "m", four: aLength % 4 === 0 } as MatmulRequest["a"],
    b: { along: bAlongN ? "n" : "k", four: bLength % 4 === 0 } as MatmulRequest["b"],
    functions: [operand("a", aAlongK ? m : k, aLength), operand("b", bAlongN ? k : n, bLength)],
  };
};

const STORE = `fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {
  let at = (z * M + m) * N + n;
  c[at] = sum.x;
  if (count > 1u) { c[at + 1u] = sum.y; }
  if (count > 2u) { c[at + 2u] = sum.z; }
  if (count > 3u) { c[at + 3u] = sum.w; }
}`;
const bindings = (
  a: boolean,
  b: boolean,
): string => `@group(0) @binding(0) var<storage, read> a: array<${a ? "vec4f" : "f32"}>;
@group(0) @binding(1) var<storage, read> b: array<${b ? "vec4f" : "f32"}>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<storage, read> extra: array<u32>;`;

const requestOf = (shape: Shape, order: Order, tile: MatmulTile): MatmulRequest => {
  const { a, b, functions } = plain(shape, order);
  return {
    ...shape,
    a,
    b,
    tile,
    bindings: bindings(a.four, b.four),
    functions: { code: [...functions, STORE].join("\n") },
    matrices: { first: "0u", end: `${shape.count}u` },
  };
};

/** Runs a request on arrays; what the kernel does not write stays NaN. */
async function product(
  device: Device,
  request: MatmulRequest,
  arrays: { a: Float32Array<ArrayBuffer>; b: Float32Array<ArrayBuffer>; c: Float32Array },
  count: number,
  extra = new Uint32Array(4),
): Promise<Float32Array> {
  const kinds: BindingKind[] = [
    "read-only-storage",
    "read-only-storage",
    "storage",
    "read-only-storage",
  ];
  // A binding that the kernel does not use is allowed.
  const compiled = await kernel(device, matmulShader(request), [kinds], {});
  const { gpu } = device;
  const padded = (values: Float32Array): Float32Array<ArrayBuffer> => {
    const out = new Float32Array(4 * Math.ceil(values.length / 4));
    out.set(values);
    return out;
  };
  const buffers = [
    storage(gpu, "a", padded(arrays.a)),
    storage(gpu, "b", padded(arrays.b)),
    storage(gpu, "c", padded(arrays.c)),
    storage(gpu, "extra", extra),
  ];
  const readback = new Readback(gpu);
  try {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(compiled.pipeline);
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setBindGroup(0, gpu.createBindGroup({ layout: compiled.layouts[0]!, entries }));
    pass.dispatchWorkgroups(...matmulWorkgroups(request, count));
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    const [bytes] = await readback.read([
      { buffer: buffers[2]!, offset: 0, size: arrays.c.byteLength },
    ]);
    return new Float32Array(bytes!);
  } finally {
    readback.destroy();
    for (const buffer of buffers) buffer.destroy();
  }
}

/** Largest |C − C₆₄| over its bound; NaN where an element was not written. */
function worst(
  { m, n, k, count }: Shape,
  got: Float32Array,
  a: (z: number, i: number, l: number) => number,
  b: (z: number, l: number, j: number) => number,
): number {
  let ratio = 0;
  for (let z = 0; z < count; z += 1)
    for (let i = 0; i < m; i += 1)
      for (let j = 0; j < n; j += 1) {
        let [sum, size] = [0, 0];
        for (let l = 0; l < k; l += 1) {
          const term = a(z, i, l) * b(z, l, j);
          sum += term;
          size += Math.abs(term);
        }
        const error = Math.abs(got[(z * m + i) * n + j]! - sum);
        if (Number.isNaN(error)) return Number.NaN;
        ratio = Math.max(ratio, error / (2 * k * 2 ** -24 * size + 1e-30));
      }
  return ratio;
}

async function check(device: Device, shape: Shape, order: Order, tile: MatmulTile): Promise<void> {
  const { m, n, k, count } = shape;
  const a = numbers(count * m * k, 1);
  const b = numbers(count * k * n, 2);
  const c = new Float32Array(count * m * n).fill(Number.NaN);
  const got = await product(device, requestOf(shape, order, tile), { a, b, c }, count);
  const { index } = plain(shape, order);
  const ratio = worst(
    shape,
    got,
    (z, i, l) => a[index.a(z, i, l)]!,
    (z, l, j) => b[index.b(z, l, j)]!,
  );
  expect(ratio, `${order} ${JSON.stringify(shape)} ${tileText(tile)}`).toBeLessThan(1);
}

const lanes = (device: Device): number =>
  device.gpu.features.has("subgroups") ? (device.gpu.adapterInfo?.subgroupMinSize ?? 0) : 0;

/** Sizes by turns, so that each is met on every axis in every order. */
const shapes = (turn: number): Shape[] =>
  SIZES.map((m, i) => ({
    m,
    n: SIZES[(3 * i + 1 + turn) % SIZES.length]!,
    k: SIZES[(7 * i + 2 + 3 * turn) % SIZES.length]!,
    count: 1 + ((i + turn) % 3),
  }));

/** Two hidden layers' worth of an MLP, with what its kernels do: see the tests that use them. */
const MLP = { m: 20, n: 12, k: 24, count: 3 } as const;
const TILE = (shape: Shape): MatmulTile =>
  matmulTiles(shape.m, shape.n, { subgroupMinSize: 0 })[0]!;

describeWithDevice("batched products", "software", (device) => {
  test.each(ORDERS.map((order, turn) => ({ order, turn })))(
    "of all sizes, $order",
    async ({ order, turn }) => {
      for (const shape of shapes(turn)) {
        const [tile] = matmulTiles(shape.m, shape.n, { subgroupMinSize: 0 });
        await check(device(), shape, order, tile!);
      }
    },
  );

  test.each(ORDERS)("with every tile a tuner may choose, %s", async (order) => {
    // In NT both lie in fours along k; in the others in fours along m and n, not along k.
    const shape = { m: 36, n: 44, k: order === "NT" ? 24 : 22, count: 2 };
    let turn = 0;
    for (const tile of matmulTiles(shape.m, shape.n, { subgroupMinSize: lanes(device()) })) {
      // The longest kernels take seconds to compile: those once, each order some of them.
      const long = tile.rows * tile.columns > 32;
      if (long && ORDERS[turn++ % ORDERS.length] !== order) continue;
      await check(device(), shape, order, tile);
    }
  });

  test("gather the lines of B, add a bias and take a ReLU", async () => {
    const { m, n, k, count } = MLP;
    const [rows, data] = [16, numbers(16 * k, 3)];
    const draw = mulberry32(5);
    const batch = Uint32Array.from({ length: count * n }, () => Math.floor(rows * draw()));
    const weights = numbers(count * (m * k + m), 4);
    const tiles = matmulTiles(m, n, { subgroupMinSize: lanes(device()) });
    for (const tile of [tiles[0]!, ...tiles.filter(({ memory }) => memory === "subgroup")]) {
      if (tile.rows > 8) continue;
      const base = requestOf(MLP, "NT", tile);
      const functions = `fn a_line(z: u32, unit: u32) -> u32 { return z * ${m * k + m}u + unit * ${k}u; }
        fn a_one(line: u32, at: u32) -> f32 { return a[(line + at) / 4u][(line + at) % 4u]; }
        fn a_four(line: u32, at: u32) -> vec4f { return a[(line + at) / 4u]; }
        fn b_line(z: u32, sample: u32) -> u32 { return extra[z * ${n}u + sample] * ${k / 4}u; }
        fn b_one(line: u32, at: u32) -> f32 { return b[line + at / 4u][at % 4u]; }
        fn b_four(line: u32, at: u32) -> vec4f { return b[line + at / 4u]; }
        fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {
          let value = max(vec4f(), sum + a_one(z * ${m * k + m}u + ${m * k}u, m));
          for (var i = 0u; i < count; i += 1u) { c[(z * M + m) * N + n + i] = value[i]; }
        }`;
      // With a file to import, as operands that are computed have.
      const request = { ...base, functions: { code: functions, imports: ["lib/tanh"] } };
      const c = new Float32Array(count * m * n).fill(Number.NaN);
      const got = await product(device(), request, { a: weights, b: data, c }, count, batch);
      for (const [at, value] of got.entries()) {
        const [z, unit, sample] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
        const weight = z * (m * k + m);
        let [sum, size] = [weights[weight + m * k + unit]!, 1];
        for (let l = 0; l < k; l += 1) {
          const term = weights[weight + unit * k + l]! * data[batch[z * n + sample]! * k + l]!;
          sum += term;
          size += Math.abs(term);
        }
        const error = Math.abs(value - Math.max(0, sum));
        expect(error, tileText(tile)).toBeLessThan(2 * (k + 1) * 2 ** -24 * size);
      }
    }
  });

  test.each(["NT", "TN"] as const)(
    "take as many terms as the matrix's own setting says, and update in place, %s",
    async (order) => {
      const { m, n, k, count } = MLP;
      const [a, b] = [numbers(count * m * k, 1), numbers(count * k * n, 2)];
      const start = numbers(count * m * n, 6);
      const terms = Uint32Array.of(24, 7, 1);
      const { index } = plain(MLP, order);
      const tiled: MatmulTile = {
        ...TILE(MLP),
        workgroup: [2, 4, 1],
        memory: "workgroup",
        depth: 8,
      };
      const shared = matmulTiles(m, n, { subgroupMinSize: lanes(device()) }).find(
        ({ memory }) => memory === "subgroup",
      );
      for (const tile of [TILE(MLP), tiled, ...(shared ? [shared] : [])]) {
        const base = requestOf(MLP, order, tile);
        const functions = base.functions.code.replace(
          STORE,
          `fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {
            for (var i = 0u; i < count; i += 1u) { c[(z * M + m) * N + n + i] -= 0.5 * sum[i]; }
          }`,
        );
        const request = { ...base, k: "extra[z]", functions: { code: functions } };
        const got = await product(device(), request, { a, b, c: start }, count, terms);
        for (const [at, value] of got.entries()) {
          const [z, i, j] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
          let [sum, size] = [start[at]!, Math.abs(start[at]!)];
          for (let l = 0; l < terms[z]!; l += 1) {
            const term = 0.5 * a[index.a(z, i, l)]! * b[index.b(z, l, j)]!;
            sum -= term;
            size += Math.abs(term);
          }
          expect(Math.abs(value - sum), tileText(tile)).toBeLessThan(2 * (k + 2) * 2 ** -24 * size);
        }
      }
    },
  );

  test("of some matrices leave the others alone", async () => {
    const { m, n, k, count } = MLP;
    const [a, b] = [numbers(count * m * k, 1), numbers(count * k * n, 2)];
    const c = new Float32Array(count * m * n).fill(7);
    for (const along of [1, 4]) {
      const tile: MatmulTile = { ...TILE(MLP), workgroup: [4, 4, along] };
      const request = { ...requestOf(MLP, "NN", tile), matrices: { first: "1u", end: "2u" } };
      const got = await product(device(), request, { a, b, c }, 1);
      const untouched = [...got.keys()].filter((at) => got[at] === 7);
      expect(untouched.length).toBe(2 * m * n);
      expect(untouched.every((at) => Math.floor(at / (m * n)) !== 1)).toBe(true);
    }
  });

  test("refuse more workgroups than a dispatch takes", () => {
    const [tile] = matmulTiles(8, 8, { subgroupMinSize: 0 });
    expect(() => matmulWorkgroups({ m: 8, n: 8, tile: tile! }, 2 ** 30)).toThrow(LimitError);
  });
});
