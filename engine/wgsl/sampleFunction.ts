/**
 * The generated functions of a model: `loss_gradient` for the schedules, `hessian_vector` for
 * implicit steps, `outputs` for evaluation.
 *
 * All take a sample's number and the replica's parameters in function memory; a sample's row is
 * loaded as vec4f once. Only elements that a rolled loop addresses by a variable go through an array.
 * Models with settings are given the hyperparameters `h` too, those with draws what names the random
 * numbers: `draw_key`, `step`, and the number `b` of the sample in its batch. Models that interact read
 * their group's means from `group_mean`, private to the invocation.
 */

import { hessianVectorProduct } from "../autodiff.ts";
import { invariant } from "../errors.ts";
import { type Node, param } from "../graph.ts";
import type { Model } from "../model.ts";
import { simplify } from "../simplify.ts";
import { drawAccess } from "./drawAccess.ts";
import { type EmitOptions, emit, type Leaves } from "./emit.ts";
import { memberName } from "./identifiers.ts";
import { type Index, isLiteral, literal, printIndex } from "./indexing.ts";
import type { SlotBody } from "./link.ts";
import { fieldElement, type RowLayout } from "./row.ts";

const at = (name: string): string => `${name}_at`;

const element = (array: string, name: string, flat: Index): string =>
  isLiteral(flat) && flat.constant === 0
    ? `(*${array})[${at(name)}]`
    : `(*${array})[${at(name)} + ${printIndex(flat)}]`;

const theta = (name: string, flat: Index): string => element("theta", name, flat);

/** The invocation's array of means, [param], declared by `plan/interactionSlots.ts`. */
const mean = (name: string, flat: Index): string =>
  `group_mean[${at(name)}${isLiteral(flat) && flat.constant === 0 ? "" : ` + ${printIndex(flat)}`}]`;

/** A field's local array; the prefix keeps a field named `theta` or `data` from shadowing ours. */
const arrayOf = (field: string): string => `sample_${field}`;

/** How a body reaches the sample's numbers, and the lines that load them before it. */
interface RowAccess {
  readonly sample: Leaves["sample"];
  readonly loads: () => string[];
}

/**
 * Rows of more vec4f than this are copied to an array in a loop: written out, the loads of a row of
 * 171 vec4f took lavapipe's compiler minutes.
 */
const LONGEST_WRITTEN_OUT = 32;

const rowAccess = (model: Model, layout: RowLayout): RowAccess =>
  layout.vectors > LONGEST_WRITTEN_OUT ? longRow(layout) : shortRow(model, layout);

/** Each vec4f that is touched is a local; fields that rolled loops address get an array. */
function shortRow(model: Model, layout: RowLayout): RowAccess {
  const vectors = new Set<number>();
  const arrays = new Set<string>();
  const component = (name: string, i: number): string => {
    const { at, value } = fieldElement(layout, name, literal(i));
    vectors.add(at.constant >> 2);
    return value(`row_${at.constant >> 2}.${"xyzw"[at.constant & 3]}`);
  };
  return {
    sample: (name, flat) => {
      if (isLiteral(flat)) return component(name, flat.constant);
      arrays.add(name);
      return `${arrayOf(name)}[${printIndex(flat)}]`;
    },
    loads: () => {
      const filled = model.fields.filter(({ name }) => arrays.has(name));
      const fills = filled.map(({ name, size }) => {
        const elements = Array.from({ length: size }, (_, i) => component(name, i));
        return `  var ${arrayOf(name)} = array<f32, ${size}>(${elements.join(", ")});`;
      });
      const rows = [...vectors].sort((a, b) => a - b);
      return [
        ...rows.map((q) => `  let row_${q} = data[sample * ${layout.vectors}u + ${q}u];`),
        ...fills,
      ];
    },
  };
}

/** The whole row in one array of f32. */
const longRow = (layout: RowLayout): RowAccess => ({
  sample: (name, flat) => {
    const { at, value } = fieldElement(layout, name, flat);
    return value(`row[${printIndex(at)}]`);
  },
  loads: () => [
    `  var row = array<f32, ${4 * layout.vectors}>();`,
    `  for (var q = 0u; q < ${layout.vectors}u; q += 1u) {`,
    `    let loaded = data[sample * ${layout.vectors}u + q];`,
    ...[..."xyzw"].map((component, c) => `    row[4u * q + ${c}u] = loaded.${component};`),
    "  }",
  ],
});

/** WGSL constants that the functions address blocks with, `<block>_at`. */
export const blockOffsets = (model: Model): string[] =>
  model.params.map(
    ({ name, offset, shape }) => `const ${at(name)}: u32 = ${offset}u;  // [${shape.join(", ")}]`,
  );

const POINTER = "ptr<function, array<f32, PARAMS>>";

/** WGSL arguments of `loss_gradient` after the gradient, name → type; none for a plain model. */
export function furtherArguments(model: Model): Readonly<Record<string, string>> {
  return {
    ...(model.settings.length > 0 && { h: "Hyperparameters" }),
    ...(model.draws.length > 0 && { draw_key: "vec2u", step: "u32", b: "u32" }),
  };
}

const setting = (name: string): string => `h.${memberName(name)}`;

/** `fn loss_gradient(sample, theta, gradient, …) -> f32`: returns l, adds ∇l to `gradient`. */
export function lossGradientFunction(
  model: Model,
  layout: RowLayout,
  options: EmitOptions,
): SlotBody {
  const row = rowAccess(model, layout);
  const sinks = model.params.map(({ name }, i) => ({
    offset: at(name),
    node: model.gradients[i]!,
  }));
  const random = drawAccess(model);
  const leaves: Leaves = {
    param: theta,
    mean,
    sample: row.sample,
    draw: random.draw,
    setting,
    gradient: "(*gradient)",
  };
  const body = emit([model.loss], sinks, leaves, options);
  const further = Object.entries(furtherArguments(model));
  return {
    imports: [...body.imports, ...random.imports],
    code: [
      ...blockOffsets(model),
      ...body.constants,
      "",
      "fn loss_gradient(",
      "  sample: u32,",
      `  theta: ${POINTER},`,
      `  gradient: ${POINTER},`,
      ...further.map(([name, type]) => `  ${name}: ${type},`),
      ") -> f32 {",
      ...row.loads(),
      ...random.loads(),
      ...body.lines,
      `  return ${body.outputs[0]};`,
      "}",
    ].join("\n"),
  };
}

/** The leaf that holds the direction of a block, beside the block itself. */
export const DIRECTION = "direction.";

/**
 * (H d) of one sample, block by block, simplified; d in leaves `direction.<block>`.
 *
 * @see Pearlmutter, Neural Computation 6, 147 (1994)
 */
export function curvatureNodes(model: Model): Node[] {
  const theta = model.params.map(({ name, shape }) => param(name, shape));
  const d = model.params.map(({ name, shape }) => param(`${DIRECTION}${name}`, shape));
  return simplify(hessianVectorProduct(model.loss, theta, d));
}

const thetaOrDirection = (name: string, flat: Index): string =>
  name.startsWith(DIRECTION)
    ? element("direction", name.slice(DIRECTION.length), flat)
    : theta(name, flat);

/**
 * `fn hessian_vector(sample, theta, direction, product, …)`: adds H d of a sample to `product`.
 *
 * Stands beside `loss_gradient`, whose offsets it uses.
 */
export function hessianVectorFunction(
  model: Model,
  layout: RowLayout,
  options: EmitOptions,
): SlotBody {
  const row = rowAccess(model, layout);
  const random = drawAccess(model);
  const further = Object.entries(furtherArguments(model));
  const nodes = curvatureNodes(model);
  const sinks = model.params.map(({ name }, i) => ({ offset: at(name), node: nodes[i]! }));
  const leaves: Leaves = {
    param: thetaOrDirection,
    mean,
    sample: row.sample,
    draw: random.draw,
    setting,
    gradient: "(*product)",
    constant: "curvature_constant",
  };
  const body = emit([], sinks, leaves, options);
  return {
    imports: [...body.imports, ...random.imports],
    code: [
      ...body.constants,
      "",
      "fn hessian_vector(",
      "  sample: u32,",
      `  theta: ${POINTER},`,
      `  direction: ${POINTER},`,
      `  product: ${POINTER},`,
      ...further.map(([name, type]) => `  ${name}: ${type},`),
      ") {",
      ...row.loads(),
      ...random.loads(),
      ...body.lines,
      "}",
    ].join("\n"),
  };
}

/** The scalar leaf λ. No block can have this name: it is no identifier. */
export const WEIGHT_DECAY = "weight decay";

const outputsLeaf = (name: string, flat: Index): string =>
  name === WEIGHT_DECAY ? "weight_decay" : thetaOrDirection(name, flat);

/**
 * `fn outputs(sample, theta, direction, weight_decay) -> array<f32, OUTPUTS>`: per-sample scalars of
 * a model without draws (`withoutDraws`), e.g. loss, accuracy, the curvature along a direction
 * (`observe/fullData.ts`); with settings `h` is given too.
 */
export function outputsFunction(
  model: Model,
  outputs: readonly Node[],
  layout: RowLayout,
  options: EmitOptions,
): SlotBody {
  const row = rowAccess(model, layout);
  const draw = (name: string): never => {
    invariant(false, `the draw ${name} is evaluated`);
  };
  const leaves: Leaves = {
    param: outputsLeaf,
    mean,
    sample: row.sample,
    draw,
    setting,
    gradient: "",
  };
  const body = emit(outputs, [], leaves, options);
  return {
    imports: body.imports,
    code: [
      ...blockOffsets(model),
      ...body.constants,
      "",
      "fn outputs(",
      "  sample: u32,",
      `  theta: ${POINTER},`,
      "  direction: ptr<function, array<f32, DIRECTIONS>>,",
      "  weight_decay: f32,",
      ...(model.settings.length > 0 ? ["  h: Hyperparameters,"] : []),
      `) -> array<f32, ${outputs.length}> {`,
      ...row.loads(),
      ...body.lines,
      `  return array<f32, ${outputs.length}>(${body.outputs.join(", ")});`,
      "}",
    ].join("\n"),
  };
}
