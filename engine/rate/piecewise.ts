/**
 * A learning rate given by a table of steps and factors, with constant or linear pieces.
 *
 * Steps and factors are hyperparameters (`pieceStep1`, `pieceFactor1`, …; piece 0 begins at step 0),
 * so that conditions may have tables of their own and a sweep may run over any entry; the number of
 * pieces and their kind belong to the ensemble.
 */
import { ArgumentError } from "../errors.ts";
import { nonNegative } from "../update/gradientHyperparameters.ts";
import type { Hyperparameter, Setting } from "../update/updateRule.ts";
import type { SlotBody } from "../wgsl/link.ts";
import { type Rate, wholeSteps } from "./rate.ts";

export interface PiecewiseSettings {
  /** Steps at which the pieces begin, ascending, the first 0. */
  readonly steps: readonly number[];
  /** η_t/η there. */
  readonly factors: readonly number[];
  /** Between two entries the factor stays as it is, or runs straight to the next; constant if left out. */
  readonly pieces?: "constant" | "linear";
}

const MOST_PIECES = 64;

function malformed({ steps, factors, pieces = "constant" }: PiecewiseSettings): string | null {
  if (steps.length === 0 || steps.length !== factors.length || steps.length > MOST_PIECES) {
    return (
      `${steps.length} steps and ${factors.length} factors are no table; ` +
      `give as many factors as steps, 1 to ${MOST_PIECES}`
    );
  }
  if (steps[0] !== 0) return `the first piece begins at step ${steps[0]}; let it begin at 0`;
  if (pieces !== "constant" && pieces !== "linear") {
    return `pieces is "${pieces}"; use "constant" or "linear"`;
  }
  return null;
}

const stepName = (piece: number): string => `pieceStep${piece}`;
const factorName = (piece: number): string => `pieceFactor${piece}`;

function hyperparameters(count: number): Record<string, Hyperparameter> {
  const all: Record<string, Hyperparameter> = {};
  for (let k = 0; k < count; k += 1) {
    if (k > 0) {
      const meaning = `step at which piece ${k} of the rate begins`;
      all[stepName(k)] = { unit: "steps", meaning, initial: null, complaint: wholeSteps(1) };
    }
    const meaning = `η_t/η where piece ${k} of the rate begins`;
    all[factorName(k)] = { unit: "1", meaning, initial: null, complaint: nonNegative };
  }
  return all;
}

const beginning = (setting: Setting, piece: number): number =>
  piece === 0 ? 0 : setting[stepName(piece)]!;

function disorder(setting: Setting, count: number): string | null {
  for (let k = 1; k < count; k += 1) {
    const [before, after] = [beginning(setting, k - 1), beginning(setting, k)];
    if (after <= before) {
      return (
        `piece ${k} of the rate begins at step ${after}, piece ${k - 1} at ${before}; ` +
        "give steps in ascending order"
      );
    }
  }
  return null;
}

/** The table as WGSL: one case a piece, since members of a struct have no index. */
function table(count: number): SlotBody {
  const entry = (k: number): string =>
    `vec2f(${k === 0 ? "0.0" : `h.piece_step${k}`}, h.piece_factor${k})`;
  return {
    code: [
      `const PIECES: u32 = ${count}u;`,
      "fn rate_piece(piece: u32, h: Hyperparameters) -> vec2f {",
      "  switch piece {",
      ...Array.from({ length: count - 1 }, (_, k) => `    case ${k}u: { return ${entry(k)}; }`),
      `    default: { return ${entry(count - 1)}; }`,
      "  }",
      "}",
    ].join("\n"),
  };
}

/**
 * η_t = η f_k for s_k ≤ t < s_{k+1} (constant pieces), or the straight line through (s_k, ηf_k);
 * ηf of the last entry afterwards.
 *
 * Time in SGD steps.
 *
 * @throws ArgumentError for a table whose lengths differ, that is empty or does not begin at step 0;
 *   for steps that do not ascend and negative factors when the ensemble is created.
 * @example piecewise({ steps: [0, 10_000, 20_000], factors: [1, 0.1, 0.01] })
 */
export function piecewise(settings: PiecewiseSettings): Rate {
  const complaint = malformed(settings);
  if (complaint !== null) throw new ArgumentError(`piecewise: ${complaint}.`);
  const { steps, factors, pieces = "constant" } = settings;
  const count = steps.length;
  const setting: Record<string, number> = {};
  factors.forEach((factor, k) => {
    if (k > 0) setting[stepName(k)] = steps[k]!;
    setting[factorName(k)] = factor;
  });
  const line = pieces === "linear" ? ", straight lines between" : "";
  return {
    name: `piecewise ${pieces}, ${count} pieces`,
    shaders: ["rate/piecewise"],
    slots: { rate_pieces: table(count) },
    equation: `eta_t = eta f_k from step s_k on${line}`,
    hyperparameters: hyperparameters(count),
    setting,
    complaint: (all) => disorder(all, count),
    expression: (step) => `piecewise_${pieces}(${step}, fixed)`,
    factor: (step, all) => {
      let k = 0;
      while (k + 1 < count && step >= beginning(all, k + 1)) k += 1;
      const [here, next] = [all[factorName(k)]!, all[factorName(k + 1)]];
      if (pieces === "constant" || next === undefined) return here;
      const [from, to] = [beginning(all, k), beginning(all, k + 1)];
      return here + (next - here) * ((step - from) / (to - from));
    },
  };
}
