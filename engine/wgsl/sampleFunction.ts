/**
 * The generated functions of a model: `loss_gradient` for the schedules, `outputs` for evaluation.
 *
 * Both take a sample's number and the replica's parameters in function memory; a sample's row is
 * loaded as vec4f once. Only elements that a rolled loop addresses by a variable go through an array.
 */

import type { Node } from "../graph.ts";
import type { Model } from "../model.ts";
import { DIRECTION, WEIGHT_DECAY } from "../observe/fullData.ts";
import { type EmitOptions, emit, type Leaves } from "./emit.ts";
import { type Index, isLiteral, literal, plus, printIndex } from "./indexing.ts";
import type { SlotBody } from "./link.ts";
import type { RowLayout } from "./row.ts";

const at = (name: string): string => `${name}_at`;

const theta = (name: string, flat: Index): string =>
  isLiteral(flat) && flat.constant === 0
    ? `(*theta)[${at(name)}]`
    : `(*theta)[${at(name)} + ${printIndex(flat)}]`;

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
  const component = (position: number): string => {
    vectors.add(position >> 2);
    return `row_${position >> 2}.${"xyzw"[position & 3]}`;
  };
  return {
    sample: (name, flat) => {
      if (isLiteral(flat)) return component(layout.offsets[name]! + flat.constant);
      arrays.add(name);
      return `${arrayOf(name)}[${printIndex(flat)}]`;
    },
    loads: () => {
      const filled = model.fields.filter(({ name }) => arrays.has(name));
      const fills = filled.map(({ name, size }) => {
        const elements = Array.from({ length: size }, (_, i) =>
          component(layout.offsets[name]! + i),
        );
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
const longRow = ({ offsets: at, vectors }: RowLayout): RowAccess => ({
  sample: (name, flat) => `row[${printIndex(plus(flat, literal(at[name]!)))}]`,
  loads: () => [
    `  var row = array<f32, ${4 * vectors}>();`,
    `  for (var q = 0u; q < ${vectors}u; q += 1u) {`,
    `    let loaded = data[sample * ${vectors}u + q];`,
    ...[..."xyzw"].map((component, c) => `    row[4u * q + ${c}u] = loaded.${component};`),
    "  }",
  ],
});

const offsets = (model: Model): string[] =>
  model.params.map(
    ({ name, offset, shape }) => `const ${at(name)}: u32 = ${offset}u;  // [${shape.join(", ")}]`,
  );

const POINTER = "ptr<function, array<f32, PARAMS>>";

/** `fn loss_gradient(sample, theta, gradient) -> f32`: returns l, adds ∇l to `gradient`. */
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
  const leaves: Leaves = { param: theta, sample: row.sample, gradient: "(*gradient)" };
  const body = emit([model.loss], sinks, leaves, options);
  return {
    imports: body.imports,
    code: [
      ...offsets(model),
      ...body.constants,
      "",
      "fn loss_gradient(",
      "  sample: u32,",
      `  theta: ${POINTER},`,
      `  gradient: ${POINTER},`,
      ") -> f32 {",
      ...row.loads(),
      ...body.lines,
      `  return ${body.outputs[0]};`,
      "}",
    ].join("\n"),
  };
}

/** Element of θ, of the direction or λ, as `outputs` is given them. */
const outputsLeaf = (name: string, flat: Index): string => {
  if (name === WEIGHT_DECAY) return "weight_decay";
  if (!name.startsWith(DIRECTION)) return theta(name, flat);
  return theta(name.slice(DIRECTION.length), flat).replace("theta", "direction");
};

/**
 * `fn outputs(sample, theta, direction, weight_decay) -> array<f32, OUTPUTS>`: per-sample scalars,
 * e.g. loss, accuracy, the curvature along a direction (`observe/fullData.ts`).
 */
export function outputsFunction(
  model: Model,
  outputs: readonly Node[],
  layout: RowLayout,
  options: EmitOptions,
): SlotBody {
  const row = rowAccess(model, layout);
  const body = emit(outputs, [], { param: outputsLeaf, sample: row.sample, gradient: "" }, options);
  return {
    imports: body.imports,
    code: [
      ...offsets(model),
      ...body.constants,
      "",
      "fn outputs(",
      "  sample: u32,",
      `  theta: ${POINTER},`,
      "  direction: ptr<function, array<f32, DIRECTIONS>>,",
      "  weight_decay: f32,",
      `) -> array<f32, ${outputs.length}> {`,
      ...row.loads(),
      ...body.lines,
      `  return array<f32, ${outputs.length}>(${body.outputs.join(", ")});`,
      "}",
    ].join("\n"),
  };
}
