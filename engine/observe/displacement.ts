/**
 * Observable `displacement`: how far a replica has come, |θ_{t+k} − θ_t|², on chosen lags k from several
 * origins, and |θ_{t+1} − θ_t|² of every step.
 *
 * Origin number i is taken i · spacing steps after observing began, and again each time that the
 * period, max(origins · spacing, longest lag), has passed; θ_t of an origin is kept on the device, for
 * each replica, until then. Differences are taken from it, so that nothing is lost to the size of θ but
 * its own float32 rounding. Squares are added over parameters and pairs in float32, over windows of at
 * most `DISPLACEMENT_BLOCK` steps in float64.
 *
 * The square of a step is taken where the update moves θ; compilers may take ηu for θ − (θ − ηu) there,
 * so that it can be without the rounding of θ. Of numbers named by `of` it is taken from one record to
 * the next, which needs a copy of them.
 *
 * Cost of a step: 3 operations a parameter for its square, one comparison without. An origin or a lag
 * that is due costs one memory access a parameter, and a search among the lags for each origin. Memory:
 * origins · parameters words a replica.
 */
import { ArgumentError, LimitError } from "../errors.ts";
import type { Model } from "../model.ts";
import {
  coordinateIndex,
  type Quantity,
  type QuantityContext,
  quantityCode,
  quantityName,
} from "./quantity.ts";

export interface DisplacementSpec {
  readonly kind: "displacement";
  /** null: all parameters. */
  readonly of: readonly Quantity[] | null;
  /** In SGD steps, ascending. */
  readonly lags: readonly number[];
  readonly origins: number;
  readonly spacing: number;
  /** Also |dθ|² of every step? */
  readonly local: boolean;
}

/** Steps whose squares are added in float32 before the host takes them. */
export const DISPLACEMENT_BLOCK = 1024;
const MAX_LAGS = 128;
const MAX_ORIGINS = 64;
/** Lags are read as float32 numbers. */
const LONGEST_LAG = 2 ** 24;

/**
 * Whole lags in equal ratios: 10^(j/perDecade) from `from` to `to`, both included, each once.
 *
 * @throws ArgumentError unless 1 <= from <= to, whole, and perDecade > 0.
 * @example logarithmicLags({ to: 100, perDecade: 3 }) // [1, 2, 5, 10, 22, 46, 100]
 */
export function logarithmicLags(options: {
  readonly from?: number;
  readonly to: number;
  readonly perDecade?: number;
}): number[] {
  const { from = 1, to, perDecade = 8 } = options;
  if (!(Number.isInteger(from) && Number.isInteger(to) && 1 <= from && from <= to)) {
    throw new ArgumentError(
      `logarithmicLags: from ${from} to ${to} SGD steps; give whole numbers, 1 <= from <= to.`,
    );
  }
  if (!(perDecade > 0 && perDecade < Infinity)) {
    throw new ArgumentError(`logarithmicLags: ${perDecade} lags a decade; give a number > 0.`);
  }
  const intervals = Math.round(perDecade * Math.log10(to / from));
  const lags = Array.from({ length: intervals }, (_, j) =>
    Math.round(from * (to / from) ** (j / intervals)),
  );
  return [...new Set([...lags, to])];
}

/**
 * Sums |z_{t+k} − z_t|² per replica, z all parameters or the coordinates and
 * projections of θ that are named, and |z_{t+1} − z_t|².
 *
 * `lags` in SGD steps, or the ends and the density of logarithmic ones; `origins` that are kept at a
 * time, `spacing` steps apart (default: the longest lag over their number). A lag k needs k + 1 observed
 * steps from its origin on. Calls of `observe` that follow each other directly, also after a checkpoint
 * was resumed, go on with their origins, so that lags may be longer than a call; steps of `advance` in
 * between let new origins begin. Per replica and lag, θ²; `anomalousExponent` of analysis/ fits slopes.
 *
 * @throws ArgumentError for lags, origins or spacing that are no whole numbers >= 1; LimitError for more
 *   than 128 lags, 64 origins, or lags above 2²⁴.
 * @example displacement({ lags: { to: 1000, perDecade: 6 }, origins: 4 })
 */
export function displacement(options: {
  readonly lags: readonly number[] | Parameters<typeof logarithmicLags>[0];
  readonly of?: readonly Quantity[];
  readonly origins?: number;
  readonly spacing?: number;
  readonly local?: boolean;
}): DisplacementSpec {
  const { origins = 1, local = true, of = null } = options;
  const given = "to" in options.lags ? logarithmicLags(options.lags) : options.lags;
  const lags = [...new Set(given)].sort((a, b) => a - b);
  if (lags.length === 0) {
    throw new ArgumentError("displacement: no lags; give at least one, or { to, perDecade }.");
  }
  const longest = lags[lags.length - 1]!;
  const spacing = options.spacing ?? Math.ceil(longest / origins);
  const counts = {
    ...Object.fromEntries(lags.map((lag) => [`lag ${lag}`, lag])),
    origins,
    spacing,
  };
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isInteger(value) && value >= 1) continue;
    const shown = name.startsWith("lag") ? name : `${name} ${value}`;
    throw new ArgumentError(`displacement: ${shown} is not possible; use whole numbers >= 1.`);
  }
  if (lags.length > MAX_LAGS || origins > MAX_ORIGINS || longest > LONGEST_LAG) {
    throw new LimitError(
      `displacement: ${lags.length} lags up to ${longest} from ${origins} origins, the limits are ` +
        `${MAX_LAGS} lags, ${LONGEST_LAG} steps and ${MAX_ORIGINS} origins; ask for fewer.`,
    );
  }
  if (of?.length === 0) {
    throw new ArgumentError("displacement: `of` is empty; leave it out for all parameters.");
  }
  return { kind: "displacement", of, lags, origins, spacing, local };
}

/** Refuses what is no function of θ alone: there is no more than θ when a dispatch ends. */
function requirePosition(quantity: Quantity, model: Model): void {
  const isPosition =
    typeof quantity === "string"
      ? coordinateIndex(model, quantity) >= 0
      : !quantity.velocity && !quantity.gradient;
  if (isPosition) return;
  throw new ArgumentError(
    `displacement: ${quantityName(quantity)} is no coordinate of θ and no projection of it; name ` +
      `parameters (${model.coordinateNames.slice(0, 3).join(", ")}, …), or observe it with moments.`,
  );
}

/** Steps after which an origin is taken anew. */
export const originPeriod = ({ lags, origins, spacing }: DisplacementSpec): number =>
  Math.max(origins * spacing, lags[lags.length - 1]!);

/** Numbers whose displacement is taken. */
export const displacementSize = ({ of }: DisplacementSpec, parameterCount: number): number =>
  of?.length ?? parameterCount;

/** Words of sums: of every lag, then of single steps. */
export const displacementSums = ({ lags }: DisplacementSpec): number => lags.length + 1;

/** Words of function memory: z where it is not θ itself, and the last one. */
export const displacementFunctionWords = ({ of, local }: DisplacementSpec): number =>
  (of?.length ?? 0) * (local ? 2 : 1);

/** Pairs of each lag whose ends are from step `from` up to `to` after the origins began, [lag]. */
export function displacementCounts(spec: DisplacementSpec, from: number, to: number): number[] {
  const period = originPeriod(spec);
  return spec.lags.map((lag) => {
    let pairs = 0;
    for (let origin = 0; origin < spec.origins; origin += 1) {
      // Ends at first, first + period, …
      const first = origin * spec.spacing + lag;
      const before = (step: number): number => Math.max(0, Math.ceil((step - first) / period));
      pairs += before(to) - before(from);
    }
    return pairs;
  });
}

/** Where a displacement's numbers stand. */
export interface DisplacementPlace {
  /** Sums and origins in `moments`, words per lane. */
  readonly at: number;
  readonly originsAt: number;
  /** The step that origins count from in `observation`: its upper and its lower 16 bits. */
  readonly beganAt: number;
}

/** WGSL for the schedule's slots. */
export interface DisplacementCode {
  readonly declarations: readonly string[];
  readonly load: readonly string[];
  readonly code: readonly string[];
  readonly store: readonly string[];
  /** The variable to which the update adds |θ_{t+1} − θ_t|²; null where it need not. */
  readonly stepSquare: string | null;
}

/** Loops over up to `unroll` numbers of function memory are written out. */
export function displacementCode(
  spec: DisplacementSpec,
  label: string,
  { at, originsAt, beganAt }: DisplacementPlace,
  { unroll, ...context }: QuantityContext & { readonly unroll: number },
): DisplacementCode {
  const { of, local, lags } = spec;
  const size = displacementSize(spec, context.model.parameterCount);
  const each = (line: (k: string) => string): string[] =>
    size <= unroll
      ? Array.from({ length: size }, (_, k) => line(`${k}u`))
      : [`for (var k = 0u; k < ${size}u; k += 1u) {`, `  ${line("k")}`, "}"];
  const z = of === null ? "theta" : `${label}_z`;
  const [last, sum, due, began] = ["last", "sum", "due", "began"].map((s) => `${label}_${s}`);
  const lagsAt = context.place(lags);
  const word = (index: string): string => `moments[(${index}) * run.lanes + lane]`;
  const stepSum = word(`${at + lags.length}u`);
  // The update knows how far θ goes; how far anything else goes is seen at the next record.
  const compares = local && of !== null;
  const square = [
    "var square = 0.0;",
    ...each((k) => `{ let d = ${z}[${k}] - ${last}[${k}]; square += d * d; }`),
    `${sum} += square;`,
  ];
  const values = of === null ? [] : valueCode(of, label, z, context);
  const steps = [
    ...values,
    "if (s > 0u) {",
    ...inner(square),
    "}",
    ...each((k) => `${last}[${k}] = ${z}[${k}];`),
  ];
  const taken = dueCode({ spec, label, size, z, at, originsAt, lagsAt, word });
  const event = [
    `let rel = step - ${began};`,
    ...(compares ? [] : values),
    ...taken,
    `${due} = ${label}_next(rel + 1u);`,
  ];
  // The last step of a dispatch ends in no step of its own.
  const atEnd = compares ? [...values, ...square] : [];
  return {
    declarations: nextCode(spec, label, lagsAt),
    load: [
      `let ${began} = u32(observation[${beganAt}u]) * 65536u + u32(observation[${beganAt + 1}u]);`,
      `var ${due} = ${label}_next(run.first_step - ${began});`,
      ...(local ? [`var ${sum} = ${stepSum};`] : []),
      ...(compares ? [`var ${last} = array<f32, ${size}>();`] : []),
      ...(of === null ? [] : [`var ${z} = array<f32, ${of.length}>();`]),
    ],
    code: [
      "{",
      ...inner(compares ? steps : []),
      `  if (step - ${began} == ${due}) {`,
      ...inner(inner(event)),
      "  }",
      "}",
    ],
    store: local ? ["{", ...inner(atEnd), `  ${stepSum} = ${sum};`, "}"] : [],
    stepSquare: local && of === null ? sum : null,
  };
}

/** A count that the compiler does not know: unrolling loops over memory accesses takes it seconds. */
const opaque = (count: number): string => `select(0u, ${count}u, run.lanes > 0u)`;

const inner = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

function valueCode(
  of: readonly Quantity[],
  label: string,
  z: string,
  context: QuantityContext,
): string[] {
  return of.flatMap((quantity, k) => {
    requirePosition(quantity, context.model);
    const { lines, value } = quantityCode(quantity, `${label}_c${k}`, context);
    return [...lines, `${z}[${k}u] = ${value};`];
  });
}

/** Functions: the number of the first lag >= `age`; the first step >= `rel` at which there is work. */
function nextCode(spec: DisplacementSpec, label: string, lagsAt: number): string[] {
  const period = originPeriod(spec);
  return [
    `fn ${label}_lag(age: u32) -> u32 {`,
    "  var low = 0u;",
    `  var high = ${opaque(spec.lags.length)};`,
    "  while (low < high) {",
    "    let middle = (low + high) / 2u;",
    `    if (u32(observation[${lagsAt}u + middle]) < age) { low = middle + 1u; } else { high = middle; }`,
    "  }",
    "  return low;",
    "}",
    "",
    `fn ${label}_next(rel: u32) -> u32 {`,
    "  var next = 0xffffffffu;",
    `  for (var origin = 0u; origin < ${opaque(spec.origins)}; origin += 1u) {`,
    `    let first = origin * ${spec.spacing}u;`,
    "    var wait = first - min(rel, first);",
    "    if (rel > first) {",
    `      let phase = (rel - first) % ${period}u;`,
    `      let l = ${label}_lag(phase);`,
    `      wait = select(${period}u - phase, 0u, phase == 0u);`,
    `      if (l < ${spec.lags.length}u) { wait = min(wait, u32(observation[${lagsAt}u + l]) - phase); }`,
    "    }",
    "    next = min(next, rel + wait);",
    "  }",
    "  return next;",
    "}",
  ];
}

interface DueRequest {
  readonly spec: DisplacementSpec;
  readonly label: string;
  readonly size: number;
  readonly z: string;
  readonly at: number;
  readonly originsAt: number;
  readonly lagsAt: number;
  readonly word: (index: string) => string;
}

/** Adds the squares of lags that are due at `rel`, then takes the origins that are. */
function dueCode({ spec, label, size, z, at, originsAt, lagsAt, word }: DueRequest): string[] {
  const period = originPeriod(spec);
  const each = `for (var k = 0u; k < ${opaque(size)}; k += 1u)`;
  return [
    `for (var origin = 0u; origin < ${opaque(spec.origins)}; origin += 1u) {`,
    `  let first = origin * ${spec.spacing}u;`,
    "  if (rel < first) { continue; }",
    `  let phase = (rel - first) % ${period}u;`,
    `  let elapsed = select(phase, ${period}u, phase == 0u && rel > first);`,
    `  let kept = ${originsAt}u + origin * ${size}u;`,
    `  let l = ${label}_lag(elapsed);`,
    `  if (l < ${spec.lags.length}u && u32(observation[${lagsAt}u + l]) == elapsed) {`,
    "    var square = 0.0;",
    `    ${each} {`,
    `      let d = ${z}[k] - ${word("kept + k")};`,
    "      square += d * d;",
    "    }",
    `    ${word(`${at}u + l`)} += square;`,
    "  }",
    `  if (phase == 0u) { ${each} { ${word("kept + k")} = ${z}[k]; } }`,
    "}",
  ];
}
