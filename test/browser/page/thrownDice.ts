/**
 * The smallest program that uses all the engine's ground: a device, the linker, `#shaders`,
 * a dispatch, a readback. Random words must be equal everywhere, bit for bit; normal numbers only
 * where the arithmetic is the same.
 */
import { sources } from "#shaders";
import type { Device } from "../../../engine/device.ts";
import { link } from "../../../engine/wgsl/link.ts";

const ENTRY = /* wgsl */ `
//#import lib/threefry2x32
//#import lib/normal
@group(0) @binding(0) var<storage, read_write> words: array<vec2u>; // [draws]
@group(0) @binding(1) var<storage, read_write> normals: array<vec2f>; // [draws]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&words)) { return; }
  let drawn = threefry2x32(vec2u(0x13198a2eu, 0x03707344u), vec2u(0x243f6a88u + id.x, 0x85a308d3u));
  words[id.x] = drawn;
  normals[id.x] = normal_pair(drawn);
}
`;

export interface Dice {
  /** [2 × draws], u32 */
  readonly words: number[];
  /** [2 × draws] */
  readonly normals: number[];
}

async function read(device: Device, buffer: GPUBuffer): Promise<ArrayBuffer> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.gpu.createBuffer({ size: buffer.size, usage });
  const encoder = device.gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}

export async function thrownDice(
  device: Device,
  { draws }: { readonly draws: number },
  onProgress: (done: string) => void,
): Promise<Dice> {
  const { gpu } = device;
  const { code } = link("dice", {}, { ...sources, dice: ENTRY });
  const compute = { module: gpu.createShaderModule({ code }) };
  const pipeline = await gpu.createComputePipelineAsync({ layout: "auto", compute });
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const buffers = [0, 1].map(() => gpu.createBuffer({ size: 8 * draws, usage }));
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  onProgress("compiled");
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(draws / 64));
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  const words = [...new Uint32Array(await read(device, buffers[0]!))];
  const normals = [...new Float32Array(await read(device, buffers[1]!))];
  onProgress("read");
  for (const buffer of buffers) buffer.destroy();
  return { words, normals };
}
