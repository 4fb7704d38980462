/**
 * The kernels of a plan, whatever its schedule: names, grids, linked WGSL.
 *
 * Grids are those of one dispatch over all lanes; a run cuts large ensembles into slices.
 */
import type { ObservationPlan } from "../observe/observation.ts";
import type { BatchedKernel } from "../plan/batched/batchedKernel.ts";
import type { EnsemblePlan } from "../plan/ensemblePlan.ts";
import type { LinkedShader } from "../wgsl/link.ts";
import { printStretches } from "./source.ts";

export interface ExplainedKernel {
  /** What it computes. */
  readonly name: string;
  /** `steps`: many steps a dispatch. */
  readonly runs: "steps" | "step" | "observed step" | "call";
  /** Workgroups. */
  readonly grid: readonly number[];
  readonly shader: LinkedShader;
}

const RUNS: Readonly<Record<ExplainedKernel["runs"], string>> = {
  steps: "many steps in a dispatch",
  step: "every step",
  "observed step": "steps at which something is recorded",
  call: "beginning or end of a call",
};

/** In the order in which they run; the kernels of a step once each. */
export function explainKernels(
  plan: EnsemblePlan,
  observation: ObservationPlan | null,
  lanes: number,
): readonly ExplainedKernel[] {
  if (plan.schedule !== "batched") {
    const workgroups = plan.schedule === "thread" ? Math.ceil(lanes / plan.workgroup) : lanes;
    const runs = plan.groupMeans ? "step" : "steps";
    const shader = plan.shader(observation);
    const steps = { name: "whole SGD steps", runs, grid: [workgroups], shader } as const;
    return [...meansOf(plan, lanes), steps];
  }
  const slice = Math.min(lanes, plan.mostLanes);
  const entry =
    (runs: ExplainedKernel["runs"]) =>
    ({ name, shader, grid }: BatchedKernel): ExplainedKernel => ({
      ...{ name, runs, shader },
      grid: grid(slice),
    });
  const extra = (plan.observedStep ?? []).filter((kernel) => !plan.step.includes(kernel));
  return [
    entry("call")(plan.load),
    ...plan.step.map(entry("step")),
    ...extra.map(entry("observed step")),
    entry("call")(plan.store),
  ];
}

/** The kernel of the means over groups, where replicas interact. */
function meansOf({ groupMeans, interaction }: EnsemblePlan, lanes: number): ExplainedKernel[] {
  if (!groupMeans || !interaction) return [];
  const means = (lanes / groupMeans.groupSize) * interaction.parameterCount;
  const grid = [Math.ceil(means / groupMeans.meansPerWorkgroup)];
  return [{ name: "means over groups", runs: "step", grid, shader: groupMeans.shader }];
}

/** A line for each. */
export const printKernels = (kernels: readonly ExplainedKernel[]): string[] =>
  kernels.map(
    ({ name, runs, grid, shader }, i) =>
      `${i + 1}. ${name}: ${grid.join(" × ")} workgroup${grid.join() === "1" ? "" : "s"}, ` +
      `${RUNS[runs]}, ${shader.code.length} characters`,
  );

/** Their WGSL; of several kernels each text once, and each file once where it is the same in all. */
export function printSources(kernels: readonly ExplainedKernel[]): string[] {
  const [only] = kernels;
  if (kernels.length === 1) return printStretches(only!.shader);
  const first = new Map<string, number>();
  const seen = new Map<string, number>();
  return kernels.flatMap(({ name, shader }, i) => {
    const same = first.get(shader.code);
    if (same !== undefined) return ["", `// ══ ${i + 1}. ${name}: the text of ${same + 1}`];
    first.set(shader.code, i);
    return ["", `// ══ ${i + 1}. ${name}`, ...printStretches(shader, { seen, number: i + 1 })];
  });
}
