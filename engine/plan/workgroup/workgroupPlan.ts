/**
 * The plan of the `workgroup` schedule: one workgroup a replica, whole SGD steps in a dispatch, the
 * replica's state in workgroup memory.
 *
 * Its threads share samples and units and meet at barriers, which are dear: they are counted here and
 * explained in `reasons`. Nothing a replica computes depends on the number of threads.
 */
import { sources } from "#shaders";
import { LimitError } from "../../errors.ts";
import { size } from "../../graph.ts";
import type { ObservationPlan } from "../../observe/observation.ts";
import { SAMPLING_SHADERS } from "../../sampling.ts";
import { hyperparameterLoader, hyperparameterStruct } from "../../wgsl/hyperparameters.ts";
import { structText } from "../../wgsl/layout.ts";
import { type LinkedShader, link } from "../../wgsl/link.ts";
import { rowLayout } from "../../wgsl/row.ts";
import type { SchedulePlan } from "../schedule.ts";
import { stagedRefusal } from "../staged/refusal.ts";
import type { StagedProgram } from "../staged/stagedProgram.ts";
import { trainingProgram } from "../staged/trainingProgram.ts";
import { RUN_SCHEMA, type ThreadRequest, UNROLL } from "../threadPlan.ts";
import { pointOf } from "../threadSlots.ts";
import { dynamicsSlots } from "./dynamicsSlots.ts";
import { type LevelsCode, levelsCode } from "./levels.ts";
import { type WorkgroupMemory, workgroupMemory } from "./memory.ts";

export interface WorkgroupRequest extends ThreadRequest {
  readonly observation: ObservationPlan | null;
  readonly limits: { readonly maxComputeWorkgroupStorageSize: number };
}

export interface WorkgroupPlan extends SchedulePlan {
  readonly schedule: "workgroup";
  /** Threads of a replica. */
  readonly workgroup: number;
  readonly memory: WorkgroupMemory;
  /** Barriers of a step. */
  readonly barriers: number;
  /** The kernel with these observables (none: the kernel of `advance`). */
  readonly shader: (observation: ObservationPlan | null) => LinkedShader;
}

/** Workgroup memory that every WebGPU device has. */
const DEFAULT_STORAGE = 16384;
/** Function-scope memory that WGSL lets a function have (section "Limits"). */
const FUNCTION_MEMORY = 8192;

/** Elements of the largest stage. */
const widest = ({ stages }: StagedProgram, maxBatch: number): number =>
  Math.max(...stages.map(({ shape, perSample }) => size(shape) * (perSample ? maxBatch : 1)));

/**
 * Threads by rule: about four elements of the largest stage for each, a tile of registers; from one
 * subgroup of the common GPUs, 32, to what WebGPU allows everywhere, 256.
 */
function defaultThreads(program: StagedProgram, maxBatch: number): number {
  const wanted = widest(program, maxBatch) / 4;
  return [32, 64, 128].find((threads) => threads >= wanted) ?? 256;
}

/** @throws LimitError where a replica does not fit into the device's workgroup memory. */
function checkMemory(request: WorkgroupRequest, { bytes }: WorkgroupMemory): void {
  const { model, dynamics, limits, maxBatch, sampling } = request;
  const allowed = limits.maxComputeWorkgroupStorageSize;
  if (bytes <= allowed) return;
  const program = trainingProgram(model);
  const fits = (batch: number): boolean =>
    workgroupMemory({ model, dynamics, program, maxBatch: batch }).bytes <= allowed;
  let largest = sampling === "fullBatch" ? 0 : maxBatch;
  while (largest > 0 && !fits(largest)) largest -= 1;
  throw new LimitError(
    `workgroup schedule: a replica of ${model.name} needs ${bytes} bytes of workgroup memory with ` +
      `batches of ${maxBatch}, this device allows ${allowed}; use schedule: "batched"` +
      (largest > 0
        ? `, or a batchSize of at most ${largest}.`
        : `; ${model.parameterCount} parameters are too many for it, whatever the batch.`),
  );
}

function checkRequest(request: WorkgroupRequest): void {
  const { model, dynamics, observation } = request;
  const refusal = stagedRefusal(model, dynamics, observation);
  if (refusal !== null) {
    throw new LimitError(
      `workgroup schedule: it cannot run ${refusal}; use schedule: "thread", or leave it out.`,
    );
  }
  const words = observation?.functionWords ?? 0;
  if (4 * words > FUNCTION_MEMORY) {
    throw new LimitError(
      `workgroup schedule: displacement takes ${4 * words} bytes of function memory, WGSL allows ` +
        `${FUNCTION_MEMORY}; name fewer parameters in of.`,
    );
  }
}

/** One sentence each. */
function reasons(
  request: WorkgroupRequest,
  program: StagedProgram,
  { bytes, variables }: WorkgroupMemory,
  { barriers, tiles }: LevelsCode,
  threads: number,
): string[] {
  const { dynamics, limits, maxBatch } = request;
  const words = (name: string): number => variables.find((one) => one.name === name)?.words ?? 0;
  const further = [
    ...(dynamics.rule.prepare ? ["1 after the point of G"] : []),
    ...(dynamics.clip ? ["2 to clip G"] : []),
    "1 after the update",
  ];
  const all = barriers + (dynamics.rule.prepare ? 1 : 0) + (dynamics.clip ? 2 : 0) + 1;
  return [
    `workgroup: a replica takes ${bytes} of ${limits.maxComputeWorkgroupStorageSize} bytes of workgroup ` +
      `memory, ${4 * words("scratch")} of them for values between levels, in batches of up to ${maxBatch}`,
    ...(bytes > DEFAULT_STORAGE
      ? [
          `that is more than the ${DEFAULT_STORAGE} bytes that every WebGPU device has: this one has more, ` +
            "others may refuse",
        ]
      : []),
    `${threads} threads a replica: ` +
      (request.workgroup
        ? "asked for"
        : `the largest of ${program.stages.length} stages has ${widest(program, maxBatch)} elements`),
    `${all} barriers a step: ${barriers} after levels of loss and gradient, ${further.join(", ")}`,
    ...(tiles.length > 0
      ? [
          `matrix products in tiles of registers: ${tiles.map(({ rows, columns }) => `${rows}×${columns}`).join(", ")}`,
        ]
      : []),
    "sums run in a fixed order, so that no number depends on how many threads there are",
  ];
}

/**
 * @throws LimitError, with numbers and the remedy, where the schedule cannot run this ensemble.
 */
export function planWorkgroup(request: WorkgroupRequest): WorkgroupPlan {
  checkRequest(request);
  const { model, dynamics, sampling, maxBatch } = request;
  const program = trainingProgram(model);
  const memory = workgroupMemory({ model, dynamics, program, maxBatch });
  checkMemory(request, memory);
  const threads = request.workgroup ?? defaultThreads(program, maxBatch);
  const row = rowLayout(model.fields);
  const point = pointOf(dynamics) === "point" ? "point" : "theta";
  const levels = levelsCode({ program, model, row, memory, maxBatch, threads, point });
  const { variables } = memory;
  const scratch = variables.find(({ name }) => name === "scratch")!.words;
  const shader = (observation: ObservationPlan | null): LinkedShader =>
    link(
      "schedules/workgroup",
      {
        params: {
          PARAMS: `${model.parameterCount}u`,
          ROW: `${row.vectors}u`,
          SAMPLES: `${request.samples}u`,
          BATCH: `${maxBatch}u`,
          SCRATCH: `${scratch}u`,
          // Other laws do not use it: their kernel is the same for all batch sizes.
          MAX_BATCH: `${sampling === "distinct" ? maxBatch : 1}u`,
        },
        slots: {
          run: { code: structText("Run", RUN_SCHEMA) },
          hyperparameters: { code: hyperparameterStruct(dynamics.rule) },
          load_hyperparameters: { code: hyperparameterLoader(dynamics.rule) },
          sampling: { code: "", imports: [SAMPLING_SHADERS[sampling]] },
          update: { code: "", imports: [dynamics.rule.shader] },
          functions: levels.functions,
          levels: levels.levels,
          ...dynamicsSlots({
            model,
            dynamics,
            sampling,
            observing: observation !== null,
            variables,
          }),
          ...(observation && observationSlots(observation)),
        },
      },
      sources,
    );
  return {
    schedule: "workgroup",
    workgroup: threads,
    unroll: request.unroll ?? UNROLL,
    row,
    maxBatch,
    memory,
    barriers: levels.barriers + (dynamics.rule.prepare ? 1 : 0) + (dynamics.clip ? 2 : 0) + 1,
    reasons: reasons(request, program, memory, levels, threads),
    interaction: null,
    groupMeans: null,
    shader,
  };
}

/** Observables run in one thread, between barriers: θ and G are complete and do not change. */
function observationSlots(plan: ObservationPlan) {
  const inOneThread = (condition: string, code: string, spaces: string): string =>
    [`${spaces}if (${condition}) {`, code, `${spaces}}`].join("\n");
  return {
    observables: { code: plan.declarations, imports: plan.imports },
    observe_load: { code: plan.load },
    observe: {
      code: [
        "    workgroupBarrier();  // G is complete",
        inOneThread("thread == 0u && running", plan.code, "    "),
        "    workgroupBarrier();  // and has been seen",
      ].join("\n"),
    },
    observe_store: { code: inOneThread("thread == 0u", plan.store, "  ") },
  };
}
