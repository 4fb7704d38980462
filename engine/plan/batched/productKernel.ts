/**
 * A stage that begins with a matrix product, as a tile of `batched/matmul.wgsl` with its epilogue.
 *
 * C[m, n] is the value of the stage's first statement: what follows at the same index (bias, activation,
 * its derivative) is computed from the sum while it is still in a register, and only what later stages
 * read is stored, four neighbors at once where they lie on a vec4f.
 */

import type { Node } from "../../graph.ts";
import { hyperparameterLoader, hyperparameterStruct } from "../../wgsl/hyperparameters.ts";
import { flatten, literal, plus, printIndex } from "../../wgsl/indexing.ts";
import { structText } from "../../wgsl/layout.ts";
import { type Axis, type Contraction, extent, SAMPLE_AXIS } from "../staged/contraction.ts";
import { StageWriter } from "../staged/stageCode.ts";
import type { Stage } from "../staged/stagedProgram.ts";
import { gradientOf } from "../staged/trainingProgram.ts";
import { type BatchedKernel, type KernelContext, reads, writes } from "./batchedKernel.ts";
import { matmulShader, matmulWorkgroups } from "./matmul.ts";
import type { MatmulRequest } from "./matmulRequest.ts";
import { matmulTileOf } from "./matmulTile.ts";
import { productOperand, sidesOf } from "./productOperand.ts";
import { fallsOnVector, indexAt, outputPlaces, storeFunctions } from "./productStore.ts";
import { drawSlots, type StageContext, scalarAccess, stageBindings } from "./stageKernel.ts";
import { type StepContext, stepLink } from "./stepKernels.ts";

const BINDINGS = [
  "@group(0) @binding(1) var<storage, read> replicas: array<vec4f>;  // [slot, vector, param / 4]",
  "@group(0) @binding(2) var<storage, read_write> scratch: array<vec4f>;  // [slot, word / 4]",
  "@group(0) @binding(3) var<storage, read> batch_samples: array<u32>;  // [slot, sample]",
  "@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]",
  "@group(1) @binding(1) var<storage, read> data: array<vec4f>;  // [sample, row]",
];

/** What `batched/slice.wgsl` is told of a replica. */
const sliceLink = ({ dynamics: { rule }, parameterCount, memory, source }: KernelContext) => ({
  params: {
    PARAMS: `${parameterCount}u`,
    VECTOR: `${memory.vectorWords}u`,
    REPLICA: `${memory.replicaWords}u`,
    SCRATCH: `${memory.scratchWords}u`,
  },
  slots: {
    run: { code: structText("Run", source.run) },
    hyperparameters: { code: hyperparameterStruct(rule) },
  },
});

/** Terms of a sum: samples are as many as the replica's minibatch has. */
function terms(context: StageContext, k: readonly Axis[]): number | string {
  if (!k.some(({ symbol }) => symbol === SAMPLE_AXIS)) return extent(k, context.maxBatch);
  const others = extent(
    k.filter(({ symbol }) => symbol !== SAMPLE_AXIS),
    1,
  );
  const batch = context.source.count("hyperparameters(condition_of(z))");
  return others === 1 ? batch : `${others}u * ${batch}`;
}

/** Is the product one of tiles: is there but one matrix for a replica? */
export const isTiled = ({ z }: Contraction): boolean => z.length === 0;

/** A product's sizes and operands, and the functions that load them. */
function productOf(context: StageContext, stage: Stage) {
  const contraction = stage.contraction!;
  const { maxBatch, model } = context;
  const sides = sidesOf(stage.statements[0]!.node, contraction);
  const [left, right] = sides;
  const writer = new StageWriter(context.program, scalarAccess(context, true));
  const a = productOperand(context, left, writer);
  const b = productOperand(context, right, writer);
  const draws = drawSlots(model);
  return {
    sides,
    writer,
    functions: [...draws.declarations, ...a.functions, ...b.functions],
    imports: draws.imports,
    request: {
      m: extent(left.axes, maxBatch),
      n: extent(right.axes, maxBatch),
      k: terms(context, contraction.k),
      a: a.operand as MatmulRequest["a"],
      b: b.operand as MatmulRequest["b"],
      matrices: { first: "0u", end: "run.last_lane - run.first_lane" },
    },
  };
}

const tileOf = (
  { tile, limits, maxBatch }: StageContext,
  { contraction }: Stage,
  { m, n }: Pick<MatmulRequest, "m" | "n">,
) => matmulTileOf(tile, { m, n, k: extent(contraction!.k, maxBatch) }, limits);

const nameOf = ({ statements }: Stage): string => statements.map(({ name }) => name).join(" ");

const constants = ({ maxBatch, row }: StageContext): string[] => [
  `const MAX_BATCH: u32 = ${maxBatch}u;`,
  `const ROW: u32 = ${row.vectors}u;`,
];

export function productKernel(context: StageContext, stage: Stage): BatchedKernel {
  const { sides, writer, request, ...text } = productOf(context, stage);
  const store = storeFunctions(context, stage, sides, writer);
  const tile = tileOf(context, stage, request);
  const loader = hyperparameterLoader(context.dynamics.rule);
  const code = [loader, ...writer.constants, ...text.functions, ...store].join("\n");
  const imports = [...new Set(["batched/slice", ...writer.imports, ...text.imports])];
  const shader = matmulShader({
    ...request,
    tile,
    bindings: [...constants(context), ...BINDINGS].join("\n"),
    functions: { code, imports },
    further: sliceLink(context),
  });
  return {
    name: nameOf(stage),
    shader,
    bindings: stageBindings(context),
    overrides: {},
    grid: (lanes) => matmulWorkgroups({ ...request, tile }, lanes),
  };
}

/** Does an expression read parameters, itself? */
const readsParam = (context: StageContext, node: Node): boolean =>
  node.op === "param" ||
  (!context.program.statementOf.has(node) &&
    node.inputs.some((input) => readsParam(context, input)));

/**
 * The block whose update may be the epilogue of its gradient's product: nothing else reads the sum,
 * which comes four parameters at a time, and the product reads no parameters. Null where it may not.
 */
export function steppedBlock(context: StageContext, stage: Stage): string | null {
  const [statement, ...others] = stage.statements;
  if (!stage.contraction || !isTiled(stage.contraction) || others.length > 0) return null;
  const { model, program } = context;
  const blocks = model.params.filter(({ name }) => statement!.outputs.includes(gradientOf(name)));
  const [block] = blocks;
  if (blocks.length !== 1 || statement!.outputs.length !== 1) return null;
  if (program.stages.some(({ reads }) => reads.includes(statement!))) return null;
  const { a, b } = stage.contraction;
  const readsParams = [a.node, b.node].some((node) => readsParam(context, node));
  const [, right] = sidesOf(statement!.node, stage.contraction);
  const whole = block!.size % 4 === 0 && fallsOnVector(context, statement!, right, block!.offset);
  return whole && !readsParams ? block!.name : null;
}

/** The product of a block's gradient with the block's update as its epilogue. */
export function steppingProductKernel(
  context: StageContext & StepContext,
  stage: Stage,
): BatchedKernel {
  const { sides, writer, request, ...text } = productOf(context, stage);
  const block = context.model.params.find(({ name }) => name === steppedBlock(context, stage))!;
  const tile = tileOf(context, stage, request);
  const places = outputPlaces(sides, context.maxBatch);
  const word = printIndex(
    plus(literal(block.offset), flatten(indexAt(stage.shape, places), stage.shape)),
  );
  const step = stepLink(context);
  const slice = sliceLink(context);
  const store = [
    "var<private> is_set: bool;",
    "var<private> moves: bool;",
    "var<private> setting: Setting;",
    "fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {",
    "  if (!is_set) {",
    "    setting = step_setting(z);",
    "    moves = frozen[run.first_lane + z] == 0u;",
    "    is_set = true;",
    "  }",
    `  if (moves) { step_quad(z, (${word}) >> 2u, sum, setting); }`,
    "}",
  ];
  const bindings = BINDINGS.filter((line) => !/\b(replicas|hyper):/.test(line));
  const shader = matmulShader({
    ...request,
    tile,
    bindings: [
      // MAX_BATCH comes with `sampling/size`.
      `const ROW: u32 = ${context.row.vectors}u;`,
      ...bindings,
      "@group(0) @binding(4) var<storage, read> frozen: array<u32>;  // [lane]",
    ].join("\n"),
    functions: {
      code: [...writer.constants, ...text.functions, ...store].join("\n"),
      imports: [...new Set(["batched/step_quad", ...writer.imports, ...text.imports])],
    },
    further: {
      params: { ...slice.params, ...step.params },
      slots: {
        ...slice.slots,
        ...step.slots,
        load_hyperparameters: { code: hyperparameterLoader(context.dynamics.rule) },
      },
    },
  });
  return {
    name: `${nameOf(stage)}, update of ${block.name}`,
    shader,
    bindings: [
      [writes("replicas"), writes("scratch"), reads("batch"), reads("frozen")],
      [reads("hyper"), reads("data")],
    ],
    overrides: {},
    grid: (lanes) => matmulWorkgroups({ ...request, tile }, lanes),
  };
}
