/** Runs one compute kernel on given buffers and reads them all back: parity tests in a few lines. */
import { link } from "../engine/wgsl/link.ts";
import { sources } from "../shaders/node.ts";

export interface KernelBuffer {
  readonly group?: number;
  readonly binding: number;
  /** Initial content; its length is the buffer's. */
  readonly data: Uint32Array | Float32Array;
}

/** Compiles and throws on any message, warnings included. */
export async function compile(device: GPUDevice, code: string): Promise<GPUShaderModule> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const error = await device.popErrorScope();
  if (messages.length > 0 || error !== null) {
    const lines = messages.map((m) => `${m.type} ${m.lineNum}:${m.linePos} ${m.message}`);
    throw new Error([...lines, error?.message ?? ""].join("\n"));
  }
  return module;
}

/** All storage buffers after the kernel `main` ran, in the order given. */
export async function runKernel(
  device: GPUDevice,
  code: string,
  buffers: readonly KernelBuffer[],
  workgroups: number,
): Promise<ArrayBuffer[]> {
  const module = await compile(device, code);
  device.pushErrorScope("validation");
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const storage = buffers.map(({ data }) => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size: data.byteLength, usage });
    device.queue.writeBuffer(buffer, 0, data as Uint32Array<ArrayBuffer>);
    return buffer;
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  for (const group of new Set(buffers.map((b) => b.group ?? 0))) {
    const entries = buffers.flatMap((b, i) =>
      (b.group ?? 0) === group ? [{ binding: b.binding, resource: { buffer: storage[i]! } }] : [],
    );
    const layout = pipeline.getBindGroupLayout(group);
    pass.setBindGroup(group, device.createBindGroup({ layout, entries }));
  }
  pass.dispatchWorkgroups(workgroups);
  pass.end();
  const staging = storage.map((buffer) => {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const copy = device.createBuffer({ size: buffer.size, usage });
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
    return copy;
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(error.message);
  const results: ArrayBuffer[] = [];
  for (const buffer of staging) {
    await buffer.mapAsync(GPUMapMode.READ);
    results.push(buffer.getMappedRange().slice(0));
    buffer.destroy();
  }
  for (const buffer of storage) buffer.destroy();
  return results;
}

export interface MapKernel {
  /** Library files, e.g. `lib/exp`. */
  readonly imports: readonly string[];
  /** WGSL `u32` of the element `x`, a `u32` word: bitcast floats at both ends. */
  readonly expression: string;
}

/** `y[i] = expression(x[i])` on the device, word by word. */
export async function mapWords(
  device: GPUDevice,
  { imports, expression }: MapKernel,
  words: Uint32Array,
): Promise<Uint32Array> {
  const text = `
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < arrayLength(&data); i += groups.x * 64u) {
    let x = data[i];
    data[i] = ${expression};
  }
}
`;
  const { code } = link("test", { imports }, { ...sources, test: text });
  const workgroups = Math.min(1024, Math.ceil(words.length / 64));
  const [result] = await runKernel(device, code, [{ binding: 0, data: words }], workgroups);
  return new Uint32Array(result!);
}

/** `f(x)` of a library function of one float on the device. */
export async function mapFloats(
  device: GPUDevice,
  file: string,
  name: string,
  x: Float32Array,
): Promise<Float32Array> {
  const expression = `bitcast<u32>(${name}(bitcast<f32>(x)))`;
  const words = new Uint32Array(x.buffer, x.byteOffset, x.length);
  return new Float32Array((await mapWords(device, { imports: [file], expression }, words)).buffer);
}
