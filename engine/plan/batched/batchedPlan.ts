/**
 * The plan of the schedule `batched`: the kernels of a step, in order, and where values stand.
 *
 * A step is a sequence of dispatches over all lanes of a slice: draw the minibatch, the stages of loss and
 * gradient, their end, the update. Many steps are encoded into one submit; the host is not asked
 * between them. θ of the slice is copied to rows of its own, [slot, vector, param], for as long as
 * the steps of a call last, so that all else of an ensemble sees one layout, whatever the schedule.
 */
import { LimitError } from "../../errors.ts";
import type { TileKind } from "../../execution.ts";
import type { Model } from "../../model.ts";
import type { ObservationPlan } from "../../observe/observation.ts";
import type { SamplingLaw } from "../../sampling.ts";
import type { Dynamics } from "../../update/dynamics.ts";
import { rowLayout } from "../../wgsl/row.ts";
import type { SchedulePlan } from "../schedule.ts";
import { multiplyAdds } from "../staged/contraction.ts";
import { stagedRefusal } from "../staged/refusal.ts";
import type { Stage, StagedProgram } from "../staged/stagedProgram.ts";
import { trainingProgram } from "../staged/trainingProgram.ts";
import type { BatchedKernel } from "./batchedKernel.ts";
import { type BatchedMemory, batchedMemory } from "./batchedMemory.ts";
import { tileKind } from "./matmulTile.ts";
import { isTiled, productKernel, steppedBlock, steppingProductKernel } from "./productKernel.ts";
import { DRAWN_BATCH } from "./sampleSource.ts";
import type { StageContext } from "./stageKernel.ts";
import { elementStageKernel } from "./stageQuads.ts";
import {
  checkKernel,
  drawBatchKernel,
  finishGradientKernels,
  moveKernel,
  observeKernel,
  ruleKernel,
  type StepContext,
} from "./stepKernels.ts";

export interface BatchedRequest {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly sampling: SamplingLaw;
  readonly samples: number;
  readonly maxBatch: number;
  readonly lanes: number;
  readonly observation: ObservationPlan | null;
  readonly limits: {
    readonly maxStorageBufferBindingSize: number;
    readonly maxBufferSize: number;
    readonly subgroupMinSize: number;
  };
  readonly tile?: TileKind;
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
  /** The kernels of a step, in order. */
  readonly step: readonly BatchedKernel[];
  /** Those of a step at which something is observed; null without observables on the device. */
  readonly observedStep: readonly BatchedKernel[] | null;
}

/** Bytes of a replica's widest buffer. */
function laneBytes(memory: BatchedMemory, maxBatch: number): number {
  return 4 * Math.max(memory.replicaWords, memory.scratchWords, maxBatch);
}

const kernelOf = (context: StageContext, stage: Stage): BatchedKernel =>
  stage.contraction && isTiled(stage.contraction)
    ? productKernel(context, stage)
    : elementStageKernel(context, stage);

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

/**
 * Stages that no other reads go last. They need no words of their own, so that the update of a block
 * may be put to the end of its gradient's product: what that reads is not overwritten until then.
 */
function endsLast({ stages, statementOf }: StagedProgram): StagedProgram {
  const read = new Set(stages.flatMap((stage) => stage.reads));
  const isEnd = ({ statements }: Stage): boolean => !statements.some((one) => read.has(one));
  return {
    stages: [...stages.filter((stage) => !isEnd(stage)), ...stages.filter(isEnd)],
    statementOf,
  };
}

export function planBatched(request: BatchedRequest): BatchedPlan {
  const { model, dynamics, observation, maxBatch, limits } = request;
  const refusal = stagedRefusal(model, dynamics, observation);
  if (refusal !== null) {
    throw new LimitError(
      `batched schedule: it does not run ${refusal}; use schedule: "thread", or leave that out.`,
    );
  }
  const program = endsLast(trainingProgram(model));
  const { parameterCount } = model;
  const observesGradient = readsGradient(observation);
  const keepsGradient = dynamics.clip || observesGradient;
  const memory = batchedMemory(program, dynamics, model, maxBatch, keepsGradient);
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const each = laneBytes(memory, maxBatch);
  if (each > bytes) {
    throw new LimitError(
      `batched schedule: ${model.name} with batches of ${maxBatch} samples needs a buffer of ${each} ` +
        `bytes for one replica, this device binds ${bytes}; use smaller batches or fewer parameters.`,
    );
  }
  const row = rowLayout(model.fields);
  const tile = request.tile ?? tileKind(limits);
  if (tile === "subgroups" && tileKind(limits) !== tile) {
    throw new LimitError(
      `batched schedule: tiles of subgroups need subgroups of 8 lanes at least, this device has ` +
        `${limits.subgroupMinSize}; use tile: "registers".`,
    );
  }
  const source = DRAWN_BATCH;
  const context = { ...request, parameterCount, memory, program, row, tile, source };
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
    ...stepSequences(context, observation, observesGradient),
  };
}

/** Does any observable read G? */
const readsGradient = (observation: ObservationPlan | null): boolean =>
  observation !== null && /\bgradient\b/.test(observation.code);

/** Ranges of quads of parameters that lie in none of some blocks, [first, last). */
function otherQuads(blocks: readonly { offset: number; size: number }[], quads: number) {
  const ranges: [first: number, last: number][] = [];
  let first = 0;
  for (const { offset, size } of [...blocks].sort((a, b) => a.offset - b.offset)) {
    if (offset / 4 > first) ranges.push([first, offset / 4]);
    first = (offset + size) / 4;
  }
  if (first < quads) ranges.push([first, quads]);
  return ranges;
}

/** The two sequences of a step: the quick one, and that in which G is there to be observed. */
function stepSequences(
  context: StageContext & StepContext,
  observation: ObservationPlan | null,
  observesGradient: boolean,
): Pick<BatchedPlan, "step" | "observedStep"> {
  const { dynamics, program, memory, model } = context;
  const quads = memory.vectorWords / 4;
  const begin = [
    drawBatchKernel(context),
    ...(dynamics.rule.prepare ? [ruleKernel(context, "prepare")] : []),
  ];
  const check = checkKernel(context);
  const finish = dynamics.clip || observesGradient ? finishGradientKernels(context) : [];
  const observe =
    observation && observation.code !== "" ? observeKernel(context, observation) : null;
  const kernels = new Map(program.stages.map((stage) => [stage, kernelOf(context, stage)]));
  const stages = [...kernels.values()];
  const updateAll = ruleKernel(context, "update");
  const stepping = dynamics.clip
    ? []
    : program.stages.flatMap((stage) => {
        const block = steppedBlock(context, stage);
        return block ? [{ stage, block }] : [];
      });
  const others = program.stages.filter((stage) => stepping.every((one) => one.stage !== stage));
  const blocks = stepping.map(({ block }) => model.params.find(({ name }) => name === block)!);
  const step = [
    ...begin,
    ...others.map((stage) => kernels.get(stage)!),
    check,
    ...(dynamics.clip ? finish : []),
  ];
  const update = [
    ...stepping.map(({ stage }) => steppingProductKernel(context, stage)),
    ...otherQuads(blocks, quads).map((range) => ruleKernel(context, "update", range)),
  ];
  const observed = observesGradient
    ? [...begin, ...stages, check, ...finish, ...(observe ? [observe] : []), updateAll]
    : [...step, ...(observe ? [observe] : []), ...update];
  return { step: [...step, ...update], observedStep: observe ? observed : null };
}
