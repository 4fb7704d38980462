/**
 * The generated parts of `schedules/workgroup.wgsl` that depend on the dynamics: which vectors a
 * replica keeps, where the gradient is taken, what is added to it, how the update is applied.
 *
 * Parameters are shared among the threads, each with the thread that had it before: what one loop
 * leaves in memory the next one finds without a barrier. Where parameters take one normal number each,
 * a thread has them in pairs, as they are drawn. The numbers are those of `threadSlots.ts`.
 */
import type { Model } from "../../model.ts";
import { drawPairs } from "../../modelDraws.ts";
import type { SamplingLaw } from "../../sampling.ts";
import type { Dynamics } from "../../update/dynamics.ts";
import type { SlotBody } from "../../wgsl/link.ts";
import { indented, type Lines, pointOf, Writer } from "../threadSlots.ts";
import { PARTS, type WorkgroupVariable } from "./memory.ts";

export interface DynamicsSlotsRequest {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly sampling: SamplingLaw;
  /** Does the kernel record what observables ask for? */
  readonly observing: boolean;
  readonly variables: readonly WorkgroupVariable[];
}

/** Declared by the skeleton itself. */
const SKELETON = new Set([
  "theta",
  "gradient",
  "scratch",
  "batch_samples",
  "batch_loss",
  "theta_squares",
  "stopped",
]);

/** Laws whose members of a batch may be drawn in any order, two at a time. */
const DRAWN_IN_PAIRS: readonly SamplingLaw[] = ["withReplacement", "sequential", "fullBatch"];

/** Does a parameter take half a pair of normal numbers anywhere in a step? */
const inPairs = ({ gradientNoise, normals }: Dynamics): boolean =>
  gradientNoise || normals.prepare === 1 || normals.update === 1;

/** What a loop over the parameters draws before its body. */
interface Draws {
  readonly gradientNoise?: boolean;
  /** Standard normal numbers of the rule, and the pairs before them in the step. */
  readonly normals?: 0 | 1 | 2;
  readonly first?: number;
}

class WorkgroupDynamics {
  private readonly dynamics: Dynamics;
  private readonly count: number;
  private readonly writer: Writer;

  constructor({ model, dynamics }: DynamicsSlotsRequest) {
    this.dynamics = dynamics;
    this.count = model.parameterCount;
    this.writer = new Writer({ model, parameterCount: this.count, dynamics, unroll: 0 });
  }

  /** A loop over this thread's parameters `p`; `xi` is what the rule draws for one. */
  private overParameters(body: Lines, { gradientNoise, normals = 0, first = 0 }: Draws): string[] {
    const number = (k: string): string => (first === 0 ? k : `${first}u + ${k}`);
    const draw = (key: string, k: string): string =>
      `normal_pair(threefry2x32(${key}, vec2u(step, ${k})))`;
    const own = normals === 2 ? [`let xi = ${draw("thermal_key", number("p"))};`] : [];
    if (!inPairs(this.dynamics)) {
      return [
        "for (var p = thread; p < PARAMS; p += WORKGROUP) {",
        ...[...own, ...body].map((line) => `  ${line}`),
        "}",
      ];
    }
    return [
      "for (var pair = thread; 2u * pair < PARAMS; pair += WORKGROUP) {",
      ...(gradientNoise ? [`  let noise = ${draw("noise_key", "pair")};`] : []),
      ...(normals === 1 ? [`  let normals = ${draw("thermal_key", number("pair"))};`] : []),
      "  for (var p = 2u * pair; p < min(2u * pair + 2u, PARAMS); p += 1u) {",
      ...(normals === 1 ? ["    let xi = vec2f(normals[p & 1u], 0.0);"] : []),
      ...[...own, ...body].map((line) => `    ${line}`),
      "  }",
      "}",
    ];
  }

  private xi(normals: 0 | 1 | 2): string {
    return normals === 0 ? "vec2f()" : "xi";
  }

  keys(): Lines {
    const { normals, gradientNoise } = this.dynamics;
    const key = (name: string, stream: string): string =>
      `let ${name} = lane_key(run.seed, ${stream}, noise_condition, replica);`;
    return [
      ...(gradientNoise ? [key("noise_key", "STREAM_GRADIENT_NOISE")] : []),
      ...(normals.prepare + normals.update > 0 ? [key("thermal_key", "STREAM_THERMAL_NOISE")] : []),
    ];
  }

  /** Between `state` and the arrays of kept vectors. */
  transfer(line: (array: string, state: string) => string): Lines {
    return this.writer
      .arrays()
      .flatMap(({ array, row }) => [
        "for (var p = thread; p < PARAMS; p += WORKGROUP) {",
        `  ${line(`${array}[p]`, `state[(${row}u * PARAMS + p) * run.lanes + lane]`)}`,
        "}",
      ]);
  }

  prepare(): Lines {
    const { rule, normals } = this.dynamics;
    if (!rule.prepare) return [];
    const { before, h, c } = this.writer.setting("p");
    const call = `prepare(${this.writer.element("theta", "", "p")}, ${this.xi(normals.prepare)}, ${h}, ${c})`;
    const copies = this.writer
      .vectors("point_")
      .map(({ component, array }) => `${array}[p] = next.${component};`);
    return [
      ...this.overParameters([`${before}let next = ${call};`, "point[p] = next.x;", ...copies], {
        normals: normals.prepare,
      }),
      "workgroupBarrier();  // the point is complete",
    ];
  }

  /** G of parameter p from its sum over the minibatch; with clipping, before it. */
  private get mean(): string {
    const at = pointOf(this.dynamics);
    const noise = this.dynamics.gradientNoise ? " + h.gradient_noise * noise[p & 1u]" : "";
    const decay = this.dynamics.clip ? "" : ` + h.weight_decay * ${at}[p]`;
    return `gradient[p] * inverse_batch${decay}${noise}`;
  }

  /** Leaves G in `gradient`. */
  finish(): Lines {
    const { clip, gradientNoise } = this.dynamics;
    const loop = this.overParameters([`gradient[p] = ${this.mean};`], { gradientNoise });
    if (!clip) return loop;
    return [
      ...loop,
      "var shrink = 1.0;",
      "workgroupBarrier();  // G before clipping is complete",
      `for (var part = thread; part < ${PARTS}u; part += WORKGROUP) {`,
      "  var square = 0.0;",
      "  for (var p = part; p < PARAMS; p += PARTS) { square += gradient[p] * gradient[p]; }",
      "  gradient_squares[part] = square;",
      "}",
      "workgroupBarrier();  // so are the sums of its squares",
      "if (h.clip_norm > 0.0) {",
      "  var square = 0.0;",
      "  for (var part = 0u; part < PARTS; part += 1u) { square += gradient_squares[part]; }",
      "  shrink = min(1.0, h.clip_norm / sqrt(max(square, 1e-37)));",
      "}",
      ...this.overParameters(
        [`gradient[p] = gradient[p] * shrink + h.weight_decay * ${pointOf(this.dynamics)}[p];`],
        {},
      ),
    ];
  }

  /** The update of every parameter; `finished` says that G is in `gradient` already. */
  apply(finished: boolean): Lines {
    const { dynamics, writer, count } = this;
    const { rule, normals, gradientNoise } = dynamics;
    const { before, h, c } = writer.setting("p");
    const element = writer.element(pointOf(dynamics), rule.prepare ? "point_" : "", "p");
    const kept = writer.vectors().map(({ component, array }) => `${array}[p] = next.${component};`);
    const displacement = dynamics.displacement
      ? [`velocity[p] = (next.x - theta[p]) / max(${h}.learning_rate, 1e-37);`]
      : [];
    const body = [
      `${before}let next = update(${element}, ${finished ? "gradient[p]" : this.mean}, ${this.xi(normals.update)}, ${h}, ${c});`,
      ...displacement,
      ...kept,
      "theta[p] = next.x;",
    ];
    const loop = this.overParameters(body, {
      gradientNoise: gradientNoise && !finished,
      normals: normals.update,
      first: Math.ceil((normals.prepare * count) / 2),
    });
    return ["if (running) {", ...loop.map((line) => `  ${line}`), "}"];
  }
}

/** The batch of a step and the random numbers of its samples. */
function drawBatch({ model, sampling }: DynamicsSlotsRequest): SlotBody {
  const pairs = drawPairs(model.draws);
  const numbers = (law: "normals" | "uniforms", first: number, end: number): string[] =>
    first === end
      ? []
      : [
          `  for (var i = thread; i < ${end - first}u * batch; i += WORKGROUP) {`,
          `    let k = ${first === 0 ? "" : `${first}u + `}i % ${end - first}u;`,
          `    let at = (i / ${end - first}u) * ${pairs.all}u + k;`,
          `    let pair = draw_${law}(draw_key, step, at);`,
          "    drawn[2u * at] = pair.x;",
          "    drawn[2u * at + 1u] = pair.y;",
          "  }",
        ];
  const samples = DRAWN_IN_PAIRS.includes(sampling)
    ? [
        "  minibatch_begin(m, step, batch, rebuild);",
        "  for (var b = 2u * thread; b < batch; b += 2u * WORKGROUP) {",
        "    batch_samples[b] = minibatch_sample(m, b);",
        "    if (b + 1u < batch) { batch_samples[b + 1u] = minibatch_sample(m, b + 1u); }",
        "  }",
      ]
    : [
        "  // One draw depends on those before it, or on an order that one thread shuffles.",
        "  if (thread == 0u) {",
        "    minibatch_begin(m, step, batch, rebuild);",
        "    for (var b = 0u; b < batch; b += 1u) { batch_samples[b] = minibatch_sample(m, b); }",
        "  }",
      ];
  return {
    code: [
      "fn draw_batch(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool, thread: u32) {",
      ...samples,
      ...numbers("normals", 0, pairs.normal),
      ...numbers("uniforms", pairs.normal, pairs.all),
      "}",
    ].join("\n"),
    imports: model.draws.length > 0 ? ["lib/sample_draws"] : [],
  };
}

/** Slot bodies of `schedules/workgroup.wgsl`. */
export function dynamicsSlots(request: DynamicsSlotsRequest): Record<string, SlotBody> {
  const { model, dynamics, observing, variables } = request;
  const { rate } = dynamics;
  const writer = new WorkgroupDynamics(request);
  const finished = observing || dynamics.clip;
  const drawKey =
    model.draws.length > 0
      ? ["draw_key = lane_key(run.seed, STREAM_SAMPLE, noise_condition, replica);"]
      : [];
  return {
    memory: {
      code: [
        ...variables
          .filter(({ name }) => !SKELETON.has(name))
          .map(({ name, words }) => `var<workgroup> ${name}: array<f32, ${words}>;`),
        ...(drawKey.length > 0 ? ["var<private> draw_key: vec2u;"] : []),
      ].join("\n"),
    },
    draw_batch: drawBatch(request),
    load_vectors: indented(
      [...writer.keys(), ...drawKey, ...writer.transfer((array, state) => `${array} = ${state};`)],
      2,
    ),
    rate: rate
      ? {
          code: `    h.learning_rate = fixed.learning_rate * ${rate.expression("step")};`,
          imports: rate.shaders,
        }
      : { code: "" },
    ...rate?.slots,
    prepare: indented(writer.prepare(), 4),
    finish_gradient: indented(finished ? writer.finish() : [], 4),
    apply_update: indented(writer.apply(finished), 4),
    store_vectors: indented(
      writer.transfer((array, state) => `${state} = ${array};`),
      2,
    ),
  };
}
