// Ctrl-C, checkpoints and --resume, with an experiment that counts.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../cli/checkpoint.ts";
import { quote } from "../../cli/commandLine.ts";
import { CheckpointError, DeviceLostError } from "../../engine/errors.ts";
import { VERSION } from "../../engine/version.ts";
import type { Experiment, RunContext } from "../../experiments/experiment.ts";
import { command, FAKE_DEVICE, fakeExperiment, resultOf } from "./fakes.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "thermograd-resume-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const TOTAL = 10;

/** Counts to ten, one count a tick; its state is the count. `visited` has every count made. */
function counting(
  visited: number[],
  at?: (count: number, context: RunContext) => void,
): Experiment {
  return fakeExperiment({
    run: async (parameters, context) => {
      let count = context.resume?.[0] ?? 0;
      while (count < TOTAL) {
        if (context.signal?.aborted === true) {
          await context.onCheckpoint?.(Uint8Array.of(count));
          throw context.signal.reason;
        }
        count += 1;
        visited.push(count);
        at?.(count, context);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      return resultOf(parameters as never);
    },
  });
}

/** Runs until the count is 4, then Ctrl-C. */
async function interruptAtFour(argv: readonly string[], visited: number[]) {
  let interrupt = () => {};
  const experiment = counting(visited, (count) => {
    if (count === 4) interrupt();
  });
  return command(argv, {
    experiments: [experiment],
    io: { cwd },
    onStart: (fire) => {
      interrupt = fire;
    },
  });
}

/** The printed command as arguments of `main`. */
function resumeArguments(stderr: string): string[] {
  const line = /^ {2}thermograd (.*)$/m.exec(stderr)?.[1];
  expect(line, stderr).toBeDefined();
  return line!.split(" ");
}

describe("Ctrl-C", () => {
  it("saves a checkpoint, prints the command that goes on, and that command finishes the run", async () => {
    const visited: number[] = [];
    const argv = ["run", "quadratic", "--set", "learningRate=0.25", "--seed", "9", "--json"];
    const first = await interruptAtFour(argv, visited);
    expect(first.code).toBe(130);
    expect(first.stdout).toBe("");
    expect(readdirSync(cwd)).toEqual(["quadratic.checkpoint"]);
    const again = resumeArguments(first.stderr);
    expect(again).toEqual(
      (
        "run quadratic --set learningRate=0.25 --seed 9 " + "--resume quadratic.checkpoint --json"
      ).split(" "),
    );
    const stage = { experiments: [counting(visited)], io: { cwd } };
    const second = await command(again, stage);
    expect(second.code).toBe(0);
    expect(visited).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(JSON.parse(second.stdout)).toMatchObject({
      seed: 9,
      parameters: { learningRate: 0.25 },
    });
    // A finished run needs its checkpoint no more.
    expect(readdirSync(cwd)).toEqual([]);
  });

  it("saves into --out, and the finished run has only its results there", async () => {
    const visited: number[] = [];
    const first = await interruptAtFour(["run", "quadratic", "--out", "out"], visited);
    expect(readdirSync(join(cwd, "out"))).toEqual(["checkpoint.bin"]);
    const stage = { experiments: [counting(visited)], io: { cwd } };
    expect((await command(resumeArguments(first.stderr), stage)).code).toBe(0);
    expect(visited.length).toBe(TOTAL);
    expect(readdirSync(join(cwd, "out"))).toContain("result.json");
    expect(existsSync(join(cwd, "out", "checkpoint.bin"))).toBe(false);
  });

  it("ends at once the second time", async () => {
    const exits: number[] = [];
    let fire = () => {};
    const stubborn = fakeExperiment({
      run: async (parameters) => {
        fire();
        fire();
        return resultOf(parameters as never);
      },
    });
    await command(["run", "quadratic"], {
      experiments: [stubborn],
      io: { cwd, exit: (code) => exits.push(code) },
      onStart: (interrupt) => {
        fire = interrupt;
      },
    });
    expect(exits).toEqual([130]);
  });

  it("stops validate with 130", async () => {
    let fire = () => {};
    const experiment = counting([], (count) => {
      if (count === 2) fire();
    });
    const { code, stdout } = await command(["validate"], {
      experiments: [experiment],
      io: { cwd },
      onStart: (interrupt) => {
        fire = interrupt;
      },
    });
    expect([code, stdout]).toEqual([130, ""]);
  });
});

describe("periodic checkpoints", () => {
  it("are kept on disk with --out while the run goes on", async () => {
    const experiment = fakeExperiment({
      run: async (parameters, context) => {
        await context.onCheckpoint?.(Uint8Array.of(5));
        expect(readdirSync(join(cwd, "out"))).toEqual(["checkpoint.bin"]);
        return resultOf(parameters as never);
      },
    });
    const stage = { experiments: [experiment], io: { cwd } };
    expect((await command(["run", "quadratic", "--out", "out"], stage)).code).toBe(0);
    expect(existsSync(join(cwd, "out", "checkpoint.bin"))).toBe(false);
  });

  it("touch no disk without --out", async () => {
    const quiet = counting([], (count, context) => {
      if (count === 5) void context.onCheckpoint?.(Uint8Array.of(count));
      expect(readdirSync(cwd)).toEqual([]);
    });
    expect((await command(["run", "quadratic"], { experiments: [quiet], io: { cwd } })).code).toBe(
      0,
    );
  });

  it("carry a run over the loss of a device", async () => {
    let losses = 0;
    let opened = 0;
    const visited: number[] = [];
    const experiment = counting(visited, (count, context) => {
      if (count === 5 && losses === 0) {
        losses += 1;
        void context.onCheckpoint?.(Uint8Array.of(5));
        throw new DeviceLostError("ensemble: the driver was reset; retry.");
      }
    });
    const openDevice = async () => {
      opened += 1;
      return FAKE_DEVICE;
    };
    const stage = { experiments: [experiment], io: { cwd, openDevice } };
    const { code, stdout } = await command(["run", "quadratic", "--json"], stage);
    expect([code, opened]).toEqual([0, 2]);
    expect(visited).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(JSON.parse(stdout).warnings[0]).toContain("the device was lost");
  });

  it("are named when the run fails", async () => {
    const experiment = counting([], (count, context) => {
      if (count !== 5) return;
      void context.onCheckpoint?.(Uint8Array.of(5));
      throw new Error("broken");
    });
    const stage = { experiments: [experiment], io: { cwd } };
    const { code, stderr } = await command(["run", "quadratic"], stage);
    expect(code).toBe(70);
    expect(resumeArguments(stderr)).toContain("quadratic.checkpoint");
  });
});

describe("--resume refuses", () => {
  const header = {
    thermograd: VERSION,
    experiment: "quadratic",
    parameters: { learningRate: 0.25 },
    seed: 9,
    quick: false,
  };
  const write = async (name: string, changes: Partial<typeof header> = {}) => {
    const file = { header: { ...header, ...changes }, bytes: Uint8Array.of(4) };
    writeFileSync(join(cwd, name), await encodeCheckpoint(file));
  };
  const resume = async (...rest: string[]) => {
    const experiments = [counting([]), fakeExperiment({ id: "other" })];
    const { code, stderr } = await command(["run", ...rest], { experiments, io: { cwd } });
    expect(code).toBe(2);
    return stderr.trimEnd();
  };

  it("other parameters, seeds and --quick, but takes the same ones", async () => {
    await write("a");
    const argv = ["quadratic", "--resume", "a"];
    expect(await resume(...argv, "--set", "learningRate=0.5")).toBe(
      "--set learningRate=0.5: the run in a has learningRate=0.25, which cannot change halfway; " +
        "leave --set out, or start a new run without --resume.",
    );
    expect(await resume(...argv, "--seed", "8")).toContain("--seed 8: the run in a has seed 9");
    expect(await resume(...argv, "--quick")).toContain("--quick: the run in a has the full");
    const same = ["run", ...argv, "--seed", "9", "--set", "learningRate=2.5e-1"];
    expect((await command(same, { experiments: [counting([])], io: { cwd } })).code).toBe(0);
    // It was not written by this run's default name, so it is the user's to keep.
    expect(existsSync(join(cwd, "a"))).toBe(true);
  });

  it("files that are damaged, foreign, of another experiment or another version", async () => {
    await write("a");
    const bytes = readFileSync(join(cwd, "a"));
    for (const position of [13, bytes.length - 34, bytes.length - 1]) {
      const damaged = Uint8Array.from(bytes);
      damaged[position]! ^= 1;
      writeFileSync(join(cwd, "damaged"), damaged);
      expect(await resume("quadratic", "--resume", "damaged")).toContain("damaged");
    }
    writeFileSync(join(cwd, "damaged"), bytes.subarray(0, bytes.length - 5));
    expect(await resume("quadratic", "--resume", "damaged")).toContain("damaged");
    writeFileSync(join(cwd, "foreign"), "hello, world");
    expect(await resume("quadratic", "--resume", "foreign")).toContain(
      "do not begin as a thermograd checkpoint",
    );
    expect(await resume("other", "--resume", "a")).toBe(
      '--resume a: belongs to experiment "quadratic", not "other"; ' +
        "write thermograd run quadratic --resume a.",
    );
    await write("old", { thermograd: "0.0.9" });
    expect(await resume("quadratic", "--resume", "old")).toContain("written by thermograd 0.0.9");
  });

  it("with a CheckpointError", async () => {
    const decoding = decodeCheckpoint(Uint8Array.of(1, 2, 3), "x", VERSION);
    await expect(decoding).rejects.toThrow(CheckpointError);
  });
});

describe("printed commands", () => {
  it("are quoted for a shell", () => {
    expect(["a=1,2", "it's", "a b", ""].map(quote)).toEqual(["a=1,2", `'it'\\''s'`, "'a b'", "''"]);
  });
});
