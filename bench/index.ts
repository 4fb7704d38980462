/** The bench's public door; re-exports only. */

export { measureRoofline, type Roofline } from "./roofline.ts";
export { type BenchOptions, type BenchProgress, type BenchRow, runBench } from "./runBench.ts";
export { printBench, printRoofline } from "./table.ts";
export type { Workload } from "./workload.ts";
export { workloads } from "./workloads.ts";
