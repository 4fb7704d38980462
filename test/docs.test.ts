/**
 * Documentation that does not compile, or does not run, is a bug: every `ts` block of README.md and
 * docs/, every `@example` of what the public doors load. All are type-checked in one go; blocks
 * marked `ts run` are run as they stand, in a process of their own.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTier } from "./gpu.ts";
import {
  allSnippets,
  docstringExamples,
  markdownBlocks,
  moduleOf,
  type Snippet,
} from "./snippets.ts";
import { root } from "./sourceFiles.ts";

const UP = "../../";
const snippets = allSnippets();

/** What a reader could be told that is not so. */
const WRONG: readonly Snippet[] = [
  {
    file: "wrong.md",
    line: 1,
    kind: "block",
    run: false,
    code: 'import { series } from "thermograd";\nseries({ of: "loss", every: "often" });',
  },
  { file: "engine/update/sgd.ts", line: 1, kind: "example", run: false, code: "sgd(0.05)" },
];

let folder: string;
/** Errors by number of the module, as `file(line,column): error …`. */
let errors: Map<number, string[]>;

const fileOf = (i: number): string => `snippet${i}.ts`;

function compile(modules: readonly string[]): Map<number, string[]> {
  modules.forEach((text, i) => {
    writeFileSync(join(folder, fileOf(i)), text);
  });
  const settings = {
    extends: `${UP}tsconfig.json`,
    // An example imports what it names, types and values alike.
    compilerOptions: { verbatimModuleSyntax: false },
    include: ["snippet*.ts"],
    exclude: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [tsc, "--noEmit", "--pretty", "false", "--project", folder],
    { cwd: folder, encoding: "utf8" },
  );
  const found = new Map<number, string[]>();
  const others: string[] = [];
  for (const line of stdout.split("\n").filter((text) => /error TS/.test(text))) {
    const i = /^snippet(\d+)\.ts\(/.exec(line)?.[1];
    if (i === undefined) others.push(line);
    else found.set(Number(i), [...(found.get(Number(i)) ?? []), line]);
  }
  if (others.length > 0 || (status !== 0 && found.size === 0)) {
    throw new Error(
      `tsc failed outside of the snippets:\n${others.join("\n")}\n${stderr}${stdout}`,
    );
  }
  return found;
}

beforeAll(() => {
  mkdirSync(join(root, "results"), { recursive: true });
  folder = mkdtempSync(join(root, "results/docs-"));
  expect(relative(folder, root)).toBe(UP.replace(/\/$/, ""));
  errors = compile([...snippets, ...WRONG].map((snippet) => moduleOf(snippet, UP)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("there is documentation to check", () => {
  expect(snippets.length).toBeGreaterThan(5);
});

describe("compiles", () => {
  test.each(snippets.map((snippet, i) => [`${snippet.file}:${snippet.line}`, i] as const))(
    "%s",
    (_, i) => {
      expect(errors.get(i) ?? [], moduleOf(snippets[i]!, UP)).toEqual([]);
    },
  );
});

const runnable = snippets.flatMap((snippet, i) => (snippet.run ? [[snippet, i] as const] : []));

describe.runIf(runnable.length > 0)("runs", () => {
  test.each(runnable.map(([{ file, line }, i]) => [`${file}:${line}`, i] as const))(
    "%s",
    async (_, i) => {
      const opened = await openTier("software");
      if (typeof opened === "string") return expect(process.env.GPU).toBe("optional");
      await opened.destroy();
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", join(folder, fileOf(i))],
        { cwd: root, encoding: "utf8", timeout: 110_000 },
      );
      expect(status, `${stdout}\n${stderr}`).toBe(0);
    },
  );
});

describe("negative controls", () => {
  test("what is wrong is found, in a block and in an example", () => {
    expect(errors.get(snippets.length)?.join()).toMatch(/\(3,\d+\): error TS2322/);
    expect(errors.get(snippets.length + 1)?.join()).toMatch(/error TS2559|error TS2345/);
  });

  test("blocks and examples are found where they stand", () => {
    const page = "# T\n\n```ts run\na();\n```\n\n```sh\nls\n```\n```ts\nb();\n```\n";
    expect(markdownBlocks("p.md", page)).toEqual([
      { file: "p.md", line: 4, kind: "block", run: true, code: "a();\n" },
      { file: "p.md", line: 11, kind: "block", run: false, code: "b();\n" },
    ]);
    expect(() => markdownBlocks("p.md", "```ts rnu\n```\n")).toThrow("only mark is run");
    const source = [
      "/**",
      " * One.",
      " * @example f(1)",
      " */",
      "/**",
      " * @example",
      " * ```ts",
      " * g({",
      " *   x: 1,",
      " * });",
      " * ```",
      " * @see nobody",
      " */",
    ].join("\n");
    expect(docstringExamples("f.ts", source).map(({ line, code }) => [line, code])).toEqual([
      [3, "f(1)"],
      [6, "g({\n  x: 1,\n});"],
    ]);
  });
});
