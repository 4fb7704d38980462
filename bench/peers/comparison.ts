/**
 * Runs of all rounds as one comparison: medians and spread, and ratios to thermograd.
 *
 * A ratio is the median over rounds of (thermograd's rate ÷ the peer's rate in the same round), so that
 * what else the machine did in a round falls on both.
 */
import { quantile } from "../measure.ts";
import type { Machine } from "./machine.ts";
import type { Peer } from "./roster.ts";
import type { Run } from "./rounds.ts";

export const NOT_INSTALLED = "not installed";

/** A peer on a problem, over all rounds. */
export interface Entry {
  readonly peer: string;
  readonly title: string;
  readonly problem: string;
  /** As the peer says it; null where it never ran. */
  readonly version: string | null;
  /** thermograd's schedule; null for others. */
  readonly schedule: string | null;
  /** Median replica-steps per second; null where no round has a rate. */
  readonly replicaStepsPerSecond: number | null;
  /** Slowest and fastest round. */
  readonly spread: readonly [slowest: number, fastest: number] | null;
  readonly rounds: number;
  /** thermograd ÷ peer; null where one of them has no rate. */
  readonly ratio: number | null;
  /** Why rounds have no rate: `NOT_INSTALLED: …` or the first failure; null where all have one. */
  readonly failure: string | null;
}

export interface Comparison {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly settings: { readonly rounds: number; readonly seconds: number };
  readonly loadBefore: { readonly median: number; readonly most: number } | null;
  readonly entries: readonly Entry[];
  readonly runs: readonly Run[];
}

const ratesOf = (runs: readonly Run[]): number[] =>
  runs.flatMap(({ replicaStepsPerSecond }) => replicaStepsPerSecond ?? []);

/** Median over rounds of first ÷ second, where both have a rate. */
function medianRatio(first: readonly Run[], second: readonly Run[]): number | null {
  const ratios = first.flatMap(({ round, replicaStepsPerSecond }) => {
    const other = second.find((run) => run.round === round)?.replicaStepsPerSecond;
    return replicaStepsPerSecond && other ? [replicaStepsPerSecond / other] : [];
  });
  return ratios.length === 0 ? null : quantile(ratios, 0.5);
}

/** Entries of all peers on all problems, those that are not installed too. */
export function summarize(
  peers: readonly Pick<Peer, "id" | "title" | "remedy">[],
  problems: readonly string[],
  runs: readonly Run[],
): Entry[] {
  const of = (peer: string, problem: string): Run[] =>
    runs.filter((run) => run.peer === peer && run.problem === problem);
  return peers.flatMap(({ id, title, remedy }) =>
    problems.map((problem): Entry => {
      const own = of(id, problem);
      const rates = ratesOf(own);
      const failed = own.find(({ failure }) => failure !== null)?.failure ?? null;
      return {
        peer: id,
        title,
        problem,
        version: own.find(({ timed }) => timed !== null)?.timed?.version ?? null,
        schedule: own.find(({ timed }) => timed !== null)?.timed?.schedule ?? null,
        replicaStepsPerSecond: rates.length === 0 ? null : quantile(rates, 0.5),
        spread: rates.length === 0 ? null : [Math.min(...rates), Math.max(...rates)],
        rounds: rates.length,
        ratio: medianRatio(of("thermograd", problem), own),
        failure: own.length === 0 ? `${NOT_INSTALLED}: ${remedy}` : failed,
      };
    }),
  );
}

/** Load averages before the runs; null where the system does not tell. */
export function loadOf(runs: readonly Run[]): Comparison["loadBefore"] {
  const loads = runs.flatMap(({ loadBefore }) => loadBefore ?? []);
  return loads.length === 0 ? null : { median: quantile(loads, 0.5), most: Math.max(...loads) };
}
