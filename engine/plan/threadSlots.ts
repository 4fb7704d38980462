/**
 * The generated parts of `schedules/thread.wgsl` that depend on the dynamics: which vectors a
 * replica keeps, where the gradient is taken, what is added to it, how the update is applied. The
 * gradient itself: `gradientSlots.ts`.
 *
 * Loops over parameters are written out up to `unroll` of them, so that arrays are addressed by
 * constants; random numbers are drawn in a kept loop into an array of their own.
 */
import type { Model } from "../model.ts";
import { type Dynamics, SHARED } from "../update/dynamics.ts";
import type { SlotBody } from "../wgsl/link.ts";
import { furtherArguments } from "../wgsl/sampleFunction.ts";
import { type AdaptationLines, adaptationSlots } from "./adaptationSlots.ts";
import { stepOntoSpheres } from "./sphereSlots.ts";

export interface ThreadSlotsRequest {
  readonly model: Model;
  readonly parameterCount: number;
  readonly dynamics: Dynamics;
  readonly unroll: number;
  /** Variables of observables to which |θ_{t+1} − θ_t|² is added. */
  readonly stepSquares?: readonly string[];
}

export type Lines = readonly string[];

/** `velocity` → `velocity`, `firstMoment` → `first_moment`: a kept vector's array in the kernel. */
export const vectorName = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * The call that returns the loss of batch member `b` and adds its gradient to an array.
 *
 * `h`, `draw_key`, `step` and `b` must be in scope where the model has settings or draws. `sample` is
 * not evaluated where the model has no fields: then nothing but draws tells samples apart.
 */
export function lossGradient(
  model: Model,
  sample: string,
  theta: string,
  gradient: string,
): string {
  const row = model.fields.length === 0 ? "0u" : sample;
  const further = Object.keys(furtherArguments(model));
  return `loss_gradient(${[row, `&${theta}`, `&${gradient}`, ...further].join(", ")})`;
}

/** The array that holds the point where G is taken. */
export const pointOf = ({ rule }: Dynamics): "point" | "theta" =>
  rule.prepare || rule.gradient === "implicit" ? "point" : "theta";

/** Are normal numbers drawn for the gradient? */
const drawsNoise = ({ gradientNoise, rule }: Dynamics): boolean =>
  gradientNoise || rule.gradient === "modelled";

const COMPONENTS = ["x", "y", "z", "w"] as const;

export class Writer {
  private readonly count: number;
  readonly unroll: number;
  readonly dynamics: Dynamics;
  readonly model: Model;
  readonly stepSquares: readonly string[];

  constructor({ model, parameterCount, dynamics, unroll, stepSquares = [] }: ThreadSlotsRequest) {
    this.model = model;
    this.count = parameterCount;
    this.unroll = unroll;
    this.dynamics = dynamics;
    this.stepSquares = stepSquares;
  }

  /** A line for every parameter, `p` being its number in WGSL. */
  each(line: (p: string) => string): Lines {
    if (this.count > this.unroll) {
      return ["for (var p = 0u; p < PARAMS; p += 1u) {", `  ${line("p")}`, "}"];
    }
    return Array.from({ length: this.count }, (_, p) => line(`${p}u`));
  }

  /** Numbers a dispatch shares, behind the hyperparameters in `hyper`. */
  shared(name: (typeof SHARED)[number]): string {
    const { rule } = this.dynamics;
    const before = SHARED.slice(0, SHARED.indexOf(name)).reduce(
      (sum, earlier) => sum + (this.dynamics[earlier]?.length ?? 0),
      0,
    );
    return `${Object.keys(rule.hyperparameters).length}u * run.conditions + ${before}u`;
  }

  /** Arrays of all kept vectors, and their rows in `state`. */
  arrays(): { array: string; row: number }[] {
    return this.dynamics.kept.map((name, k) => ({ array: vectorName(name), row: k + 1 }));
  }

  /** The rule's own: place in an element and array, the prefix for a copy. */
  vectors(prefix = ""): { component: string; array: string }[] {
    const { rule, kept } = this.dynamics;
    return kept
      .filter((name) => rule.vectors.includes(name))
      .map((name) => ({
        component: COMPONENTS[rule.vectors.indexOf(name) + 1]!,
        array: `${prefix}${vectorName(name)}`,
      }));
  }

  /** `vec4f(θ, kept…)` of parameter p. */
  element(theta: string, prefix: string, p: string): string {
    const arrays = new Map(this.vectors(prefix).map(({ component, array }) => [component, array]));
    const parts = COMPONENTS.map((component) =>
      component === "x" ? theta : arrays.get(component),
    ).map((array) => (array === undefined ? "0.0" : `${array}[${p}]`));
    return `vec4f(${parts.join(", ")})`;
  }

  /** The setting and constants of parameter p: its own where learning rates differ. */
  setting(p: string): { before: string; h: string; c: string } {
    if (!this.dynamics.scales) return { before: "", h: "h", c: "c" };
    const scale = `hyper[${this.shared("scales")} + ${p}]`;
    return {
      before: `var hp = h; hp.learning_rate *= ${scale}; let cp = constants(hp, clock); `,
      h: "hp",
      c: "cp",
    };
  }

  /** The learning rate of parameter p. */
  rate(p: string): string {
    const { scales } = this.dynamics;
    return `h.learning_rate${scales ? ` * hyper[${this.shared("scales")} + ${p}]` : ""}`;
  }

  xi(normals: 0 | 1 | 2, p: string): string {
    if (normals === 0) return "vec2f()";
    return normals === 1 ? `vec2f(xi[${p}], 0.0)` : `vec2f(xi[2u * ${p}], xi[2u * ${p} + 1u])`;
  }

  /** Adds |to − θ|² of parameter p, in four sums: one would wait for itself. */
  addSquare(to: string, p: string): Lines {
    if (this.stepSquares.length === 0) return [];
    const sum = `step_square.${COMPONENTS[(Number.parseInt(p, 10) || 0) % 4]}`;
    return [`let d = ${to} - theta[${p}];`, `${sum} += d * d;`];
  }

  /** Draws `count` normal numbers into `xi`, from pair `first` of the step on. */
  draw(key: string, count: number, first: number): Lines {
    const draw = first === 0 ? "d" : `${first}u + d`;
    return [
      `for (var d = 0u; d < ${Math.ceil(count / 2)}u; d += 1u) {`,
      `  let pair = normal_pair(threefry2x32(${key}, vec2u(step, ${draw})));`,
      "  xi[2u * d] = pair.x;",
      "  xi[2u * d + 1u] = pair.y;",
      "}",
    ];
  }
}

/** What a learning rate needs that finds itself. */
function adaptationLines(writer: Writer, count: number): AdaptationLines {
  const { rate, kept, center } = writer.dynamics;
  if (!rate?.adaptation) return adaptationSlots(null);
  return adaptationSlots({
    adaptation: rate.adaptation,
    vectors: (1 + kept.length) * count,
    center: center ? writer.shared("center") : null,
    each: (line) => writer.each(line),
  });
}

/** Pairs of normal numbers that come before those of `update` in a step. */
const preparePairs = ({ normals }: Dynamics, count: number): number =>
  Math.ceil((normals.prepare * count) / 2);

/** Most normal numbers held at once. */
export function normalWords(dynamics: Dynamics, count: number): number {
  const { prepare, update } = dynamics.normals;
  const most = Math.max(prepare, update, drawsNoise(dynamics) ? 1 : 0) * count;
  return 2 * Math.ceil(most / 2);
}

function declarations(writer: Writer, count: number): Lines {
  const { dynamics, model } = writer;
  const words = normalWords(dynamics, count);
  const { normals } = dynamics;
  const key = (name: string, stream: string): string =>
    `let ${name} = lane_key(run.seed, ${stream}, noise_condition, replica);`;
  return [
    ...writer
      .arrays()
      .flatMap(({ array, row }) => [
        `var ${array} = array<f32, PARAMS>();`,
        `for (var p = 0u; p < PARAMS; p += 1u) {`,
        `  ${array}[p] = state[(${row}u * PARAMS + p) * run.lanes + lane];`,
        "}",
      ]),
    ...(words > 0 ? [`var xi = array<f32, ${words}>();`] : []),
    ...(drawsNoise(dynamics) ? [key("noise_key", "STREAM_GRADIENT_NOISE")] : []),
    ...(normals.prepare + normals.update > 0 ? [key("thermal_key", "STREAM_THERMAL_NOISE")] : []),
    ...(dynamics.spheres ? [`let radius = hyper[${writer.shared("radius")}];`] : []),
    ...(model.draws.length > 0 ? [key("draw_key", "STREAM_SAMPLE")] : []),
  ];
}

function prepare(writer: Writer, count: number): Lines {
  const { rule, normals } = writer.dynamics;
  if (!rule.prepare) return [];
  const copies = writer.vectors("point_");
  return [
    ...(normals.prepare > 0 ? writer.draw("thermal_key", normals.prepare * count, 0) : []),
    "var point = array<f32, PARAMS>();",
    ...copies.map(({ array }) => `var ${array} = array<f32, PARAMS>();`),
    ...writer.each((p) => {
      const { before, h, c } = writer.setting(p);
      const call = `prepare(${writer.element("theta", "", p)}, ${writer.xi(normals.prepare, p)}, ${h}, ${c})`;
      const stores = copies.map(({ component, array }) => `${array}[${p}] = next.${component};`);
      return `{ ${before}let next = ${call}; ${[`point[${p}] = next.x;`, ...stores].join(" ")} }`;
    }),
  ];
}

/** Adds `strength` ξ, or `strength` R ξ, to an array; ξ has been drawn. */
export function addNoise(writer: Writer, into: string, strength: string): Lines {
  const { noiseFactor } = writer.dynamics;
  if (!noiseFactor) return writer.each((p) => `${into}[${p}] += ${strength} * xi[${p}];`);
  const rank = `${noiseFactor.length / writer.model.parameterCount}u`;
  return [
    "for (var p = 0u; p < PARAMS; p += 1u) {",
    `  let row = ${writer.shared("noiseFactor")} + ${rank} * p;`,
    "  var correlated = 0.0;",
    `  for (var q = 0u; q < ${rank}; q += 1u) { correlated += hyper[row + q] * xi[q]; }`,
    `  ${into}[p] += ${strength} * correlated;`,
    "}",
  ];
}

/** The step's additive gradient noise, added to an array. */
export const noise = (writer: Writer, count: number, into = "gradient"): Lines =>
  writer.dynamics.gradientNoise
    ? [...writer.draw("noise_key", count, 0), ...addNoise(writer, into, "h.gradient_noise")]
    : [];

/** From sums over the minibatch in an array, taken at a point, to G. */
export function finish(
  writer: Writer,
  count: number,
  g = "gradient",
  at: string = pointOf(writer.dynamics),
): Lines {
  if (!writer.dynamics.clip) {
    return [
      ...writer.each(
        (p) => `${g}[${p}] = ${g}[${p}] * inverse_batch + h.weight_decay * ${at}[${p}];`,
      ),
      ...noise(writer, count, g),
    ];
  }
  return [
    ...writer.each((p) => `${g}[${p}] *= inverse_batch;`),
    ...noise(writer, count, g),
    "if (h.clip_norm > 0.0) {",
    "  var square = 0.0;",
    ...writer.each((p) => `  square += ${g}[${p}] * ${g}[${p}];`),
    "  let shrink = min(1.0, h.clip_norm / sqrt(max(square, 1e-37)));",
    ...writer.each((p) => `  ${g}[${p}] *= shrink;`),
    "}",
    ...writer.each((p) => `${g}[${p}] += h.weight_decay * ${at}[${p}];`),
  ];
}

/** Draws the normal numbers of `update`. */
const drawUpdate = ({ dynamics, draw }: Writer, count: number): Lines =>
  dynamics.normals.update > 0
    ? draw("thermal_key", dynamics.normals.update * count, preparePairs(dynamics, count))
    : [];

/** From G to the mean of G and of what it is at `point`, where `update` would go. */
export function correct(writer: Writer, count: number, sums: (at: string) => Lines): Lines {
  const { normals } = writer.dynamics;
  return [
    ...drawUpdate(writer, count),
    "var point = array<f32, PARAMS>();",
    ...writer.each((p) => {
      const { before, h, c } = writer.setting(p);
      const element = writer.element("theta", "", p);
      const call = `update(${element}, gradient[${p}], ${writer.xi(normals.update, p)}, ${h}, ${c})`;
      return `{ ${before}point[${p}] = ${call}.x; }`;
    }),
    "var there = array<f32, PARAMS>();",
    ...sums("point"),
    ...finish(writer, count, "there", "point"),
    ...writer.each((p) => `gradient[${p}] = 0.5 * (gradient[${p}] + there[${p}]);`),
  ];
}

function apply(writer: Writer, count: number): Lines {
  const { dynamics } = writer;
  const { rule, normals, spheres } = dynamics;
  const prefix = rule.prepare ? "point_" : "";
  // The normal numbers of the corrected point are still there, unless the gradient's noise took their place.
  const drawn = rule.gradient === "corrected" && !drawsNoise(dynamics);
  return [
    ...(drawn ? [] : drawUpdate(writer, count)),
    ...(writer.stepSquares.length > 0 ? ["var step_square = vec4f();"] : []),
    ...writer.each((p) => {
      const { before, h, c } = writer.setting(p);
      const element = writer.element(pointOf(dynamics), prefix, p);
      const call = `update(${element}, gradient[${p}], ${writer.xi(normals.update, p)}, ${h}, ${c})`;
      const stores = writer
        .vectors()
        .map(({ component, array }) => `${array}[${p}] = next.${component};`);
      if (dynamics.displacement && !spheres) {
        // Before θ is overwritten; a rate of 0 moves nothing.
        stores.unshift(`velocity[${p}] = (next.x - theta[${p}]) / max(${h}.learning_rate, 1e-37);`);
      }
      if (!spheres) stores.push(...writer.addSquare("next.x", p));
      // G has been used: its array takes where the rule goes, until the spheres are seen to.
      stores.push(`${spheres ? "gradient" : "theta"}[${p}] = next.x;`);
      return `{ ${before}let next = ${call}; ${stores.join(" ")} }`;
    }),
    ...(spheres
      ? stepOntoSpheres(spheres, {
          unroll: writer.unroll,
          parameters: count,
          radial: normals.update > 0 || dynamics.scales !== null,
          displacementRate: dynamics.displacement ? (p) => writer.rate(p) : null,
          addSquare: (to, p) => writer.addSquare(to, p),
        })
      : []),
    ...writer.stepSquares.map((sum) => `${sum} += dot(step_square, vec4f(1.0));`),
  ];
}

const store = (writer: Writer): Lines =>
  writer
    .arrays()
    .flatMap(({ array, row }) => [
      `for (var p = 0u; p < PARAMS; p += 1u) {`,
      `  state[(${row}u * PARAMS + p) * run.lanes + lane] = ${array}[p];`,
      "}",
    ]);

export const indented = (lines: Lines, spaces: number): SlotBody => ({
  code: lines.map((line) => `${" ".repeat(spaces)}${line.trimEnd()}`).join("\n"),
});

/** Slot bodies of `schedules/thread.wgsl`. */
export function threadSlots(request: ThreadSlotsRequest): Record<string, SlotBody> {
  const { dynamics, parameterCount: count } = request;
  const writer = new Writer(request);
  const { rate } = dynamics;
  const adaptation = adaptationLines(writer, count);
  return {
    load_vectors: indented([...declarations(writer, count), ...adaptation.load], 2),
    rate: rate
      ? {
          code: `    h.learning_rate = fixed.learning_rate * ${rate.expression("step")};`,
          imports: rate.shaders,
        }
      : { code: "" },
    ...rate?.slots,
    ...adaptation.slots,
    prepare: indented(prepare(writer, count), 4),
    apply_update: indented(
      [...adaptation.beforeUpdate, ...apply(writer, count), ...adaptation.afterUpdate],
      4,
    ),
    store_vectors: indented([...store(writer), ...adaptation.store], 2),
  };
}
