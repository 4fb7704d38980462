/**
 * What `device.ts` asks of a platform: Node (`node.ts`) or a browser (`browser.ts`).
 *
 * `#adapter` in package.json picks the file, so that no Node module is in a browser's import graph.
 */

/** An adapter that can be opened, and what is known of it. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /** e.g. `llvmpipe (LLVM 19.1.7, 256 bits)`. */
  readonly name: string;
  readonly driver: string;
  /** vulkan, metal, d3d12, null; `browser` where it is not told. */
  readonly backend: string;
  /** Runs on the CPU. */
  readonly software: boolean;
  readonly source: "system" | "embedded" | "browser";
}

export interface ChosenAdapter extends FoundAdapter {
  /** Why this one, one sentence. */
  readonly reason: string;
}

export interface AdapterList {
  readonly adapters: readonly FoundAdapter[];
  readonly problems: readonly string[];
}

/** Texts by key that outlive the process; neither function throws. */
export interface TuningStore {
  /** null where there is none. */
  readonly read: (key: string) => Promise<string | null>;
  readonly write: (key: string, text: string) => Promise<void>;
}

export interface Platform {
  /** The adapter to use. @throws NoAdapterError with the remedies of the platform. */
  readonly choose: (wanted?: string) => Promise<ChosenAdapter>;
  /** Every adapter there is, and what kept others from being found. Does not throw. */
  readonly list: () => Promise<AdapterList>;
  /** What the tuner found before. */
  readonly tunings: TuningStore;
  /** Does the user's environment let ensembles be tuned? */
  readonly mayTune: () => boolean;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render|warp\b/i;

/** Does this adapter run on the CPU? The flag is not set by all drivers, so names count too. */
export const isSoftware = (info: GPUAdapterInfo, name: string): boolean =>
  info.isFallbackAdapter === true ||
  SOFTWARE.test(`${name} ${info.description} ${info.device} ${info.architecture}`);

/** `"llvmpipe (LLVM 19.1.7, 256 bits)", "SwiftShader Device (Subzero)"`, or `none`. */
export const printNames = (names: readonly string[]): string =>
  names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
