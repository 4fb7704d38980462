// The command line contract: stdout, exit codes, the JSON object, the files of --out.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { costFigures, printCostGrowth } from "../../bench/costFigures.ts";
import { printRoofline } from "../../bench/table.ts";
import { COMMANDS } from "../../cli/commands.ts";
import type { BenchRow, Io } from "../../cli/io.ts";
import { createProgress } from "../../cli/progress.ts";
import { RefusalError } from "../../engine/errors.ts";
import { VERSION } from "../../engine/version.ts";
import { decodeNpz } from "../../report/npz.ts";
import { command, FAKE_DEVICE, FAKE_GROWTH, failing, fakeExperiment, resultOf } from "./fakes.ts";

const ROOFLINE = {
  multiplyAddsPerSecond: 1e10,
  scalarLoadsPerSecond: 1e9,
  vectorLoadsPerSecond: 5e8,
  sharedVectorLoadsPerSecond: 6e8,
  workgroupLoadsPerSecond: 7e8,
  sharedWorkgroupLoadsPerSecond: 8e8,
  expPerSecond: 3e8,
  builtinExpPerSecond: 4e9,
  tanhPerSecond: 2e9,
  builtinTanhPerSecond: 1.5e9,
  barriersPerSecond: 1e8,
  dispatchSeconds: 2e-5,
  submitSeconds: 4e-5,
};

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "thermograd-cli-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

describe("run --json", () => {
  it("prints one object with the keys of the contract, and nothing else on stdout", async () => {
    const { code, stdout, stderr } = await command(["run", "quadratic", "--json", "--seed", "7"]);
    expect(code).toBe(0);
    const object = JSON.parse(stdout);
    expect(Object.keys(object)).toEqual([
      "experiment",
      "parameters",
      "seed",
      "quantities",
      "warnings",
      "figures",
      "provenance",
      "seconds",
    ]);
    for (const quantity of object.quantities) {
      expect(Object.keys(quantity)).toEqual([
        "name",
        "condition",
        "estimate",
        "standardError",
        "unit",
        "predicted",
        "systematic",
        "z",
        "agrees",
      ]);
    }
    expect(object.seed).toBe(7);
    expect(object.quantities[0]).toMatchObject({ predicted: 0.01, z: 0, agrees: true });
    expect(object.quantities[1]).toMatchObject({ predicted: null, z: null, agrees: null });
    expect(object.provenance).toMatchObject({ adapter: "Fake adapter", software: true });
    // In a pipe stderr has the adapter's line and no more.
    expect(stderr).toBe("adapter: Fake adapter (software: runs on the CPU)\n");
  });

  it("exits with 0 even when a prediction disagrees", async () => {
    const argv = ["run", "quadratic", "--json", "--set", "offset=0.5"];
    const { code, stdout } = await command(argv);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).quantities[0].agrees).toBe(false);
    expect(JSON.parse(stdout).warnings).toEqual([
      "variance (learningRate=0.1): shifted on purpose",
    ]);
  });

  it("reads numbers, lists, switches and choices; --set wins over --quick", async () => {
    const settings = ["learningRate=1e-3", "batchSizes=4, 8,16", "centered=false", "law=distinct"];
    const sets = settings.flatMap((setting) => ["--set", setting]);
    const { stdout } = await command(["run", "quadratic", "--json", "--quick", ...sets]);
    expect(JSON.parse(stdout).parameters).toEqual({
      learningRate: 0.001,
      batchSizes: [4, 8, 16],
      centered: false,
      law: "distinct",
      steps: 10,
      offset: 0,
    });
    const argv = ["run", "quadratic", "--json", "--set", "steps=20", "--quick"];
    const set = JSON.parse((await command(argv)).stdout);
    expect(set.parameters.steps).toBe(20);
    expect(set.provenance.command).toBe("thermograd run quadratic --set steps=20 --seed 1 --quick");
  });

  it("gives --adapter, else THERMOGRAD_ADAPTER, to openDevice", async () => {
    const asked: unknown[] = [];
    const openDevice: Io["openDevice"] = async (options) => {
      asked.push(options.adapter);
      return FAKE_DEVICE;
    };
    const env = { THERMOGRAD_ADAPTER: "SwiftShader" };
    await command(["run", "quadratic", "--adapter", "llvm"], { io: { openDevice, env } });
    await command(["run", "quadratic"], { io: { openDevice, env } });
    await command(["run", "quadratic"], { io: { openDevice } });
    expect(asked).toEqual(["llvm", "SwiftShader", undefined]);
  });
});

describe("run", () => {
  it("prints a table without --json", async () => {
    const { stdout } = await command(["run", "quadratic"]);
    expect(stdout).toMatch(/variance {2}learningRate=0.1 {2}0.01000\(10\)/);
    expect(stdout).toContain("1 of 1 predictions agree");
  });

  it("writes the files of --out whole, and result.json equals stdout", async () => {
    const argv = ["run", "quadratic", "--json", "--out", "a/b"];
    const { code, stdout, stderr } = await command(argv, { io: { cwd } });
    expect(code).toBe(0);
    expect(stderr.split("\n").slice(1)).toEqual([`report: ${join("a/b", "report.html")}`, ""]);
    const out = join(cwd, "a/b");
    expect(readdirSync(out).sort()).toEqual([
      "record.npz",
      "report.html",
      "result.json",
      "variance-against-rate.svg",
    ]);
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8"))).toEqual(JSON.parse(stdout));
    const { arrays } = decodeNpz(new Uint8Array(readFileSync(join(out, "record.npz"))));
    expect(arrays.get("main/loss/values.npy")?.shape).toEqual([1, 2, 3, 4]);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("learning rate η, θ²/loss");
  });

  it("leaves nothing behind when the run throws", async () => {
    const stage = { experiments: [failing(new Error("broken"))], io: { cwd } };
    const { code } = await command(["run", "failing", "--out", "out"], stage);
    expect(code).toBe(70);
    expect(readdirSync(join(cwd, "out"))).toEqual([]);
    expect(readdirSync(cwd)).toEqual(["out"]);
  });

  it("leaves no partial files when one cannot be written, and still answers", async () => {
    const out = join(cwd, "out");
    // A directory where a file should go makes the rename fail.
    const blocked = fakeExperiment({
      run: async () => {
        mkdirSync(join(out, "variance-against-rate.svg", "x"), { recursive: true });
        return resultOf({ learningRate: 0.1, offset: 0 } as never);
      },
    });
    const argv = ["run", "quadratic", "--json", "--out", "out"];
    const { code, stdout, stderr } = await command(argv, { experiments: [blocked], io: { cwd } });
    expect(code).toBe(2);
    expect(JSON.parse(stdout).experiment).toBe("quadratic");
    expect(stderr).not.toContain("report:");
    expect(stderr).toMatch(/cannot write .*variance-against-rate.svg \(\w+\); free space/);
    expect(readdirSync(out).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("checks --out before anything runs", async () => {
    writeFileSync(join(cwd, "file"), "");
    let ran = false;
    const experiments = [
      fakeExperiment({
        run: async () => {
          ran = true;
          return resultOf({ learningRate: 0.1, offset: 0 } as never);
        },
      }),
    ];
    const { code, stderr } = await command(["run", "quadratic", "--out", "file"], {
      experiments,
      io: { cwd },
    });
    expect([code, ran]).toEqual([2, false]);
    expect(stderr).toBe("--out file: is a file; give a directory.\n");
    // Below a file, and where no directory can be made; the second made Node's own mkdir hang.
    for (const out of [
      "file/deep/er",
      ...(process.platform === "linux" ? ["/proc/deep/er"] : []),
    ]) {
      const refused = await command(["run", "quadratic", "--out", out], {
        experiments,
        io: { cwd },
      });
      expect([refused.code, ran]).toEqual([2, false]);
      expect(refused.stderr).toMatch(/^--out \S+: cannot be written \(E\w+\); give a directory/);
    }
  });
});

describe("validate", () => {
  const good = fakeExperiment();
  const bad = fakeExperiment({
    id: "bad",
    run: async () => resultOf({ learningRate: 0.1, offset: 1 } as never),
  });
  it("exits with 0 when all agree, 1 when one does not or fails, and goes on after failures", async () => {
    expect((await command(["validate"], { experiments: [good] })).code).toBe(0);
    expect((await command(["validate"], { experiments: [bad, good] })).code).toBe(1);
    expect((await command(["validate", "quadratic"], { experiments: [bad, good] })).code).toBe(0);
    const broken = [failing(new Error("oops")), good];
    const { code, stdout, stderr } = await command(["validate"], { experiments: broken });
    expect(code).toBe(1);
    expect(stdout).toContain("failed: failing: oops");
    expect(stdout).toMatch(/quadratic {3}variance/);
    expect(stderr).toContain("    at ");
  });
  it("prints one JSON object", async () => {
    const experiments = [failing(new RefusalError("x: y; z.", null)), good, bad];
    const { code, stdout } = await command(["validate", "--json"], { experiments });
    expect(code).toBe(1);
    const object = JSON.parse(stdout);
    expect(object.agrees).toBe(false);
    expect(object.experiments[0]).toEqual({
      experiment: "failing",
      error: { name: "RefusalError", message: "x: y; z." },
    });
    expect(object.experiments.map(({ experiment }: { experiment: string }) => experiment)).toEqual([
      "failing",
      "quadratic",
      "bad",
    ]);
  });
  it("does not call it a success when there is nothing to validate", async () => {
    expect((await command(["validate"], { experiments: [] })).code).toBe(2);
  });
});

describe("the other commands", () => {
  it("list --json has parameters as JSON Schema", async () => {
    const { stdout } = await command(["list", "--json"]);
    const [entry] = JSON.parse(stdout);
    expect(Object.keys(entry)).toEqual(["id", "title", "card", "sources", "summary", "parameters"]);
    expect(entry.parameters.properties.learningRate).toMatchObject({
      default: 0.1,
      exclusiveMinimum: 0,
      description: "learning rate η, θ²/loss",
    });
    expect((await command(["list"])).stdout).toContain("quadratic   B1");
  });
  it("run <experiment> --help lists parameters with defaults, ranges and quick values", async () => {
    const { code, stdout } = await command(["run", "quadratic", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/learningRate=0\.1 +learning rate η, θ²\/loss; a number > 0 and <= 2/);
    expect(stdout).toMatch(/steps=1000 .*an integer >= 1 \(quick: 10\)/);
  });
  it("help names every command, and every command has help", async () => {
    const overview = await command(["--help"]);
    for (const { name, options } of COMMANDS) {
      expect(overview.stdout).toContain(`thermograd ${name}`);
      const { code, stdout } = await command(["help", name]);
      expect(code).toBe(0);
      for (const option of Object.keys(options)) expect(stdout).toContain(`--${option}`);
    }
    const bare = await command([]);
    expect([bare.code, bare.stdout]).toEqual([2, ""]);
  });
  it("bench --json prints rows with the keys of the contract, then all else, NaN as null", async () => {
    const row: BenchRow = {
      workload: "tiny",
      schedule: "thread",
      replicas: 1024,
      params: 8,
      batchSize: 8,
      replicaStepsPerSecond: 1e7,
      gflops: 2.5,
      fractionOfPeak: Number.NaN,
      adapter: "Fake adapter",
      seconds: 3,
    };
    const bench: Io["bench"] = async () => ({
      workloads: [
        { id: "tiny", title: "W1" },
        { id: "huge", title: "W1 at 64x", extra: true },
      ],
      runBench: async ({ workloads, onProgress, onRoofline }) => {
        onRoofline?.(ROOFLINE);
        onProgress?.({ phase: "tiny", fraction: 0.5, replicaStepsPerSecond: 1e7 });
        return workloads.map(({ id }) => ({ ...row, workload: id, spread: 1 }));
      },
      printBench: (rows) => rows.map(({ workload }) => `${workload}\n`).join(""),
      printRoofline,
      measureCostGrowth: async () => FAKE_GROWTH,
      costFigures,
      printCostGrowth,
    });
    const { stdout } = await command(["bench", "tiny", "--json"], { io: { bench } });
    const [printed] = JSON.parse(stdout) as Record<string, unknown>[];
    expect(printed).toEqual({
      ...{ ...row, fractionOfPeak: null, spread: 1, driver: FAKE_DEVICE.info.driver },
      versions: { thermograd: VERSION, node: process.version },
    });
    expect(Object.keys(printed!).slice(0, 10)).toEqual(Object.keys(row));
    const table = await command(["bench"], { io: { bench, isTTY: true } });
    expect(table.stdout).toBe(
      "tiny\n\npeak: 20.0 GFLOP/s in independent multiply-adds\n" +
        "loads: scalar 1 G/s, vec4f 500 M/s (each invocation its own address), 600 M/s (one address a " +
        "workgroup)\nworkgroup memory: vec4f loads 700 M/s (own address), 800 M/s (one address), " +
        "barriers passed 100 M/s by invocations in workgroups of 64\nfunctions: exp 300 M/s (WGSL's " +
        "own 4 G/s), tanh 2 G/s (WGSL's own 1.5 G/s)\ndispatch: 20 us, submit: 40 us more\n",
    );
    expect(table.stderr).toMatch(/tiny █+░+ {2}50 % {2}10 M replica-steps\/s/);
  });
  it("bench cost-growth writes a figure a series, the points, and the table", async () => {
    const out = join(cwd, "growth");
    const { code, stdout } = await command(["bench", "cost-growth", "--out", out], { io: { cwd } });
    expect(code).toBe(0);
    expect(stdout).toContain("\nskipped: too large for the fake\n");
    expect(stdout).toMatch(/network +1000 +33 +thread +5 M +5\.0 %/);
    expect(readdirSync(out).sort()).toEqual([
      "cost-growth.json",
      "cost-parameters.svg",
      "cost-replicas.svg",
    ]);
    expect(JSON.parse(readFileSync(join(out, "cost-growth.json"), "utf8"))).toEqual(FAKE_GROWTH);
    const drawn = readFileSync(join(out, "cost-parameters.svg"), "utf8");
    expect(drawn).toContain("batched");
    expect(drawn).not.toContain("thread");
  });
  it("bench refuses --out without cost-growth, and cost-growth beside a workload", async () => {
    expect((await command(["bench", "--out", "x"])).code).toBe(2);
    const both = await command(["bench", "cost-growth", "w1"]);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("runs alone")]);
  });
  it("devices and explain print what they are given", async () => {
    expect(JSON.parse((await command(["devices"])).stdout)).toEqual({ adapters: ["Fake adapter"] });
    expect((await command(["explain", "quadratic"])).stdout).toBe("graph of quadratic by choice\n");
    const forced = ["explain", "quadratic", "--schedule", "batched", "--no-measure"];
    expect((await command(forced)).stdout).toBe("graph of quadratic batched unmeasured\n");
  });
  it("prints the version", async () => {
    expect((await command(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("progress", () => {
  it("is drawn on a terminal at most ten times a second, and cleans up", () => {
    let written = "";
    let time = 0;
    const stderr = {
      write: (text: string) => {
        written += text;
      },
      columns: 200,
    };
    const progress = createProgress({ stderr, isTTY: true } as unknown as Io, { now: () => time });
    for (; time < 2000; time += 10) {
      progress.update({ phase: "observe", fraction: time / 4000, replicaStepsPerSecond: 1.23e7 });
    }
    expect(written.match(/observe/g)?.length).toBe(20);
    expect(written).toContain("12.3 M replica-steps/s  2.1 s left");
    progress.stop();
    expect(written.endsWith("\r\x1b[2K\x1b[?25h")).toBe(true);
  });
  it("is whole on a terminal that says it has no columns", () => {
    const written: string[] = [];
    const stderr = { write: (text: string) => written.push(text), columns: 0 };
    const progress = createProgress({ stderr, isTTY: true } as unknown as Io);
    progress.update({ phase: "observe", fraction: 0.5, replicaStepsPerSecond: 0 });
    expect(written.join("")).toMatch(/observe █{12}░{12} {2}50 %$/);
  });
  it("writes nothing in a pipe", () => {
    const written: string[] = [];
    const stderr = { write: (text: string) => written.push(text) };
    const progress = createProgress({ stderr, isTTY: false } as unknown as Io);
    progress.update({ phase: "observe", fraction: 0.5, replicaStepsPerSecond: 1 });
    progress.stop();
    expect(written).toEqual([]);
  });
});
