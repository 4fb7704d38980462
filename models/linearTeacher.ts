/**
 * Deep linear networks that learn one linear teacher from different views of the same inputs (card 2D).
 *
 * x ~ N(0, 1), y = Vx + σε; a network is given z = Zx. V and Z have given singular values between random
 * orthogonal matrices. `alignmentNet` draws its samples; `noiselessNet` is the same on the basis vectors,
 * whose mean loss is |W…WZ − V|², for gradient descent without noise.
 */
import { Matrix, QrDecomposition } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import { constant, type Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";

/** A matrix as rows. */
export type MatrixRows = readonly (readonly number[])[];

export interface LinearTeacher {
  /** V, [output, input]. */
  readonly teacher: MatrixRows;
  /** Z, [input, input], |Z|² = inputs. */
  readonly view: MatrixRows;
}

/** The orthogonal factor of a matrix of normal numbers, with the signs that make it uniform (Haar). */
function randomOrthogonal(size: number, uniform: () => number): Matrix {
  const normal = new Matrix(
    Array.from({ length: size }, () => Array.from({ length: size }, () => gaussian(uniform))),
  );
  const { orthogonalMatrix: q, upperTriangularMatrix: r } = new QrDecomposition(normal);
  for (let k = 0; k < size; k += 1) if (r.get(k, k) < 0) q.mulColumn(k, -1);
  return q;
}

/**
 * V = U diag(s) Qᵀ and Z ∝ O₁ diag(v) O₂ with random orthogonal factors.
 *
 * Outputs: as many as `singularValues`; inputs: as many as `viewValues`.
 *
 * @throws ArgumentError for more outputs than inputs, and values that are not positive.
 * @example linearTeacher({ singularValues: [1.5, 1.2, 0.9], viewValues: [2, 1, 0.5, 0.5], seed: 1 })
 */
export function linearTeacher(options: {
  readonly singularValues: readonly number[];
  readonly viewValues: readonly number[];
  readonly seed: number;
}): LinearTeacher {
  const { singularValues: s, viewValues: v, seed } = options;
  const outputs = s.length;
  const inputs = v.length;
  if (outputs === 0 || outputs > inputs || ![...s, ...v].every((x) => x > 0 && x < Infinity)) {
    throw new ArgumentError(
      `linearTeacher: singularValues [${s.join(", ")}] and viewValues [${v.join(", ")}]; give numbers > 0, ` +
        "and at least as many of the view as of the teacher.",
    );
  }
  const uniform = mulberry32(seed);
  const [U, Q] = [randomOrthogonal(outputs, uniform), randomOrthogonal(inputs, uniform)];
  const stretched = Matrix.zeros(outputs, inputs);
  s.forEach((value, i) => {
    stretched.set(i, i, value);
  });
  const [before, after] = [randomOrthogonal(inputs, uniform), randomOrthogonal(inputs, uniform)];
  const scale = Math.sqrt(inputs) / Math.hypot(...v);
  const view = before.mmul(Matrix.diag(v.map((value) => scale * value))).mmul(after);
  return {
    teacher: U.mmul(stretched).mmul(Q.transpose()).to2DArray(),
    view: view.to2DArray(),
  };
}

/** Rows of the identity: the view of a net that sees x itself. */
export const plainView = (inputs: number): MatrixRows => Matrix.eye(inputs).to2DArray();

export interface AlignmentNetOptions {
  /** Units of each hidden layer. */
  readonly widths: readonly number[];
  readonly teacher: MatrixRows;
  readonly view: MatrixRows;
}

const matrixNode = (rows: MatrixRows): Node =>
  constant(rows.flat(), [rows.length, rows[0]!.length]);

/** `W1` [h₁, inputs] … `W{L}` [outputs, h]. */
function layerShapes({ widths, teacher, view }: AlignmentNetOptions): Record<string, number[]> {
  const sizes = [view.length, ...widths, teacher.length];
  return Object.fromEntries(
    sizes.slice(1).map((size, layer) => [`W${layer + 1}`, [size, sizes[layer]!]]),
  );
}

/** W_L … W_1 Z x − V x. */
function residual(
  { teacher, view }: AlignmentNetOptions,
  layers: Readonly<Record<string, Node>>,
  x: Node,
): Node {
  const seen = op.matvec(matrixNode(view), x);
  const output = Object.values(layers).reduce((value, layer) => op.matvec(layer, value), seen);
  return op.sub(output, op.matvec(matrixNode(teacher), x));
}

/**
 * l = |W_L … W_1 Z x − V x − σε|² with fresh x and ε ~ N(0, 1).
 *
 * Parameters `W1` … `WL`; no sample fields (data: `onlineData`); setting `labelNoise` σ.
 *
 * @example
 * const seen = linearTeacher({ singularValues: [1], viewValues: [2, 1], seed: 1 });
 * const model = alignmentNet({ ...seen, widths: [3] });
 */
export function alignmentNet(options: AlignmentNetOptions): Model {
  return defineModel({
    name: `alignment-net-${options.widths.join("-")}`,
    params: layerShapes(options),
    sample: {},
    draws: { x: [options.view.length], epsilon: [options.teacher.length] },
    settings: {
      labelNoise: {
        unit: "loss^½",
        meaning: "σ, standard deviation of the labels' noise",
        initial: 1,
        least: 0,
      },
    },
    loss: (layers, _sample, { draws, settings }) =>
      op.sum(
        op.square(
          op.sub(residual(options, layers, draws.x), op.mul(settings.labelNoise, draws.epsilon)),
        ),
      ),
  });
}

/** The same without noise, sample field `x` [inputs]; its data are `basisData`. */
export function noiselessNet(options: AlignmentNetOptions): Model {
  return defineModel({
    name: `noiseless-net-${options.widths.join("-")}`,
    params: layerShapes(options),
    sample: { x: [options.view.length] },
    loss: (layers, { x }) => op.sum(op.square(residual(options, layers, x))),
  });
}

/** √d times the basis vectors, whose second moment is that of standard normal inputs. */
export function basisData(inputs: number): Dataset {
  const data = Float64Array.from({ length: inputs * inputs }, (_, e) =>
    e % (inputs + 1) === 0 ? Math.sqrt(inputs) : 0,
  );
  return {
    name: "basis-vectors",
    samples: inputs,
    fields: { x: { data, shape: [inputs] } },
    origin: "multiples of the basis vectors",
  };
}
