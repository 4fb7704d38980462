/**
 * The plan of the schedule `batched`: the kernels of a step, in order, and where values stand.
 *
 * A step is a sequence of dispatches over all lanes of a slice: draw the minibatch, the stages of loss and
 * gradient, their end, the update. Many steps are encoded into one submit; the host is not asked
 * between them. θ of the slice is copied to rows of its own, [slot, vector, param], for as long as
 * the steps of a call last, so that all else of an ensemble sees one layout, whatever the schedule.
 */
import { LimitError } from "../../errors.ts";
import type { Model } from "../../model.ts";
import type { ObservationPlan } from "../../observe/observation.ts";
import type { SamplingLaw } from "../../sampling.ts";
import type { Dynamics } from "../../update/dynamics.ts";
import { rowLayout } from "../../wgsl/row.ts";
import type { SchedulePlan } from "../schedule.ts";
import { multiplyAdds } from "../staged/contraction.ts";
import { stagedRefusal } from "../staged/refusal.ts";
import type { Stage } from "../staged/stagedProgram.ts";
import { trainingProgram } from "../staged/trainingProgram.ts";
import type { BatchedKernel } from "./batchedKernel.ts";
import { type BatchedMemory, batchedMemory } from "./batchedMemory.ts";
import { isTiled, productKernel } from "./productKernel.ts";
import { type StageContext, stageKernel } from "./stageKernel.ts";
import {
  checkKernel,
  drawBatchKernel,
  finishGradientKernels,
  moveKernel,
  observeKernel,
  ruleKernel,
} from "./stepKernels.ts";

export interface BatchedRequest {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly sampling: SamplingLaw;
  readonly samples: number;
  readonly maxBatch: number;
  readonly lanes: number;
  readonly observation: ObservationPlan | null;
  readonly limits: { readonly maxStorageBufferBindingSize: number; readonly maxBufferSize: number };
}

/** The kernels of one step; observables stand between the gradient and the update. */
export interface BatchedStep {
  readonly gradient: readonly BatchedKernel[];
  readonly observe: BatchedKernel | null;
  readonly update: readonly BatchedKernel[];
}

export interface BatchedPlan extends SchedulePlan {
  readonly schedule: "batched";
  readonly maxBatch: number;
  readonly memory: BatchedMemory;
  /** Lanes that fit one slice's buffers. */
  readonly mostLanes: number;
  /** Multiply-adds of a replica-step in matrix products: the work by which steps are paced. */
  readonly multiplyAdds: number;
  readonly load: BatchedKernel;
  readonly store: BatchedKernel;
  readonly step: BatchedStep;
}

/** Bytes of a replica's widest buffer. */
function laneBytes(memory: BatchedMemory, maxBatch: number): number {
  return 4 * Math.max(memory.replicaWords, memory.scratchWords, maxBatch);
}

const kernelOf = (context: StageContext, stage: Stage): BatchedKernel =>
  stage.contraction && isTiled(stage.contraction)
    ? productKernel(context, stage, stage.contraction)
    : stageKernel(context, stage);

function reasonsOf(
  { model, maxBatch }: BatchedRequest,
  memory: BatchedMemory,
  stages: readonly Stage[],
): string[] {
  const products = stages.filter(({ contraction }) => contraction !== null).length;
  return [
    `batched: ${model.parameterCount} parameters and batches of up to ${maxBatch} samples are worked on ` +
      `by ${stages.length} fused dispatches a step, ${products} of them products of matrices, beside ` +
      "those that draw the minibatch and update",
    `${4 * memory.scratchWords} bytes of scratch a replica` +
      (memory.withoutReuse > memory.scratchWords
        ? `, ${4 * (memory.withoutReuse - memory.scratchWords)} saved by using words again`
        : ""),
  ];
}

export function planBatched(request: BatchedRequest): BatchedPlan {
  const { model, dynamics, observation, maxBatch, limits } = request;
  const refusal = stagedRefusal(model, dynamics, observation);
  if (refusal !== null) {
    throw new LimitError(
      `batched schedule: it does not run ${refusal}; use schedule: "thread", or leave that out.`,
    );
  }
  const program = trainingProgram(model);
  const { parameterCount } = model;
  const memory = batchedMemory(program, dynamics, model, maxBatch);
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const each = laneBytes(memory, maxBatch);
  if (each > bytes) {
    throw new LimitError(
      `batched schedule: ${model.name} with batches of ${maxBatch} samples needs a buffer of ${each} ` +
        `bytes for one replica, this device binds ${bytes}; use smaller batches or fewer parameters.`,
    );
  }
  const row = rowLayout(model.fields);
  const context = { ...request, parameterCount, memory, program, row };
  const { rule } = dynamics;
  const observe =
    observation && observation.code !== "" ? observeKernel(context, observation) : null;
  return {
    schedule: "batched",
    row,
    unroll: 0,
    reasons: reasonsOf(request, memory, program.stages),
    interaction: null,
    groupMeans: null,
    maxBatch,
    memory,
    mostLanes: Math.min(Math.floor(bytes / each), 65535),
    multiplyAdds: program.stages.reduce(
      (sum, { contraction }) => sum + (contraction ? multiplyAdds(contraction, maxBatch) : 0),
      0,
    ),
    load: moveKernel(context, "load"),
    store: moveKernel(context, "store"),
    step: {
      gradient: [
        drawBatchKernel(context),
        ...(rule.prepare ? [ruleKernel(context, "prepare")] : []),
        ...program.stages.map((stage) => kernelOf(context, stage)),
        checkKernel(context),
        ...finishGradientKernels(context),
      ],
      observe,
      update: [ruleKernel(context, "update")],
    },
  };
}
