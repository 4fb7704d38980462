/**
 * The device of a test file: opened once, destroyed after the last test. Ask for the lowest tier.
 *
 * `null`: Dawn's null backend, compiles and validates, everywhere. `software`: anything that
 * executes. `hardware`: a real GPU. A missing software tier fails (the device that comes with
 * `npm ci` is always there on linux x64) unless GPU=optional; a missing hardware tier is skipped
 * with the reason unless GPU=require.
 */
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { type Device, openDevice } from "../engine/device.ts";
import { NoAdapterError } from "../engine/errors.ts";

export type Tier = "null" | "software" | "hardware";

/** Opens the tier's device, or says why the tests of that tier are skipped. */
export async function openTier(
  tier: Tier,
  mode: string | undefined = process.env.GPU,
  open: typeof openDevice = openDevice,
): Promise<Device | string> {
  if (tier === "null") return open({ adapter: "null" });
  let device: Device;
  try {
    device = await open();
  } catch (error) {
    if (!(error instanceof NoAdapterError) || mode === "require") throw error;
    if (tier === "software" && mode !== "optional") throw error;
    return `no adapter: ${error.message}`;
  }
  if (tier === "software" || !device.info.software) return device;
  await device.destroy();
  const reason = `needs a GPU, found ${device.info.adapter} (software)`;
  if (mode === "require") throw new NoAdapterError(`test: ${reason}; GPU=require is set.`);
  return reason;
}

/**
 * A `describe` whose tests share one device, given as a function because it is opened late.
 *
 * @example
 * describeWithDevice("reduce", "software", (device) => {
 *   test("sums", async () => { device().gpu … });
 * });
 */
export function describeWithDevice(
  title: string,
  tier: Tier,
  body: (device: () => Device) => void,
): void {
  describe(title, () => {
    let opened: Device | string;
    beforeAll(async () => {
      opened = await openTier(tier);
    });
    beforeEach((context) => {
      if (typeof opened === "string") context.skip(opened);
    });
    afterAll(async () => {
      if (typeof opened === "object") await opened.destroy();
    });
    body(() => {
      if (typeof opened !== "object") throw new Error("device() is for use inside of tests");
      opened.check();
      return opened;
    });
  });
}

/** A device of the `software` tier that the caller destroys. */
export const testDevice = async (): Promise<GPUDevice> => (await openDevice()).gpu;

/** A device of the `null` tier that the caller destroys. */
export const nullDevice = async (): Promise<GPUDevice> =>
  (await openDevice({ adapter: "null" })).gpu;
