/**
 * Which adapter is used in Node: a real GPU of the system if there is one, else the system's
 * software device, else the SwiftShader of the npm package. A name overrides all of it.
 */
import { ArgumentError, NoAdapterError } from "../errors.ts";
import { type AdapterSource, embeddedSource, nullSource, systemSource } from "./dawn.ts";
import {
  type AdapterList,
  type ChosenAdapter,
  type FoundAdapter,
  type Platform,
  printNames,
} from "./platform.ts";
import { tuningFiles } from "./tuningFiles.ts";

const REMEDIES: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    "install a Vulkan driver (Debian or Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1; " +
    "the software device needs Mesa 25, which npm run setup:lavapipe installs on Debian 12)" +
    (process.arch === "x64"
      ? ", or the software device from npm: npm install --no-save @sparticuz/chromium@143.0.4"
      : ", or point VK_ICD_FILENAMES at the vk_swiftshader_icd.json of an installed Chromium"),
  darwin:
    "Metal is needed: run on a Mac with macOS 11 or later, or in a virtual machine with a GPU",
  win32: "Direct3D 12 is needed: install the GPU vendor's driver",
};

/** The message of the error when there is nothing to open. */
export const noAdapterMessage = (platform: NodeJS.Platform = process.platform): string =>
  `openDevice: no WebGPU adapter on this machine (${platform}); ` +
  `${REMEDIES[platform] ?? "thermograd runs on linux, macOS and Windows"}. ` +
  "`thermograd devices` shows what is found.";

export interface Sources {
  readonly system: AdapterSource;
  readonly embedded: AdapterSource;
}

const matches = (name: string, wanted: string): boolean =>
  name.toLowerCase().includes(wanted.toLowerCase());

async function chooseByName(sources: Sources, wanted: string): Promise<ChosenAdapter> {
  const reason = `asked for by name ("${wanted}")`;
  if (wanted.toLowerCase() === "null") {
    const found = await nullSource.open("null");
    if (found) return { ...found, reason };
  }
  const names: string[] = [];
  for (const source of [sources.system, sources.embedded]) {
    for (const name of await source.names()) {
      names.push(name);
      if (!matches(name, wanted)) continue;
      const found = await source.open(name);
      if (found) return { ...found, reason };
    }
  }
  throw new NoAdapterError(
    `openDevice: no adapter is named "${wanted}"; there are: ` +
      `${printNames([...names, "null"])}. Pass part of one of these as adapter or in ` +
      "THERMOGRAD_ADAPTER, or leave it out.",
  );
}

/** The rules, with the places adapters come from as an argument. */
export async function chooseAdapter(sources: Sources, wanted?: string): Promise<ChosenAdapter> {
  if (wanted) return chooseByName(sources, wanted);
  let software: FoundAdapter | undefined;
  for (const name of await sources.system.names()) {
    const found = await sources.system.open(name);
    if (found && !found.software) return { ...found, reason: "first GPU of the system" };
    software ??= found;
  }
  if (software) return { ...software, reason: "no GPU found; the system has this software device" };
  for (const name of await sources.embedded.names()) {
    const found = await sources.embedded.open(name);
    const reason = "the system has no usable adapter; this software device comes from npm";
    if (found) return { ...found, reason };
  }
  throw new NoAdapterError(noAdapterMessage());
}

/** A source that fails (say, a cache that cannot be written) does not hide the others. */
export async function listAdapters(sources: Sources): Promise<AdapterList> {
  const adapters: FoundAdapter[] = [];
  const problems: string[] = [];
  for (const source of [sources.system, sources.embedded]) {
    try {
      for (const name of await source.names()) {
        const found = await source.open(name);
        if (found) adapters.push(found);
        else problems.push(`${name}: listed by its driver, but cannot be opened.`);
      }
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { adapters, problems };
}

/** THERMOGRAD_TUNE: `off` or `on`, which is also what holds when it is not set. */
export function mayTune(given: string | undefined): boolean {
  if (given === undefined || given === "" || given === "on") return true;
  if (given === "off") return false;
  throw new ArgumentError(
    `THERMOGRAD_TUNE: "${given}" is neither "on" nor "off"; use one of them.`,
  );
}

const SOURCES: Sources = { system: systemSource, embedded: embeddedSource };

export const platform: Platform = {
  choose: (wanted) => chooseAdapter(SOURCES, wanted ?? process.env.THERMOGRAD_ADAPTER),
  list: () => listAdapters(SOURCES),
  tunings: tuningFiles(),
  mayTune: () => mayTune(process.env.THERMOGRAD_TUNE),
};
