/**
 * The kernels of the roofline: what each does a round, and what it must have computed.
 *
 * Where a peak depends on the form, each form is a kernel: loads from an address of the invocation's own
 * or one that its workgroup shares, from a storage buffer or workgroup memory; functions of the engine's
 * library or WGSL's own.
 */
import type { SlotBody } from "../engine/wgsl/link.ts";

const TABLE_BYTES = 1 << 16;
const FLOATS = TABLE_BYTES / 4;
const FIRST_ROUNDS = 8;
const CHAINS = 8;
const MULTIPLY_ADDS_A_ROUND = 64;
const LOADS_A_ROUND = 8;
const EVALUATIONS_A_ROUND = 32;
const BARRIERS_A_ROUND = 8;
/** Builtins: WGSL allows exp 3 + 2 |x| units in the last place; tanh inherits more. */
const FUNCTION_TOLERANCE = 1e-4;
/** e^−x contracts by 0.57 a step: 32 steps leave 10⁻⁸ of what was. */
const ROUNDS_TO_FIXED_POINT = 8;

/** A kernel whose work is `rounds` times `perRound` for each lane. */
export interface Rate {
  readonly file: string;
  readonly slots?: Readonly<Record<string, SlotBody>>;
  readonly overrides: Readonly<Record<string, number>>;
  readonly perRound: number;
  /** Words of the uniform after `rounds`. */
  readonly words: ArrayBuffer;
  readonly table?: Float32Array<ArrayBuffer>;
  /** What every lane must have written, and to which relative error if not that of a rounded sum. */
  readonly expected: (rounds: number) => number;
  readonly tolerance?: number;
  /** Rounds that the result needs at least. */
  readonly firstRounds: number;
}

/** x ← x/2 + 1 ends at 2: the distance of the start, below 8, is halved 64 times in 8 rounds. */
export const multiplyAdds = (fused: boolean): Rate => ({
  file: "bench/multiply_add",
  overrides: { FUSED: fused ? 1 : 0 },
  perRound: MULTIPLY_ADDS_A_ROUND,
  words: Float32Array.of(0.5, 1).buffer,
  expected: () => 2 * CHAINS,
  firstRounds: FIRST_ROUNDS,
});

/** Fixed points of x ← e^−x and of x ← 2 tanh x, from solving x eˣ = 1 and x = 2 tanh x. */
const FUNCTIONS = {
  exp: { outer: 1, inner: -1, fixedPoint: 0.5671432904097838, library: "exp_accurate" },
  tanh: { outer: 2, inner: 1, fixedPoint: 1.9150080481545375, library: "tanh_accurate" },
} as const;

const functionRate = (name: keyof typeof FUNCTIONS, builtin: boolean): Rate => {
  const { outer, inner, fixedPoint, library } = FUNCTIONS[name];
  const called = builtin ? name : library;
  return {
    file: "bench/functions",
    slots: {
      function: {
        code: `fn measured(x: f32) -> f32 { return ${called}(x); }`,
        ...(!builtin && { imports: [`lib/${name}`] }),
      },
    },
    overrides: {},
    perRound: EVALUATIONS_A_ROUND,
    words: Float32Array.of(outer, inner).buffer,
    expected: () => CHAINS * fixedPoint,
    tolerance: FUNCTION_TOLERANCE,
    firstRounds: ROUNDS_TO_FIXED_POINT,
  };
};

const workgroupLoads = (shared: boolean): Rate => ({
  file: "bench/workgroup_loads",
  overrides: { SHARED: shared ? 1 : 0 },
  perRound: LOADS_A_ROUND,
  words: Float32Array.of(1).buffer,
  expected: (rounds) => LOADS_A_ROUND * rounds,
  firstRounds: FIRST_ROUNDS,
});

const BARRIERS: Rate = {
  file: "bench/barriers",
  overrides: {},
  perRound: BARRIERS_A_ROUND,
  words: new ArrayBuffer(4),
  expected: (rounds) => (BARRIERS_A_ROUND / 2) * rounds,
  firstRounds: 1,
};

const tableLoads = (file: string, entries: number, overrides: Rate["overrides"] = {}): Rate => ({
  file,
  overrides,
  perRound: LOADS_A_ROUND,
  words: Uint32Array.of(entries - 1).buffer,
  table: new Float32Array(TABLE_BYTES / 4).fill(1),
  expected: (rounds) => LOADS_A_ROUND * rounds,
  firstRounds: FIRST_ROUNDS,
});

/** By the name in the roofline. */
export const RATES = {
  scalarLoadsPerSecond: tableLoads("bench/scalar_loads", FLOATS),
  vectorLoadsPerSecond: tableLoads("bench/vector_loads", FLOATS / 4),
  sharedVectorLoadsPerSecond: tableLoads("bench/vector_loads", FLOATS / 4, { SHARED: 1 }),
  workgroupLoadsPerSecond: workgroupLoads(false),
  sharedWorkgroupLoadsPerSecond: workgroupLoads(true),
  expPerSecond: functionRate("exp", false),
  builtinExpPerSecond: functionRate("exp", true),
  tanhPerSecond: functionRate("tanh", false),
  builtinTanhPerSecond: functionRate("tanh", true),
  barriersPerSecond: BARRIERS,
} as const satisfies Readonly<Record<string, Rate>>;

export type RateName = keyof typeof RATES;
