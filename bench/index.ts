/** The bench's public door. */

import { neighborWorkloads } from "./neighborWorkloads.ts";
import type { SearchWorkload, Workload } from "./workload.ts";
import { workloads as ensembles } from "./workloads.ts";

export { costFigures, printCostGrowth } from "./costFigures.ts";
export { type CostGrowth, measureCostGrowth } from "./costGrowth.ts";
export { measureRoofline, type Roofline } from "./roofline.ts";
export { type BenchOptions, type BenchProgress, type BenchRow, runBench } from "./runBench.ts";
export { printBench, printRoofline } from "./table.ts";
export type { SearchWorkload, Workload } from "./workload.ts";

/** In the order of the table. */
export const workloads: readonly (Workload | SearchWorkload)[] = [
  ...ensembles,
  ...neighborWorkloads,
];
