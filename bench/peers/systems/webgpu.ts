/**
 * Gives a framework the adapter that thermograd would open, as `navigator.gpu` of a page would.
 *
 * THERMOGRAD_ADAPTER therefore holds for all peers, and all run on one adapter.
 */
import { platform } from "../../../engine/adapter/node.ts";

/** Defines `navigator` and returns the adapter's name. */
export async function installWebGpu(): Promise<string> {
  const { name } = await platform.choose();
  const gpu = {
    requestAdapter: async () => (await platform.choose()).adapter,
    getPreferredCanvasFormat: () => "bgra8unorm",
  };
  defineNavigator({ gpu });
  return name;
}

/** A `navigator` as far as frameworks look at it; Node 20 has none. */
export function defineNavigator(members: object): void {
  const value = { userAgent: "node", hardwareConcurrency: 1, ...members };
  Object.defineProperty(globalThis, "navigator", { value, configurable: true });
}
