/** Seeded random smooth scalar functions of three parameter blocks, and their values. */
import { constant, type Node, param, type Shape, sameShape, size } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import { choice, type Random, seeded, uniformArray } from "./seeded.ts";

export interface RandomGraph {
  readonly output: Node;
  readonly params: readonly Node[];
  readonly values: Record<string, Float64Array>;
}

type Build = (random: Random, pool: readonly Node[]) => Node;

const any = (random: Random, pool: readonly Node[]): Node => choice(random, pool);
const of = (random: Random, pool: readonly Node[], shape: Shape): Node =>
  choice(
    random,
    pool.filter((node) => sameShape(node.shape, shape)),
  );

/** Lengths m and n = m + 1 of vectors; matrices are [m, n]. */
interface Lengths {
  readonly m: number;
  readonly n: number;
}

// Values stay of order one: products go through tanh or a small factor.
const builds = ({ m, n }: Lengths): readonly Build[] => {
  const labels = Array.from({ length: n }, (_, label) => label);
  return [
    (r, p) => op.tanh(op.add(any(r, [of(r, p, [m, n]), of(r, p, [])]), of(r, p, [n]))),
    (r, p) => op.mul(op.sigmoid(of(r, p, [n])), of(r, p, [])),
    (r, p) => op.sub(of(r, p, [n]), op.scale(of(r, p, [n]), r() - 0.5)),
    (r, p) => op.div(of(r, p, [n]), op.add(2, op.square(of(r, p, [n])))),
    (r, p) => op.matvec(of(r, p, [m, n]), of(r, p, [n])),
    (r, p) => op.sin(op.matvec(op.transpose(of(r, p, [m, n])), of(r, p, [m]))),
    (r, p) => op.scale(op.outer(of(r, p, [m]), of(r, p, [n])), 0.5),
    (r, p) => op.tanh(op.dot(of(r, p, [n]), of(r, p, [n]))),
    (r, p) => op.logSumExp(of(r, p, [n])),
    (r, p) => op.softmax(of(r, p, [m, n])),
    (r, p) => op.mul(of(r, p, [m, n]), op.exp(op.neg(op.softplus(of(r, p, []))))),
    (r, p) => op.mean(of(r, p, [m, n]), choice(r, [0, 0, 1])),
    (r, p) => op.neg(op.erf(of(r, p, [n]))),
    (r, p) => op.slice(op.concat([of(r, p, [n]), of(r, p, [m])]), 1, 1 + n),
    (r, p) =>
      op.reshape(op.matmul(op.reshape(of(r, p, [n]), [n, 1]), op.reshape(of(r, p, [m]), [1, m])), [
        m,
        n,
      ]),
    (r, p) =>
      op.add(
        op.sub(of(r, p, [n]), op.neg(of(r, p, [n]))),
        op.mul(choice(r, [0, 1, 2]), of(r, p, [])),
      ),
    (r, p) => op.softmaxCrossEntropy(of(r, p, [n]), choice(r, labels)),
    (r, p) => op.cos(op.pad(of(r, p, [m]), choice(r, [0, 1]) === 0 ? 0 : 1, 0)),
  ];
};

/** The shapes that random graphs are made of: a scalar, vectors [n] and [m], a matrix [m, n]. */
export const randomShapes = (m: number): readonly Shape[] => [[], [m + 1], [m], [m, m + 1]];

/** A scalar of given leaves, of `randomShapes(m)`, `operations` deep. */
export function randomScalar(
  random: Random,
  operations: number,
  leaves: readonly Node[],
  m: number,
): Node {
  const n = m + 1;
  const pool: Node[] = [
    ...leaves,
    constant(0.7),
    constant(
      Array.from({ length: n }, () => 0),
      [n],
    ),
    constant([...uniformArray(random, m * n)], [m, n]),
  ];
  const steps = builds({ m, n });
  for (let i = 0; i < operations; i += 1) pool.push(choice(random, steps)(random, pool));
  const last = pool.slice(-4).map((node) => op.mean(op.square(node)));
  return last.reduce((a, b) => op.add(a, b));
}

/** A function of a scalar, a vector [3], a vector [2] and a matrix [2, 3], `operations` deep. */
export function randomGraph(seed: number, operations: number): RandomGraph {
  const random = seeded(seed);
  const shapes = randomShapes(2);
  const params = shapes.map((shape, i) => param(`p${i}`, shape));
  const output = randomScalar(random, operations, params, 2);
  const values = Object.fromEntries(
    shapes.map((shape, i) => [`p${i}`, uniformArray(random, size(shape))]),
  );
  return { output, params, values };
}

/** A model of such a function: parameters and fields of all four shapes, those of products at m = 4. */
export function randomModel(seed: number, operations: number, m: number): Model {
  const shapes = randomShapes(m);
  const named = (letter: string): Record<string, Shape> =>
    Object.fromEntries(shapes.map((shape, i) => [`${letter}${i}`, shape]));
  return defineModel({
    name: `random graph ${seed}`,
    params: named("p"),
    sample: named("x"),
    loss: (params, sample) => {
      const blocks = Object.values(params);
      const leaves = [...blocks, ...Object.values(sample)];
      const loss = randomScalar(seeded(seed), operations, leaves, m);
      // No block is without influence: such a model is refused.
      return blocks.reduce((sum, x) => op.add(sum, op.scale(op.mean(op.square(x)), 0.1)), loss);
    },
  });
}
