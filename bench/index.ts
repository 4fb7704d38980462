/** The bench's public door. */

import { matmulWorkloads } from "./matmulWorkloads.ts";
import { neighborWorkloads } from "./neighborWorkloads.ts";
import { tunerWorkloads } from "./tunerWorkloads.ts";
import type { MatmulWorkload, SearchWorkload, Workload } from "./workload.ts";
import { workloads as ensembles } from "./workloads.ts";

export { costFigures, printCostGrowth } from "./costFigures.ts";
export { type CostGrowth, measureCostGrowth } from "./costGrowth.ts";
export { measureRoofline, type Roofline } from "./roofline.ts";
export { type BenchOptions, type BenchProgress, type BenchRow, runBench } from "./runBench.ts";
export { printBench, printRoofline } from "./table.ts";
export type { MatmulWorkload, SearchWorkload, Workload } from "./workload.ts";

/** In the order of the table. */
export const workloads: readonly (Workload | SearchWorkload | MatmulWorkload)[] = [
  ...ensembles,
  ...neighborWorkloads,
  ...tunerWorkloads(ensembles.filter(({ id }) => ["w1", "w2", "w3"].includes(id))),
  ...matmulWorkloads,
];
