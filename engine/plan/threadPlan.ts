/**
 * The plan of the `thread` schedule: linked WGSL, launch geometry, memory, and the reasons.
 *
 * A Plan is plain data: it can be printed and compared without a GPU. What depends on the device
 * (chunks, steps per dispatch) is decided by `run/`, and never changes a result.
 */
import { sources } from "#shaders";
import { invariant, LimitError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { ObservationPlan } from "../observe/observation.ts";
import { SAMPLING_SHADERS, type SamplingLaw } from "../sampling.ts";
import { type Dynamics, stateWords } from "../update/dynamics.ts";
import { drawnBytes } from "../wgsl/drawAccess.ts";
import { hyperparameterLoader, hyperparameterStruct } from "../wgsl/hyperparameters.ts";
import { type Schema, structText } from "../wgsl/layout.ts";
import { type LinkedShader, link, type SlotBody } from "../wgsl/link.ts";
import { rowLayout } from "../wgsl/row.ts";
import { lossGradientFunction } from "../wgsl/sampleFunction.ts";
import { adaptationMemory } from "./adaptationSlots.ts";
import { gradientMemory, gradientSlots } from "./gradientSlots.ts";
import {
  GROUP_MEAN,
  groupMeansPlan,
  type InteractionRequest,
  loadGroupMeanOrStop,
} from "./interactionSlots.ts";
import type { SchedulePlan } from "./schedule.ts";
import { indented, normalWords, threadSlots } from "./threadSlots.ts";

export const RUN_SCHEMA = {
  first_step: "u32",
  steps: "u32",
  seed: "u32",
  first_lane: "u32",
  last_lane: "u32",
  lanes: "u32",
  global_lane: "u32",
  replicas: "u32",
  first_replica: "u32",
  conditions: "u32",
  common_noise: "u32",
  rebuild: "u32",
  observe_first: "u32",
  window_first: "u32",
  theta_bound: "f32",
  loss_bound: "f32",
} as const satisfies Schema;

export interface ThreadRequest {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly sampling: SamplingLaw;
  readonly samples: number;
  readonly maxBatch: number;
  /** Lanes of the whole ensemble: sets the default workgroup size. */
  readonly lanes: number;
  /** Replicas that interact, where the model reads their mean; null or left out where it does not. */
  readonly groupSize?: number | null;
  readonly workgroup?: number;
  readonly unroll?: number;
}

export interface ThreadPlan extends SchedulePlan {
  readonly schedule: "thread";
  readonly workgroup: number;
  /** Bytes of θ, G and v in function memory. */
  readonly functionMemory: number;
  /** The kernel with these observables (none: the kernel of `advance`). */
  readonly shader: (observation: ObservationPlan | null) => LinkedShader;
}

/** Function-scope memory that WGSL lets a function have (section "Limits"). */
export const FUNCTION_MEMORY = 8192;
/** Iterations up to which loops are written out, unless asked otherwise. */
export const UNROLL = 4096;

/** What a replica holds in function memory: θ, G, kept vectors, the point of G, random numbers. */
function held({ model, dynamics }: ThreadRequest): { names: string; bytes: number; each: number } {
  const { kept, rule, rate } = dynamics;
  const count = model.parameterCount;
  const normals = normalWords(dynamics, count);
  const copies = rule.prepare ? 1 + kept.length : 0;
  const adaptation = adaptationMemory(rate?.adaptation);
  const gradient = gradientMemory(dynamics, count);
  const names = ["θ", "G", ...kept.map((name) => (name === "velocity" ? "v" : name))];
  if (copies > 0) names.push("the point of G");
  names.push(...gradient.names);
  if (normals > 0) names.push("random numbers");
  if (rate?.adaptation) names.push("sums of the rate");
  const drawn = drawnBytes(model);
  if (drawn > 0) names.push("the draws of a sample");
  const vectors = 2 + kept.length + copies + adaptation.each;
  const bytes = 4 * (vectors * count + gradient.words + normals + adaptation.fixed) + drawn;
  return {
    names: `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`,
    bytes,
    each: bytes / count,
  };
}

/** What interacts, where the model reads means. */
function interactionOf({ model, dynamics, groupSize }: ThreadRequest): InteractionRequest | null {
  if (!model.interacts) return null;
  invariant(groupSize, `no group size for ${model.name}, whose replicas interact`);
  const { parameterCount } = model;
  return { parameterCount, words: stateWords(dynamics, parameterCount), groupSize };
}

/** The model's function with the means it reads, and their loading before anything else. */
function interactionSlots(
  interaction: InteractionRequest,
  body: SlotBody,
  loadVectors: SlotBody,
): Record<string, SlotBody> {
  const load = indented(loadGroupMeanOrStop(interaction), 2).code;
  return {
    loss_gradient: { ...body, code: `${GROUP_MEAN}\n\n${body.code}` },
    load_vectors: { ...loadVectors, code: `${load}\n${loadVectors.code}` },
  };
}

export function planThread(request: ThreadRequest): ThreadPlan {
  const { model, dynamics } = request;
  const { rule } = dynamics;
  const { names, bytes: functionMemory, each } = held(request);
  if (functionMemory > FUNCTION_MEMORY) {
    const drawn = drawnBytes(model);
    if (2 * drawn > functionMemory) {
      throw new LimitError(
        `thread schedule: ${names} of ${model.name} need ${functionMemory} bytes of function ` +
          `memory, ${drawn} of them for random numbers, WGSL allows ${FUNCTION_MEMORY}; draw fewer ` +
          "for each sample.",
      );
    }
    throw new LimitError(
      `thread schedule: ${model.name} has ${model.parameterCount} parameters, ${names} need ` +
        `${functionMemory} bytes of function memory, WGSL allows ${FUNCTION_MEMORY}; leave schedule out, ` +
        `or use at most ${Math.floor(FUNCTION_MEMORY / each)} parameters.`,
    );
  }
  const workgroup = request.workgroup ?? defaultWorkgroup(request.lanes);
  const unroll = request.unroll ?? UNROLL;
  const row = rowLayout(model.fields);
  const body = lossGradientFunction(model, row, { unroll });
  checkActivations(model, body.code);
  const { sampling } = request;
  const interaction = interactionOf(request);
  const slots = { model, parameterCount: model.parameterCount, dynamics, unroll, row, sampling };
  const shader = (observation: ObservationPlan | null): LinkedShader =>
    link(
      "schedules/thread",
      {
        params: {
          PARAMS: `${model.parameterCount}u`,
          ROW: `${row.vectors}u`,
          SAMPLES: `${request.samples}u`,
          // Other laws do not use it: their kernel is the same for all batch sizes.
          MAX_BATCH: `${request.sampling === "distinct" ? request.maxBatch : 1}u`,
        },
        slots: {
          run: { code: structText("Run", RUN_SCHEMA) },
          hyperparameters: { code: hyperparameterStruct(rule) },
          load_hyperparameters: { code: hyperparameterLoader(rule) },
          sampling: { code: "", imports: [SAMPLING_SHADERS[request.sampling]] },
          update: { code: "", imports: [rule.shader] },
          loss_gradient: body,
          ...threadSlots({ ...slots, stepSquares: observation?.stepSquares ?? [] }),
          ...(interaction && interactionSlots(interaction, body, threadSlots(slots).load_vectors!)),
          ...gradientSlots(slots),
          ...(observation && {
            observables: { code: observation.declarations, imports: observation.imports },
            observe_load: { code: observation.load },
            observe: { code: observation.code },
            observe_store: { code: observation.store },
          }),
        },
      },
      sources,
    );
  return {
    schedule: "thread",
    maxBatch: sampling === "distinct" ? request.maxBatch : null,
    workgroup,
    unroll,
    row,
    functionMemory,
    reasons: [
      `thread: ${names} of one replica take ${functionMemory} of ` +
        `${FUNCTION_MEMORY} bytes of function memory, so one invocation runs a replica`,
      `workgroup ${workgroup}: ${workgroup === defaultWorkgroup(request.lanes) ? `${request.lanes} lanes spread over the processors` : "given"}`,
      unroll === 0
        ? `loops are kept; unless asked, those of up to ${UNROLL} iterations are written out`
        : `loops of up to ${unroll} iterations are written out, so that arrays are addressed by constants`,
      ...(interaction
        ? [
            `groups of ${interaction.groupSize} replicas interact: their means are computed before each step, ` +
              "so that a step is two dispatches",
          ]
        : []),
    ],
    interaction,
    groupMeans: interaction && groupMeansPlan(interaction, RUN_SCHEMA),
    shader,
  };
}

/** @throws LimitError when what the loss of one sample keeps for its gradient does not fit. */
function checkActivations(model: Model, code: string): void {
  const arrays = [...code.matchAll(/^ *var \w+ = array<f32, (\d+)>/gm)];
  const bytes = arrays.reduce((sum, [, length]) => sum + 4 * Number(length), 0);
  if (bytes <= FUNCTION_MEMORY) return;
  throw new LimitError(
    `thread schedule: what ${model.name} computes from one sample takes ${bytes} bytes of function ` +
      `memory, WGSL allows ${FUNCTION_MEMORY}; use schedule: "batched", or fewer channels, units or pixels.`,
  );
}

/** @throws LimitError when the observables' arrays do not fit beside what a replica holds. */
export function checkFunctionMemory(plan: ThreadPlan, observation: ObservationPlan | null): void {
  const words = observation?.functionWords ?? 0;
  const bytes = plan.functionMemory + 4 * words;
  if (words === 0 || bytes <= FUNCTION_MEMORY) return;
  throw new LimitError(
    `displacement: ${4 * words} bytes of function memory beside the ${plan.functionMemory} of a replica ` +
      `are ${bytes}, WGSL allows ${FUNCTION_MEMORY}; name fewer parameters in of, or give local: false.`,
  );
}

/**
 * Small ensembles use small workgroups, so that there are enough of them to fill the processors;
 * large ones use 64, a multiple of every common subgroup size.
 */
export const defaultWorkgroup = (lanes: number): number => (lanes < 4096 ? 16 : 64);
