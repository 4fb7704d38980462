/** The cost's growth as two figures, a color and a symbol for each schedule, and as a table. */
import type { Figure, Mark } from "../experiments/experiment.ts";
import { siPrefixed } from "../report/notation.ts";
import { printTable } from "../report/table.ts";
import type { CostGrowth, CostPoint, Series } from "./costGrowth.ts";

const position = ({ series, replicas, params }: CostPoint): number =>
  series === "replicas" ? replicas : params;

/** Microseconds in a second. */
const MICRO = 1e6;

/** Points and a line for each schedule, in the order in which schedules come along the axis. */
function scheduleMarks(points: readonly CostPoint[]): Mark[] {
  const timed = points.filter(({ skipped }) => skipped === null);
  const schedules = [...new Set(timed.map(({ schedule }) => schedule!))];
  return schedules.flatMap((schedule): Mark[] => {
    const own = timed.filter((point) => point.schedule === schedule);
    const shared = {
      label: schedule,
      role: "measured",
      x: own.map(position),
      y: own.map(({ secondsPerReplicaStep }) => MICRO * secondsPerReplicaStep!),
    } as const;
    const half = own.map(({ spread }) => (MICRO * (spread![1] - spread![0])) / 2);
    return [
      { ...shared, kind: "line" },
      { ...shared, kind: "points", standardError: half },
    ];
  });
}

/** Where every operation were a multiply-add at the adapter's peak. */
const peakMark = (points: readonly CostPoint[]): Mark => ({
  kind: "line",
  label: "at the peak of multiply-adds",
  role: "theory",
  x: points.map(position),
  y: points.map(({ secondsAtPeak }) => MICRO * secondsAtPeak),
});

/** One figure a series. */
export function costFigures({ adapter, points }: CostGrowth): Figure[] {
  const figure = (series: Series, title: string, label: string): Figure => {
    const own = points.filter((point) => point.series === series);
    return {
      id: `cost-${series}`,
      title,
      caption: `${adapter}; bars: half the distance of the quartiles.`,
      x: { label, scale: "log" },
      y: { label: "time per replica-step", unit: "µs", scale: "log" },
      marks: [...scheduleMarks(own), peakMark(own)],
    };
  };
  const [first] = points.filter(({ series }) => series === "replicas");
  const [second] = points.filter(({ series }) => series === "parameters");
  return [
    figure("replicas", `Time per replica-step, ${first?.params ?? 0} parameters`, "replicas"),
    figure("parameters", `Time per replica-step, ${second?.replicas ?? 0} replicas`, "parameters"),
  ];
}

/** The points for a reader, those that were skipped with the reason. */
export function printCostGrowth({ points }: CostGrowth): string {
  const ordered = [...points].sort((a, b) =>
    a.series === b.series ? position(a) - position(b) : a.series === "replicas" ? -1 : 1,
  );
  const right = (title: string, cell: (point: CostPoint) => string) =>
    ({ title, align: "right", cells: ordered.map(cell) }) as const;
  const table = printTable([
    { title: "model", align: "left", cells: ordered.map(({ model }) => model) },
    right("replicas", ({ replicas }) => String(replicas)),
    right("params", ({ params }) => String(params)),
    {
      title: "schedule",
      align: "left",
      cells: ordered.map(({ schedule, skipped }) => (skipped === null ? schedule! : "skipped")),
    },
    right("replica-steps/s", ({ secondsPerReplicaStep }) =>
      secondsPerReplicaStep === null ? "" : siPrefixed(1 / secondsPerReplicaStep),
    ),
    right("of FMA peak", ({ secondsPerReplicaStep, secondsAtPeak }) =>
      secondsPerReplicaStep === null
        ? ""
        : `${((100 * secondsAtPeak) / secondsPerReplicaStep).toPrecision(2)} %`,
    ),
  ]);
  const reasons = new Set(ordered.flatMap(({ skipped }) => skipped ?? []));
  return [table, ...[...reasons].map((reason) => `skipped: ${reason}\n`)].join("");
}
