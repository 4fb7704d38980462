/**
 * The plan of a pass over a data set for models of any size: the kernels of the schedule `batched`, with
 * consecutive samples in place of minibatches.
 *
 *   sums over the data = Σ_blocks Σ_{b in block},   a block of B ≈ √N samples is one batch
 *
 * Scalars of a block go to the host, which adds them in float64. A vector (Σ ∇l, Σ ∇²l d) is added on
 * the device in float32: B + N/B roundings of each component.
 */
import { invariant, LimitError } from "../../errors.ts";
import type { TileKind } from "../../execution.ts";
import type { Node } from "../../graph.ts";
import type { Model } from "../../model.ts";
import { simplify } from "../../simplify.ts";
import type { Dynamics } from "../../update/dynamics.ts";
import type { RowLayout } from "../../wgsl/row.ts";
import type { PlanLimits } from "../ensemblePlan.ts";
import { multiplyAdds } from "../staged/contraction.ts";
import { sampleSums } from "../staged/sampleSums.ts";
import { type StagedProgram, stagedProgram } from "../staged/stagedProgram.ts";
import { gradientOf } from "../staged/trainingProgram.ts";
import {
  type BatchedKernel,
  batchedShader,
  type KernelContext,
  reads,
  slot,
  writes,
} from "./batchedKernel.ts";
import { type BatchedMemory, quads, type Region, valueRegions } from "./batchedMemory.ts";
import { tileKind } from "./matmulTile.ts";
import { isTiled, productKernel } from "./productKernel.ts";
import { CONSECUTIVE_BLOCK } from "./sampleSource.ts";
import type { StageContext } from "./stageKernel.ts";
import { elementStageKernel } from "./stageQuads.ts";
import { moveKernel } from "./stepKernels.ts";

/** A replica's vectors: θ, the direction, the sum over the data once it is finished. */
export type PassVector = "theta" | "direction" | "total";

export interface PassRequest {
  /** Without draws; says where blocks and fields stand. */
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly row: RowLayout;
  readonly samples: number;
  /** Scalars of a sample: their sums are wanted. */
  readonly scalars: readonly Node[];
  /** A vector of a sample, a node for each block of parameters, and what weight decay multiplies in it. */
  readonly vector: {
    readonly blocks: readonly Node[];
    readonly decayed: "theta" | "direction";
  } | null;
  /** Scalars of a sample that are wanted of every sample. */
  readonly each?: readonly Node[];
  /** Inner products that are wanted, four at most. */
  readonly products: readonly (readonly [PassVector, PassVector])[];
  /**
   * Where the direction is from: a vector that is kept, by its number in the state, or the host, which
   * writes it behind θ; null: none is used.
   */
  readonly direction: number | "given" | null;
  readonly limits: Pick<
    PlanLimits,
    "maxStorageBufferBindingSize" | "maxBufferSize" | "subgroupMinSize"
  >;
  /** Of matrix products; the device's best known unless given. */
  readonly tile?: TileKind;
}

export interface PassPlan {
  /** Samples of a block. */
  readonly block: number;
  readonly blocks: number;
  readonly memory: BatchedMemory;
  /** Lanes that fit one slice's buffers. */
  readonly mostLanes: number;
  /** Multiply-adds of a replica for a block, in matrix products. */
  readonly multiplyAdds: number;
  readonly scalars: number;
  /** Scalars of every sample. */
  readonly each: number;
  readonly samples: number;
  /** Workgroups of one replica's inner products; 0 where none are wanted. */
  readonly productGroups: number;
  readonly hasVector: boolean;
  readonly load: BatchedKernel;
  /** The kernels of a block, in order. */
  readonly step: readonly BatchedKernel[];
  /** Those that follow the last block. */
  readonly finish: readonly BatchedKernel[];
}

const WORKGROUP = 64;
const FEW = 16;
/** Quads of parameters of one workgroup: eight in each invocation. */
const QUADS = 8 * WORKGROUP;
/** Samples in a block, at least. */
const LEAST_BLOCK = 64;
const COMPONENTS = ["x", "y", "z", "w"] as const;

const scalarOutput = (k: number): string => `scalar.${k}`;
const eachOutput = (k: number): string => `each.${k}`;

const overQuads = (vectorWords: number) => (lanes: number) =>
  [Math.ceil(vectorWords / 4 / QUADS), lanes, 1] as const;

function programOf({ scalars, vector, model, each = [] }: PassRequest): StagedProgram {
  // Together, so that scalars and vector share what they have in common.
  const all = simplify([...each, ...scalars, ...(vector?.blocks ?? [])]);
  const sums = sampleSums(all.slice(each.length));
  return stagedProgram({
    ...Object.fromEntries(each.map((_, k) => [eachOutput(k), all[k]!])),
    ...Object.fromEntries(
      sums.map((node, k) => {
        const block = model.params[k - scalars.length];
        return [block ? gradientOf(block.name) : scalarOutput(k), node];
      }),
    ),
  });
}

/** Where sums stand in scratch: the vector first, scalars behind it. */
function outputRegions({ model, scalars, vector }: PassRequest, program: StagedProgram) {
  const first = vector ? quads(model.parameterCount) : 0;
  const fixed = new Map<string, Region>();
  const regions = new Map(
    [...program.statementOf.values()].flatMap((statement) => {
      const block = model.params.find(({ name }) => statement.outputs.includes(gradientOf(name)));
      const scalar = scalars.findIndex((_, k) => statement.outputs.includes(scalarOutput(k)));
      if (!block && scalar < 0) return [];
      const at = block ? block.offset : first + scalar;
      const region = { at, sampleStride: 0, words: block?.size ?? 1 };
      for (const name of statement.outputs) fixed.set(name, region);
      return [[statement, region] as const];
    }),
  );
  const placeOf = (k: number): number => fixed.get(scalarOutput(k))!.at;
  return { regions, end: quads(first + scalars.length), placeOf };
}

function memoryOf(request: PassRequest, program: StagedProgram, block: number): BatchedMemory {
  const vectorWords = quads(request.model.parameterCount);
  const { regions, end } = outputRegions(request, program);
  const { regionOf, ...words } = valueRegions(program, block, end, regions);
  const row = request.direction === "given" ? 1 : (request.direction ?? 0);
  return {
    vectorWords,
    replicaWords: vectorWords * (1 + row),
    pointAt: 0,
    directionAt: row * vectorWords,
    gradientAt: 0,
    scratchWords: words.end,
    regionOf,
    withoutReuse: words.withoutReuse,
  };
}

const loadKernel = (context: KernelContext, { direction }: PassRequest): BatchedKernel =>
  moveKernel(context, "load", typeof direction === "number" ? 1 + direction : 1);

const plain = { hyperparameters: false };

const addBlockKernel = (context: KernelContext): BatchedKernel => ({
  name: "add the block",
  shader: batchedShader("add_block", context, {}, plain),
  bindings: [[reads("scratch"), writes("totals")]],
  overrides: {},
  grid: overQuads(context.memory.vectorWords),
});

function keepScalarsKernel(context: KernelContext, places: readonly number[]): BatchedKernel {
  const lines = places.map(
    (at, k) => `blocks[block_at + ${k}u * slots] = scratch[sums_at + ${at}u];`,
  );
  return {
    name: "keep the block's scalars",
    shader: batchedShader(
      "keep_scalars",
      context,
      { params: { SCALARS: `${places.length}u` }, slots: { keep: slot(lines) } },
      plain,
    ),
    bindings: [[reads("scratch"), writes("blocks")]],
    overrides: { WORKGROUP: FEW },
    grid: (lanes) => [Math.ceil(lanes / FEW), 1, 1],
  };
}

/** Where the k-th scalar of every sample stands in scratch. */
function eachRegion({ memory, program }: StageContext, k: number): Region {
  const statements = [...program.statementOf.values()];
  const statement = statements.find(({ outputs }) => outputs.includes(eachOutput(k)));
  const region = statement && memory.regionOf.get(statement);
  invariant(region, `scalar ${k} is not one of every sample`);
  return region;
}

function keepSamplesKernel(context: StageContext, count: number): BatchedKernel {
  const lines = Array.from({ length: count }, (_, k) => {
    const { at, sampleStride } = eachRegion(context, k);
    return `each[sample_at + ${k}u * run.samples] = scratch[sums_at + ${at}u + ${sampleStride}u * place];`;
  });
  return {
    name: "keep scalars of samples",
    shader: batchedShader(
      "keep_samples",
      context,
      { params: { SCALARS: `${count}u` }, slots: { keep: slot(lines) } },
      plain,
    ),
    bindings: [[reads("scratch"), writes("each")]],
    overrides: { WORKGROUP },
    grid: (lanes) => [Math.ceil(context.maxBatch / WORKGROUP), lanes, 1],
  };
}

const finishKernel = (context: KernelContext, decayed: PassVector): BatchedKernel => ({
  name: "mean vector",
  shader: batchedShader(
    "finish_vector",
    context,
    { params: { DECAYED: `${decayed === "direction" ? context.memory.directionAt : 0}u` } },
    plain,
  ),
  bindings: [[reads("replicas"), writes("totals"), reads("decay")]],
  overrides: {},
  grid: overQuads(context.memory.vectorWords),
});

const ELEMENT: Readonly<Record<PassVector, string>> = {
  theta: "replicas[theta_at]",
  direction: "replicas[direction_at]",
  total: "totals[total_at]",
};

function productsKernel(context: KernelContext, { products }: PassRequest): BatchedKernel {
  const lines = products.map(
    ([a, b], k) => `part.${COMPONENTS[k]} += dot(${ELEMENT[a]}, ${ELEMENT[b]});`,
  );
  const uses = (text: string): boolean => lines.some((line) => line.includes(text));
  return {
    name: "inner products",
    shader: batchedShader(
      "inner_products",
      context,
      {
        params: { DIRECTION: `${context.memory.directionAt}u` },
        slots: { products: slot(lines, 4) },
      },
      plain,
    ),
    bindings: [
      [
        uses("replicas") ? reads("replicas") : null,
        uses("totals") ? reads("totals") : null,
        writes("products"),
      ],
    ],
    overrides: {},
    grid: overQuads(context.memory.vectorWords),
  };
}

/** B ≈ √N, and no more than fit a buffer for one replica. */
function chooseBlock(request: PassRequest, program: StagedProgram, bytes: number): number {
  const { samples, model } = request;
  const roots = 4 * Math.ceil(Math.max(LEAST_BLOCK, Math.sqrt(samples)) / 4);
  for (let block = Math.min(roots, 4 * Math.ceil(samples / 4)); ; block = Math.ceil(block / 2)) {
    const each = 4 * Math.max(...laneWords(memoryOf(request, program, block)));
    if (each <= bytes) return block;
    if (block > 1) continue;
    throw new LimitError(
      `pass over the data: ${model.name} needs a buffer of ${each} bytes for one sample of one ` +
        `replica, this device binds ${bytes}; use fewer parameters, channels or units.`,
    );
  }
}

const laneWords = ({ replicaWords, scratchWords }: BatchedMemory) => [replicaWords, scratchWords];

/** @throws LimitError where one replica's memory for one sample passes a binding. */
export function planPass(request: PassRequest): PassPlan {
  const { model, samples, scalars, vector, limits } = request;
  const program = programOf(request);
  const bytes = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const block = chooseBlock(request, program, bytes);
  const blocks = Math.ceil(samples / block);
  const memory = memoryOf(request, program, block);
  const context: StageContext = {
    ...request,
    parameterCount: model.parameterCount,
    memory,
    program,
    maxBatch: block,
    source: CONSECUTIVE_BLOCK,
    tile: request.tile ?? tileKind(limits),
  };
  const { placeOf } = outputRegions(request, program);
  const kept = request.each?.length ?? 0;
  const each = Math.max(...laneWords(memory), scalars.length * blocks, kept * samples);
  return {
    block,
    blocks,
    memory,
    mostLanes: Math.min(Math.max(1, Math.floor(bytes / (4 * each))), 65535),
    multiplyAdds: program.stages.reduce(
      (sum, stage) => sum + (stage.contraction ? multiplyAdds(stage.contraction, block) : 0),
      block,
    ),
    scalars: scalars.length,
    each: kept,
    samples,
    productGroups: request.products.length > 0 ? Math.ceil(memory.vectorWords / 4 / QUADS) : 0,
    hasVector: vector !== null,
    load: loadKernel(context, request),
    step: [
      ...program.stages.map((stage) =>
        stage.contraction && isTiled(stage.contraction)
          ? productKernel(context, stage)
          : elementStageKernel(context, stage),
      ),
      ...(vector ? [addBlockKernel(context)] : []),
      ...(kept > 0 ? [keepSamplesKernel(context, kept)] : []),
      ...(scalars.length > 0
        ? [
            keepScalarsKernel(
              context,
              scalars.map((_, k) => placeOf(k)),
            ),
          ]
        : []),
    ],
    finish: [
      ...(vector ? [finishKernel(context, vector.decayed)] : []),
      ...(request.products.length > 0 ? [productsKernel(context, request)] : []),
    ],
  };
}
