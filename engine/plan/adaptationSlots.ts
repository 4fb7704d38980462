/**
 * The generated parts of `schedules/thread.wgsl` that a learning rate needs which finds itself: its
 * words in the lane's state, and O_L and O_R of every step.
 *
 * `rate/fluctuationDissipation.ts` says what these are, `shaders/rate/fluctuation_dissipation.wgsl`
 * what is done with them.
 */
import { ADAPTATION_WORDS, type Adaptation } from "../rate/adaptation.ts";
import type { SlotBody } from "../wgsl/link.ts";

export interface AdaptationSlotsRequest {
  readonly adaptation: Adaptation;
  /** Words of lane state before the adaptation's: θ and the kept vectors. */
  readonly vectors: number;
  /** Where the center's numbers begin in `hyper`, as WGSL; null: θ is measured from 0. */
  readonly center: string | null;
  /** A line for every parameter, `p` being its number in WGSL. */
  readonly each: (line: (p: string) => string) => readonly string[];
}

export interface AdaptationLines {
  readonly load: readonly string[];
  readonly beforeUpdate: readonly string[];
  readonly afterUpdate: readonly string[];
  readonly store: readonly string[];
  readonly slots: Readonly<Record<string, SlotBody>>;
}

const NONE: AdaptationLines = {
  load: [],
  beforeUpdate: [],
  afterUpdate: [],
  store: [],
  slots: {},
};

/** `leftPart` → `left_part` */
const member = (word: string): string =>
  word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The ring of block sums, behind the words of the adaptation. */
function ring(vectors: number): SlotBody {
  const word = `state[(${vectors + ADAPTATION_WORDS.length}u + word) * run.lanes + lane]`;
  return {
    code: [
      `fn ring_load(word: u32, lane: u32) -> f32 { return ${word}; }`,
      `fn ring_store(word: u32, lane: u32, value: f32) { ${word} = value; }`,
    ].join("\n"),
  };
}

const ADAPT = "adaptation = adapt(adaptation, balance_left, balance_right, h, lane);";
const BALANCE = ["var balance_left = 0.0;", "var balance_right = 0.0;"];

/** O_L and O_R from θ, G and v before the update. */
const velocityRelation = ({ each, center }: AdaptationSlotsRequest): Partial<AdaptationLines> => ({
  beforeUpdate: [
    ...BALANCE,
    ...each(
      (p) =>
        `balance_left += ${displaced("theta", center, p)} * gradient[${p}]; ` +
        `balance_right += velocity[${p}] * velocity[${p}];`,
    ),
    "balance_right *= 0.5 * h.learning_rate * (1.0 + h.momentum) / (1.0 - h.dampening);",
  ],
  afterUpdate: [ADAPT],
});

/** O_L and O_R from u = (θ − θ')/η; a rate of 0 moves nothing and counts as 0. */
const displacementRelation = ({
  each,
  center,
}: AdaptationSlotsRequest): Partial<AdaptationLines> => ({
  beforeUpdate: ["let before = theta;"],
  afterUpdate: [
    ...BALANCE,
    ...each(
      (p) =>
        `{ let moved = before[${p}] - theta[${p}]; ` +
        `balance_left += ${displaced("before", center, p)} * moved; ` +
        "balance_right += moved * moved; }",
    ),
    "let inverse_rate = select(0.0, 1.0 / h.learning_rate, h.learning_rate > 0.0);",
    "balance_left *= inverse_rate;",
    "balance_right *= 0.5 * inverse_rate;",
    ADAPT,
  ],
});

const displaced = (theta: string, center: string | null, p: string): string =>
  center === null ? `${theta}[${p}]` : `(${theta}[${p}] - hyper[${center} + ${p}])`;

/** Lines of the schedule; none without an adaptation. */
export function adaptationSlots(request: AdaptationSlotsRequest | null): AdaptationLines {
  if (request === null) return NONE;
  const { adaptation, vectors } = request;
  const word = (k: number): string => `state[${vectors + k}u * run.lanes + lane]`;
  const relation =
    adaptation.relation === "velocity" ? velocityRelation(request) : displacementRelation(request);
  return {
    ...NONE,
    ...relation,
    load: [
      "var adaptation = Adaptation(",
      ...ADAPTATION_WORDS.map((_, k) => `  ${word(k)},`),
      ");",
    ],
    store: ADAPTATION_WORDS.map((name, k) => `${word(k)} = adaptation.${member(name)};`),
    slots: { ring: ring(vectors) },
  };
}

/** Numbers in function memory, for each parameter and beside. */
export const adaptationMemory = (
  adaptation: Adaptation | undefined,
): { readonly each: number; readonly fixed: number } => ({
  each: adaptation?.relation === "displacement" ? 1 : 0,
  fixed: adaptation ? ADAPTATION_WORDS.length : 0,
});
