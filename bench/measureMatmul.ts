/**
 * Times batches of matrix products: first that each tile computes the product, then the rule's tile and
 * the fastest of the others in turn.
 *
 * A repeat is as many dispatches as take a fifth of a second, timed on the host up to the moment the
 * queue is empty.
 */
import type { Device } from "../engine/device.ts";
import { matmulShader, matmulWorkgroups } from "../engine/plan/batched/matmul.ts";
import type { MatmulRequest } from "../engine/plan/batched/matmulRequest.ts";
import {
  type MatmulTile,
  matmulTileOf,
  matmulTiles,
  tileKind,
  tileText,
} from "../engine/plan/batched/matmulTile.ts";
import { Readback, storage } from "../engine/run/buffers.ts";
import { type Kernel, kernel } from "../engine/run/pipeline.ts";
import { mulberry32 } from "../models/mulberry.ts";
import type { MeasureOptions } from "./measure.ts";
import type { MatmulWorkload } from "./workload.ts";

type Product = MatmulWorkload["matmul"];

export interface MatmulMeasurement {
  readonly tile: string;
  /** Of a dispatch over all matrices, the mean of each repeat. */
  readonly seconds: readonly number[];
  /** Of all repeats together. */
  readonly total: number;
}

interface Candidate {
  readonly tile: MatmulTile;
  readonly take: (dispatches: number) => Promise<number>;
}

interface Operands {
  readonly a: Float32Array<ArrayBuffer>;
  readonly b: Float32Array<ArrayBuffer>;
}

const CHECKED = 256;
const TRIAL_SECONDS = 0.03;

/** [lines, their length] of a matrix: N of A along k, of B along n. */
const layout = ({ m, n, k, order }: Product): Record<"a" | "b", readonly [number, number]> => ({
  a: order[0] === "N" ? [m, k] : [k, m],
  b: order[1] === "N" ? [k, n] : [n, k],
});

function requestOf(product: Product, tile: MatmulTile): MatmulRequest {
  const { m, n, k, matrices, order } = product;
  const of = layout(product);
  const fours = { a: of.a[1] % 4 === 0, b: of.b[1] % 4 === 0, c: n % 4 === 0 };
  const type = (four: boolean): string => `array<${four ? "vec4f" : "f32"}>`;
  const operand = (name: "a" | "b"): string => {
    const one = fours[name] ? "at / 4u][at % 4u" : "at";
    return [
      `fn ${name}_line(z: u32, line: u32) -> u32 {`,
      `  return (z * ${of[name][0]}u + line) * ${of[name][1]}u;`,
      "}",
      `fn ${name}_one(line: u32, position: u32) -> f32 {`,
      `  let at = line + position; return ${name}[${one}];`,
      "}",
      ...(fours[name]
        ? [
            `fn ${name}_four(line: u32, position: u32) -> vec4f {`,
            `  return ${name}[(line + position) / 4u];`,
            "}",
          ]
        : []),
    ].join("\n");
  };
  const place = "let at = (z * M + m) * N + n;";
  const store = fours.c
    ? "c[at / 4u] = sum;"
    : "for (var i = 0u; i < count; i += 1u) { c[at + i] = sum[i]; }";
  return {
    m,
    n,
    k,
    tile,
    a: { along: order[0] === "N" ? "k" : "m", four: fours.a },
    b: { along: order[1] === "N" ? "n" : "k", four: fours.b },
    matrices: { first: "0u", end: `${matrices}u` },
    bindings: [
      `@group(0) @binding(0) var<storage, read> a: ${type(fours.a)};`,
      `@group(0) @binding(1) var<storage, read> b: ${type(fours.b)};`,
      `@group(0) @binding(2) var<storage, read_write> c: ${type(fours.c)};`,
    ].join("\n"),
    functions: {
      code: [
        operand("a"),
        operand("b"),
        "fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {",
        `  ${place}`,
        `  ${store}`,
        "}",
      ].join("\n"),
    },
  };
}

/** Largest error of some elements over its bound 2 K 2⁻²⁴ Σ_k |a_k b_k|; NaN where one is missing. */
function productError(product: Product, { a, b }: Operands, c: Float32Array): number {
  const { m, n, k, matrices, order } = product;
  const draw = mulberry32(7);
  const below = (count: number): number => Math.floor(count * draw());
  let worst = 0;
  for (let checked = 0; checked < CHECKED; checked += 1) {
    const [z, i, j] = [below(matrices), below(m), below(n)];
    let [sum, size] = [0, 0];
    for (let l = 0; l < k; l += 1) {
      const left = order[0] === "N" ? (z * m + i) * k + l : (z * k + l) * m + i;
      const right = order[1] === "N" ? (z * k + l) * n + j : (z * n + j) * k + l;
      const term = a[left]! * b[right]!;
      sum += term;
      size += Math.abs(term);
    }
    const error = Math.abs(c[(z * m + i) * n + j]! - sum) / (2 * k * 2 ** -24 * size);
    if (Number.isNaN(error)) return Number.NaN;
    worst = Math.max(worst, error);
  }
  return worst;
}

const numbers = (count: number, seed: number): Float32Array<ArrayBuffer> => {
  const uniform = mulberry32(seed);
  return Float32Array.from({ length: count }, () => 2 * uniform() - 1);
};

/** Seconds of a dispatch, the mean of several that are submitted together. */
async function timeDispatches(
  { gpu }: Device,
  { pipeline }: Kernel,
  group: GPUBindGroup,
  workgroups: readonly [number, number, number],
  dispatches: number,
): Promise<number> {
  await gpu.queue.onSubmittedWorkDone();
  const begun = performance.now();
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  for (let i = 0; i < dispatches; i += 1) pass.dispatchWorkgroups(...workgroups);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  await gpu.queue.onSubmittedWorkDone();
  return (performance.now() - begun) / 1000 / dispatches;
}

/** A tile, once it has been seen to compute the product. */
async function candidate(
  device: Device,
  { id, matmul: product }: MatmulWorkload,
  tile: MatmulTile,
  operands: Operands,
  buffers: readonly GPUBuffer[],
): Promise<Candidate> {
  const { gpu } = device;
  const request = requestOf(product, tile);
  const kinds = ["read-only-storage", "read-only-storage", "storage"] as const;
  const compiled = await kernel(device, matmulShader(request), [kinds], {});
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = gpu.createBindGroup({ layout: compiled.layouts[0]!, entries });
  const workgroups = matmulWorkgroups(request, product.matrices);
  const take = (dispatches: number): Promise<number> =>
    timeDispatches(device, compiled, group, workgroups, dispatches);
  const size = 4 * product.matrices * product.m * product.n;
  // What another tile left would pass for this one's.
  gpu.queue.writeBuffer(buffers[2]!, 0, new Float32Array(size / 4).fill(Number.NaN));
  await take(1);
  const readback = new Readback(gpu);
  const [bytes] = await readback.read([{ buffer: buffers[2]!, offset: 0, size }]);
  readback.destroy();
  const error = productError(product, operands, new Float32Array(bytes!));
  if (error < 1) return { tile, take };
  throw new Error(
    `bench(${id}): ${tileText(tile)} is off by ${error} times the bound of rounding; ` +
      "its time would mean nothing.",
  );
}

/** As many dispatches as take about so long. */
const dispatchesOf = (each: number, seconds: number): number =>
  Math.max(1, Math.ceil(seconds / each));

/**
 * Measures the tile that the schedule `batched` uses for a product unless it is tuned, and the fastest of the others.
 *
 * Throws when a tile computes something else than the product.
 */
export async function measureMatmul(
  device: Device,
  workload: MatmulWorkload,
  { seconds = 0.2, repeats = 5, signal, onRepeat }: MeasureOptions = {},
): Promise<MatmulMeasurement[]> {
  const { m, n, k, matrices } = workload.matmul;
  const { gpu } = device;
  const operands = { a: numbers(matrices * m * k, 1), b: numbers(matrices * k * n, 2) };
  const buffers = [
    storage(gpu, "a", operands.a),
    storage(gpu, "b", operands.b),
    storage(gpu, "c", 4 * matrices * m * n),
  ];
  const lanes = gpu.features.has("subgroups") ? (gpu.adapterInfo?.subgroupMinSize ?? 0) : 0;
  try {
    const trials: { candidate: Candidate; seconds: number }[] = [];
    const limits = { subgroupMinSize: lanes };
    const rule = matmulTileOf(tileKind(limits), { m, n, k }, limits);
    const others = matmulTiles(m, n, limits).filter((tile) => tileText(tile) !== tileText(rule));
    for (const tile of [rule, ...others]) {
      signal?.throwIfAborted();
      const one = await candidate(device, workload, tile, operands, buffers);
      const pilot = await one.take(1);
      const took = await one.take(dispatchesOf(pilot, TRIAL_SECONDS));
      trials.push({ candidate: one, seconds: took });
    }
    const [first, ...rest] = trials;
    const fastest = rest.sort((x, y) => x.seconds - y.seconds)[0];
    const timed = [first!, ...(fastest ? [fastest] : [])];
    const taken: number[][] = timed.map(() => []);
    for (let i = 0; i < repeats; i += 1) {
      for (const [t, trial] of timed.entries()) {
        signal?.throwIfAborted();
        taken[t]!.push(await trial.candidate.take(dispatchesOf(trial.seconds, seconds)));
      }
      onRepeat?.(i + 1, repeats, matrices / taken[0]![i]!);
    }
    return timed.map((trial, t) => ({
      tile: tileText(trial.candidate.tile),
      seconds: taken[t]!,
      total: dispatchesOf(trial.seconds, seconds) * taken[t]!.reduce((sum, one) => sum + one, 0),
    }));
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}
