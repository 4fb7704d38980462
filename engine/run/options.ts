/**
 * What a user says of an ensemble, checked and completed; and its fingerprint.
 */
import { ArgumentError, LimitError } from "../errors.ts";
import { type Execution, SCHEDULES, TILES } from "../execution.ts";
import { topologicalOrder } from "../graph.ts";
import { fixed, type Initial, type InitialLaw } from "../initial.ts";
import type { Model } from "../model.ts";
import type { Observables } from "../observe/observation.ts";
import { type LastBatch, SAMPLING_LAWS, type SamplingLaw, validateSampling } from "../sampling.ts";
import { checkInitial } from "../start/checkInitial.ts";
import {
  type Dynamics,
  type DynamicsOptions,
  dynamicsOf,
  dynamicsWords,
  stateWords,
  withRate,
  withSettings,
} from "../update/dynamics.ts";
import { checkNoiseModel } from "../update/noiseModel.ts";
import type { Setting, UpdateRule } from "../update/updateRule.ts";
import { VERSION } from "../version.ts";
import { type DataSource, packRows, rowLayout } from "../wgsl/row.ts";
import { checkData } from "./checkData.ts";
import { resolveConditions, ruleFor, type Sweep, sweptNames } from "./conditions.ts";
import { hex, sha256 } from "./container.ts";
import type { EnsembleShape } from "./ensembleShape.ts";
import { resolveGroupSize } from "./groupSize.ts";

export type { Execution } from "../execution.ts";

export interface EnsembleOptions<O extends Observables = Observables> extends DynamicsOptions {
  readonly model: Model;
  readonly data: DataSource;
  readonly update: UpdateRule;
  /** All combinations become conditions of this one ensemble. */
  readonly sweep?: Sweep;
  /** `withReplacement` unless said otherwise; see `sampling.ts` for the laws. */
  readonly sampling?: SamplingLaw;
  /** What to do when the batch size does not divide the samples. */
  readonly lastBatch?: LastBatch;
  /** How many, or a range of a larger ensemble. */
  readonly replicas: number | { readonly first: number; readonly count: number };
  /**
   * Replicas that interact, where the model's loss reads their mean: each condition's replicas are cut
   * in groups of so many, one after the other, which know nothing of each other. All replicas of a
   * condition unless given.
   */
  readonly groupSize?: number;
  /** Whole number in [0, 2³²). */
  readonly seed: number;
  /** Every condition gets the same random numbers. */
  readonly commonNoise?: boolean;
  /** θ₀ (and v₀) of the replicas; all zero unless said otherwise. */
  readonly initial?: InitialLaw;
  readonly observables?: O;
  /** What a replica does that leaves `bounds`: `freeze` (counted, NaN in Records) or `throw`. */
  readonly onDiverge?: "freeze" | "throw";
  readonly bounds?: { readonly theta?: number; readonly loss?: number };
  /** What it leaves open is taken from the device's (`openDevice`), then measured (`run/tune.ts`). */
  readonly execution?: Execution;
  /** A checkpoint of the same ensemble. */
  readonly from?: Uint8Array;
}

export interface Resolved {
  readonly version: string;
  readonly model: Model;
  readonly data: DataSource;
  readonly rule: UpdateRule;
  readonly conditions: readonly Setting[];
  readonly sampling: SamplingLaw;
  readonly replicas: { readonly first: number; readonly count: number };
  /** Replicas that interact; null where the model does not read their mean. */
  readonly groupSize: number | null;
  readonly seed: number;
  readonly commonNoise: boolean;
  readonly initial: Initial;
  readonly onDiverge: "freeze" | "throw";
  readonly bounds: { readonly theta: number; readonly loss: number };
  readonly execution: Execution;
  readonly shape: EnsembleShape;
  readonly lanes: number;
  readonly dynamics: Dynamics;
  /** Is `velocity` among the vectors that are kept? */
  readonly hasVelocity: boolean;
  readonly checkBatches: (settings: readonly Setting[], samples: number) => void;
}

const isCount = (value: number, least: number): boolean =>
  Number.isInteger(value) && value >= least && value < 2 ** 32;

function replicaRange(replicas: EnsembleOptions["replicas"]): { first: number; count: number } {
  const range = typeof replicas === "number" ? { first: 0, count: replicas } : replicas;
  if (!isCount(range.count, 1) || !isCount(range.first, 0) || range.first + range.count > 2 ** 32) {
    throw new ArgumentError(
      `replicas: ${JSON.stringify(replicas)} is no number of replicas; use a whole number >= 1, ` +
        "or { first, count } for a shard.",
    );
  }
  return { first: range.first, count: range.count };
}

export function resolve<O extends Observables>(options: EnsembleOptions<O>): Resolved {
  const { model, data, seed, sampling = "withReplacement" } = options;
  const rule = withSettings(withRate(options.update, options.rate), model);
  checkData(data, model);
  if (!isCount(seed, 0)) {
    throw new ArgumentError(`seed: ${seed} is no seed; use a whole number from 0 to 4294967295.`);
  }
  const { onDiverge = "freeze" } = options;
  if (onDiverge !== "freeze" && onDiverge !== "throw") {
    throw new ArgumentError(`onDiverge: "${onDiverge}" is unknown; use "freeze" or "throw".`);
  }
  if (!SAMPLING_LAWS.includes(sampling)) {
    throw new ArgumentError(
      `sampling: "${sampling}" is no law; use one of ${SAMPLING_LAWS.join(", ")}.`,
    );
  }
  if (rule.laws && !rule.laws.includes(sampling)) {
    throw new ArgumentError(
      `sampling: ${rule.name} is defined for ${rule.laws.join(", ")} batches, not for ${sampling}; ` +
        `use sampling: "${rule.laws[0]}"${rule.name === "sgworld" ? ", or the rule langevin (SGLD)" : ""}.`,
    );
  }
  const conditions = resolveConditions(ruleFor(rule, sampling, data.samples), options.sweep);
  const checkBatches = (settings: readonly Setting[], samples: number): void => {
    for (const { batchSize } of settings) {
      validateSampling(sampling, samples, batchSize!, options.lastBatch);
      if (sampling === "fullBatch" && batchSize !== samples) {
        throw new ArgumentError(
          `sampling: a fullBatch batch has all ${samples} samples, batchSize is ${batchSize}; ` +
            'do not set or sweep batchSize, or use sampling: "distinct".',
        );
      }
    }
  };
  checkBatches(conditions, data.samples);
  const replicas = replicaRange(options.replicas);
  const groupSize = resolveGroupSize(model, options.groupSize, replicas);
  const lanes = conditions.length * replicas.count;
  if (lanes >= 2 ** 31) {
    throw new LimitError(
      `replicas: ${conditions.length} conditions × ${replicas.count} replicas are ${lanes} lanes, ` +
        "at most 2^31 fit one ensemble; split them with replicas: { first, count }.",
    );
  }
  const initial = (options.initial ?? fixed(0))(model);
  const dynamics = dynamicsOf(model, rule, conditions, options);
  if (dynamics.rate?.adaptation?.scope === "condition" && replicas.first > 0) {
    throw new ArgumentError(
      `replicas: a shard from replica ${replicas.first} on, and all replicas of a condition decide ` +
        'on their learning rate together; run them in one ensemble, or use fdrRate({ scope: "replica" }).',
    );
  }
  checkNoiseModel(dynamics, conditions);
  const hasVelocity = dynamics.kept.includes("velocity");
  checkInitial(initial, { model, conditions: conditions.length, replicas, hasVelocity });
  const swept = sweptNames(conditions);
  const labels = conditions.map((c) => swept.map((name) => `${name}=${c[name]}`).join(" "));
  return {
    version: VERSION,
    model,
    data,
    rule,
    conditions,
    sampling,
    replicas,
    groupSize,
    seed,
    commonNoise: options.commonNoise ?? false,
    initial,
    onDiverge,
    bounds: bounds(options.bounds),
    execution: checkExecution(options.execution ?? {}),
    shape: {
      conditions: conditions.length,
      replicas: replicas.count,
      firstReplica: replicas.first,
      labels,
      groupSize,
    },
    lanes,
    dynamics,
    hasVelocity,
    checkBatches,
  };
}

function bounds(given: EnsembleOptions["bounds"] = {}): { theta: number; loss: number } {
  const { theta = 1e6, loss = 1e12 } = given;
  for (const [name, value] of Object.entries({ theta, loss })) {
    if (!(value > 0) || value * (name === "theta" ? value : 1) > 3e38) {
      throw new ArgumentError(
        `bounds: ${name} is ${value}; use a positive number ${name === "theta" ? "below 1e19" : "below 3e38"}.`,
      );
    }
  }
  return { theta, loss };
}

function checkExecution(execution: Execution): Execution {
  const { schedule, tile, tune: _, ...counts } = execution;
  if (schedule !== undefined && !SCHEDULES.includes(schedule)) {
    throw new ArgumentError(
      `execution: schedule "${schedule}" is unknown; use one of ${SCHEDULES.join(", ")}, or leave it out.`,
    );
  }
  if (tile !== undefined && !TILES.includes(tile)) {
    throw new ArgumentError(
      `execution: tile "${tile}" is unknown; use one of ${TILES.join(", ")}, or leave it out.`,
    );
  }
  for (const [name, value] of Object.entries(counts)) {
    const least = name === "unroll" ? 0 : 1;
    if (value !== undefined && !isCount(value as number, least)) {
      throw new ArgumentError(`execution: ${name} is ${value}; use a whole number >= ${least}.`);
    }
  }
  if (execution.workgroup !== undefined && execution.workgroup > 256) {
    throw new LimitError(
      `execution: workgroup is ${execution.workgroup}, WebGPU's default limit is 256 invocations; use 256 or fewer.`,
    );
  }
  return execution;
}

/** The model's graph as plain data. */
export function graphWords(model: Model): unknown {
  const nodes = topologicalOrder([model.loss, ...model.gradients]);
  const number = new Map(nodes.map((node, i) => [node, i]));
  return nodes.map(({ op, inputs, shape, attributes }) => [
    op,
    inputs.map((input) => number.get(input)),
    shape,
    attributes,
  ]);
}

/** Digest of everything that decides trajectories, but for the current hyperparameters. */
export async function fingerprint(resolved: Resolved): Promise<string> {
  const { model, data, rule, sampling, replicas, seed, commonNoise, conditions, dynamics } =
    resolved;
  const { groupSize } = resolved;
  const rows = packRows(data, model.fields, rowLayout(model.fields));
  const text = JSON.stringify({
    graph: graphWords(model),
    params: model.params,
    draws: model.draws,
    rule: rule.name,
    sampling,
    replicas,
    ...(groupSize !== null && { groupSize }),
    seed,
    commonNoise,
    conditions: conditions.length,
    rate: dynamics.rate && [dynamics.rate.name, stateWords(dynamics, model.parameterCount)],
    kept: dynamics.kept,
    shared: dynamicsWords(dynamics),
    ...(dynamics.spheres && { spheres: dynamics.spheres }),
    data: hex(await sha256(new Uint8Array(rows.buffer))),
  });
  return hex(await sha256(new TextEncoder().encode(text)));
}
