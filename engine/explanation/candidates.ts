/** The settings an ensemble could be run with: what was measured of each, or how they are guessed. */
import { isSame, type PlanSetting, printSetting } from "../execution.ts";
import type { Candidates } from "../plan/candidates.ts";
import type { TuningReport } from "../run/describeTuning.ts";
import { printRate } from "../run/tune.ts";

export interface ExplainedCandidate {
  readonly setting: PlanSetting;
  readonly chosen: boolean;
  readonly replicaStepsPerSecond: number | null;
  /** Floating-point operations in whose time a replica-step is guessed to be; null where it was not. */
  readonly estimate: number | null;
  /** Why it was not measured or not considered; null where nothing stands against it. */
  readonly why: string | null;
}

export interface ExplainedChoice {
  readonly candidates: readonly ExplainedCandidate[];
  /** One sentence. */
  readonly reason: string;
}

/** What was measured on a device. */
export const explainTuning = ({ setting, trials, excluded, reason }: TuningReport) => ({
  candidates: [
    ...trials.map((trial) => ({
      setting: trial.setting,
      chosen: isSame(trial.setting, setting),
      replicaStepsPerSecond: trial.replicaStepsPerSecond,
      estimate: null,
      why: trial.why ?? null,
    })),
    ...excluded.map((one) => ({
      setting: one.setting,
      chosen: false,
      replicaStepsPerSecond: null,
      estimate: null,
      why: one.why,
    })),
  ],
  reason,
});

/** What the rule takes, with the guesses that order candidates. */
export function explainRule(
  { candidates, excluded }: Candidates<unknown>,
  isForced: boolean,
): ExplainedChoice {
  return {
    candidates: [
      ...candidates.map(({ setting, estimate }, i) => ({
        ...{ setting, estimate },
        chosen: i === 0,
        replicaStepsPerSecond: null,
        why: null,
      })),
      ...excluded.map(({ setting, why }) => ({
        ...{ setting, why },
        chosen: false,
        replicaStepsPerSecond: null,
        estimate: null,
      })),
    ],
    reason:
      `${isForced ? "as asked for, the rest by rule" : "by rule"}: nothing was measured. ` +
      "Estimates know the model, the batch and the lanes, not the device; they order candidates, " +
      "the device decides",
  };
}

function printCandidate(one: ExplainedCandidate): string {
  const { replicaStepsPerSecond: rate, estimate, why } = one;
  if (rate !== null) return `${printRate(rate)} replica-steps/s`;
  if (estimate !== null) return `estimated at ${printRate(estimate)} operations a replica-step`;
  return `not measured: ${why?.split("\n").join(" ")}`;
}

/** The fastest first, then those that were not measured; the chosen one is marked. */
export function printChoice({ candidates, reason }: ExplainedChoice): string[] {
  const rate = (one: ExplainedCandidate): number => one.replicaStepsPerSecond ?? 0;
  const ordered = [...candidates].sort((a, b) => rate(b) - rate(a));
  const names = ordered.map(({ setting }) => printSetting(setting));
  const width = Math.max(0, ...names.map(({ length }) => length));
  return [
    ...ordered.map(
      (one, i) => `${one.chosen ? "→" : " "} ${names[i]!.padEnd(width)}  ${printCandidate(one)}`,
    ),
    reason,
  ];
}
