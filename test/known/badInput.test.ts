// Bad input on the command line: exit code 2 and one sentence with argument, fact and remedy.
import { describe, expect, it } from "vitest";
import { costFigures, printCostGrowth } from "../../bench/costFigures.ts";
import type { Io } from "../../cli/io.ts";
import { editDistance, nearest } from "../../cli/nearest.ts";
import { NoAdapterError, RefusalError } from "../../engine/errors.ts";
import { command, FAKE_GROWTH, failing, fakeExperiment } from "./fakes.ts";

describe("bad input exits with 2 and one sentence", () => {
  const cases: [string, string[]][] = [
    ["unknown command", ["rnu"]],
    ["unknown command, nothing near", ["xyzzy123"]],
    ["unknown experiment", ["run", "quadratc"]],
    ["unknown experiment, nothing near", ["run", "xyzzy123"]],
    ["no experiment", ["run"]],
    ["two experiments", ["run", "quadratic", "other"]],
    ["unknown option", ["run", "quadratic", "--jsn"]],
    ["unknown option, nothing near", ["list", "--everything"]],
    ["switch with a value", ["run", "quadratic", "--json=yes"]],
    ["option without a value", ["run", "quadratic", "--out", "--json"]],
    ["option twice", ["run", "quadratic", "--seed", "1", "--seed", "2"]],
    ["unknown parameter", ["run", "quadratic", "--set", "learningrat=1"]],
    ["unknown parameter, nothing near", ["run", "quadratic", "--set", "xyzzy123=1"]],
    ["no equals sign", ["run", "quadratic", "--set", "learningRate"]],
    ["not a number", ["run", "quadratic", "--set", "learningRate=fast"]],
    ["empty number", ["run", "quadratic", "--set", "learningRate="]],
    ["out of range below", ["run", "quadratic", "--set", "learningRate=0"]],
    ["out of range above", ["run", "quadratic", "--set", "learningRate=2.5"]],
    ["infinite", ["run", "quadratic", "--set", "offset=1e999"]],
    ["not an integer", ["run", "quadratic", "--set", "steps=1.5"]],
    ["bad list item", ["run", "quadratic", "--set", "batchSizes=8,0"]],
    ["empty list", ["run", "quadratic", "--set", "batchSizes="]],
    ["bad choice", ["run", "quadratic", "--set", "law=reshuffled"]],
    ["bad switch", ["run", "quadratic", "--set", "centered=yes"]],
    ["negative seed", ["run", "quadratic", "--seed", "-1"]],
    ["seed beyond 32 bits", ["run", "quadratic", "--seed", "4294967296"]],
    ["seed not a number", ["run", "quadratic", "--seed", "x"]],
    ["missing checkpoint", ["run", "quadratic", "--resume", "nowhere.checkpoint"]],
    ["validate of an unknown id", ["validate", "quadratc"]],
    ["explain of an unknown model", ["explain", "quadratc"]],
    ["unknown workload", ["bench", "tinny"]],
    ["growth beside a workload", ["bench", "cost-growth", "tiny"]],
    ["figures of a bench", ["bench", "tiny", "--out", "."]],
    ["argument to list", ["list", "quadratic"]],
  ];
  const bench: Io["bench"] = async () => ({
    workloads: [{ id: "tiny", title: "W1" }],
    runBench: async () => [],
    printBench: () => "",
    printRoofline: () => "",
    measureCostGrowth: async () => FAKE_GROWTH,
    costFigures,
    printCostGrowth,
  });
  it("says each of these", async () => {
    const said: Record<string, string> = {};
    for (const [name, argv] of cases) {
      const { code, stdout, stderr } = await command(argv, { io: { bench } });
      expect([code, stdout], name).toEqual([2, ""]);
      expect(stderr.trimEnd(), name).not.toContain("\n");
      said[name] = stderr.trimEnd();
    }
    expect(said).toMatchInlineSnapshot(`
      {
        "argument to list": "list: takes no arguments, got "quadratic" as well; write thermograd list [--json]",
        "bad choice": "--set law=reshuffled: law must be one of withReplacement, distinct, got "reshuffled"; the default is --set law=withReplacement.",
        "bad list item": "--set batchSizes=8,0: batchSizes must be a comma-separated list, each an integer >= 1 (at least 1 of them), got "8,0"; the default is --set batchSizes=8,16.",
        "bad switch": "--set centered=yes: centered must be true or false, got "yes"; the default is --set centered=true.",
        "empty list": "--set batchSizes=: batchSizes must be a comma-separated list, each an integer >= 1 (at least 1 of them), got ""; the default is --set batchSizes=8,16.",
        "empty number": "--set learningRate=: learningRate must be a number > 0 and <= 2, got ""; the default is --set learningRate=0.1.",
        "explain of an unknown model": "explain: there is no experiment or model "quadratc"; did you mean quadratic?",
        "figures of a bench": "bench: --out takes the figures of cost-growth; leave it out.",
        "growth beside a workload": "bench: cost-growth runs alone, got cost-growth, tiny; give it without others.",
        "infinite": "--set offset=1e999: offset must be a number, got "1e999"; the default is --set offset=0.",
        "missing checkpoint": "--resume nowhere.checkpoint: cannot be read (ENOENT); give the file an interrupted run named.",
        "negative seed": "--seed -1: is not an integer from 0 to 4294967295; give one, e.g. --seed 1.",
        "no equals sign": "--set learningRate: needs the form name=value; write both, e.g. --set learningRate=0.1.",
        "no experiment": "run: needs <experiment>; write thermograd run <experiment> [--set name=value]... [--seed n] [--quick] [--out dir] [--json]",
        "not a number": "--set learningRate=fast: learningRate must be a number > 0 and <= 2, got "fast"; the default is --set learningRate=0.1.",
        "not an integer": "--set steps=1.5: steps must be an integer >= 1, got "1.5"; the default is --set steps=1000.",
        "option twice": "run: --seed was given 2 times; give it once.",
        "option without a value": "run: --out needs a value; write --out <dir>.",
        "out of range above": "--set learningRate=2.5: learningRate must be a number > 0 and <= 2, got "2.5"; the default is --set learningRate=0.1.",
        "out of range below": "--set learningRate=0: learningRate must be a number > 0 and <= 2, got "0"; the default is --set learningRate=0.1.",
        "seed beyond 32 bits": "--seed 4294967296: is not an integer from 0 to 4294967295; give one, e.g. --seed 1.",
        "seed not a number": "--seed x: is not an integer from 0 to 4294967295; give one, e.g. --seed 1.",
        "switch with a value": "run: --json takes no value, got "yes"; write --json alone.",
        "two experiments": "run: takes one <experiment>, got "other" as well; write thermograd run <experiment> [--set name=value]... [--seed n] [--quick] [--out dir] [--json]",
        "unknown command": "thermograd: there is no command "rnu"; did you mean run?",
        "unknown command, nothing near": "thermograd: there is no command "xyzzy123"; there are list, run, validate, explain, devices, bench, help.",
        "unknown experiment": "run: there is no experiment "quadratc"; did you mean quadratic?",
        "unknown experiment, nothing near": "run: there is no experiment "xyzzy123"; thermograd list shows all.",
        "unknown option": "run: there is no option --jsn; did you mean --json?",
        "unknown option, nothing near": "list: there is no option --everything; it takes --json, --help.",
        "unknown parameter": "--set learningrat=1: quadratic has no parameter "learningrat"; did you mean learningRate?",
        "unknown parameter, nothing near": "--set xyzzy123=1: quadratic has no parameter "xyzzy123"; it has learningRate, batchSizes, steps, law, centered, offset.",
        "unknown workload": "bench: there is no workload "tinny"; did you mean tiny?",
        "validate of an unknown id": "validate: there is no experiment "quadratc"; did you mean quadratic?",
      }
    `);
  });

  it("passes on the sentences of our errors, and gives a stack only for bugs", async () => {
    const refusal = new RefusalError("tau(loss): 12 τ are too few; observe longer.", null);
    const refused = await command(["run", "failing"], { experiments: [failing(refusal)] });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("tau(loss): 12 τ are too few; observe longer.\n");
    expect(refused.stderr).not.toContain("    at ");
    const bug = await command(["run", "failing"], { experiments: [failing(new Error("oops"))] });
    expect(bug.code).toBe(70);
    expect(bug.stderr).toContain("    at ");
    expect(bug.stdout + refused.stdout).toBe("");
    const openDevice: Io["openDevice"] = async () => {
      throw new NoAdapterError("openDevice: no adapter; install a driver.");
    };
    expect((await command(["run", "quadratic"], { io: { openDevice } })).code).toBe(2);
  });

  it("names the rule of a check across parameters", async () => {
    const base = fakeExperiment();
    const parameters = base.parameters.refine((values) => (values.steps as number) % 2 === 0, {
      message: "steps must be even",
      path: ["steps"],
    });
    const experiments = [fakeExperiment({ parameters: parameters as typeof base.parameters })];
    const { code, stderr } = await command(["run", "quadratic", "--set", "steps=3"], {
      experiments,
    });
    expect([code, stderr]).toEqual([
      2,
      "--set steps=3: steps must be even; the default is --set steps=1000.\n",
    ]);
  });
});

describe("near names", () => {
  it("counts edits", () => {
    expect([editDistance("kitten", "sitting"), editDistance("", "abc")]).toEqual([3, 3]);
    expect(nearest("learn", ["seed", "learningRate"])).toEqual(["learningRate"]);
    expect(nearest("xyz", ["quadratic"])).toEqual([]);
  });
});
