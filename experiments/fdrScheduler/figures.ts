/** The pictures of the learning rate that finds itself. */
import { replicaMean } from "../../analysis/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import type { RateRun } from "./measures.ts";
import { type SchedulerTheory, stationaryExcess } from "./theory.ts";

/** Replicas drawn one by one. */
const SHOWN = 4;

const STEP_AXIS = { label: "step" } as const;

const living = (runs: readonly RateRun[]): RateRun[] => runs.filter(({ alive }) => alive);

/** The smaller of the two middle values: a rate that some replica has. */
function middle(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}

const medianOver = (
  runs: readonly RateRun[],
  value: (run: RateRun, t: number) => number,
): number[] => (runs[0]?.steps ?? []).map((_, t) => middle(runs.map((run) => value(run, t))));

/** A value that holds until the next record, as corners. */
function staircase(x: readonly number[], y: readonly number[]): { x: number[]; y: number[] } {
  const corners = x.flatMap((at, t) =>
    t > 0 && y[t] !== y[t - 1]
      ? [
          [at, y[t - 1]!],
          [at, y[t]!],
        ]
      : [[at, y[t]!]],
  );
  return { x: corners.map(([at]) => at!), y: corners.map(([, value]) => value!) };
}

const line = (label: string, x: readonly number[], y: readonly number[]): Mark => ({
  kind: "line",
  label,
  role: "measured",
  x,
  y,
});

const some = (runs: readonly RateRun[], y: (run: RateRun) => readonly number[]): Mark[] =>
  living(runs)
    .slice(0, SHOWN)
    .map((run, k) => ({
      ...line(`replica ${k}`, [], []),
      ...staircase(run.steps, y(run)),
    }));

export const rateFigure = (runs: readonly RateRun[], caption: string): Figure => ({
  id: "learning-rate",
  title: "Learning rate against time",
  caption: `${caption} The median over all living replicas, and the first ${SHOWN} of them.`,
  x: STEP_AXIS,
  y: { label: "learning rate η", unit: "θ²/loss", scale: "log" },
  marks: [
    ...some(runs, ({ rates }) => rates),
    {
      ...line("median", [], []),
      ...staircase(
        runs[0]?.steps ?? [],
        medianOver(living(runs), ({ rates }, t) => rates[t]!),
      ),
    },
  ],
});

/** |OL/OR − 1| of the checks; the ratio is 0 before the first. */
const imbalance = ({ ratios }: RateRun, t: number): number =>
  t === 0 ? Number.NaN : Math.abs(ratios[t]! - 1);

export const ratioFigure = (
  runs: readonly RateRun[],
  tolerance: number,
  caption: string,
): Figure => {
  const steps = (runs[0]?.steps ?? []).slice(1);
  return {
    id: "balance",
    title: "Imbalance of the fluctuation-dissipation relation",
    caption:
      `${caption} |O_L/O_R − 1| over the second half of the steps since the last drop, at each check. ` +
      "It falls as the inverse of that time, since O_L − O_R is a difference of end points; " +
      "below the line the rate drops and the averages begin anew.",
    x: STEP_AXIS,
    y: { label: "|O_L/O_R − 1|", scale: "log" },
    marks: [
      ...living(runs)
        .slice(0, SHOWN - 1)
        .map((run, k) =>
          line(
            `replica ${k}`,
            steps,
            steps.map((_, t) => imbalance(run, t + 1)),
          ),
        ),
      line("median", steps, medianOver(living(runs), imbalance).slice(1)),
      {
        ...line("tolerance X", [0, steps[steps.length - 1] ?? 1], [tolerance, tolerance]),
        role: "theory",
      },
    ],
  };
};

export const survivalFigure = (runs: readonly RateRun[], caption: string): Figure => {
  const alive = living(runs);
  const steps = runs[0]?.steps ?? [];
  const without = (drops: number): number[] =>
    steps.map((step) => {
      const fewer = alive.filter((run) => run.drops.filter((d) => d.step <= step).length < drops);
      return fewer.length / alive.length;
    });
  return {
    id: "waiting",
    title: "Waiting for a drop",
    caption: `${caption} Share of the living replicas whose rate has dropped less often.`,
    x: STEP_AXIS,
    y: { label: "share of replicas" },
    marks: [1, 2, 3].map((drops) => ({
      ...line(["no drop", "at most one", "at most two"][drops - 1]!, [], []),
      ...staircase(steps, without(drops)),
    })),
  };
};

export function excessFigure(
  runs: readonly RateRun[],
  theory: SchedulerTheory,
  caption: string,
): Figure {
  const alive = living(runs);
  const steps = runs[0]?.steps ?? [];
  const measured = steps.map((_, t) =>
    estimateOf(() => replicaMean(alive.map(({ excess }) => excess[t]!))),
  );
  const known = new Map<number, number>();
  const stationary = (rate: number): number => {
    if (!known.has(rate)) {
      const state = theory.at(rate);
      known.set(rate, state ? stationaryExcess(state) : Number.NaN);
    }
    return known.get(rate)!;
  };
  const expected = steps.map(
    (_, t) => alive.reduce((sum, { rates }) => sum + stationary(rates[t]!), 0) / alive.length,
  );
  const marks: Mark[] = [
    {
      ...line(
        "measured",
        steps,
        measured.map(({ value }) => value),
      ),
      standardError: measured.map(({ standardError }) => standardError),
    },
  ];
  if (expected.some(Number.isFinite)) {
    marks.push({ ...line("stationary at these rates", steps, expected), role: "theory" });
  }
  return {
    id: "excess-loss",
    title: "Loss above its minimum",
    caption:
      `${caption} Mean over the living replicas at each check, one standard error as band; the ` +
      "theory is the exact stationary value at the rates the replicas have by then, which the loss " +
      "follows with a delay of 1/(ηh).",
    x: STEP_AXIS,
    y: { label: "excess loss", unit: "loss", scale: "log" },
    marks,
  };
}
