/**
 * Code in documentation: `ts` blocks of Markdown, `@example`s of docstrings, as modules that can be
 * type-checked.
 *
 * A Markdown block is a module as it stands. An `@example` is the inside of an async function; what
 * it names and does not declare is imported (from its own file, else from a public door) or comes
 * from `PRELUDE`.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { bareCode, exportsOf, importsOf, root, textOf } from "./sourceFiles.ts";

export interface Snippet {
  readonly file: string;
  /** Of its first line, from 1. */
  readonly line: number;
  readonly kind: "block" | "example";
  /** To be run, not only type-checked. */
  readonly run: boolean;
  readonly code: string;
}

/** Package names of the public doors and their files; those that exist count. */
const DOORS: Readonly<Record<string, string>> = {
  thermograd: "engine/index.ts",
  "thermograd/analysis": "analysis/index.ts",
  "thermograd/models": "models/index.ts",
};

export const doors = (): [name: string, file: string][] =>
  Object.entries(DOORS).filter(([, file]) => existsSync(join(root, file)));

/** Names an example may use without saying where they come from, as a reader would guess them. */
const PRELUDE = `
declare const device: Engine.Device;
declare const model: Engine.Model;
declare const data: Engine.DataSource;
declare const ensemble: Engine.Ensemble<{
  loss: Engine.SeriesSpec; series: Engine.SeriesSpec; moments: Engine.MomentsSpec;
  density: Engine.DensitySpec; flux: Engine.FluxSpec; crossings: Engine.CrossingsSpec;
  displacement: Engine.DisplacementSpec; sigma: Engine.EntropyProductionSpec;
}>;
declare const record: Engine.RecordOf<{
  loss: Engine.SeriesSpec; series: Engine.SeriesSpec; moments: Engine.MomentsSpec;
  density: Engine.DensitySpec; flux: Engine.FluxSpec; crossings: Engine.CrossingsSpec;
  displacement: Engine.DisplacementSpec; sigma: Engine.EntropyProductionSpec;
}>;
declare const loss: Engine.Node, W: Engine.Node, w: Engine.Node, a: Engine.Node;
declare const x: Engine.Node, y: Engine.Node;
declare const left: Engine.SeriesRecord, right: Engine.SeriesRecord;
declare const steps: number, batchSize: number, replicas: number;
declare const centers: Float64Array, expected: Float64Array;
`;

/** Where a name means something else than in `PRELUDE`: parameters around the example. */
const OWN: Readonly<Record<string, string>> = {
  "analysis/jackknife.ts": "data: Float64Array",
};

const lineOf = (text: string, index: number): number => text.slice(0, index).split("\n").length;

/** \`\`\`ts blocks. The only mark is \`run\`; any other is an error, so that none is lost by a typo. */
export function markdownBlocks(file: string, text: string): Snippet[] {
  return [...text.matchAll(/^```(ts|typescript)\b([^\n]*)\n([\s\S]*?)^```/gm)].map((match) => {
    const mark = match[2]!.trim();
    const line = lineOf(text, match.index) + 1;
    if (mark !== "" && mark !== "run") {
      throw new Error(`${file}:${line - 1} block is marked "${mark}"; the only mark is run.`);
    }
    return { file, line, kind: "block", run: mark === "run", code: match[3]! };
  });
}

/** Text of each `@example` of the docstrings; a fence around it is taken off. */
export function docstringExamples(file: string, text: string): Snippet[] {
  const found: Snippet[] = [];
  for (const comment of text.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const lines = comment[1]!.split("\n").map((line) => line.replace(/^\s*\* ?/, ""));
    const first = lineOf(text, comment.index);
    lines.forEach((line, at) => {
      const begins = /^\s*@example\s?(.*)$/.exec(line);
      if (!begins) return;
      const rest = lines.slice(at + 1);
      const end = rest.findIndex((next) => /^\s*@[a-z]+/i.test(next));
      const body = [begins[1]!, ...(end < 0 ? rest : rest.slice(0, end))].join("\n");
      const code = body.replace(/^\s*```(?:ts|typescript)?\n?/, "").replace(/\n?```\s*$/, "");
      found.push({ file, line: first + at, kind: "example", run: false, code: code.trim() });
    });
  }
  return found;
}

/** Files of the checkout that the public doors load, themselves included. */
export function reachable(): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { to } of importsOf(file, textOf(file))) {
      if (/^\w[\w-]*\/.*\.ts$/.test(to)) visit(to);
    }
  };
  for (const [, file] of doors()) visit(file);
  return [...seen].sort();
}

/** Everything that documentation shows: README.md if there is one, docs/*.md, docstrings. */
export function allSnippets(): Snippet[] {
  const docs = existsSync(join(root, "docs"))
    ? readdirSync(join(root, "docs"))
        .filter((name) => name.endsWith(".md"))
        .map((name) => `docs/${name}`)
        .sort()
    : [];
  const pages = [...(existsSync(join(root, "README.md")) ? ["README.md"] : []), ...docs];
  return [
    ...pages.flatMap((file) => markdownBlocks(file, textOf(file))),
    ...reachable().flatMap((file) => docstringExamples(file, textOf(file))),
  ];
}

/** `import { moments, sgd } from "thermograd";` for the names a piece of code uses. */
function importsFor({ file, code }: Snippet, up: string): string[] {
  const words = new Set(bareCode(code).match(/[A-Za-z_]\w*/g) ?? []);
  const taken = new Set<string>();
  const from = (exported: ReadonlySet<string>, module: string): string[] => {
    const used = [...exported].filter((name) => words.has(name) && !taken.has(name)).sort();
    for (const name of used) taken.add(name);
    return used.length === 0 ? [] : [`import { ${used.join(", ")} } from "${module}";`];
  };
  return [
    ...from(exportsOf(file), `${up}${file}`),
    ...doors().flatMap(([name, door]) => from(exportsOf(door), name)),
  ];
}

/** The snippet as a module below the root; `up` leads from there to the root, e.g. `../../`. */
export function moduleOf(snippet: Snippet, up: string): string {
  const head = `// ${snippet.file}:${snippet.line}`;
  if (snippet.kind === "block") return `${head}\n${snippet.code}\nexport {};\n`;
  return [
    head,
    'import type * as Engine from "thermograd";',
    ...importsFor(snippet, up),
    PRELUDE,
    `export async function example(${OWN[snippet.file] ?? ""}) {`,
    snippet.code,
    "}",
    "",
  ].join("\n");
}
