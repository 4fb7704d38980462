/** The table of commands: what each takes, in the words of its help. Code is loaded when called. */
import type { Command, Option } from "./arguments.ts";

const json: Option = { description: "print JSON on stdout" };
const quick: Option = { description: "cheaper parameters, for a first look" };
const adapter: Option = {
  value: "name",
  description: "part of an adapter's name; also THERMOGRAD_ADAPTER",
};
const schedule: Option = {
  value: "name",
  description:
    "run all ensembles as thread, workgroup or batched; without it the fastest is measured " +
    "once and kept (THERMOGRAD_TUNE=off: by rule)",
};
const seed: Option = { value: "n", description: "seed of all random numbers, 0 to 4294967295 (1)" };

const ANY = Number.POSITIVE_INFINITY;

const list: Command = {
  name: "list",
  usage: "[--json]",
  summary: "the experiments",
  details: "With --json also sources, summaries and parameters as JSON Schema.",
  positionals: { name: "", min: 0, max: 0 },
  options: { json },
  load: async () => (await import("./list.ts")).list,
};

const run: Command = {
  name: "run",
  usage: "<experiment> [--set name=value]... [--seed n] [--quick] [--out dir] [--json]",
  summary: "run one experiment and print its quantities beside predictions",
  details: `--set comes after --quick: what is set wins. Lists are written 0.01,0.02,0.05.
Ctrl-C saves a checkpoint and prints the command that resumes; a second one ends at once.
thermograd run <experiment> --help lists the experiment's parameters.`,
  positionals: { name: "experiment", min: 1, max: 1 },
  options: {
    set: { value: "name=value", multiple: true, description: "set a parameter" },
    seed,
    quick,
    out: {
      value: "dir",
      description: "write record.npz, result.json, report.html and *.svg there",
    },
    json,
    adapter,
    schedule,
    resume: { value: "file", description: "go on from a checkpoint" },
  },
  load: async () => (await import("./run.ts")).run,
};

const validate: Command = {
  name: "validate",
  usage: "[id...] [--quick] [--out dir] [--json]",
  summary: "run experiments and exit with 1 if anything disagrees with its prediction",
  details: `Without an id it runs all of them. With --out the evidence of each is written when it is done;
what stands there of others stays.`,
  positionals: { name: "id", min: 0, max: ANY },
  options: {
    quick,
    out: { value: "dir", description: "write validation.md and validation.json there" },
    json,
    seed,
    adapter,
    schedule,
  },
  load: async () => (await import("./validate.ts")).validate,
};

const explain: Command = {
  name: "explain",
  usage: "<experiment | model> [--schedule name] [--no-measure]",
  summary: "graph, gradient, candidates with their times, plan with reasons, WGSL",
  details: `Candidates are measured on this adapter, once: the answer is kept. With --no-measure, or without an
adapter, they are listed by rule with estimates.`,
  positionals: { name: "experiment | model", min: 1, max: 1 },
  options: {
    adapter,
    schedule: { value: "name", description: "explain it as thread, workgroup or batched" },
    "no-measure": { description: "open no device: candidates by rule, with estimates" },
  },
  load: async () => (await import("./explain.ts")).explain,
};

const devices: Command = {
  name: "devices",
  usage: "",
  summary: "adapters, limits, features, which one is used and why",
  details: "",
  positionals: { name: "", min: 0, max: 0 },
  options: { adapter },
  load: async () => (await import("./devices.ts")).devices,
};

const bench: Command = {
  name: "bench",
  usage: "[workload...] [--json] | cost-growth [--out dir] [--json]",
  summary: "replica-steps per second of the standard workloads",
  details:
    "Without a workload it runs the standard ones; `rules` runs w1 and w2 under every update rule, " +
    "`observables` with every observable, `neighbors` the neighbor search, `matmul` matrix products, `tuner` the tuner's choice beside all " +
    "candidates. " +
    "`cost-growth` measures the time per replica-step against replicas and parameters, for about three " +
    "minutes.",
  positionals: { name: "workload", min: 0, max: ANY },
  options: {
    json,
    out: {
      value: "dir",
      description: "write the figures and points of cost-growth there: *.svg, cost-growth.json",
    },
    adapter,
    schedule,
  },
  load: async () => (await import("./bench.ts")).bench,
};

export const COMMANDS: readonly Command[] = [list, run, validate, explain, devices, bench];
