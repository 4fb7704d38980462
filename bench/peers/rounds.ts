/**
 * Rounds of all peers on all problems: one process each, in an order that rotates, checked, then timed.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { drawFrom, plainTraining } from "./plainTraining.ts";
import { type Problem, readFloats, writeProblem } from "./problem.ts";
import { BUILD, type Command, type Peer } from "./roster.ts";
import { disagreement, meanOf, replicaLosses } from "./ruler.ts";
import type { Timed } from "./systems/clock.ts";

/** One peer on one problem in one round. */
export interface Run {
  readonly peer: string;
  readonly problem: string;
  readonly round: number;
  /** Load average of the last minute before it began; null where the system does not tell. */
  readonly loadBefore: number | null;
  /** Why there is no rate; null where there is one. */
  readonly failure: string | null;
  readonly replicaStepsPerSecond: number | null;
  /** Mean loss over replicas after the check steps, by the ruler. */
  readonly checkLoss: number | null;
  readonly timed: Timed | null;
}

/** A problem, the steps it is checked over, and the losses that are right there. */
export interface Ruled {
  readonly problem: Problem;
  readonly checkSteps: number;
  readonly reference: Float64Array;
}

/**
 * A few steps while the loss still falls: there a learning rate 10 % too large shows at 17 standard
 * errors in w1 and 5 in w2, one 50 % too large at 6 in w3 after 10 steps (measured).
 */
export const CHECK_STEPS: Readonly<Record<string, number>> = { w1: 20, w2: 60, w3: 20 };
/** Of the reference's minibatches; peers have their own. */
const REFERENCE_SEED = 777;
const TIMEOUT_SECONDS = 90;

/** Writes a problem's files and trains its reference in float64. */
export function rule(problem: Problem): Ruled {
  const { id, samples } = problem.sizes;
  const checkSteps = CHECK_STEPS[id] ?? 10;
  writeProblem(BUILD, problem);
  const theta = Float64Array.from(problem.theta);
  plainTraining(problem, theta, drawFrom(samples, REFERENCE_SEED))(checkSteps);
  return { problem, checkSteps, reference: replicaLosses(problem, theta) };
}

/** The items of round `round` of `rounds`: each begins at another place. */
export function rotated<T>(items: readonly T[], round: number, rounds: number): T[] {
  const start = Math.floor((round * items.length) / rounds) % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isLate: boolean;
}

function execute(command: Command, request: readonly string[]): Promise<Ended> {
  const child = spawn(command.program, [...command.arguments, ...request], {
    env: { ...process.env, ...command.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  let isLate = false;
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
    });
  }
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, 1000 * TIMEOUT_SECONDS);
  return new Promise((resolve) => {
    child.on("error", (error) =>
      resolve({ code: null, ...written, stderr: String(error), isLate }),
    );
    child.on("close", (code) => resolve({ code, ...written, isLate }));
  }).then((ended) => {
    clearTimeout(timer);
    return ended as Ended;
  });
}

/** The line of an error's text that names it, in one short sentence. */
export function firstComplaint(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(at |node:|\^|\{|\}|Node\.js|throw )/.test(line));
  const named = lines.find((line) => /^[\w.]*(?:Error|Exception)\b/.test(line)) ?? lines.at(-1);
  return named ?? "it said nothing";
}

function judge({ problem, reference }: Ruled, ended: Ended, weights: string): Partial<Run> {
  if (ended.isLate) return { failure: `not done in ${TIMEOUT_SECONDS} s` };
  const line = ended.stdout.split("\n").findLast((one) => one.startsWith("{"));
  if (ended.code !== 0 || line === undefined) return { failure: firstComplaint(ended.stderr) };
  const losses = replicaLosses(problem, readFloats(weights));
  const failure = disagreement(losses, reference);
  if (failure !== null) return { failure };
  const timed = JSON.parse(line) as Timed;
  const replicaStepsPerSecond = (problem.sizes.replicas * timed.steps) / timed.seconds;
  return { failure: null, replicaStepsPerSecond, checkLoss: meanOf(losses), timed };
}

/** `loadavg` is 0 where there is none (Windows). */
const load = (): number | null => (process.platform === "win32" ? null : loadavg()[0]!);

/** Starts a peer on a problem, checks what it computed, and returns its rate or why it has none. */
export async function runPeer(
  peer: Peer,
  command: Command,
  ruled: Ruled,
  { round, seconds }: { readonly round: number; readonly seconds: number },
): Promise<Run> {
  const { id } = ruled.problem.sizes;
  const weights = join(BUILD, `${peer.id}-${id}.f32`);
  const loadBefore = load();
  rmSync(weights, { force: true });
  const request = [id, BUILD, String(ruled.checkSteps), String(seconds), weights];
  const ended = await execute(command, request);
  const nothing = { replicaStepsPerSecond: null, checkLoss: null, timed: null, failure: null };
  const judged = judge(ruled, ended, weights);
  return { peer: peer.id, problem: id, round, loadBefore, ...nothing, ...judged };
}
