// The program as a process: the bin through a symlink, pipes, signals. No device is opened.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const url = (relative: string) => JSON.stringify(new URL(relative, import.meta.url).href);
const BIN = path("../../cli/thermograd.mjs");

// The real program with a fake experiment that never ends and a fake device.
const PROGRAM = `
import { register } from ${JSON.stringify(import.meta.resolve("tsx/esm/api"))};
register({ tsconfig: false });
const { main } = await import(${url("../../cli/main.ts")});
const { processIo } = await import(${url("../../cli/wiring.ts")});
const { fakeExperiment, FAKE_DEVICE } = await import(${url("./fakes.ts")});
const run = async (parameters, { signal, onCheckpoint }) => {
  process.stderr.write("running\\n");
  const timer = setInterval(() => {}, 1000);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  clearInterval(timer);
  if (parameters.centered) await onCheckpoint(Uint8Array.of(1));
  else await new Promise(() => setInterval(() => {}, 1000));
  throw signal.reason;
};
const io = { ...processIo(), experiments: async () => [fakeExperiment({ run })],
  openDevice: async () => FAKE_DEVICE };
process.exitCode = await main(process.argv.slice(2), io);
`;

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "thermograd-process-"));
  symlinkSync(BIN, join(cwd, "thermograd"));
  writeFileSync(join(cwd, "program.mjs"), PROGRAM);
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const finished = (child: ChildProcess) =>
  new Promise<{ code: number | null; stderr: string }>((resolve) => {
    let stderr = "";
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("close", (code) => resolve({ code, stderr }));
  });

const says = (child: ChildProcess, text: string) =>
  new Promise<void>((resolve) => {
    let heard = "";
    child.stderr?.on("data", (chunk) => {
      heard += chunk;
      if (heard.includes(text)) resolve();
    });
  });

describe("the program", () => {
  it("runs through a symlink from another directory, whatever tsconfig.json is there", async () => {
    // tsx would follow these paths if it were let.
    const compilerOptions = { baseUrl: ".", paths: { zod: ["./wrong.ts"] } };
    writeFileSync(join(cwd, "wrong.ts"), "throw new Error()");
    writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const listed = await promisify(execFile)("./thermograd", ["list", "--json"], { cwd });
    expect(JSON.parse(listed.stdout)).toBeInstanceOf(Array);
    const { stdout } = await promisify(execFile)("./thermograd", ["--version"], { cwd });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const failure = promisify(execFile)("./thermograd", ["lst"], { cwd });
    await expect(failure).rejects.toMatchObject({ code: 2, stdout: "" });
  });

  it("does not mind a reader that has gone", async () => {
    const child = spawn("bash", ["-c", `set -o pipefail; "${BIN}" --help | true`], { cwd });
    const { code, stderr } = await finished(child);
    expect([code, stderr]).toEqual([0, ""]);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "saves a checkpoint on %s and exits with 130",
    async (signal) => {
      const child = spawn(process.execPath, ["program.mjs", "run", "quadratic"], { cwd });
      const end = finished(child);
      await says(child, "running");
      child.kill(signal);
      const { code, stderr } = await end;
      expect(code).toBe(130);
      expect(stderr).toContain("--resume quadratic.checkpoint");
      expect(readdirSync(cwd)).toContain("quadratic.checkpoint");
    },
  );

  it("ends at once on a second signal", async () => {
    const argv = ["program.mjs", "run", "quadratic", "--set", "centered=false"];
    const child = spawn(process.execPath, argv, { cwd });
    const end = finished(child);
    await says(child, "running");
    child.kill("SIGINT");
    await says(child, "stopping");
    child.kill("SIGINT");
    expect((await end).code).toBe(130);
  });
});
