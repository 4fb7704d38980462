/**
 * The generated parts of `schedules/thread.wgsl` that take the gradient, one for each source that an
 * update rule may name: the minibatch's mean, the implicit point (`shaders/gradient/implicit.wgsl`),
 * full data with modelled noise (`shaders/gradient/full_gradient_noise.wgsl`), the mean of here and
 * there (Heun).
 */
import type { Model } from "../model.ts";
import type { SamplingLaw } from "../sampling.ts";
import type { Dynamics } from "../update/dynamics.ts";
import { CONSTANT, DIAGONAL, FULL, MINIBATCH } from "../update/noiseModel.ts";
import type { EmitOptions } from "../wgsl/emit.ts";
import type { SlotBody } from "../wgsl/link.ts";
import type { RowLayout } from "../wgsl/row.ts";
import { furtherArguments, hessianVectorFunction } from "../wgsl/sampleFunction.ts";
import { projectGradient } from "./sphereSlots.ts";
import {
  addNoise,
  correct,
  finish,
  indented,
  type Lines,
  lossGradient,
  noise,
  pointOf,
  type ThreadSlotsRequest,
  Writer,
} from "./threadSlots.ts";

export interface GradientSlotsRequest extends ThreadSlotsRequest {
  readonly model: Model;
  readonly row: RowLayout;
  readonly sampling: SamplingLaw;
}

type Slots = Record<string, SlotBody>;

/** Function memory beside θ, G, kept vectors and normals: words, and what they are. */
export function gradientMemory(
  { rule }: Dynamics,
  count: number,
): { words: number; names: string[] } {
  if (rule.gradient === "implicit") {
    // The point, η_p, the force; Newton's δ and −r; the search direction and its product.
    return { words: 7 * count, names: ["the implicit point", "Newton's vectors"] };
  }
  if (rule.gradient === "corrected") {
    return { words: 2 * count, names: ["the corrected point", "its gradient"] };
  }
  // The spread; a sample's gradient and the pilot.
  if (rule.gradient === "modelled") {
    return { words: 3 * count, names: ["gradients of single samples"] };
  }
  return { words: 0, names: [] };
}

/** Sums of the minibatch at an array, as loss and gradient of its mean or as sums. */
const minibatch = (model: Model, at: string): Lines => [
  "for (var b = 0u; b < batch; b += 1u) {",
  `  loss += ${lossGradient(model, "minibatch_sample(&minibatch, b)", at, "gradient")};`,
  "}",
  "loss *= inverse_batch;",
];

/** Adds the minibatch's gradients at a point to `there`. */
const sumsAt =
  (model: Model) =>
  (at: string): Lines => [
    "for (var b = 0u; b < batch; b += 1u) {",
    `  _ = ${lossGradient(model, "minibatch_sample(&minibatch, b)", at, "there")};`,
    "}",
  ];

/**
 * What `loss_gradient` takes beside sample and arrays, for functions that are called from files which
 * know nothing of it: module-scope variables of the invocation.
 */
function privateArguments(model: Model): { declare: Lines; set: Lines; read: Lines } {
  const names = Object.entries(furtherArguments(model)).filter(([name]) => name !== "b");
  return {
    declare: names.map(([name, type]) => `var<private> own_${name}: ${type};`),
    set: names.map(([name]) => `own_${name} = ${name};`),
    read: names.map(([name]) => `  let ${name} = own_${name};`),
  };
}

const POINTER = "ptr<function, array<f32, PARAMS>>";

/** `batch_gradient` and `batch_curvature`: sums over the minibatch, as functions. */
function batchFunctions({ model, row, unroll }: GradientSlotsRequest): SlotBody {
  const options: EmitOptions = { unroll };
  const product = hessianVectorFunction(model, row, options);
  const sample = "minibatch_sample(m, b)";
  const own = privateArguments(model);
  const further = Object.keys(furtherArguments(model)).map((name) => `, ${name}`);
  const begin = (name: string, pointers: readonly string[]): Lines => [
    `fn ${name}(`,
    "  m: ptr<function, Minibatch>,",
    "  batch: u32,",
    ...pointers.map((pointer) => `  ${pointer}: ${POINTER},`),
  ];
  return {
    imports: product.imports ?? [],
    code: [
      ...own.declare,
      product.code,
      "",
      ...begin("batch_gradient", ["theta", "gradient"]),
      ") -> f32 {",
      ...own.read,
      "  var loss = 0.0;",
      "  for (var b = 0u; b < batch; b += 1u) {",
      `    loss += ${lossGradient(model, sample, "(*theta)", "(*gradient)")};`,
      "  }",
      "  return loss;",
      "}",
      "",
      ...begin("batch_curvature", ["theta", "direction", "product"]),
      ") {",
      ...own.read,
      "  for (var b = 0u; b < batch; b += 1u) {",
      `    hessian_vector(${sample}, theta, direction, product${further.join("")});`,
      "  }",
      "}",
    ].join("\n"),
  };
}

function implicit(request: GradientSlotsRequest): Slots {
  const writer = new Writer(request);
  return {
    batch_functions: batchFunctions(request),
    minibatch_gradient: {
      ...indented(
        [
          ...privateArguments(request.model).set,
          "var rate = array<f32, PARAMS>();",
          ...writer.each((p) => {
            const { before, h } = writer.setting(p);
            return `{ ${before}rate[${p}] = ${h}.learning_rate; }`;
          }),
          "var force = array<f32, PARAMS>();",
          ...noise(writer, request.parameterCount, "force"),
          "var point = theta;",
          "let problem = Implicit(",
          "  batch, h.weight_decay, h.tolerance, u32(h.newton_steps), u32(h.cg_steps),",
          ");",
          "let implicit =",
          "  implicit_point(&minibatch, problem, &theta, &rate, &force, &point, &gradient);",
          "loss = implicit.loss;",
          "unsolved[0] += select(1.0, 0.0, implicit.solved);",
        ],
        4,
      ),
      imports: ["gradient/implicit"],
    },
    // G at y is complete.
    finish_gradient: { code: "" },
  };
}

/** f of the modelled batches, `noiseFactor` of `sampling.ts`. */
function noiseFactor(sampling: SamplingLaw): string {
  if (sampling === "withReplacement") return "1.0 / h.batch_size";
  if (sampling === "fullBatch") return "0.0";
  return "(f32(SAMPLES) - h.batch_size) / (h.batch_size * max(1.0, f32(SAMPLES) - 1.0))";
}

/** G of parameters on spheres is its tangential part. */
const tangential = ({ dynamics, unroll }: GradientSlotsRequest): Lines =>
  dynamics.spheres ? projectGradient(dynamics.spheres, unroll) : [];

/** The loops over parameters of `gradient/full_gradient_noise.wgsl`, written out. */
function spreadLoops(writer: Writer): Slots {
  const block = (lines: Lines): string => `{ ${lines.join(" ")} }`;
  return {
    accumulate_sample: indented(
      writer.each((p) =>
        block([
          `let off = sample[${p}] - pilot[${p}];`,
          `(*gradient)[${p}] += off;`,
          `(*spread)[${p}] += off * select(off, xi, full);`,
        ]),
      ),
      4,
    ),
    finish_spread: indented(
      writer.each((p) =>
        block([
          `let mean = (*gradient)[${p}] * inverse;`,
          `let variance = max(0.0, (*spread)[${p}] * inverse - mean * mean);`,
          `(*spread)[${p}] = select(sqrt(variance), root * ((*spread)[${p}] - total * mean), full);`,
          `(*gradient)[${p}] = pilot[${p}] + mean;`,
        ]),
      ),
      2,
    ),
  };
}

function modelled(request: GradientSlotsRequest): Slots {
  const writer = new Writer(request);
  const { model, parameterCount: count } = request;
  const own = privateArguments(model);
  return {
    minibatch_gradient: {
      ...indented(
        [
          ...own.set,
          `if (h.noise_model == ${MINIBATCH}.0) {`,
          ...minibatch(request.model, "theta").map((line) => `  ${line}`),
          ...writer.each((p) => `  gradient[${p}] *= inverse_batch;`),
          "} else {",
          "  var spread = array<f32, PARAMS>();",
          `  let full = h.noise_model == ${FULL}.0;`,
          "  loss = full_gradient_noise(noise_key, step, full, &theta, &gradient, &spread);",
          `  let amplitude = sqrt((${noiseFactor(request.sampling)}) / h.time_step);`,
          "  if (full) {",
          ...writer.each((p) => `    gradient[${p}] += amplitude * spread[${p}];`),
          "  } else {",
          ...writer.draw("noise_key", count, 0).map((line) => `    ${line}`),
          `    if (h.noise_model == ${DIAGONAL}.0) {`,
          ...writer.each((p) => `      gradient[${p}] += amplitude * spread[${p}] * xi[${p}];`),
          "    } else {",
          `      // noise model ${CONSTANT}`,
          ...addNoise(writer, "gradient", "amplitude").map((line) => `      ${line}`),
          "    }",
          "  }",
          "}",
        ],
        4,
      ),
      imports: ["gradient/full_gradient_noise"],
    },
    sample_gradient: {
      code: [
        ...own.declare,
        "fn sample_gradient(",
        "  sample: u32,",
        `  theta: ${POINTER},`,
        `  gradient: ${POINTER},`,
        ") -> f32 {",
        ...own.read,
        `  return ${lossGradient(model, "sample", "(*theta)", "(*gradient)")};`,
        "}",
      ].join("\n"),
    },
    ...spreadLoops(writer),
    finish_gradient: indented(
      [
        ...writer.each((p) => `gradient[${p}] += h.weight_decay * theta[${p}];`),
        ...tangential(request),
      ],
      4,
    ),
  };
}

/** Slot bodies of `schedules/thread.wgsl` and of the source's own shader. */
export function gradientSlots(request: GradientSlotsRequest): Slots {
  const { dynamics, parameterCount } = request;
  if (dynamics.rule.gradient === "implicit") return implicit(request);
  if (dynamics.rule.gradient === "modelled") return modelled(request);
  const writer = new Writer(request);
  const complete = finish(writer, parameterCount);
  const corrected = dynamics.rule.gradient === "corrected";
  return {
    minibatch_gradient: indented(minibatch(request.model, pointOf(dynamics)), 4),
    finish_gradient: indented(
      corrected
        ? [...complete, ...correct(writer, parameterCount, sumsAt(request.model))]
        : [...complete, ...tangential(request)],
      4,
    ),
  };
}
