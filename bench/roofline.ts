/**
 * What the adapter at hand can do: multiply-adds, loads, functions, barriers, dispatches and submits.
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
import { multiplyAdds, RATES, type Rate, type RateName } from "./rooflineKernels.ts";

export interface Roofline {
  /** Multiply-adds per second, 2 floating-point operations each. */
  readonly multiplyAddsPerSecond: number;
  /** f32 values loaded per second, by scalar loads. */
  readonly scalarLoadsPerSecond: number;
  /** vec4f loads per second from a storage buffer, each invocation from an address of its own. */
  readonly vectorLoadsPerSecond: number;
  /** The same where a workgroup's invocations load one address at a time. */
  readonly sharedVectorLoadsPerSecond: number;
  /** vec4f loads per second from workgroup memory, each invocation from an address of its own. */
  readonly workgroupLoadsPerSecond: number;
  /** The same where a workgroup's invocations load one address at a time. */
  readonly sharedWorkgroupLoadsPerSecond: number;
  /** Evaluations per second: of the engine's own function, and of WGSL's builtin. */
  readonly expPerSecond: number;
  readonly builtinExpPerSecond: number;
  readonly tanhPerSecond: number;
  readonly builtinTanhPerSecond: number;
  /** Invocations per second that pass a barrier, in workgroups of 64, with one word exchanged for two. */
  readonly barriersPerSecond: number;
  /** Seconds of a dispatch that depends on the one before, within a pass. */
  readonly dispatchSeconds: number;
  /** Seconds that a submit of one dispatch takes beyond the dispatch. */
  readonly submitSeconds: number;
}

export interface RooflineOptions {
  /** Least seconds of a timed dispatch; 0.05 unless said otherwise. */
  readonly seconds?: number;
  readonly repeats?: number;
  /** Other kernels in place of some, for tests. */
  readonly kernels?: Partial<Readonly<Record<RateName, Rate>>>;
}

const WORKGROUP = 64;
const LANES = 1 << 18;
/** Sums of more ones than this are not exact in f32. */
const MOST_ROUNDS = 1 << 20;
/** WGSL leaves the direction of rounding open: the fixed point may be off by units of 2⁻²³. */
const TOLERANCE = 1e-6;
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

async function checkSums(bench: Bench, sums: GPUBuffer, rate: Rate, rounds: number): Promise<void> {
  const [bytes] = await bench.readback.read([{ buffer: sums, offset: 0, size: 4 * LANES }]);
  const expected = rate.expected(rounds);
  const wrong = new Float32Array(bytes!).findIndex(
    (sum) => !(Math.abs(sum - expected) <= (rate.tolerance ?? TOLERANCE) * expected),
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
  const compiled = await kernel(
    device,
    link(rate.file, { slots: rate.slots ?? {} }, sources),
    kinds,
    {
      WORKGROUP,
      ...rate.overrides,
    },
  );
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
    let rounds = rate.firstRounds;
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

/** Everything but multiply-adds and overheads. */
async function measureRates(
  bench: Bench,
  kernels: RooflineOptions["kernels"],
): Promise<Record<RateName, number>> {
  const measured: [string, number][] = [];
  for (const [name, rate] of Object.entries({ ...RATES, ...kernels })) {
    measured.push([name, await measureRate(bench, rate)]);
  }
  return Object.fromEntries(measured) as Record<RateName, number>;
}

/**
 * Measures the adapter, in about ten seconds.
 *
 * The peak of multiply-adds is the larger of `fma(x, a, b)` and `x * a + b`: which one is fast
 * depends on the driver.
 *
 * Throws when a kernel computes something else than it should.
 */
export async function measureRoofline(
  device: Device,
  { seconds = 0.05, repeats = 5, kernels = {} }: RooflineOptions = {},
): Promise<Roofline> {
  const readback = new Readback(device.gpu);
  const bench: Bench = { device, readback, seconds, repeats };
  try {
    const plain = await measureRate(bench, multiplyAdds(false));
    const fused = await measureRate(bench, multiplyAdds(true));
    const [dispatchSeconds, submitSeconds] = await measureOverheads(bench);
    const rates = await measureRates(bench, kernels);
    device.check();
    return {
      multiplyAddsPerSecond: Math.max(plain, fused),
      ...rates,
      dispatchSeconds,
      submitSeconds,
    };
  } finally {
    readback.destroy();
  }
}
