/** `serve` and `connect` over a MessageChannel: what crosses, what fails, what is opened again. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../engine/client.ts";
import { type Device, openDevice } from "../../engine/device.ts";
import { NoAdapterError, ShapeError } from "../../engine/errors.ts";
import { serve } from "../../engine/worker.ts";

const programs = {
  double: async (
    _: Device,
    { values }: { values: Float64Array },
    onProgress: (n: number) => void,
  ) => {
    onProgress(0.5);
    return values.map((value) => 2 * value);
  },
  refuse: async (): Promise<number> => {
    throw new ShapeError("matvec: [3] is no [2]; transpose.");
  },
  stray: async (device: Device): Promise<number> => {
    device.gpu.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await device.gpu.queue.onSubmittedWorkDone();
    return 1;
  },
};

describe("serve and connect", () => {
  let channel: MessageChannel;
  let opened: number;
  let failing: boolean;
  beforeEach(() => {
    channel = new MessageChannel();
    opened = 0;
    failing = false;
    serve(programs, channel.port1, () => {
      opened += 1;
      return failing ? Promise.reject(new NoAdapterError("none")) : openDevice({ adapter: "null" });
    });
  });
  const client = () => connect<typeof programs>(channel.port2);
  afterEach(async () => {
    failing = false;
    await client().close();
    channel.port1.close();
    channel.port2.close();
  });

  test("results and progress are plain data; the device is opened once", async () => {
    const { run, device } = client();
    expect(opened).toBe(0);
    const progress: number[] = [];
    const values = new Float64Array([1, 2]);
    const doubled = await run("double", { values }, (share) => progress.push(share));
    expect(doubled).toEqual(new Float64Array([2, 4]));
    expect(progress).toEqual([0.5]);
    expect((await device()).adapter).toBe("null");
    expect(opened).toBe(1);
  });

  test("errors keep name and message", async () => {
    await expect(client().run("refuse", undefined)).rejects.toMatchObject({
      name: "ShapeError",
      message: "matvec: [3] is no [2]; transpose.",
    });
  });

  test("a stray WebGPU error fails the program that caused it, not the next", async () => {
    const { run } = client();
    await expect(run("stray", undefined)).rejects.toThrow(/usage/);
    expect(await run("double", { values: new Float64Array([3]) })).toEqual(new Float64Array([6]));
  });

  test("an unknown program lists those there are", async () => {
    const { run } = client();
    const unknown = run("toString" as "refuse", undefined);
    await expect(unknown).rejects.toThrow(
      'no program "toString"; there are: double, refuse, stray',
    );
  });

  test("a failed opening is told and tried again", async () => {
    const { device } = client();
    failing = true;
    await expect(device()).rejects.toMatchObject({ name: "NoAdapterError", message: "none" });
    failing = false;
    expect((await device()).adapter).toBe("null");
    expect(opened).toBe(2);
  });

  test("close() destroys the device; the next call opens another", async () => {
    const { device, close } = client();
    await device();
    await close();
    await device();
    expect(opened).toBe(2);
  });
});
