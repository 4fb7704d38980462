/**
 * Random numbers that a model's loss takes, fresh for every sample of every step: their laws, shapes
 * and places in the sample's stream.
 *
 * A sample has `pairs` pairs of words, threefry(lane key of STREAM_SAMPLE, (step, b · pairs + k)) for
 * member b of the batch. Normal numbers take both words of a pair (Box–Muller) and come first; signs
 * and uniform numbers take one word each and follow. Within a law the order is that of declaration.
 */
import { checkName, checkShape, type Place } from "./declaration.ts";
import { ArgumentError } from "./errors.ts";
import { type DrawLaw, type Shape, size } from "./graph.ts";

/** Standard normal numbers of a shape, signs (±1 with probability ½), or uniform on (0, 1). */
export type DrawShape = Shape | { readonly sign: Shape } | { readonly uniform: Shape };

export interface ModelDraw {
  readonly name: string;
  readonly law: DrawLaw;
  readonly shape: Shape;
  readonly size: number;
  /** Number of its first element among the sample's: pair ⌊at/2⌋, component at mod 2. */
  readonly at: number;
}

/** Value of a draw where nothing is drawn (losses over the whole data): its mean. */
export const MEANS: Readonly<Record<DrawLaw, number>> = { normal: 0, sign: 0, uniform: 0.5 };

function lawOf(place: Place, name: string, given: DrawShape): { law: DrawLaw; shape: Shape } {
  if (Array.isArray(given) || typeof given !== "object" || given === null) {
    return { law: "normal", shape: checkShape(place, "draw", name, given) };
  }
  const [[law, shape], ...others] = [...Object.entries(given), ["", []]] as [string, Shape][];
  if ((law !== "sign" && law !== "uniform") || others.length !== 1) {
    throw new ArgumentError(
      `${place("draw", name)} is ${JSON.stringify(given)}; give a shape (standard normal), ` +
        "{ sign: shape } or { uniform: shape }.",
    );
  }
  return { law, shape: checkShape(place, "draw", name, shape) };
}

/** Checks declared draws and gives them their places, in the order of declaration. */
export function modelDraws(
  place: Place,
  shapes: Readonly<Record<string, DrawShape>>,
): readonly ModelDraw[] {
  const declared = Object.entries(shapes).map(([name, given]) => {
    checkName(place, "draw", name);
    const { law, shape } = lawOf(place, name, given);
    return { name, law, shape, size: size(shape) };
  });
  const normals = declared.filter(({ law }) => law === "normal");
  let normal = 0;
  let word = 2 * Math.ceil(normals.reduce((sum, { size }) => sum + size, 0) / 2);
  return Object.freeze(
    declared.map((one) => {
      const at = one.law === "normal" ? normal : word;
      if (one.law === "normal") normal += one.size;
      else word += one.size;
      return Object.freeze({ ...one, at });
    }),
  );
}

/** Pairs of words a sample takes: of normal numbers, and in all. */
export function drawPairs(draws: readonly ModelDraw[]): { normal: number; all: number } {
  const end = (some: readonly ModelDraw[]): number =>
    Math.ceil(Math.max(0, ...some.map(({ at, size }) => at + size)) / 2);
  return { normal: end(draws.filter(({ law }) => law === "normal")), all: end(draws) };
}

/** Does the loss draw its samples, so that no data set stands for them? */
export const isOnline = (model: {
  readonly fields: readonly unknown[];
  readonly draws: readonly ModelDraw[];
}): boolean => model.fields.length === 0 && model.draws.length > 0;
