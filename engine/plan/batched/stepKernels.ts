/**
 * Kernels of the schedule `batched` that are the same for all models: drawing minibatches, ending the
 * gradient, the update rule, observables, and moving a slice in and out of its working copy.
 */
import type { Model } from "../../model.ts";
import type { ObservationPlan } from "../../observe/observation.ts";
import { SAMPLING_SHADERS, type SamplingLaw, storesOrder } from "../../sampling.ts";
import { SHARED } from "../../update/dynamics.ts";
import type { SlotBody } from "../../wgsl/link.ts";
import { vectorName } from "../threadSlots.ts";
import {
  type BatchedKernel,
  batchedShader,
  inLayers,
  type KernelContext,
  reads,
  slot,
  writes,
} from "./batchedKernel.ts";
import { vectorCount } from "./batchedMemory.ts";

export interface StepContext extends KernelContext {
  readonly model: Model;
  readonly sampling: SamplingLaw;
  readonly samples: number;
  readonly maxBatch: number;
}

const WORKGROUP = 64;
const FEW = 16;
/** Lanes of a workgroup that moves replicas, and quads of parameters. */
const MOVED = 8;
const COMPONENTS = ["x", "y", "z", "w"] as const;

/** Quads of parameters of one workgroup: eight in each invocation. */
const QUADS = 8 * WORKGROUP;

const overQuads = (quads: number) => (lanes: number) =>
  [Math.ceil(quads / QUADS), lanes, 1] as const;

const perLane = (lanes: number) => [lanes, 1, 1] as const;

/** Copies the first `vectors` of a replica between a chunk's state and the working copy. */
export function moveKernel(
  context: KernelContext,
  way: "load" | "store",
  vectors = 1 + context.dynamics.kept.length,
): BatchedKernel {
  const [replicas, state] =
    way === "load" ? [writes("replicas"), reads("state")] : [reads("replicas"), writes("state")];
  return {
    name: `${way} replicas`,
    shader: batchedShader(
      `${way}_replicas`,
      context,
      { params: { VECTORS: `${vectors}u` } },
      { hyperparameters: false },
    ),
    bindings: [[replicas, state]],
    overrides: { LANES: MOVED, PLACES: MOVED },
    grid: (lanes) => {
      const groups = Math.ceil(context.memory.vectorWords / 4 / MOVED);
      return [Math.ceil(lanes / MOVED), ...inLayers(groups)];
    },
  };
}

const sizes = ({ samples, sampling, maxBatch }: StepContext) => ({
  SAMPLES: `${samples}u`,
  MAX_BATCH: `${sampling === "fullBatch" ? samples : maxBatch}u`,
});

export function drawBatchKernel(context: StepContext): BatchedKernel {
  const { sampling } = context;
  const order = storesOrder(sampling) ? [writes("order")] : [];
  return {
    name: "draw the minibatch",
    shader: batchedShader("draw_batch", context, {
      params: sizes(context),
      slots: { sampling: { code: "", imports: [SAMPLING_SHADERS[sampling]] } },
    }),
    // The laws have their order at binding 2 of group 1.
    bindings: [
      [writes("batch"), reads("frozen")],
      [reads("hyper"), null, ...order],
    ],
    overrides: { WORKGROUP: FEW },
    grid: (lanes) => [Math.ceil(lanes / FEW), 1, 1],
  };
}

export const checkKernel = (context: KernelContext): BatchedKernel => ({
  name: "mean loss and bounds",
  shader: batchedShader("check", context, {}),
  bindings: [[reads("replicas"), writes("scratch"), writes("frozen")], [reads("hyper")]],
  overrides: {},
  grid: perLane,
});

/** Adds s ξ to `gradient`: two normal numbers a pair, those of parameters 4 q … 4 q + 3. */
const GRADIENT_NOISE = [
  "let noise_key = slot_key(slot, STREAM_GRADIENT_NOISE);",
  "let even = normal_pair(threefry2x32(noise_key, vec2u(step, 2u * quad)));",
  "let odd = normal_pair(threefry2x32(noise_key, vec2u(step, 2u * quad + 1u)));",
  "gradient += h.gradient_noise * vec4f(even, odd);",
];

export function finishGradientKernels(context: KernelContext): BatchedKernel[] {
  const { dynamics, memory } = context;
  const POINT = `${memory.pointAt}u`;
  const GRADIENT = `${memory.gradientAt}u`;
  const noise = dynamics.gradientNoise ? GRADIENT_NOISE : [];
  const finish: BatchedKernel = {
    name: "mean gradient",
    shader: batchedShader("finish_gradient", context, {
      params: { CLIPS: `${dynamics.clip}`, POINT, GRADIENT },
      slots: { noise: slot(noise, 4) },
    }),
    bindings: [[reads("replicas"), writes("scratch")], [reads("hyper")]],
    overrides: {},
    grid: overQuads(memory.vectorWords / 4),
  };
  if (!dynamics.clip) return [finish];
  const limits = ["fn clip_norm(h: Hyperparameters) -> f32 { return h.clip_norm; }"];
  const clip: BatchedKernel = {
    ...finish,
    name: "clip",
    shader: batchedShader("clip", context, {
      params: { POINT, GRADIENT },
      slots: { limits: slot(limits, 0) },
    }),
    overrides: {},
    grid: perLane,
  };
  return [finish, clip];
}

const rateSlots = ({ dynamics: { rate } }: KernelContext): Record<string, SlotBody> =>
  rate
    ? {
        rate: {
          code: `  h.learning_rate = fixed.learning_rate * ${rate.expression("run.first_step")};`,
          imports: rate.shaders,
        },
        ...rate.slots,
      }
    : { rate: { code: "" } };

/** Normal numbers of component c of a quad: `xi0`, … are pairs. */
const numbersOf = (normals: 0 | 1 | 2, c: number): string => {
  if (normals === 0) return "vec2f()";
  return normals === 1 ? `vec2f(xi${c >> 1}.${"xy"[c & 1]}, 0.0)` : `xi${c}`;
};

function drawn(normals: 0 | 1 | 2, first: number): string[] {
  if (normals === 0) return [];
  const before = first > 0 ? `${first}u + ` : "";
  return [
    "let thermal_key = slot_key(slot, STREAM_THERMAL_NOISE);",
    ...Array.from(
      { length: 2 * normals },
      (_, i) =>
        `let xi${i} = normal_pair(threefry2x32(thermal_key, ` +
        `vec2u(step, ${before}${2 * normals}u * quad + ${i}u)));`,
    ),
  ];
}

/** Words of `replicas` from a vector to the next, in vec4f. */
const vectorAt = (number: number): string =>
  number === 0 ? "at" : `at + ${number}u * (VECTOR / 4u)`;

/** Setting and constants of a component's parameter: its own where learning rates differ. */
function settingOf({ dynamics, parameterCount }: KernelContext, c: number) {
  if (!dynamics.scales) return { lines: [], h: "h", c: "c" };
  const before = SHARED.slice(0, SHARED.indexOf("scales")).reduce(
    (sum, name) => sum + (dynamics[name]?.length ?? 0),
    0,
  );
  const first = `${Object.keys(dynamics.rule.hyperparameters).length}u * run.conditions`;
  const place = `min(4u * quad + ${c}u, ${parameterCount - 1}u)`;
  return {
    lines: [
      `var h${c} = h;`,
      `h${c}.learning_rate *= hyper[${first} + ${before}u + ${place}];`,
      `let c${c} = constants(h${c}, clock);`,
    ],
    h: `h${c}`,
    c: `c${c}`,
  };
}

/** Constants of a parameter's own learning rate are computed on the spot. */
const clockLines = ({ dynamics: { scales } }: KernelContext): string[] =>
  scales ? ["let clock = setting.clock;"] : [];

/** The vectors of an element beside θ: which component of the rule's vec4f, which row of `replicas`. */
function keptRows({ dynamics: { rule, kept } }: KernelContext, copy: boolean) {
  return kept.flatMap((name, k) => {
    const component = rule.vectors.indexOf(name);
    if (component < 0) return [];
    const row = 1 + k + (copy ? 1 + kept.length : 0);
    return [{ name: `kept${k}`, row, component: COMPONENTS[component + 1]! }];
  });
}

/** `vec4f(θ, kept…)` of component c of a quad. */
function element(theta: string, rows: ReturnType<typeof keptRows>, c: number): string {
  const at = COMPONENTS[c]!;
  const parts = COMPONENTS.map((component) => {
    if (component === "x") return `${theta}.${at}`;
    const row = rows.find((one) => one.component === component);
    return row ? `${row.name}.${at}` : "0.0";
  });
  return `vec4f(${parts.join(", ")})`;
}

/** G of a quad from the sum over the minibatch, unless kernels before have finished it. */
function finished({ dynamics: { clip, gradientNoise, rule } }: KernelContext): string[] {
  if (clip) return ["let gradient = sum;"];
  return [
    "var gradient = sum * setting.inverse_batch;",
    ...(gradientNoise ? GRADIENT_NOISE : []),
    `gradient += h.weight_decay * ${rule.prepare ? "point" : "theta"};`,
  ];
}

function applyLines(context: KernelContext): string[] {
  const { dynamics, parameterCount } = context;
  const { rule, normals, kept, displacement } = dynamics;
  const copy = rule.prepare !== undefined;
  const rows = keptRows(context, copy);
  const own = keptRows(context, false);
  const from = copy ? 1 + kept.length : 0;
  const first = Math.ceil((normals.prepare * parameterCount) / 2);
  return [
    ...clockLines(context),
    "let theta = replicas[at];",
    ...(copy ? [`let point = replicas[${vectorAt(from)}];`] : []),
    ...rows.map(({ name, row }) => `let ${name} = replicas[${vectorAt(row)}];`),
    ...finished(context),
    ...drawn(normals.update, first),
    ...COMPONENTS.flatMap((component, c) => {
      const setting = settingOf(context, c);
      const x = element(copy ? "point" : "theta", rows, c);
      const xi = numbersOf(normals.update, c);
      const call = `update(${x}, gradient.${component}, ${xi}, ${setting.h}, ${setting.c})`;
      return [...setting.lines, `let next${c} = ${call};`];
    }),
    `replicas[at] = ${ofAll("x")};`,
    ...own.map(({ row, component }) => `replicas[${vectorAt(row)}] = ${ofAll(component)};`),
    ...(displacement
      ? [
          `replicas[${vectorAt(1 + kept.indexOf("velocity"))}] = vec4f(${COMPONENTS.map(
            (component, c) =>
              `(next${c}.x - theta.${component}) / max(${settingOf(context, c).h}.learning_rate, 1e-37)`,
          ).join(", ")});`,
        ]
      : []),
  ];
}

const ofAll = (component: string): string =>
  `vec4f(${COMPONENTS.map((_, c) => `next${c}.${component}`).join(", ")})`;

function prepareLines(context: KernelContext): string[] {
  const { normals, kept } = context.dynamics;
  const rows = keptRows(context, false);
  const copies = keptRows(context, true);
  return [
    ...clockLines(context),
    "let theta = replicas[at];",
    ...rows.map(({ name, row }) => `let ${name} = replicas[${vectorAt(row)}];`),
    ...drawn(normals.prepare, 0),
    ...COMPONENTS.flatMap((_, c) => {
      const setting = settingOf(context, c);
      const x = element("theta", rows, c);
      const call = `prepare(${x}, ${numbersOf(normals.prepare, c)}, ${setting.h}, ${setting.c})`;
      return [...setting.lines, `let next${c} = ${call};`];
    }),
    `replicas[${vectorAt(1 + kept.length)}] = ${ofAll("x")};`,
    ...copies.map(({ row, component }) => `replicas[${vectorAt(row)}] = ${ofAll(component)};`),
  ];
}

/** What `batched/step_quad.wgsl` is told. */
export const stepLink = (
  context: StepContext,
  which: "update" | "prepare" = "update",
): { params: Record<string, string>; slots: Record<string, SlotBody> } => ({
  params: sizes(context),
  slots: {
    update: { code: "", imports: [context.dynamics.rule.shader] },
    ...rateSlots(context),
    step: slot(which === "update" ? applyLines(context) : prepareLines(context)),
  },
});

/** The kernel of `update` for a range of quads of parameters, or that of `prepare` for all. */
export function ruleKernel(
  context: StepContext,
  which: "update" | "prepare",
  range?: readonly [first: number, last: number],
): BatchedKernel {
  const { memory, dynamics } = context;
  const { params, slots } = stepLink(context, which);
  const [first, last] = range ?? [0, memory.vectorWords / 4];
  const GRADIENT = `${dynamics.clip ? memory.gradientAt : 0}u`;
  const name = which === "update" ? "update" : "the point of G";
  return {
    name: range ? `${name} of parameters ${4 * first} to ${4 * last - 1}` : name,
    shader: batchedShader("update", context, {
      params: { ...params, GRADIENT, FIRST: `${first}u`, LAST: `${last}u` },
      slots,
    }),
    bindings: [[writes("replicas"), reads("scratch"), reads("frozen")], [reads("hyper")]],
    overrides: {},
    grid: overQuads(last - first),
  };
}

export function observeKernel(context: StepContext, observation: ObservationPlan): BatchedKernel {
  const { kept } = context.dynamics;
  const names = ["theta", ...kept.map(vectorName)];
  const rest = vectorCount(context.dynamics) - names.length;
  const { seriesWords, momentsWords, gridWords, constants } = observation;
  const { gradientAt, scratchWords, vectorWords } = context.memory;
  const keeps = gradientAt > 0;
  const values = scratchWords - (keeps ? 2 : 1) * vectorWords - 4;
  return {
    name: "observe",
    shader: batchedShader("observe", context, {
      params: sizes(context),
      slots: {
        ...rateSlots(context),
        vectors: slot(
          [
            "struct Vectors {",
            ...names.map((name) => `  ${name}: array<f32, VECTOR>,`),
            ...(rest > 0 ? [`  others: array<f32, ${rest}u * VECTOR>,`] : []),
            "}",
          ],
          0,
        ),
        scratch: slot(
          [
            "struct Scratch {",
            "  sums: array<f32, VECTOR>,",
            "  loss: f32,",
            "  unused: array<f32, 3>,",
            ...(keeps ? ["  gradient: array<f32, VECTOR>,"] : []),
            ...(values > 0 ? [`  values: array<f32, ${values}u>,`] : []),
            "}",
          ],
          0,
        ),
        load_vectors: slot([
          ...names.slice(1).map((name) => `let ${name} = &replicas[slot].${name};`),
          ...(keeps ? ["let gradient = &scratch[slot].gradient;"] : []),
        ]),
        observables: { code: observation.declarations, imports: observation.imports },
        observe_load: { code: observation.load },
        observe: { code: observation.code },
        observe_store: { code: observation.store },
      },
    }),
    bindings: [
      [reads("replicas"), reads("scratch"), reads("frozen")],
      [reads("hyper")],
      [
        seriesWords > 0 ? writes("series") : null,
        momentsWords + gridWords > 0 ? writes("moments") : null,
        constants.length > 0 ? reads("constants") : null,
      ],
    ],
    overrides: { WORKGROUP: FEW },
    grid: (lanes) => [Math.ceil(lanes / FEW), 1, 1],
  };
}
