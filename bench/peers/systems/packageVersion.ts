/** The version of an installed package, from its own package.json. */
import { readFileSync } from "node:fs";

export function packageVersion(name: string): string {
  const path = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
