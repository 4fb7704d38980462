/**
 * A deep diagonal net of one input, v = u_0 u_1 … u_D, on labels with noise (card 3A).
 *
 * l = (vx − y)², x = ±1, y = x(k + sξ): x² = 1 leaves l = (v − k − sξ)², so no input is drawn. Left out:
 * several inputs, width, inputs that vary in size.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { LabelNoiseLaw } from "./theory/balanceCorrection.ts";

/** Name of factor k: `u0`, `u1`, … */
export const factorName = (k: number): string => `u${k}`;

/**
 * Parameters `u0` … `uD` (scalars); no sample fields (data: `onlineData`); settings `slope` k and
 * `labelNoise` s; metric `v`.
 *
 * @throws ArgumentError unless depth is a whole number from 0 to 7.
 * @example const model = diagonalNet({ depth: 1, noiseLaw: "sign" });
 */
export function diagonalNet(options: {
  readonly depth: number;
  readonly noiseLaw: LabelNoiseLaw;
}): Model {
  const { depth, noiseLaw } = options;
  if (!Number.isInteger(depth) || depth < 0 || depth > 7) {
    throw new ArgumentError(`diagonalNet: depth is ${depth}; give a whole number from 0 to 7.`);
  }
  const names = Array.from({ length: depth + 1 }, (_, k) => factorName(k));
  const v = (theta: Readonly<Record<string, Node>>): Node =>
    names.map((name) => theta[name]!).reduce((value, u) => op.mul(value, u));
  return defineModel({
    name: `diagonal-net-${depth}`,
    params: Object.fromEntries(names.map((name) => [name, []])),
    sample: {},
    draws: { xi: noiseLaw === "sign" ? { sign: [] } : [] },
    settings: {
      slope: { unit: "v", meaning: "k, E xy at x = ±1", initial: 1 },
      labelNoise: {
        unit: "v",
        meaning: "s, standard deviation of the labels' noise",
        initial: 1,
        least: 0,
      },
    },
    loss: (theta, _sample, { draws, settings }) => {
      const label = op.add(settings.slope!, op.mul(settings.labelNoise!, draws.xi!));
      return op.square(op.sub(v(theta), label));
    },
    metrics: { v },
  });
}
