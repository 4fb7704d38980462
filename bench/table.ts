/** The bench for a reader: a table of rows, and the adapter's roofline in a few lines. */
import { printDuration, siPrefixed } from "../report/notation.ts";
import { printTable } from "../report/table.ts";
import type { Roofline } from "./roofline.ts";
import type { BenchRow } from "./runBench.ts";

const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;

/** What the table needs of a row. */
type PrintedRow = Omit<BenchRow, "fractionOfPeak" | "fractionOfLoadPeak" | "spread" | "repeats"> & {
  readonly fractionOfPeak: number | null;
  readonly fractionOfLoadPeak?: number | null;
  readonly spread?: BenchRow["spread"];
};

/** Quartiles of the rate about its median, as shares: `−1.2 … +0.8 %`. */
function printSpread({ spread, replicaStepsPerSecond }: PrintedRow): string {
  if (spread === undefined) return "";
  const [lower, upper] = spread.map((rate) => 100 * (rate / replicaStepsPerSecond - 1));
  return `−${Math.abs(lower!).toFixed(1)} … +${upper!.toFixed(1)} %`;
}

/** How far the best candidate is ahead of the choice, and what choosing took, cold and warm. */
const printTuner = ({ tuner }: PrintedRow): string =>
  tuner === undefined
    ? ""
    : `best × ${tuner.ratio.toFixed(2)}, ${tuner.coldSeconds.toFixed(1)} s, ` +
      `${(1e3 * tuner.warmSeconds).toFixed(1)} ms`;

/** The rows as a table, searches in one of their own. */
export function printBench(rows: readonly PrintedRow[]): string {
  const searches = rows.filter(({ search }) => search !== undefined);
  const named = new Set(searches.map(({ workload }) => workload));
  const steps = rows.filter(({ workload }) => !named.has(workload));
  const tables = [
    ...(steps.length > 0 || searches.length === 0 ? [printSteps(steps)] : []),
    ...(searches.length > 0 ? [printSearches(searches)] : []),
  ];
  return tables.join("\n");
}

/** Neighbor searches: time of one on the device, and of a loop over all pairs. */
function printSearches(rows: readonly PrintedRow[]): string {
  const right = (title: string, cell: (row: PrintedRow) => string | number) =>
    ({ title, align: "right", cells: rows.map((row) => String(cell(row))) }) as const;
  return printTable([
    { title: "workload", align: "left", cells: rows.map(({ workload }) => workload) },
    right("points", (row) => row.replicas),
    right("dimensions", (row) => row.params),
    right("neighbors", (row) => row.batchSize),
    right("device", ({ search }) => printMilliseconds(search!.seconds)),
    right("quartiles", printSpread),
    right("float64 loop, one core", ({ search }) => printMilliseconds(search!.loopSeconds)),
    right("ratio", ({ search }) => search!.ratio.toPrecision(3)),
    right("GFLOP/s", (row) => row.gflops.toPrecision(3)),
    { title: "adapter", align: "left", cells: rows.map(({ adapter }) => adapter) },
  ]);
}

const printMilliseconds = (seconds: number): string => `${Math.round(1e3 * seconds)} ms`;

function printSteps(rows: readonly PrintedRow[]): string {
  const text = (cell: (row: PrintedRow) => string | number): string[] =>
    rows.map((row) => String(cell(row)));
  const right = (title: string, cell: (row: PrintedRow) => string | number) =>
    ({ title, align: "right", cells: text(cell) }) as const;
  return printTable([
    { title: "workload", align: "left", cells: text((row) => row.workload) },
    { title: "schedule", align: "left", cells: text((row) => row.schedule) },
    right("replicas", (row) => row.replicas),
    right("params", (row) => row.params),
    right("batch", (row) => row.batchSize),
    right("replica-steps/s", (row) => siPrefixed(row.replicaStepsPerSecond)),
    right("quartiles", printSpread),
    right("GFLOP/s", (row) => row.gflops.toPrecision(3)),
    right("of FMA peak", ({ fractionOfPeak }) =>
      fractionOfPeak === null ? "" : percent(fractionOfPeak),
    ),
    right("of load peak", ({ fractionOfLoadPeak = null }) =>
      fractionOfLoadPeak === null ? "" : percent(fractionOfLoadPeak),
    ),
    right("beside plain", ({ overhead }) =>
      overhead === undefined ? "" : `× ${(1 + overhead).toFixed(2)}`,
    ),
    ...(rows.some(({ tuner }) => tuner) ? [right("tuner's choice", printTuner)] : []),
    right("time", (row) => printDuration(row.seconds)),
    { title: "adapter", align: "left", cells: text((row) => row.adapter) },
  ]);
}

/** The roofline in lines: which form each peak is of. */
export function printRoofline(roofline: Roofline): string {
  const rate = (perSecond: number): string => `${siPrefixed(perSecond)}/s`;
  const microseconds = (seconds: number): string => `${(1e6 * seconds).toPrecision(2)} us`;
  return [
    `peak: ${((2 * roofline.multiplyAddsPerSecond) / 1e9).toPrecision(3)} GFLOP/s in ` +
      "independent multiply-adds",
    `loads: scalar ${rate(roofline.scalarLoadsPerSecond)}, ` +
      `vec4f ${rate(roofline.vectorLoadsPerSecond)} (each invocation its own address), ` +
      `${rate(roofline.sharedVectorLoadsPerSecond)} (one address a workgroup)`,
    `workgroup memory: vec4f loads ${rate(roofline.workgroupLoadsPerSecond)} (own address), ` +
      `${rate(roofline.sharedWorkgroupLoadsPerSecond)} (one address), ` +
      `barriers passed ${rate(roofline.barriersPerSecond)} by invocations in workgroups of 64`,
    `functions: exp ${rate(roofline.expPerSecond)} (WGSL's own ` +
      `${rate(roofline.builtinExpPerSecond)}), tanh ${rate(roofline.tanhPerSecond)} (WGSL's own ` +
      `${rate(roofline.builtinTanhPerSecond)})`,
    `dispatch: ${microseconds(roofline.dispatchSeconds)}, ` +
      `submit: ${microseconds(roofline.submitSeconds)} more`,
  ].join("\n");
}
