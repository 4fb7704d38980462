/**
 * Quantities over a whole data set, for every replica, without leaving the device.
 */
import { sources } from "#shaders";
import type { Device } from "../device.ts";
import { ArgumentError } from "../errors.ts";
import type { Node } from "../graph.ts";
import type { Model } from "../model.ts";
import { isOnline } from "../modelDraws.ts";
import {
  FULL_DATA,
  isAlongVelocity,
  isFullData,
  requireDirection,
  sampleScalars,
} from "../observe/fullData.ts";
import type { PassPlan } from "../plan/batched/passPlan.ts";
import type { InteractionRequest } from "../plan/interactionSlots.ts";
import { passesInStages } from "../plan/passRule.ts";
import type { SchedulePlan } from "../plan/schedule.ts";
import type { Setting, UpdateRule } from "../update/updateRule.ts";
import { structText } from "../wgsl/layout.ts";
import { type LinkedShader, link } from "../wgsl/link.ts";
import type { DataSource, RowLayout } from "../wgsl/row.ts";
import { outputsFunction } from "../wgsl/sampleFunction.ts";
import { withoutDraws } from "../withoutDraws.ts";
import { storage } from "./buffers.ts";
import { dataBuffer } from "./dataBuffer.ts";
import {
  bindGroup,
  DATA_PASS,
  type DataPass,
  passOver,
  settingSlots,
  WORKGROUP,
  widestSlice,
} from "./dataPass.ts";
import { evaluateInStages, evaluationPass } from "./evaluateInStages.ts";
import {
  type FullGradientShaders,
  fullGradientShaders,
  fullGradientSquares,
} from "./fullGradient.ts";
import type { GroupMeans } from "./groupMeans.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import { kernel } from "./pipeline.ts";
import { planLimits } from "./planner.ts";

/** Samples summed in f32 by one invocation. */
const BLOCK = 64;
/** Sample evaluations of one dispatch, at most. */
const WORK = 1 << 19;

export interface EvaluationShaderOptions {
  readonly unroll: number;
  /** Number of the vector in the state that is the direction; 0: none is used. */
  readonly direction: number;
  /** Says where the model's settings stand; null where it has none. */
  readonly rule?: UpdateRule | null;
  /** With whom replicas interact; null where they do not. */
  readonly interaction?: InteractionRequest | null;
}

/** Sums of `outputs`, nodes of a model without draws, over samples. */
export function evaluationShader(
  model: Model,
  outputs: readonly Node[],
  row: RowLayout,
  options: EvaluationShaderOptions,
): LinkedShader {
  const call = "let value = outputs(sample, &theta, &direction, weight_decay, h);";
  return link(
    "schedules/evaluate",
    {
      params: {
        PARAMS: `${model.parameterCount}u`,
        ROW: `${row.vectors}u`,
        OUTPUTS: `${outputs.length}u`,
        DIRECTION: `${options.direction}u`,
      },
      slots: {
        run: { code: structText("Run", DATA_PASS) },
        outputs: outputsFunction(model, outputs, row, options),
        ...settingSlots(model, options, call),
      },
    },
    sources,
  );
}

/** Means over the samples, [output, lane], float64. */
async function sampleMeans(
  pass: DataPass,
  shader: LinkedShader,
  outputs: number,
): Promise<Float64Array> {
  const { device, chunks, samples } = pass;
  const { gpu } = device;
  const { pipeline, layouts } = await kernel(
    device,
    shader,
    [
      [
        "uniform",
        "read-only-storage",
        "read-only-storage",
        "read-only-storage",
        "storage",
        pass.hyper && "read-only-storage",
      ],
    ],
    { WORKGROUP },
  );
  const total = chunks.reduce((sum, { lanes }) => sum + lanes, 0);
  const means = new Float64Array(outputs * total);
  const blocks = Math.ceil(samples / BLOCK);
  const widest = widestSlice(WORK, samples);
  const sums = storage(gpu, "sums", 4 * outputs * blocks * widest);
  await passOver(pass, {
    block: BLOCK,
    widest,
    words: outputs * blocks,
    result: sums,
    encode: (compute, { chunk, lanes }, run) => {
      const buffers = [run, chunk.state, pass.decay, pass.data, sums, pass.hyper];
      compute.setPipeline(pipeline);
      compute.setBindGroup(0, bindGroup(gpu, layouts[0]!, buffers));
      compute.dispatchWorkgroups(Math.ceil(lanes / WORKGROUP), blocks);
    },
    take: (words, { chunk, first, lanes }) => {
      for (let k = 0; k < outputs; k += 1) {
        for (let lane = 0; lane < lanes; lane += 1) {
          let sum = 0;
          for (let block = 0; block < blocks; block += 1)
            sum += words[(k * blocks + block) * lanes + lane]!;
          means[k * total + chunk.firstLane + first + lane] = sum / samples;
        }
      }
    },
  });
  sums.destroy();
  return means;
}

/** Where and with which hyperparameters to evaluate. */
export interface EvaluationContext {
  /** λ is that of these. */
  readonly settings: readonly Setting[];
  /** Instead of the data the ensemble is trained on. */
  readonly data?: DataSource;
}

/** Full-data quantities of an ensemble, by name: means of its outputs, and derivatives of f. */
export class Evaluator {
  private readonly device: Device;
  private readonly resolved: Resolved;
  private readonly plan: SchedulePlan;
  private readonly memory: LaneMemory;
  private readonly groupMeans: GroupMeans | null;
  /** Shaders by the scalars they average. */
  private readonly shaders = new Map<string, LinkedShader>();
  private gradientShaders: FullGradientShaders | null = null;
  private staged: { readonly key: string; readonly plan: PassPlan } | null = null;

  constructor(
    device: Device,
    resolved: Resolved,
    plan: SchedulePlan,
    memory: LaneMemory,
    groupMeans: GroupMeans | null,
  ) {
    this.device = device;
    this.resolved = resolved;
    this.plan = plan;
    this.memory = memory;
    this.groupMeans = groupMeans;
  }

  /**
   * The loss and metrics: what is evaluated when nothing is named. The loss of a model that draws its
   * samples has no mean over data.
   */
  get outputs(): readonly string[] {
    const { model } = this.resolved;
    const metrics = Object.keys(model.metrics);
    return isOnline(model) ? metrics : ["loss", ...metrics];
  }

  /** @throws ArgumentError for a name that cannot be evaluated. */
  check(of: readonly string[]): void {
    const known = [...this.outputs, ...FULL_DATA];
    const { model, hasVelocity } = this.resolved;
    for (const name of of) {
      if (!known.includes(name)) {
        throw new ArgumentError(
          `evaluate: "${name}" is no output of ${model.name}; there are ${known.join(", ")}.`,
        );
      }
      requireDirection("evaluate", name, hasVelocity);
    }
  }

  /** [quantity, lane], float64. */
  async values(of: readonly string[], context: EvaluationContext): Promise<Float64Array> {
    const { fields, parameterCount, settings: own } = this.resolved.model;
    const { gpu } = this.device;
    const { data, settings } = context;
    const rows = data ? dataBuffer(gpu, data, fields, this.plan.row) : this.memory.data;
    await this.groupMeans?.refresh();
    const samples = (data ?? this.resolved.data).samples;
    const vectors = of.some((name) => name === "fullGradientSquare" || isAlongVelocity(name));
    if (passesInStages(this.resolved.model, this.plan, vectors ? 2 : 1)) {
      const values = await this.inStages(of, rows, samples, settings);
      if (data) rows.destroy();
      return values;
    }
    const decay = storage(gpu, "weight decay", decayOf(settings));
    const pass: DataPass = {
      device: this.device,
      chunks: this.memory.chunks,
      data: rows,
      samples,
      decay,
      hyper: own.length > 0 ? this.memory.hyper : null,
      conditions: settings.length,
      replicas: this.resolved.replicas.count,
      readback: this.memory.readback,
    };
    const scalars = of.filter((name) => name !== "fullGradientSquare");
    const means =
      scalars.length > 0 ? await sampleMeans(pass, this.shader(scalars), scalars.length) : [];
    const squares =
      scalars.length < of.length
        ? await fullGradientSquares(pass, this.fullGradient(), parameterCount)
        : [];
    if (data) rows.destroy();
    decay.destroy();
    const { lanes } = this.resolved;
    const values = new Float64Array(of.length * lanes);
    let scalar = 0;
    of.forEach((name, q) => {
      const from = name === "fullGradientSquare" ? 0 : lanes * scalar++;
      const source = name === "fullGradientSquare" ? squares : means;
      for (let lane = 0; lane < lanes; lane += 1) values[q * lanes + lane] = source[from + lane]!;
    });
    return values;
  }

  private inStages(
    of: readonly string[],
    data: GPUBuffer,
    samples: number,
    settings: readonly Setting[],
  ): Promise<Float64Array> {
    const { device, memory, resolved } = this;
    const { chunks, hyper, readback } = memory;
    const decay = [...decayOf(settings)];
    const replicas = resolved.replicas.count;
    const source = { device, chunks, data, samples, hyper, decay, replicas, readback };
    return evaluateInStages(source, this.stages(of, samples), of);
  }

  /** The plan of the pass in stages; the last one is kept, as for the records of a series. */
  private stages(of: readonly string[], samples: number): PassPlan {
    const key = `${samples} ${of}`;
    if (this.staged?.key === key) return this.staged.plan;
    const { model: drawing, dynamics, execution } = this.resolved;
    const model = withoutDraws(drawing);
    const evaluation = { model, dynamics, row: this.plan.row, of, tile: execution.tile };
    const plan = evaluationPass(evaluation, samples, planLimits(this.device.gpu));
    this.staged = { key, plan };
    return plan;
  }

  private shader(of: readonly string[]): LinkedShader {
    const known = this.shaders.get(of.join());
    if (known) return known;
    const { rule, dynamics } = this.resolved;
    const model = withoutDraws(this.resolved.model);
    const shader = evaluationShader(model, sampleScalars(model, of), this.plan.row, {
      unroll: of.some(isFullData) ? Math.min(this.plan.unroll, UNROLL) : this.plan.unroll,
      direction: of.some(isAlongVelocity) ? 1 + dynamics.kept.indexOf("velocity") : 0,
      rule,
      interaction: this.plan.interaction,
    });
    this.shaders.set(of.join(), shader);
    return shader;
  }

  private fullGradient(): FullGradientShaders {
    const { row, unroll } = this.plan;
    const { rule, model } = this.resolved;
    this.gradientShaders ??= fullGradientShaders(withoutDraws(model), row, unroll, {
      rule,
      interaction: this.plan.interaction,
    });
    return this.gradientShaders;
  }
}

/** Derivatives have several times the code of the loss: their longer loops are kept. */
const UNROLL = 64;

/** λ of each condition, the weight decay in the gradient; 0 under a rule that has none. */
const decayOf = (settings: readonly Setting[]): Float32Array<ArrayBuffer> =>
  Float32Array.from(settings.map(({ weightDecay }) => weightDecay ?? 0));
