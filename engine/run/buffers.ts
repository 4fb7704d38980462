/**
 * Small things with GPU buffers: made, filled, read back.
 */

/** A storage buffer that can be written, copied from and (if given) holds `content`. */
export function storage(
  gpu: GPUDevice,
  label: string,
  content: number | Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): GPUBuffer {
  const bytes = typeof content === "number" ? content : content.byteLength;
  const buffer = gpu.createBuffer({
    label,
    size: Math.max(16, Math.ceil(bytes / 4) * 4),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  });
  if (typeof content !== "number") gpu.queue.writeBuffer(buffer, 0, content);
  return buffer;
}

export function uniform(gpu: GPUDevice, label: string, bytes: number): GPUBuffer {
  return gpu.createBuffer({
    label,
    size: bytes,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
}

/** A range of a buffer, in bytes. */
export interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** Reads ranges of buffers in one submit, after everything submitted before. */
export class Readback {
  private readonly free: GPUBuffer[] = [];
  private readonly gpu: GPUDevice;

  constructor(gpu: GPUDevice) {
    this.gpu = gpu;
  }

  /** Copies of the ranges' bytes; the copy is submitted before this returns its promise. */
  async read(ranges: readonly Range[]): Promise<ArrayBuffer[]> {
    const total = ranges.reduce((sum, { size }) => sum + size, 0);
    if (total === 0) return ranges.map(() => new ArrayBuffer(0));
    const staging = this.reserve(total);
    const encoder = this.gpu.createCommandEncoder();
    let at = 0;
    for (const { buffer, offset, size } of ranges) {
      if (size > 0) encoder.copyBufferToBuffer(buffer, offset, staging, at, size);
      at += size;
    }
    this.gpu.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ, 0, total);
    const mapped = staging.getMappedRange(0, total);
    let from = 0;
    const copies = ranges.map(({ size }) => {
      from += size;
      return mapped.slice(from - size, from);
    });
    staging.unmap();
    this.free.push(staging);
    return copies;
  }

  /** A staging buffer of this size, an earlier one if there is one. */
  private reserve(bytes: number): GPUBuffer {
    const fitting = this.free.findIndex(({ size }) => size >= bytes);
    if (fitting >= 0) return this.free.splice(fitting, 1)[0]!;
    // Too small for what is asked now: they would only hold memory.
    for (const buffer of this.free.splice(0)) buffer.destroy();
    return this.gpu.createBuffer({
      label: "readback",
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  destroy(): void {
    for (const buffer of this.free.splice(0)) buffer.destroy();
  }
}
