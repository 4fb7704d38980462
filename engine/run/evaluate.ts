/**
 * Means of per-sample scalars over a data set, for every replica, without leaving the device.
 */
import { sources } from "#shaders";
import type { Device } from "../device.ts";
import { invariant } from "../errors.ts";
import type { Node } from "../graph.ts";
import type { Model } from "../model.ts";
import { isOnline } from "../modelDraws.ts";
import { GROUP_MEAN, type InteractionRequest, loadGroupMean } from "../plan/interactionSlots.ts";
import type { ThreadPlan } from "../plan/threadPlan.ts";
import type { UpdateRule } from "../update/updateRule.ts";
import { hyperparameterLoader, hyperparameterStruct } from "../wgsl/hyperparameters.ts";
import { type Schema, structBytes, structText } from "../wgsl/layout.ts";
import { type LinkedShader, link, type SlotBody } from "../wgsl/link.ts";
import { type DataSource, packRows, type RowLayout } from "../wgsl/row.ts";
import { outputsFunction } from "../wgsl/sampleFunction.ts";
import { withoutDraws } from "../withoutDraws.ts";
import { type Readback, storage, uniform } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import type { GroupMeans } from "./groupMeans.ts";
import type { LaneMemory } from "./laneMemory.ts";
import type { Resolved } from "./options.ts";
import { type Kernel, kernel } from "./pipeline.ts";

const RUN = {
  first_lane: "u32",
  lanes: "u32",
  state_lanes: "u32",
  samples: "u32",
  block: "u32",
  global_lane: "u32",
  replicas: "u32",
  conditions: "u32",
} as const satisfies Schema;

/** Samples summed in f32 by one invocation. */
const BLOCK = 64;
const WORKGROUP = 16;
/** Sample evaluations of one dispatch, at most. */
const WORK = 1 << 19;

/**
 * How `outputs` is given the hyperparameters of its lane's condition, where the model has settings, and
 * the means over its group, where replicas interact.
 */
function settingSlots(
  { name, settings, interacts }: Model,
  rule: UpdateRule | null,
  interaction: InteractionRequest | null,
): Record<string, SlotBody> {
  const declarations: string[] = [];
  const load: string[] = [];
  if (settings.length > 0) {
    invariant(rule, `no rule says where the settings of ${name} stand`);
    declarations.push(
      "@group(0) @binding(4) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]",
      hyperparameterStruct(rule),
      hyperparameterLoader(rule),
    );
    load.push("let h = hyperparameters((run.global_lane + lane) / run.replicas);");
  }
  if (interacts) {
    invariant(interaction, `nothing says with whom replicas of ${name} interact`);
    declarations.push(GROUP_MEAN);
    load.push(...loadGroupMean(interaction, "run.state_lanes"));
  }
  if (load.length === 0) return {};
  const h = settings.length > 0 ? ", h" : "";
  return {
    settings: { code: declarations.join("\n") },
    load_settings: { code: load.map((line) => `  ${line}`).join("\n") },
    evaluate: { code: `    let value = outputs(sample, &theta${h});` },
  };
}

/**
 * Sums of `outputs`, nodes of a model without draws, over samples; `rule` where it has settings,
 * `interaction` where it reads means.
 */
export function evaluationShader(
  model: Model,
  outputs: readonly Node[],
  row: RowLayout,
  unroll: number,
  rule: UpdateRule | null = null,
  interaction: InteractionRequest | null = null,
): LinkedShader {
  return link(
    "schedules/evaluate",
    {
      params: {
        PARAMS: `${model.parameterCount}u`,
        ROW: `${row.vectors}u`,
        OUTPUTS: `${outputs.length}u`,
      },
      slots: {
        run: { code: structText("Run", RUN) },
        outputs: outputsFunction(model, outputs, row, { unroll }),
        ...settingSlots(model, rule, interaction),
      },
    },
    sources,
  );
}

interface EvaluationRequest {
  readonly device: Device;
  readonly shader: LinkedShader;
  readonly outputs: number;
  readonly chunks: readonly Chunk[];
  readonly data: GPUBuffer;
  /** Hyperparameters, where the shader reads them. */
  readonly hyper: GPUBuffer | null;
  readonly conditions: number;
  /** Of one condition. */
  readonly replicas: number;
  readonly samples: number;
  readonly readback: Readback;
}

/** Means over the samples, [output, lane], float64. */
async function evaluateLanes(request: EvaluationRequest): Promise<Float64Array> {
  const { device, chunks, outputs, samples } = request;
  const { gpu } = device;
  const { pipeline, layouts }: Kernel = await kernel(
    device,
    request.shader,
    [
      [
        "uniform",
        "read-only-storage",
        "read-only-storage",
        "storage",
        request.hyper && "read-only-storage",
      ],
    ],
    { WORKGROUP },
  );
  const total = chunks.reduce((sum, { lanes }) => sum + lanes, 0);
  const means = new Float64Array(outputs * total);
  const blocks = Math.ceil(samples / BLOCK);
  const widest = Math.max(1, Math.min(1 << 16, Math.floor(WORK / samples)));
  const parameters = uniform(gpu, "evaluate", 16 * Math.ceil(Object.keys(RUN).length / 4));
  const sums = storage(gpu, "sums", 4 * outputs * blocks * widest);
  for (const chunk of chunks) {
    const group = gpu.createBindGroup({
      layout: layouts[0]!,
      entries: [parameters, chunk.state, request.data, sums, request.hyper].flatMap(
        (buffer, binding) => (buffer ? [{ binding, resource: { buffer } }] : []),
      ),
    });
    for (let first = 0; first < chunk.lanes; first += widest) {
      const lanes = Math.min(widest, chunk.lanes - first);
      gpu.queue.writeBuffer(
        parameters,
        0,
        structBytes(RUN, {
          first_lane: first,
          lanes,
          state_lanes: chunk.lanes,
          samples,
          block: BLOCK,
          global_lane: chunk.firstLane,
          replicas: request.replicas,
          conditions: request.conditions,
        }),
      );
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(lanes / WORKGROUP), blocks);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      const size = 4 * outputs * blocks * lanes;
      const [bytes] = await request.readback.read([{ buffer: sums, offset: 0, size }]);
      const words = new Float32Array(bytes!);
      for (let k = 0; k < outputs; k += 1) {
        for (let lane = 0; lane < lanes; lane += 1) {
          let sum = 0;
          for (let block = 0; block < blocks; block += 1)
            sum += words[(k * blocks + block) * lanes + lane]!;
          means[k * total + chunk.firstLane + first + lane] = sum / samples;
        }
      }
    }
  }
  parameters.destroy();
  sums.destroy();
  return means;
}

/** Means of a model's outputs (its loss and metrics, by name) over data sets. */
export class Evaluator {
  private readonly device: Device;
  private readonly resolved: Resolved;
  private readonly plan: ThreadPlan;
  private readonly memory: LaneMemory;
  private readonly groupMeans: GroupMeans | null;
  /** Shaders by the outputs they average. */
  private readonly shaders = new Map<string, LinkedShader>();

  constructor(
    device: Device,
    resolved: Resolved,
    plan: ThreadPlan,
    memory: LaneMemory,
    groupMeans: GroupMeans | null,
  ) {
    this.device = device;
    this.resolved = resolved;
    this.plan = plan;
    this.memory = memory;
    this.groupMeans = groupMeans;
  }

  /** Names that can be averaged. The loss of a model that draws its samples cannot. */
  get outputs(): readonly string[] {
    const { model } = this.resolved;
    const metrics = Object.keys(model.metrics);
    return isOnline(model) ? metrics : ["loss", ...metrics];
  }

  /** Means over `data`, or over the data the ensemble is trained on, [output, lane]. */
  async means(of: readonly string[], data?: DataSource): Promise<Float64Array> {
    const { fields, settings } = this.resolved.model;
    const { conditions, replicas } = this.resolved;
    const rows = data
      ? storage(this.device.gpu, "evaluation data", packRows(data, fields, this.plan.row))
      : this.memory.data;
    await this.groupMeans?.refresh();
    const means = await evaluateLanes({
      device: this.device,
      shader: this.shader(of),
      outputs: of.length,
      chunks: this.memory.chunks,
      data: rows,
      hyper: settings.length > 0 ? this.memory.hyper : null,
      conditions: conditions.length,
      replicas: replicas.count,
      samples: (data ?? this.resolved.data).samples,
      readback: this.memory.readback,
    });
    if (data) rows.destroy();
    return means;
  }

  private shader(of: readonly string[]): LinkedShader {
    const known = this.shaders.get(of.join());
    if (known) return known;
    const model = withoutDraws(this.resolved.model);
    const nodes = of.map((name) => (name === "loss" ? model.loss : model.metrics[name]!));
    const { row, unroll } = this.plan;
    const { rule } = this.resolved;
    const shader = evaluationShader(model, nodes, row, unroll, rule, this.plan.interaction);
    this.shaders.set(of.join(), shader);
    return shader;
  }
}
