/**
 * What the adapter at hand can do: multiply-adds, loads, dispatches, submits per second.
 *
 * Each kernel's result is checked before its time is believed. A rate is the best of several
 * dispatches of at least 50 ms, timed on the host up to the moment the queue is empty: a peak, not
 * a typical value.
 */
import { sources } from "#shaders";
import type { Device } from "../engine/device.ts";
import { Readback, storage, uniform } from "../engine/run/buffers.ts";
import { type Bindings, type Kernel, kernel } from "../engine/run/pipeline.ts";
import { link } from "../engine/wgsl/link.ts";

export interface Roofline {
  /** Multiply-adds per second, 2 floating-point operations each. */
  readonly multiplyAddsPerSecond: number;
  /** f32 values loaded per second, by scalar loads. */
  readonly scalarLoadsPerSecond: number;
  /** vec4f loads per second. */
  readonly vectorLoadsPerSecond: number;
  /** Seconds of a dispatch that depends on the one before, within a pass. */
  readonly dispatchSeconds: number;
  /** Seconds that a submit of one dispatch takes beyond the dispatch. */
  readonly submitSeconds: number;
}

export interface RooflineOptions {
  /** Least seconds of a timed dispatch; 0.05 unless said otherwise. */
  readonly seconds?: number;
  readonly repeats?: number;
}

const WORKGROUP = 64;
const LANES = 1 << 18;
const TABLE_BYTES = 1 << 16;
/** Sums of more ones than this are not exact in f32. */
const MOST_ROUNDS = 1 << 20;
const FIRST_ROUNDS = 8;
/** WGSL leaves the direction of rounding open: the fixed point may be off by units of 2⁻²³. */
const TOLERANCE = 1e-6;
const CHAINS = 8;
const MULTIPLY_ADDS_A_ROUND = 64;
const LOADS_A_ROUND = 8;
const DISPATCHES = 400;
const SUBMITS = 100;

interface Bench {
  readonly device: Device;
  readonly readback: Readback;
  readonly seconds: number;
  readonly repeats: number;
}

/** Seconds from now until everything that `encode` submitted is done. */
async function timed({ gpu }: Device, submit: () => void): Promise<number> {
  await gpu.queue.onSubmittedWorkDone();
  const begun = performance.now();
  submit();
  await gpu.queue.onSubmittedWorkDone();
  return (performance.now() - begun) / 1000;
}

function submitDispatches(
  { gpu }: Device,
  { pipeline }: Kernel,
  group: GPUBindGroup,
  workgroups: number,
  dispatches: number,
): void {
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  for (let i = 0; i < dispatches; i += 1) pass.dispatchWorkgroups(workgroups);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
}

function bindGroup({ gpu }: Device, kernel: Kernel, buffers: readonly GPUBuffer[]): GPUBindGroup {
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  return gpu.createBindGroup({ layout: kernel.layouts[0]!, entries });
}

/** A kernel whose work is `rounds` times `perRound` for each lane. */
interface Rate {
  readonly file: string;
  readonly overrides: Readonly<Record<string, number>>;
  readonly perRound: number;
  /** Words of the uniform after `rounds`. */
  readonly words: ArrayBuffer;
  readonly table?: Float32Array<ArrayBuffer>;
  /** What every lane must have written. */
  readonly expected: (rounds: number) => number;
}

async function checkSums(bench: Bench, sums: GPUBuffer, rate: Rate, rounds: number): Promise<void> {
  const [bytes] = await bench.readback.read([{ buffer: sums, offset: 0, size: 4 * LANES }]);
  const expected = rate.expected(rounds);
  const wrong = new Float32Array(bytes!).findIndex(
    (sum) => !(Math.abs(sum - expected) <= TOLERANCE * expected),
  );
  if (wrong < 0) return;
  throw new Error(
    `${rate.file}: lane ${wrong} made ${new Float32Array(bytes!)[wrong]}, not ${expected}; ` +
      "its time would mean nothing.",
  );
}

/** Units of work per second, the best of `repeats`. */
async function measureRate(bench: Bench, rate: Rate): Promise<number> {
  const { device } = bench;
  const { gpu } = device;
  const bindings: Bindings[number] = ["uniform", "storage"];
  const kinds: Bindings = [rate.table ? [...bindings, "read-only-storage"] : bindings];
  const compiled = await kernel(device, link(rate.file, {}, sources), kinds, {
    WORKGROUP,
    ...rate.overrides,
  });
  const run = uniform(gpu, rate.file, 16);
  const sums = storage(gpu, rate.file, 4 * LANES);
  const table = rate.table ? [storage(gpu, "table", rate.table)] : [];
  const group = bindGroup(device, compiled, [run, sums, ...table]);
  gpu.queue.writeBuffer(run, 4, rate.words);
  const dispatch = (rounds: number): Promise<number> => {
    gpu.queue.writeBuffer(run, 0, Uint32Array.of(rounds));
    return timed(device, () => submitDispatches(device, compiled, group, LANES / WORKGROUP, 1));
  };
  try {
    let rounds = FIRST_ROUNDS;
    let fastest = await dispatch(rounds);
    await checkSums(bench, sums, rate, rounds);
    while (fastest < bench.seconds && rounds < MOST_ROUNDS) {
      rounds *= 2;
      fastest = await dispatch(rounds);
    }
    for (let i = 0; i < bench.repeats; i += 1) fastest = Math.min(fastest, await dispatch(rounds));
    await checkSums(bench, sums, rate, rounds);
    return (rounds * rate.perRound * LANES) / fastest;
  } finally {
    for (const buffer of [run, sums, ...table]) buffer.destroy();
  }
}

/** x ← x/2 + 1 ends at 2: the distance of the start, below 8, is halved 64 times in 8 rounds. */
const multiplyAdds = (fused: boolean): Rate => ({
  file: "bench/multiply_add",
  overrides: { FUSED: fused ? 1 : 0 },
  perRound: MULTIPLY_ADDS_A_ROUND,
  words: Float32Array.of(0.5, 1).buffer,
  expected: () => 2 * CHAINS,
});

const loads = (file: string, entries: number): Rate => ({
  file,
  overrides: {},
  perRound: LOADS_A_ROUND,
  words: Uint32Array.of(entries - 1).buffer,
  table: new Float32Array(TABLE_BYTES / 4).fill(1),
  expected: (rounds) => LOADS_A_ROUND * rounds,
});

/** Seconds of a dispatch within a pass, and of a submit beyond its one dispatch. */
async function measureOverheads(bench: Bench): Promise<[dispatch: number, submit: number]> {
  const { device, repeats } = bench;
  const compiled = await kernel(device, link("bench/dispatch", {}, sources), [["storage"]], {});
  const count = storage(device.gpu, "count", Uint32Array.of(0));
  const group = bindGroup(device, compiled, [count]);
  const together = (): void => submitDispatches(device, compiled, group, 1, DISPATCHES);
  const apart = (): void => {
    for (let i = 0; i < SUBMITS; i += 1) submitDispatches(device, compiled, group, 1, 1);
  };
  try {
    let [dispatch, submit] = [Infinity, Infinity];
    for (let i = 0; i < repeats; i += 1) {
      dispatch = Math.min(dispatch, (await timed(device, together)) / DISPATCHES);
      submit = Math.min(submit, (await timed(device, apart)) / SUBMITS);
    }
    const [bytes] = await bench.readback.read([{ buffer: count, offset: 0, size: 4 }]);
    const [counted] = new Uint32Array(bytes!);
    if (counted !== repeats * (DISPATCHES + SUBMITS)) {
      throw new Error(
        `bench/dispatch: ${counted} of ${repeats * (DISPATCHES + SUBMITS)} dispatches ran.`,
      );
    }
    return [dispatch, Math.max(0, submit - dispatch)];
  } finally {
    count.destroy();
  }
}

/**
 * Measures the adapter, in a few seconds.
 *
 * The peak of multiply-adds is the larger of `fma(x, a, b)` and `x * a + b`: which one is fast
 * depends on the driver.
 *
 * Throws when a kernel computes something else than it should.
 */
export async function measureRoofline(
  device: Device,
  { seconds = 0.05, repeats = 5 }: RooflineOptions = {},
): Promise<Roofline> {
  const readback = new Readback(device.gpu);
  const bench: Bench = { device, readback, seconds, repeats };
  try {
    const plain = await measureRate(bench, multiplyAdds(false));
    const fused = await measureRate(bench, multiplyAdds(true));
    const floats = TABLE_BYTES / 4;
    const scalar = await measureRate(bench, loads("bench/scalar_loads", floats));
    const vector = await measureRate(bench, loads("bench/vector_loads", floats / 4));
    const [dispatchSeconds, submitSeconds] = await measureOverheads(bench);
    device.check();
    return {
      multiplyAddsPerSecond: Math.max(plain, fused),
      scalarLoadsPerSecond: scalar,
      vectorLoadsPerSecond: vector,
      dispatchSeconds,
      submitSeconds,
    };
  } finally {
    readback.destroy();
  }
}
