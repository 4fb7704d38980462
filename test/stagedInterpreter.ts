/**
 * A staged program in float64, without a GPU: the WGSL of each stage as JavaScript, stage by stage in
 * the order of the plan of `batched`, with the words of scratch that this plan gives to values.
 *
 * It covers the grammar that `StageWriter` writes: declarations, loops, assignments, u32 in bigint (so
 * that quotients truncate), f32 in float64. Products are computed twice, as the stage is written and as
 * the contraction's axes say. Left out: tiles, draws, settings, the update.
 */
import type { Node } from "../engine/graph.ts";
import type { Model } from "../engine/model.ts";
import { erf } from "../engine/ops/errorFunction.ts";
import type { BatchedPlan } from "../engine/plan/batched/batchedPlan.ts";
import type { Axis, Contraction, Factor } from "../engine/plan/staged/contraction.ts";
import { outputSymbols } from "../engine/plan/staged/reading.ts";
import { type StageAccess, StageWriter } from "../engine/plan/staged/stageCode.ts";
import type { Stage, StagedProgram } from "../engine/plan/staged/stagedProgram.ts";
import { gradientOf, LOSS, trainingProgram } from "../engine/plan/staged/trainingProgram.ts";
import { printIndex } from "../engine/wgsl/indexing.ts";

const FUNCTIONS = {
  select: (no: number, yes: number, condition: boolean) => (condition ? yes : no),
  list: (...values: number[]) => values,
  f32: (x: bigint | number | boolean) => Number(x),
  max: <T extends number | bigint>(a: T, b: T) => (a > b ? a : b),
  min: <T extends number | bigint>(a: T, b: T) => (a < b ? a : b),
  abs: Math.abs,
  sign: Math.sign,
  sqrt: Math.sqrt,
  exp_accurate: Math.exp,
  log_accurate: Math.log,
  tanh_accurate: Math.tanh,
  sin_accurate: Math.sin,
  cos_accurate: Math.cos,
  erf_accurate: erf,
  sigmoid_accurate: (x: number) => 1 / (1 + Math.exp(-x)),
  softplus_accurate: (x: number) => Math.log1p(Math.exp(x)),
};

/** WGSL → JavaScript: `3u` a bigint, `array<f32, 3>(…)` a list, `let` and `var` as they are. */
const translated = (wgsl: string): string =>
  wgsl
    .replace(/array<f32, \d+>\(/g, "list(")
    .replace(/\b(\d+)u\b/g, "$1n")
    .replace(/\b(\d[\d.]*(?:e[-+]?\d+)?)f\b/g, "$1");

/** What a minibatch is: a value of every field for every sample, [sample][element]. */
export interface StagedInputs {
  readonly params: Readonly<Record<string, Float64Array>>;
  readonly samples: readonly Readonly<Record<string, Float64Array>>[];
}

const access = (plan: BatchedPlan): StageAccess => {
  const regions = new Map([...plan.memory.regionOf].map(([{ name }, region]) => [name, region]));
  return {
    param: (name, flat) => `read(params.${name}, ${printIndex(flat)})`,
    field: (name, flat, sample) => `read(samples[${sample}].${name}, ${printIndex(flat)})`,
    draw: () => "no draws",
    setting: () => "no settings",
    stored: ({ name }, flat, sample) => {
      const { at, sampleStride } = regions.get(name)!;
      const first = sample === null ? `${at}u` : `${at}u + ${sampleStride}u * ${sample}`;
      return `read(scratch, ${first} + ${printIndex(flat)})`;
    },
    batch: "batch",
  };
};

const loop = (symbol: string, length: string): string =>
  `for (var ${symbol} = 0u; ${symbol} < ${length}; ${symbol} += 1u) {`;

/** The stage at every index, values put where the plan has them. */
function stageText(stage: Stage, writer: StageWriter, plan: BatchedPlan, model: Model): string {
  const { perSample, shape, statements } = stage;
  const code = writer.stage(stage, {
    index: outputSymbols(shape),
    sample: perSample ? "s" : null,
  });
  const axes = shape.map((length, axis) => loop(`d${axis}`, `${length}u`));
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const flat = ["0u", ...strides.map((stride, axis) => `${stride}u * d${axis}`)].join(" + ");
  const regions = new Map([...plan.memory.regionOf].map(([{ name }, region]) => [name, region]));
  const stores = statements.flatMap((statement, i) => {
    const region = regions.get(statement.name);
    const blocks = model.params.filter(({ name }) => statement.outputs.includes(gradientOf(name)));
    const places = [
      ...(region ? [`${region.at}u${perSample ? ` + ${region.sampleStride}u * s` : ""}`] : []),
      ...blocks.map(({ offset }) => `${offset}u`),
    ];
    return places.map((at) => `scratch[${at} + ${flat}] = ${code.values[i]};`);
  });
  const body = [...code.lines, ...stores].join("\n");
  const opened = [...(perSample ? [loop("s", "batch")] : []), ...axes];
  return `${opened.join("\n")}\n${body}\n${"}".repeat(opened.length)}`;
}

/** Σ_k a b over the axes of a contraction, compared with what the product's node is. */
function contractionText(
  node: Node,
  contraction: Contraction,
  program: StagedProgram,
  plan: BatchedPlan,
): { text: string; constants: readonly string[] } {
  const writer = new StageWriter(program, access(plan));
  const { a, b, z, m, n, k } = contraction;
  const over = (axes: readonly Axis[]): string[] =>
    axes.map(({ symbol, length }) => loop(symbol, length === null ? "batch" : `${length}u`));
  const factor = ({ node: of, index, perSample }: Factor) =>
    writer.expressionAt(of, index, perSample ? "s" : null);
  const [left, right] = [factor(a), factor(b)];
  const outer = over([...z, ...m, ...n]);
  const inner = over(k);
  const perSample = [...z, ...m, ...n].some(({ length }) => length === null);
  const whole = outputSymbols(node.shape);
  const direct = writer.value(node, whole, perSample ? "s" : null, true);
  const text = [
    ...outer,
    ...node.shape.map((length, axis) => (length === 1 ? `{ const d${axis} = 0u;` : "{")),
    "var product = 0.0;",
    ...inner,
    "{",
    ...left.lines,
    `var first = ${left.value};`,
    "{",
    ...right.lines,
    `product += first * ${right.value};`,
    "}}",
    "}".repeat(inner.length),
    "{",
    ...writer.lines,
    `agree(product, ${direct});`,
    "}",
    "}".repeat(outer.length + node.shape.length),
  ].join("\n");
  return { text, constants: writer.constants };
}

/** Σ_b of the loss and of its gradients by block; throws where a product is not what its axes say. */
export function interpretStages(
  model: Model,
  plan: BatchedPlan,
  { params, samples }: StagedInputs,
): { loss: number; gradient: Float64Array; products: number } {
  const program = trainingProgram(model);
  const scratch = new Float64Array(plan.memory.scratchWords).fill(Number.NaN);
  const batch = BigInt(samples.length);
  let products = 0;
  const read = (from: Float64Array, at: bigint): number => {
    const value = from[Number(at)];
    if (value === undefined) throw new Error(`read at ${at} of ${from.length}: out of bounds`);
    return value;
  };
  const agree = (product: number, direct: number): void => {
    products += 1;
    if (!(Math.abs(product - direct) <= 1e-9 * (1 + Math.abs(direct)))) {
      throw new Error(`a product is ${direct}, by its axes ${product}`);
    }
  };
  const scope = { ...FUNCTIONS, params, samples, scratch, batch, read, agree };
  const run = (constants: readonly string[], text: string): void => {
    const code = translated([...constants, text].join("\n"));
    new Function(...Object.keys(scope), code)(...Object.values(scope));
  };
  const nameOf = (stage: Stage): string => stage.statements.map(({ name }) => name).join(" ");
  const left = new Map(program.stages.map((stage) => [nameOf(stage), stage]));
  for (const { name } of plan.step) {
    const key = name.replace(/, update of .*$/, "");
    const stage = left.get(key);
    if (stage === undefined) continue;
    left.delete(key);
    if (stage.contraction) {
      const node = stage.statements[0]!.node;
      const product = contractionText(node, stage.contraction, program, plan);
      run(product.constants, product.text);
    }
    const writer = new StageWriter(program, access(plan));
    const text = stageText(stage, writer, plan, model);
    run(writer.constants, text);
  }
  if (left.size > 0) throw new Error(`stages without a kernel: ${[...left.keys()].join("; ")}`);
  const loss = [...plan.memory.regionOf].find(([{ outputs }]) => outputs.includes(LOSS))![1].at;
  return { loss: scratch[loss]!, gradient: scratch.slice(0, model.parameterCount), products };
}
