/** The scripts behind `.ci/run`: nothing broken may look like a pass. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "thermograd-ci-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(script: string, ...paths: string[]): { status: number | null; text: string } {
  const path = fileURLToPath(new URL(`../../scripts/${script}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...paths], {
    encoding: "utf8",
  });
  return { status, text: `${stdout}${stderr}` };
}

let written = 0;
function write(content: string): string {
  const path = join(folder, `${written++}`);
  writeFileSync(path, content);
  return path;
}

/** A report as Vitest writes it: per file the status of its tests. */
function report(success: boolean, files: { status: string; tests: string[] }[]): string {
  const all = files.flatMap(({ tests }) => tests);
  const number = (status: string): number => all.filter((other) => other === status).length;
  return write(
    JSON.stringify({
      success,
      numPassedTests: number("passed"),
      numPendingTests: number("skipped"),
      numTodoTests: 0,
      testResults: files.map(({ status, tests }) => ({
        status,
        assertionResults: tests.map((one) => ({ status: one })),
      })),
    }),
  );
}

const GOOD = { status: "passed", tests: ["passed", "passed", "skipped"] };

describe("testCounts", () => {
  test("adds reports", () => {
    const bad = { status: "failed", tests: ["passed", "failed", "failed"] };
    const { text } = run("testCounts.mjs", report(true, [GOOD]), report(false, [GOOD, bad]));
    expect(text.trim()).toBe("5 2 2");
  });

  test.each<[string, () => string, string]>([
    [
      "a file that does not load",
      () => report(false, [GOOD, { status: "failed", tests: [] }]),
      "2 1 1",
    ],
    ["an error outside of any test", () => report(false, [GOOD]), "2 1 1"],
    ["a run without tests", () => report(true, []), "0 1 0"],
    ["no report", () => join(folder, "absent"), "0 1 0"],
    ["half a report", () => write('{"success":tr'), "0 1 0"],
  ])("counts %s as a failure", (_, make, expected) => {
    expect(run("testCounts.mjs", make()).text).toContain(expected);
  });
});

describe("readmeCommands", () => {
  const readme = (...blocks: [info: string, body: string][]): string =>
    write(blocks.map(([info, body]) => `text\n\n\`\`\`${info}\n${body}\n\`\`\`\n`).join("\n"));

  test("runs marked blocks in order, and no others", () => {
    const path = readme(
      ["sh ci", "echo one\necho $((1 + 1))"],
      ["sh", "echo no"],
      ["sh ci", "echo 3"],
    );
    const { status, text } = run("readmeCommands.mjs", path);
    expect(status).toBe(0);
    expect(text).toBe("$ echo one\n$ echo $((1 + 1))\none\n2\n$ echo 3\n3\n");
  });

  test.each([
    ["a command that fails in the middle", "false\necho fine"],
    ["a pipe that fails", "false | cat"],
    ["a variable that is not set", "echo $THERMOGRAD_NO_SUCH_VARIABLE"],
  ])("fails on %s", (_, body) => {
    expect(run("readmeCommands.mjs", readme(["sh ci", body])).status).toBe(1);
  });

  test("fails when nothing is marked", () => {
    const { status, text } = run("readmeCommands.mjs", readme(["sh", "true"]));
    expect(status).toBe(1);
    expect(text).toContain("has no block fenced as ```sh ci");
  });
});
