/**
 * Initial laws of networks, block by block: variances set by the numbers of inputs and outputs.
 *
 * Sources: Y. LeCun et al., Efficient BackProp (1998), eq. 16; X. Glorot & Y. Bengio, AISTATS 2010,
 * eq. 16; K. He et al., ICCV 2015, eq. 10. Left out: orthogonal matrices.
 */
import { ArgumentError } from "../errors.ts";
import type { Shape } from "../graph.ts";
import type { InitialLaw } from "../initial.ts";

/** The law of all elements of a block, independent of each other. */
export interface ElementLaw {
  readonly mean: number;
  readonly standardDeviation: number;
  readonly distribution: "normal" | "uniform";
}

/** A law by the shape of its block. */
export type BlockLaw = (shape: Shape) => ElementLaw;

export interface FanOptions {
  /** Multiplies the standard deviation; default 1. */
  readonly gain?: number;
  /** Of the same variance; default normal. */
  readonly distribution?: "normal" | "uniform";
}

/**
 * Inputs are the last axis, outputs the one before (1 for a vector): those of `matvec(W, x)` and
 * `dot(a, x)`. A kernel of `conv2d`, [out, channels, height, width], has a window's elements as inputs
 * and reaches as many outputs of each of its channels.
 */
function fans(shape: Shape): { inputs: number; outputs: number } {
  if (shape.length !== 4) return { inputs: shape.at(-1) ?? 1, outputs: shape.at(-2) ?? 1 };
  const [out, channels, height, width] = shape as readonly [number, number, number, number];
  return { inputs: channels * height * width, outputs: out * height * width };
}

const fanLaw =
  (variance: (inputs: number, outputs: number) => number) =>
  ({ gain = 1, distribution = "normal" }: FanOptions = {}): BlockLaw =>
  (shape) => {
    const { inputs, outputs } = fans(shape);
    const standardDeviation = gain * Math.sqrt(variance(inputs, outputs));
    return { mean: 0, standardDeviation, distribution };
  };

/** Variance 2/inputs, which keeps the second moment through ReLU layers (He et al. 2015). */
export const he = fanLaw((inputs) => 2 / inputs);

/** Variance 2/(inputs + outputs), between forward and backward variance (Glorot & Bengio 2010). */
export const glorot = fanLaw((inputs, outputs) => 2 / (inputs + outputs));

/** Variance 1/inputs (LeCun et al. 1998). */
export const lecun = fanLaw((inputs) => 1 / inputs);

/** Normal elements. */
export const normalElements =
  (standardDeviation: number, mean = 0): BlockLaw =>
  () => ({ mean, standardDeviation, distribution: "normal" });

/** Elements uniform between two numbers. */
export const uniformElements =
  (low: number, high: number): BlockLaw =>
  () => ({
    mean: (low + high) / 2,
    standardDeviation: (high - low) / Math.sqrt(12),
    distribution: "uniform",
  });

/** All elements the same number. */
export const constantElements =
  (value: number): BlockLaw =>
  () => ({ mean: value, standardDeviation: 0, distribution: "normal" });

/**
 * A law for every parameter block by its name; vectors and scalars that are left out are zero.
 *
 * @throws ArgumentError (from `createEnsemble`) for a name that is no block, a matrix without a law, a
 *   standard deviation that is negative or not finite.
 * @example perBlock({ W: he(), a: glorot({ distribution: "uniform" }), b: uniformElements(-1, 1) })
 */
export const perBlock =
  (laws: Readonly<Record<string, BlockLaw>>): InitialLaw =>
  (model) => {
    const names = model.params.map(({ name }) => name);
    const unknown = Object.keys(laws).find((name) => !names.includes(name));
    if (unknown !== undefined) {
      throw new ArgumentError(
        `perBlock: "${unknown}" is no block of ${model.name}, which has ${names.join(", ")}.`,
      );
    }
    const mean: number[] = [];
    const standardDeviation: number[] = [];
    const uniform: boolean[] = [];
    for (const { name, shape, size } of model.params) {
      const law = elementLaw(name, laws[name], shape);
      for (let i = 0; i < size; i += 1) {
        mean.push(law.mean);
        standardDeviation.push(law.standardDeviation);
        uniform.push(law.distribution === "uniform");
      }
    }
    return { kind: "independent", mean, standardDeviation, uniform };
  };

function elementLaw(name: string, law: BlockLaw | undefined, shape: Shape): ElementLaw {
  if (law === undefined && shape.length >= 2) {
    throw new ArgumentError(
      `perBlock: the matrix ${name} has no law; give it one (constantElements(0) for zeros).`,
    );
  }
  const chosen = (law ?? constantElements(0))(shape);
  const { mean, standardDeviation, distribution } = chosen;
  const known = distribution === "normal" || distribution === "uniform";
  if (
    !known ||
    !Number.isFinite(mean) ||
    !(standardDeviation >= 0 && standardDeviation < Infinity)
  ) {
    throw new ArgumentError(
      `perBlock: ${name} has a ${distribution} law of mean ${mean} and standard deviation ` +
        `${standardDeviation}; give normal or uniform, a finite mean, a deviation >= 0.`,
    );
  }
  return chosen;
}
