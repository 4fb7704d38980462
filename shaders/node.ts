/** Loads every `.wgsl` file below `shaders/` in Node; `bundled.ts` does the same in bundlers. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = new URL("./", import.meta.url);

export const sources: Readonly<Record<string, string>> = Object.fromEntries(
  (readdirSync(fileURLToPath(folder), { recursive: true }) as string[])
    .filter((path) => path.endsWith(".wgsl"))
    .sort()
    .map((path) => [
      path.replaceAll("\\", "/").replace(/\.wgsl$/, ""),
      readFileSync(new URL(path.replaceAll("\\", "/"), folder), "utf8"),
    ]),
);
