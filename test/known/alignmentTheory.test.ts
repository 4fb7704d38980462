/**
 * Theory of universal alignment (card 2D): balanced states by their definitions, and leading-order
 * fluctuations against SGD in float64 on the host.
 */
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { linearTeacher, plainView } from "../../models/linearTeacher.ts";
import {
  alignmentFluctuations,
  decayBalancedLayer,
  linearAlignment,
  noiseBalanced,
} from "../../models/theory/index.ts";
import { generator } from "../generator.ts";

const seen = linearTeacher({
  singularValues: [1.5, 1.2, 0.9],
  viewValues: [2, 1, 0.5, 0.5],
  seed: 27,
});
const plain = { ...seen, view: plainView(4) };
const eye = Matrix.eye(4);
const matrix = (rows: readonly (readonly number[])[]): Matrix => new Matrix(rows as number[][]);

describe("linearTeacher", () => {
  test("has the singular values, and a view of square 4", () => {
    const V = matrix(seen.teacher);
    const square = V.mmul(V.transpose());
    expect(Math.abs(square.trace() - (1.5 ** 2 + 1.2 ** 2 + 0.9 ** 2))).toBeLessThan(1e-12);
    expect(Math.abs(matrix(seen.view).norm() - 2)).toBeLessThan(1e-12);
    expect(() => linearTeacher({ singularValues: [1, 1], viewValues: [1], seed: 1 })).toThrow(
      /at least as many of the view/,
    );
  });
});

describe("balanced states", () => {
  test.each([1, 0.4])("have no loss, and balanced gradients at noise %f", (noise) => {
    for (const net of [seen, plain]) {
      const { W1, W2, view, inputs, inputTrace } = noiseBalanced(net, noise);
      expect(Matrix.sub(W2.mmul(W1).mmul(view), matrix(net.teacher)).norm()).toBeLessThan(1e-12);
      const input = W1.mmul(inputs).mmul(W1.transpose()).div(inputTrace);
      const output = W2.transpose().mmul(W2).div(3);
      expect(Matrix.sub(input, output).norm()).toBeLessThan(1e-12);
    }
  });

  test("of noise are alike from every view, those of decay are not", () => {
    const layers = [plain, seen].map((net) => {
      const { W1, view } = noiseBalanced(net, 1);
      return W1.mmul(view);
    });
    expect(Math.abs(linearAlignment(layers[0]!, layers[1]!, eye) - 1)).toBeLessThan(1e-12);
    const decayed = linearAlignment(decayBalancedLayer(plain), decayBalancedLayer(seen), eye);
    expect(decayed).toBeLessThan(0.9);
  });
});

/** Gradient descent on the expected loss, which takes what is curved to its minimum. */
function descend(net: typeof seen, W1: Matrix, W2: Matrix): [Matrix, Matrix] {
  const [V, Z] = [matrix(net.teacher), matrix(net.view)];
  for (let step = 0; step < 500; step += 1) {
    const seenBy = W1.mmul(Z);
    const D = Matrix.sub(W2.mmul(seenBy), V).mul(0.1);
    const back = W2.transpose().mmul(D).mmul(Z.transpose());
    W2.sub(D.mmul(seenBy.transpose()));
    W1.sub(back);
  }
  return [W1, W2];
}

/**
 * SGD from the balanced state in float64, then descent without noise if `quench`; mean of |balance
 * residual|² over replicas.
 */
function simulate(
  net: typeof seen,
  { learningRate, steps }: { learningRate: number; steps: number },
  replicas: number,
  quench: boolean,
) {
  const start = noiseBalanced(net, 1);
  const V = matrix(net.teacher);
  const view = start.view;
  const squares: number[] = [];
  for (let seed = 1; seed <= replicas; seed += 1) {
    const { normal } = generator(seed);
    const [W1, W2] = [start.W1.to2DArray(), start.W2.to2DArray()];
    const times = (A: readonly (readonly number[])[], x: readonly number[]): number[] =>
      A.map((row) => row.reduce((sum, value, k) => sum + value * x[k]!, 0));
    const [Z, T] = [view.to2DArray(), V.to2DArray()];
    for (let step = 0; step < steps; step += 1) {
      const x = [normal(), normal(), normal(), normal()];
      const z = times(Z, x);
      const h = times(W1, z);
      const target = times(T, x);
      const error = times(W2, h).map((value, o) => value - target[o]! - normal());
      const back = h.map((_, u) => error.reduce((sum, e, o) => sum + e * W2[o]![u]!, 0));
      W2.forEach((row, o) => {
        row.forEach((_, u) => {
          row[u]! -= 2 * learningRate * error[o]! * h[u]!;
        });
      });
      W1.forEach((row, u) => {
        row.forEach((_, k) => {
          row[k]! -= 2 * learningRate * back[u]! * z[k]!;
        });
      });
    }
    const trained: [Matrix, Matrix] = [matrix(W1), matrix(W2)];
    const [first, second] = quench ? descend(net, ...trained) : trained;
    const input = first.mmul(start.inputs).mmul(first.transpose()).div(start.inputTrace);
    squares.push(Matrix.sub(input, second.transpose().mmul(second).div(3)).norm() ** 2);
  }
  const mean = squares.reduce((sum, x) => sum + x, 0) / replicas;
  const scatter = squares.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (replicas - 1);
  return { mean, error: Math.sqrt(scatter / replicas) };
}

describe("alignmentFluctuations", () => {
  const predicted = (phase: { learningRate: number; steps: number }) =>
    alignmentFluctuations(noiseBalanced(seen, 1), [phase], eye).residual;

  // Next orders are a few times ηκ = 0.07 of each part (experiments/universalAlignment/predictions.ts).
  test("are those of SGD", () => {
    const phase = { learningRate: 0.004, steps: 1500 };
    const { curved, charge } = predicted(phase);
    const exact = curved[0]! + charge[0]!;
    const { mean, error } = simulate(seen, phase, 60, false);
    expect(error / mean).toBeLessThan(0.1);
    const open = 0.07 * curved[0]! + 0.28 * charge[0]!;
    expect(Math.abs(mean - exact)).toBeLessThan(4 * error + open);
    expect(Math.abs(mean - 2 * exact)).toBeGreaterThan(4 * error + open);
  });

  test("leave areas behind when the noise is turned off", () => {
    const phase = { learningRate: 0.004, steps: 1500 };
    const exact = predicted(phase).charge[0]!;
    const { mean, error } = simulate(seen, phase, 60, true);
    expect(Math.abs(mean - exact)).toBeLessThan(4 * error + 0.28 * exact);
  });

  test("are in proportion to the rate where the loss is curved", () => {
    const at = (learningRate: number) =>
      alignmentFluctuations(noiseBalanced(plain, 1), [{ learningRate, steps: 1e6 }], eye);
    expect(Math.abs(at(0.002).deficit.curved[0]! / at(0.001).deficit.curved[0]! - 2)).toBeLessThan(
      1e-9,
    );
    expect(at(0.002).relaxation).toBeGreaterThan(0);
    expect(at(0.002).curvature).toBeGreaterThan(0);
  });
});
