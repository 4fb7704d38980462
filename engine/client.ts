/**
 * The page's side of `worker.ts`: typed calls to the programs a worker serves.
 *
 * Errors arrive as `Error` with the worker's name and message, without its class.
 */
import { type Endpoint, proxy, wrap } from "comlink";
import type { DeviceInfo } from "./device.ts";
import type { Programs, Service } from "./worker.ts";

type ArgumentsOf<P extends Programs[string]> = Parameters<P>[1];
type ProgressOf<P extends Programs[string]> = Parameters<Parameters<P>[2]>[0];
type ResultOf<P extends Programs[string]> = ReturnType<P>;

export interface Client<P extends Programs> {
  /** The device in the worker; opens it at the first call. */
  readonly device: () => Promise<DeviceInfo>;
  /** Runs a program; every `onProgress` call comes before the result. */
  readonly run: <Name extends keyof P & string>(
    name: Name,
    args: ArgumentsOf<P[Name]>,
    onProgress?: (progress: ProgressOf<P[Name]>) => void,
  ) => ResultOf<P[Name]>;
  /** Destroys the worker's device. The next call opens another. */
  readonly close: () => Promise<void>;
}

/** Rejects when the worker's module does not load or throws outside of a call. */
function failure(endpoint: Endpoint): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    endpoint.addEventListener("error", (event) => {
      const fact = (event as ErrorEvent).message || "its module did not load";
      reject(new Error(`worker: stopped (${fact})`));
    });
  });
  failed.catch(() => undefined); // told by the calls that race against it
  return failed;
}

/**
 * Connects to a worker that called `serve(programs)`.
 *
 * @example
 * const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
 * const client = connect<typeof programs>(worker);
 * await client.run("area", { side: 3 });
 */
export function connect<P extends Programs>(endpoint: Endpoint): Client<P> {
  const service = wrap<Service>(endpoint);
  const failed = failure(endpoint);
  return {
    device: () => Promise.race([service.device(), failed]),
    run: (name, args, onProgress) => {
      const port = onProgress && proxy((progress: unknown) => onProgress(progress as never));
      const result = Promise.race([service.run(name, args, port), failed]);
      return result as ResultOf<P[typeof name]>;
    },
    close: () => Promise.race([service.close(), failed]),
  };
}
