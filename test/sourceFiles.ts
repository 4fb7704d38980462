/**
 * The checkout's source as data: files, code without comments, imports and exports.
 *
 * Imports and exports are read with regular expressions, not a compiler: they stand at the beginning
 * of a line, as the formatter leaves them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../", import.meta.url));

/** Folders that hold code, `web` as soon as there is one. */
export const FOLDERS = [
  "engine",
  "models",
  "analysis",
  "report",
  "experiments",
  "bench",
  "cli",
  "web",
  "shaders",
  "test",
] as const;

/** Paths below the root with one of these endings, sorted. */
export function sourceFiles(...endings: readonly string[]): string[] {
  return (
    FOLDERS.filter((folder) => existsSync(join(root, folder)))
      .flatMap((folder) =>
        (readdirSync(join(root, folder), { recursive: true }) as string[]).map(
          (path) => `${folder}/${path.replaceAll("\\", "/")}`,
        ),
      )
      .filter((path) => endings.some((ending) => path.endsWith(ending)))
      // bench/peers may have packages of its own.
      .filter((path) => !path.includes("/node_modules/"))
      .sort()
  );
}

export const textOf = (path: string): string => readFileSync(join(root, path), "utf8");

const STRING = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/.source;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//.source;

/** TypeScript with comments removed and strings emptied: what is left are its own words. */
export const bareCode = (text: string): string =>
  text.replace(new RegExp(`${STRING}|${COMMENT}`, "g"), (match) =>
    match.startsWith("/") ? " " : '""',
  );

export interface Import {
  /** A path below the root, or a package, `node:…` or `#…`. */
  readonly to: string;
  readonly typesOnly: boolean;
  /** Imported names; empty for `import "x"`, `import("x")` and `* as`. */
  readonly names: readonly string[];
}

const STATIC = /^(?:import|export)\s+(type\s+)?(?:([^;"]*?)\s+from\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*\)/g;

function names(clause: string | undefined): { name: string; isType: boolean }[] {
  const braces = /\{([\s\S]*)\}/.exec(clause ?? "")?.[1] ?? "";
  return braces
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => ({
      name: part.replace(/^type\s+/, "").split(/\s+as\s+/)[0]!,
      isType: part.startsWith("type "),
    }));
}

/** Imports and re-exports of a TypeScript text that stands at `path`. */
export function importsOf(path: string, text: string): Import[] {
  const resolve = (to: string): string =>
    to.startsWith(".") ? normalize(join(dirname(path), to)).replaceAll("\\", "/") : to;
  const found: Import[] = [];
  for (const [, typeKeyword, clause, to] of text.matchAll(STATIC)) {
    const named = names(clause);
    const onlyBraces = /^\{[\s\S]*\}$/.test(clause?.trim() ?? "");
    found.push({
      to: resolve(to!),
      typesOnly:
        typeKeyword !== undefined ||
        (onlyBraces && named.length > 0 && named.every(({ isType }) => isType)),
      names: named.map(({ name }) => name),
    });
  }
  for (const [, to] of text.matchAll(DYNAMIC)) {
    found.push({ to: resolve(to!), typesOnly: false, names: [] });
  }
  return found;
}

const DECLARED =
  /^export\s+(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?(?:function\*?|const|let|class|interface|type)\s+(\w+)/gm;

/** Names that a module exports, through `export * from` as well. */
export function exportsOf(path: string): Set<string> {
  const text = textOf(path);
  const exported = new Set([...text.matchAll(DECLARED)].map((match) => match[1]!));
  for (const match of text.matchAll(
    /^export\s+(?:type\s+)?(\{[^}]*\}|\*)(?:\s+from\s+"([^"]+)")?/gm,
  )) {
    if (match[1] === "*") {
      const to = normalize(join(dirname(path), match[2]!)).replaceAll("\\", "/");
      for (const name of exportsOf(to)) exported.add(name);
      continue;
    }
    for (const part of match[1]!.slice(1, -1).split(",")) {
      const name = part
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s+as\s+/);
      if (name[0] !== "") exported.add(name[name.length - 1]!);
    }
  }
  return exported;
}
