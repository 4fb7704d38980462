/** The rules by which an adapter is chosen in Node, on made-up machines. */
import { describe, expect, test } from "vitest";
import { type AdapterSource, parseListing } from "../../engine/adapter/dawn.ts";
import {
  chooseAdapter,
  listAdapters,
  noAdapterMessage,
  type Sources,
} from "../../engine/adapter/node.ts";
import { type FoundAdapter, isSoftware } from "../../engine/adapter/platform.ts";
import { ArgumentError, NoAdapterError } from "../../engine/errors.ts";

const LAVAPIPE = "llvmpipe (LLVM 19.1.7, 256 bits)";
const SWIFTSHADER = "SwiftShader Device (Subzero)";
const GEFORCE = "NVIDIA GeForce RTX 3090";

const source = (kind: FoundAdapter["source"], names: string[]): AdapterSource => ({
  names: async () => names,
  open: async (name) => ({
    adapter: {} as GPUAdapter,
    name,
    driver: "",
    backend: "vulkan",
    software: isSoftware({} as GPUAdapterInfo, name),
    source: kind,
  }),
});

const machine = (system: string[], embedded: string[] = [SWIFTSHADER]): Sources => ({
  system: source("system", system),
  embedded: source("embedded", embedded),
});

describe("chooseAdapter", () => {
  test("prefers a GPU to a software device listed before it", async () => {
    const chosen = await chooseAdapter(machine([LAVAPIPE, GEFORCE]));
    expect(chosen.name).toBe(GEFORCE);
    expect(chosen.software).toBe(false);
  });

  test("prefers the system's software device to the embedded one", async () => {
    expect((await chooseAdapter(machine([LAVAPIPE]))).name).toBe(LAVAPIPE);
  });

  test("takes the embedded one where the system has none", async () => {
    const chosen = await chooseAdapter(machine([]));
    expect(chosen).toMatchObject({ name: SWIFTSHADER, source: "embedded", software: true });
  });

  test("a name overrides: SwiftShader is the embedded one beside lavapipe and a GPU", async () => {
    const chosen = await chooseAdapter(machine([GEFORCE, LAVAPIPE]), "SwiftShader");
    expect(chosen).toMatchObject({ name: SWIFTSHADER, source: "embedded" });
    expect((await chooseAdapter(machine([GEFORCE, LAVAPIPE]), "LLVMPIPE")).name).toBe(LAVAPIPE);
  });

  test("an empty name is no name", async () => {
    expect((await chooseAdapter(machine([GEFORCE]), "")).name).toBe(GEFORCE);
  });

  test("an unknown name lists what there is", async () => {
    const chosen = chooseAdapter(machine([LAVAPIPE]), "Radeon");
    await expect(chosen).rejects.toThrow(NoAdapterError);
    await expect(chosen).rejects.toThrow(
      `no adapter is named "Radeon"; there are: "${LAVAPIPE}", "${SWIFTSHADER}", "null".`,
    );
  });

  test("with nothing to open it names the remedies of the platform", async () => {
    await expect(chooseAdapter(machine([], []))).rejects.toThrow(NoAdapterError);
    await expect(chooseAdapter(machine([], []))).rejects.toThrow(noAdapterMessage());
    expect(noAdapterMessage("linux")).toMatch(/mesa-vulkan-drivers.*setup:lavapipe/);
    expect(noAdapterMessage("darwin")).toContain("Metal");
    expect(noAdapterMessage("win32")).toContain("Direct3D 12");
    expect(noAdapterMessage("aix")).toContain("runs on linux, macOS and Windows");
  });
});

test("listAdapters: a source that fails does not hide the others", async () => {
  const embedded: AdapterSource = {
    names: async () => {
      throw new ArgumentError("cache: cannot be written");
    },
    open: async () => undefined,
  };
  const { adapters, problems } = await listAdapters({ ...machine([LAVAPIPE]), embedded });
  expect(adapters.map((adapter) => adapter.name)).toEqual([LAVAPIPE]);
  expect(problems).toEqual(["cache: cannot be written"]);
});

test("parseListing reads Dawn's refusal of an unknown name (webgpu 0.6.2)", () => {
  const refusal =
    "no suitable backends found\nAvailable adapters:\n" +
    ` * backend: 'vulkan', name: '${LAVAPIPE}'\n * backend: 'd3d12', name: 'Bob's GPU'`;
  expect(parseListing(refusal)).toEqual([
    ["vulkan", LAVAPIPE],
    ["d3d12", "Bob's GPU"],
  ]);
  expect(parseListing("no suitable backends found\nAvailable adapters:")).toEqual([]);
});

test("isSoftware goes by the flag and by the name", () => {
  const info = (values: Partial<GPUAdapterInfo>): GPUAdapterInfo => values as GPUAdapterInfo;
  expect(isSoftware(info({ isFallbackAdapter: true }), "anything")).toBe(true);
  expect(isSoftware(info({ architecture: "swiftshader", vendor: "google" }), "")).toBe(true);
  expect(isSoftware(info({ isFallbackAdapter: false }), "Microsoft Basic Render Driver")).toBe(
    true,
  );
  expect(isSoftware(info({ isFallbackAdapter: false }), "AMD Radeon (RADV PHOENIX)")).toBe(false);
});
