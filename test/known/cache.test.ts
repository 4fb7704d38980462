/** The cache of unpacked files: written once, healed when damaged, safe when two write at once. */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type CachedFile, cachedFolder, cacheRoot } from "../../engine/adapter/cache.ts";
import { ArgumentError } from "../../engine/errors.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const FILES: readonly CachedFile[] = [
  { path: "driver.so", mode: 0o755, bytes: bytes("machine code") },
  { path: "lib/icd.json", mode: 0o644, bytes: bytes("{}") },
];

describe("cachedFolder", () => {
  let root: string;
  let unpacked: number;
  const unpack = async (): Promise<readonly CachedFile[]> => {
    unpacked += 1;
    return FILES;
  };
  const folder = (): Promise<string> => cachedFolder("driver-1", unpack, root);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "thermograd-cache-"));
    unpacked = 0;
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const expectIntact = async (): Promise<void> => {
    expect(await readFile(join(root, "driver-1", "driver.so"), "utf8")).toBe("machine code");
    expect(await readFile(join(root, "driver-1", "lib", "icd.json"), "utf8")).toBe("{}");
    expect(await readdir(root)).toEqual(["driver-1"]); // no temporary folder is left
  };

  test("unpacks once, then uses what is there", async () => {
    expect(await folder()).toBe(join(root, "driver-1"));
    await folder();
    expect(unpacked).toBe(1);
    await expectIntact();
  });

  test.each<[string, () => Promise<void>]>([
    [
      "other bytes of the same length",
      () => writeFile(join(root, "driver-1/driver.so"), "Machine code"),
    ],
    ["a file cut short", () => truncate(join(root, "driver-1/driver.so"), 3)],
    ["a file gone", () => rm(join(root, "driver-1/lib/icd.json"))],
    ["no manifest", () => rm(join(root, "driver-1/manifest.json"))],
    ["an empty manifest", () => writeFile(join(root, "driver-1/manifest.json"), "{}")],
    ["half a manifest", () => truncate(join(root, "driver-1/manifest.json"), 20)],
  ])("heals %s", async (_, damage) => {
    await folder();
    await damage();
    await folder();
    expect(unpacked).toBe(2);
    await expectIntact();
    await folder();
    expect(unpacked).toBe(2);
  });

  test("eight at once, on nothing and on a damaged folder, end with one intact folder", async () => {
    const race = (): Promise<string[]> => Promise.all(Array.from({ length: 8 }, folder));
    expect(new Set(await race())).toEqual(new Set([join(root, "driver-1")]));
    await expectIntact();
    await truncate(join(root, "driver-1/driver.so"), 3);
    expect(new Set(await race())).toEqual(new Set([join(root, "driver-1")]));
    await expectIntact();
  });

  test("says what to do when it cannot write", async () => {
    await writeFile(join(root, "file"), "");
    const failing = cachedFolder("driver-1", unpack, join(root, "file"));
    await expect(failing).rejects.toThrow(ArgumentError);
    await expect(failing).rejects.toThrow(/cannot be written .* set XDG_CACHE_HOME/);
  });
});

test("XDG_CACHE_HOME is honored", () => {
  expect(cacheRoot({ XDG_CACHE_HOME: "/elsewhere" })).toBe(join("/elsewhere", "thermograd"));
  expect(cacheRoot({})).not.toContain("elsewhere");
});
