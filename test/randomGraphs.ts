/** Seeded random smooth scalar functions of three parameter blocks, and their values. */
import { constant, type Node, param, type Shape, sameShape, size } from "../engine/graph.ts";
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

// Values stay of order one: products go through tanh or a small factor.
const BUILDS: readonly Build[] = [
  (r, p) => op.tanh(op.add(any(r, [of(r, p, [2, 3]), of(r, p, [])]), of(r, p, [3]))),
  (r, p) => op.mul(op.sigmoid(of(r, p, [3])), of(r, p, [])),
  (r, p) => op.sub(of(r, p, [3]), op.scale(of(r, p, [3]), r() - 0.5)),
  (r, p) => op.div(of(r, p, [3]), op.add(2, op.square(of(r, p, [3])))),
  (r, p) => op.matvec(of(r, p, [2, 3]), of(r, p, [3])),
  (r, p) => op.sin(op.matvec(op.transpose(of(r, p, [2, 3])), of(r, p, [2]))),
  (r, p) => op.scale(op.outer(of(r, p, [2]), of(r, p, [3])), 0.5),
  (r, p) => op.tanh(op.dot(of(r, p, [3]), of(r, p, [3]))),
  (r, p) => op.logSumExp(of(r, p, [3])),
  (r, p) => op.softmax(of(r, p, [2, 3])),
  (r, p) => op.mul(of(r, p, [2, 3]), op.exp(op.neg(op.softplus(of(r, p, []))))),
  (r, p) => op.mean(of(r, p, [2, 3]), choice(r, [0, 0, 1])),
  (r, p) => op.neg(op.erf(of(r, p, [3]))),
  (r, p) => op.slice(op.concat([of(r, p, [3]), of(r, p, [2])]), 1, 4),
  (r, p) =>
    op.reshape(
      op.matmul(op.reshape(of(r, p, [3]), [3, 1]), op.reshape(of(r, p, [2]), [1, 2])),
      [2, 3],
    ),
  (r, p) =>
    op.add(
      op.sub(of(r, p, [3]), op.neg(of(r, p, [3]))),
      op.mul(choice(r, [0, 1, 2]), of(r, p, [])),
    ),
  (r, p) => op.softmaxCrossEntropy(of(r, p, [3]), choice(r, [0, 1, 2])),
  (r, p) => op.cos(op.pad(of(r, p, [2]), choice(r, [0, 1]) === 0 ? 0 : 1, 0)),
];

/** A function of a scalar, a vector [3], a vector [2] and a matrix [2, 3], `operations` deep. */
export function randomGraph(seed: number, operations: number): RandomGraph {
  const random = seeded(seed);
  const shapes: readonly Shape[] = [[], [3], [2], [2, 3]];
  const params = shapes.map((shape, i) => param(`p${i}`, shape));
  const pool: Node[] = [
    ...params,
    constant(0.7),
    constant([0, 0, 0], [3]),
    constant([...uniformArray(random, 6)], [2, 3]),
  ];
  for (let i = 0; i < operations; i += 1) pool.push(choice(random, BUILDS)(random, pool));
  const last = pool.slice(-4).map((node) => op.mean(op.square(node)));
  const values = Object.fromEntries(
    shapes.map((shape, i) => [`p${i}`, uniformArray(random, size(shape))]),
  );
  return { output: last.reduce((a, b) => op.add(a, b)), params, values };
}
