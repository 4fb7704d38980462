/**
 * What the npm package `@sparticuz/chromium` (linux x64, MIT) packs: SwiftShader with a Vulkan
 * loader, and Chromium itself with the NSS libraries it links. Unpacked into the user's cache.
 *
 * Its own unpacking code is not used: it writes into the shared temporary folder and trusts
 * whatever it finds there. Node only.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { type CachedFile, cachedFolder } from "./cache.ts";
import { readTar } from "./tar.ts";

const decompress = promisify(brotliDecompress);

interface PackedChromium {
  readonly bin: string;
  readonly version: string;
}

/** Where the package is installed, or undefined (another platform, production install). */
async function packedChromium(): Promise<PackedChromium | undefined> {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  let folder: string;
  try {
    // <package>/build/cjs/index.cjs; package.json is not among its exports.
    const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
    folder = dirname(dirname(dirname(entry)));
  } catch {
    return undefined;
  }
  const bin = join(folder, "bin");
  if (!existsSync(join(bin, "swiftshader.tar.br"))) return undefined;
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    version: string;
  };
  return { bin, version: manifest.version };
}

const unpackTar = async (archive: string): Promise<CachedFile[]> =>
  readTar(await decompress(await readFile(archive)));

// A change in the sets of files below needs other folder names: old caches count as intact.

/** Folder with `vk_swiftshader_icd.json` and `libvulkan.so.1`; undefined where it is not packed. */
export async function swiftshaderFolder(): Promise<string | undefined> {
  const packed = await packedChromium();
  if (packed === undefined) return undefined;
  const needed = new Set(["libvk_swiftshader.so", "vk_swiftshader_icd.json", "libvulkan.so.1"]);
  return cachedFolder(`swiftshader-${packed.version}`, async () => {
    const files = await unpackTar(join(packed.bin, "swiftshader.tar.br"));
    return files.filter((file) => needed.has(file.path));
  });
}

// The packed fonts.conf names folders of a cloud service; this one the folder beside it.
const FONTS =
  '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n' +
  '<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fontconfig</cachedir>' +
  "</fontconfig>\n";

export interface ChromiumFolder {
  readonly executable: string;
  /** NSS and friends, for LD_LIBRARY_PATH where the system has none. */
  readonly libraries: string;
  /** With a `fonts.conf` and a font, for FONTCONFIG_PATH where the system has none. */
  readonly fonts: string;
}

/** The packed Chromium, unpacked; undefined where it is not packed. */
export async function chromiumFolder(): Promise<ChromiumFolder | undefined> {
  const packed = await packedChromium();
  if (packed === undefined) return undefined;
  const folder = await cachedFolder(`chromium-${packed.version}`, async () => [
    {
      path: "chromium",
      mode: 0o755,
      bytes: await decompress(await readFile(join(packed.bin, "chromium.br"))),
    },
    // SwiftShader and ANGLE are looked for beside the executable.
    ...(await unpackTar(join(packed.bin, "swiftshader.tar.br"))),
    ...(await unpackTar(join(packed.bin, "al2023.tar.br"))),
    ...(await unpackTar(join(packed.bin, "fonts.tar.br"))).filter(
      (file) => file.path !== "fonts.conf",
    ),
    { path: "fonts.conf", mode: 0o644, bytes: new TextEncoder().encode(FONTS) },
  ]);
  return { executable: join(folder, "chromium"), libraries: join(folder, "lib"), fonts: folder };
}
