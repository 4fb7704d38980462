/**
 * The engine behind comlink: programs that run in a dedicated worker, on the worker's own device.
 *
 * A program is an async function of a device and plain data; arguments, progress and results cross
 * by structured clone, errors as `{ name, message }`. Leaves out cancellation: a page that wants
 * to stop a program terminates the worker (`client.ts`).
 */
import { type Endpoint, expose, type ProxyMarked, releaseProxy } from "comlink";
import { type Device, type DeviceInfo, openDevice } from "./device.ts";
import { ArgumentError } from "./errors.ts";

/** Runs on the worker's device; `args`, progress and result must be structured-cloneable. */
export type Program<Arguments = never, Result = unknown, Progress = unknown> = (
  device: Device,
  args: Arguments,
  onProgress: (progress: Progress) => void,
) => Promise<Result>;

export type Programs = Readonly<Record<string, Program>>;

/** What the worker answers to; `client.ts` gives it its types back. */
export interface Service {
  device(): Promise<DeviceInfo>;
  run(name: string, args: unknown, onProgress?: ProgressPort): Promise<unknown>;
  close(): Promise<void>;
}

/** A function on the other side of the port. */
type ProgressPort = ((progress: unknown) => unknown) & Partial<ProxyMarked>;

/** Opens at the first call, and again after a failure or a loss. */
function lazyDevice(open: () => Promise<Device>): {
  get: () => Promise<Device>;
  close: () => Promise<void>;
} {
  let opening: Promise<Device> | undefined;
  const get = (): Promise<Device> => {
    if (opening) return opening;
    const mine = open();
    const forget = (): void => {
      if (opening === mine) opening = undefined;
    };
    void mine.then((device) => device.lost.then(forget), forget);
    opening = mine;
    return mine;
  };
  const close = async (): Promise<void> => {
    const device = await opening;
    opening = undefined;
    await device?.destroy();
  };
  return { get, close };
}

/** Lets go of the page's function, so that it can be collected there. */
function release(port: ProgressPort): void {
  const proxy = port as { [releaseProxy]?: () => void };
  proxy[releaseProxy]?.();
}

/**
 * Answers a page's calls with these programs; call it once, in the worker's module.
 *
 * `endpoint` is the worker's global scope unless another port is given (tests use a
 * MessageChannel), `open` makes the device.
 *
 * @example
 * // worker.ts
 * serve({ area: async (device, args: { side: number }) => args.side ** 2 });
 */
export function serve(
  programs: Programs,
  endpoint: Endpoint = globalThis as unknown as Endpoint,
  open: () => Promise<Device> = openDevice,
): void {
  const device = lazyDevice(open);
  const service: Service = {
    device: async () => (await device.get()).info,
    run: async (name, args, onProgress) => {
      const program = Object.hasOwn(programs, name) ? programs[name] : undefined;
      if (program === undefined) {
        throw new ArgumentError(
          `worker: no program "${name}"; there are: ${Object.keys(programs).join(", ")}.`,
        );
      }
      // Progress travels on a port of its own: wait for it, so that none arrives after the result.
      let delivered: Promise<unknown> = Promise.resolve();
      try {
        const opened = await device.get();
        const result = await program(opened, args as never, (progress) => {
          const told = Promise.resolve(onProgress?.(progress)).catch(() => undefined);
          delivered = delivered.then(() => told);
        });
        opened.check();
        return result;
      } finally {
        await delivered;
        if (onProgress) release(onProgress);
      }
    },
    close: device.close,
  };
  expose(service, endpoint);
}
