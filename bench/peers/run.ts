/**
 * The command: all peers on W1 to W3, interleaved, and the table in docs/performance.md.
 *
 * npm run -s bench:peers -- [--rounds 3] [--seconds 1] [--peer id]... [--problem id]... [--out folder]
 *
 * A run of all peers writes docs/performance.json and the table in docs/performance.md; with --out it
 * writes peers.json and peers.md there instead, which a run of some peers must.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { siPrefixed } from "../../report/notation.ts";
import { workloads } from "../workloads.ts";
import { type Comparison, loadOf, NOT_INSTALLED, summarize } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import { printComparison, replaceBlock } from "./markdown.ts";
import { PROBLEMS, problemOf } from "./problem.ts";
import { type Command, PEERS, type Peer } from "./roster.ts";
import { type Ruled, type Run, rotated, rule, runPeer } from "./rounds.ts";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

interface Settings {
  readonly rounds: number;
  readonly seconds: number;
  readonly peers: readonly Peer[];
  readonly problems: readonly string[];
  /** null: the table of the documentation. */
  readonly out: string | null;
}

/** Bad input: one sentence, exit code 2. */
class UsageError extends Error {}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`peers: --${name} ${text} is no positive number; write --${name} 3.`);
}

function chosen<T>(
  name: string,
  given: readonly string[],
  all: readonly T[],
  id: (one: T) => string,
) {
  for (const one of given) {
    if (all.some((known) => id(known) === one)) continue;
    throw new UsageError(
      `peers: there is no ${name} "${one}"; there are ${all.map(id).join(", ")}.`,
    );
  }
  return given.length === 0 ? [...all] : all.filter((one) => given.includes(id(one)));
}

function readSettings(argv: string[]): Settings {
  const list = { type: "string", multiple: true } as const;
  const { values } = parseArgs({
    args: argv,
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "1" },
      peer: list,
      problem: list,
      out: { type: "string" },
    },
  });
  const isPartial = values.peer !== undefined || values.problem !== undefined;
  if (isPartial && values.out === undefined) {
    throw new UsageError(
      "peers: a run of some peers is not the table of the documentation; write --out <folder>.",
    );
  }
  return {
    rounds: Math.ceil(positive("rounds", values.rounds)),
    seconds: positive("seconds", values.seconds),
    peers: chosen("peer", values.peer ?? [], PEERS, ({ id }) => id),
    problems: chosen("problem", values.problem ?? [], PROBLEMS, (id) => id),
    out: values.out ?? null,
  };
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const describeRun = ({ peer, problem, replicaStepsPerSecond, failure, timed }: Run): string =>
  `${problem} ${peer}: ` +
  (failure ??
    `${siPrefixed(replicaStepsPerSecond!)} replica-steps/s, ready in ${timed!.setupSeconds.toFixed(1)} s`);

/** Every round of every problem, one process at a time. */
async function runAll({ rounds, seconds, peers, problems }: Settings): Promise<Run[]> {
  const found: { peer: Peer; command: Command }[] = [];
  for (const peer of peers) {
    const command = peer.find();
    if (command !== null) found.push({ peer, command });
    else say(`${peer.title}: ${NOT_INSTALLED}: ${peer.remedy}`);
  }
  const ruled: Ruled[] = problems.map((id) => rule(problemOf(workloads.find((w) => w.id === id)!)));
  const runs: Run[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const one of ruled) {
      for (const { peer, command } of rotated(found, round, rounds)) {
        const run = await runPeer(peer, command, one, { round, seconds });
        runs.push(run);
        say(`round ${round + 1} of ${rounds}: ${describeRun(run)}`);
      }
    }
  }
  return runs;
}

function write(comparison: Comparison, out: string | null): void {
  const json = `${JSON.stringify(comparison, null, 2)}\n`;
  const block = printComparison(comparison);
  if (out === null) {
    const page = join(DOCS, "performance.md");
    writeFileSync(page, replaceBlock(readFileSync(page, "utf8"), block));
    writeFileSync(join(DOCS, "performance.json"), json);
    return;
  }
  const folder = resolve(out);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "peers.json"), json);
  writeFileSync(join(folder, "peers.md"), `${block}\n`);
}

async function main(argv: string[]): Promise<void> {
  const settings = readSettings(argv);
  const machine = await describeMachine();
  const runs = await runAll(settings);
  const { rounds, seconds, peers, problems, out } = settings;
  const comparison: Comparison = {
    date: new Date().toISOString(),
    command: ["npm run -s bench:peers", ...(argv.length > 0 ? ["--", ...argv] : [])].join(" "),
    machine,
    settings: { rounds, seconds },
    loadBefore: loadOf(runs),
    entries: summarize(peers, problems, runs),
    runs,
  };
  write(comparison, out);
  process.stdout.write(`${printComparison(comparison)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isUsage =
    error instanceof UsageError ||
    String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS");
  say(isUsage ? (error as Error).message : String((error as Error).stack ?? error));
  process.exitCode = isUsage ? 2 : 70;
}
// A driver may keep the process alive once stdout is drained.
setTimeout(() => process.exit(), 500).unref();
