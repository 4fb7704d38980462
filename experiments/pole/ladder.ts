/** A ladder of learning rates about a pole, planned and run (cards 1C, 1F). */

import { ArgumentError } from "../../engine/errors.ts";
import { type PoleFrame, poleNoise } from "../../models/theory/index.ts";
import type { RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { claimOf, type PoleRung } from "./quantities.ts";
import { measurePole, type PoleRecord, type PoleRun, poleWork, simulatePole } from "./runs.ts";

export interface LadderOptions {
  /** Begins the labels of rungs and stages. */
  readonly label: string;
  readonly frame: PoleFrame;
  readonly learningRates: readonly number[];
  readonly replicas: number;
  /** Number of the first replica: rungs have replicas of their own. */
  readonly first: number;
  readonly start: readonly number[];
  readonly steps: number;
  /** Burn-in in units of 1/η, and at least in relaxation times. */
  readonly burnIn: { readonly rates: number; readonly times: number };
  readonly snapshots: number;
}

/** Relaxation times between two states that entropy is taken from. */
const APART = 4;
/** Records of the moments in a relaxation time. */
const RECORDS = 20;
const FEWEST_BURN_IN = 50;
const LONGEST_BURN_IN = 2e6;

/** @throws ArgumentError where the burn-in would take hours. */
function burnInOf({ burnIn, label }: LadderOptions, relaxation: number, rate: number): number {
  const steps = Math.max(burnIn.rates / rate, burnIn.times * relaxation) + FEWEST_BURN_IN;
  if (steps <= LONGEST_BURN_IN) return Math.ceil(steps);
  throw new ArgumentError(
    `learningRates: ${label}${rate} relaxes in ${relaxation.toPrecision(3)} steps, so that ` +
      `${Math.ceil(steps)} of burn-in are needed, more than ${LONGEST_BURN_IN}; raise the rate, or take ` +
      "other directions.",
  );
}

export function planLadder(options: LadderOptions): PoleRun[] {
  const { frame, start, replicas, first, steps } = options;
  const { slowest } = poleNoise(frame);
  const rates = [...options.learningRates].sort((a, b) => a - b);
  return rates.map((learningRate, i): PoleRun => {
    const relaxation = Math.max(1, slowest / learningRate);
    const every = Math.max(1, Math.floor(relaxation / RECORDS));
    const count = Math.max(
      1,
      Math.min(options.snapshots, Math.floor(steps / (APART * relaxation))),
    );
    const snapshotEvery = every * Math.max(1, Math.floor(steps / count / every));
    return {
      label: `${options.label}learning rate ${learningRate}`,
      frame,
      learningRate,
      replicas: { first: first + i * replicas, count: replicas },
      start,
      burnIn: burnInOf(options, relaxation, learningRate),
      steps: snapshotEvery * count,
      every,
      snapshotEvery,
    };
  });
}

export const ladderWork = (
  runs: readonly Pick<PoleRun, "burnIn" | "steps" | "replicas" | "frame">[],
): number =>
  runs.reduce(
    (sum, { burnIn, steps, replicas, frame }) =>
      sum + (burnIn + steps) * replicas.count * poleWork(frame),
    0,
  );

export async function runLadder(
  runs: readonly PoleRun[],
  neighbors: number,
  stages: Stages,
  context: RunContext,
): Promise<{ rungs: PoleRung[]; records: PoleRecord[]; warnings: string[] }> {
  const rungs: PoleRung[] = [];
  const records: PoleRecord[] = [];
  const warnings: string[] = [];
  for (const run of runs) {
    const record = await simulatePole(run, stages, context);
    const claim = claimOf(run);
    await stages.pause();
    const measured = measurePole(run, record, neighbors);
    await stages.pause();
    rungs.push({ ...measured, run, exact: claim.exact });
    records.push(record);
    warnings.push(...claim.warnings, ...measured.warnings);
  }
  return { rungs, records, warnings };
}
