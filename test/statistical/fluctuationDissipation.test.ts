/**
 * Fluctuation-dissipation estimators on a linear process with momentum, dampening and additive
 * noise that does not commute with the Hessian: closed forms from the Lyapunov equation.
 *
 * |estimate − exact| <= 4 standard errors, no bias: trajectories start in the stationary state up to
 * (slowest root)^2·BURN, below 10⁻⁹. False alarms 6e-5 each for fresh seeds. Negative controls: η and
 * μ wrong by 10 %, a transient, and E[G|θ] that is not ∇f.
 */
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { type Estimate, zScore } from "../../analysis/estimate.ts";
import {
  dissipationFactor,
  fluctuationDissipation,
  quadraticDissipation,
} from "../../analysis/fluctuationDissipation.ts";
import { discreteLyapunov } from "../../analysis/lyapunov.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import { generator } from "../generator.ts";
import { momentsOf } from "../trajectories.ts";

const H = [
  [1.2, 0.3],
  [0.3, 0.5],
];
/** Rows mix two normal numbers into the gradient noise: covariance N Nᵀ. */
const N = [
  [0.8, 0],
  [-0.3, 0.4],
];
const MINIMUM = [3, -1];
const RATE = { learningRate: 0.2, momentum: 0.6, dampening: 0.3 };
const NAMES = ["x", "y", "v.x", "v.y", "g.x", "g.y"];
const [REPLICAS, STEPS, BURN] = [300, 300, 400];

/** What the engine would record; `memory` repeats a share of the last noise (batches that remember). */
function recordOf(seed: number, { burnIn = BURN, memory = 0 } = {}): MomentsRecord {
  const { normal } = generator(seed);
  const { learningRate: eta, momentum: mu, dampening: nu } = RATE;
  const trajectories = Array.from({ length: REPLICAS }, () => {
    const theta = [MINIMUM[0]! + (burnIn === 0 ? 3 : 0), MINIMUM[1]!];
    const v = [0, 0];
    let last = [0, 0];
    const flat = new Float64Array(6 * STEPS);
    for (let t = -burnIn; t < STEPS; t++) {
      const fresh = [normal(), normal()];
      const xi = N.map((row) => row[0]! * fresh[0]! + row[1]! * fresh[1]!);
      const noise = xi.map((value, i) => value - memory * last[i]!);
      last = xi;
      const g = H.map((row, i) =>
        row.reduce((sum, h, j) => sum + h * (theta[j]! - MINIMUM[j]!), noise[i]!),
      );
      if (t >= 0) flat.set([...theta, ...v, ...g], 6 * t);
      for (const i of [0, 1]) {
        v[i] = mu * v[i]! - (1 - nu) * g[i]!;
        theta[i]! += eta * v[i]!;
      }
    }
    return flat;
  });
  return momentsOf([trajectories], NAMES, [0], [2.9, -1.1, 0.01, 0.02, -0.03, 0.01]);
}

/** Exact E δδᵀ and E vvᵀ from z' = M z + L ξ. */
function exactMoments(): { S: Matrix; V: Matrix } {
  const { learningRate: eta, momentum: mu, dampening: nu } = RATE;
  const M = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  const L = Matrix.zeros(4, 2);
  for (const i of [0, 1]) {
    M[i]![i] = 1;
    M[i]![2 + i] = eta * mu;
    M[2 + i]![2 + i] = mu;
    for (const j of [0, 1]) {
      M[i]![j]! -= eta * (1 - nu) * H[i]![j]!;
      M[2 + i]![j]! -= (1 - nu) * H[i]![j]!;
      L.set(i, j, -eta * (1 - nu) * N[i]![j]!).set(2 + i, j, -(1 - nu) * N[i]![j]!);
    }
  }
  const Z = new Matrix(discreteLyapunov(M, L.mmul(L.transpose()).to2DArray()));
  return { S: Z.subMatrix(0, 1, 0, 1), V: Z.subMatrix(2, 3, 2, 3) };
}

const expectAgrees = (estimate: Estimate, exact: number) =>
  expect(Math.abs(zScore(estimate, exact)), `${estimate.value} for ${exact}`).toBeLessThan(4);
const expectFails = (estimate: Estimate, exact: number) =>
  expect(Math.abs(zScore(estimate, exact)), `${estimate.value} for ${exact}`).toBeGreaterThan(4);

const ELEMENTS = [
  [
    [1, 0],
    [0, 0],
  ],
  [
    [0, 1],
    [1, 0],
  ],
  [
    [0, 0],
    [0, 1],
  ],
];

describe("fluctuation-dissipation relations of a linear process", () => {
  const record = recordOf(1);
  const { S, V } = exactMoments();
  const hessian = new Matrix(H);
  const kappa = dissipationFactor(RATE);

  test("FDR1: both sides and their ratio, raw and centered", () => {
    const raw = fluctuationDissipation(record, RATE);
    const centered = fluctuationDissipation(record, { ...RATE, center: MINIMUM });
    for (const { left, right, ratio, difference } of [raw, centered]) {
      expectAgrees(left, hessian.mmul(S).trace());
      expectAgrees(right, kappa * V.trace());
      expectAgrees(ratio, 1);
      expectAgrees(difference, 0);
    }
    // The mean of θ is √10, its spread 0.5: the noise of c·⟨G⟩ is what centering removes.
    expect(raw.ratio.standardError).toBeGreaterThan(5 * centered.ratio.standardError);
  });

  test("the matrix form, element by element, and any other center", () => {
    for (const [k, metric] of ELEMENTS.entries()) {
      for (const center of [MINIMUM, [2.5, 0]]) {
        const sides = fluctuationDissipation(record, { ...RATE, center, metric });
        const A = new Matrix(metric);
        expectAgrees(sides.right, kappa * A.mmul(V).trace());
        expectAgrees(sides.left, A.mmul(hessian).mmul(S).trace());
        expectAgrees(sides.difference, 0);
      }
      expect(k).toBeLessThan(3);
    }
  });

  test("FDR2, with the full and with the minibatch gradient", () => {
    const quadratic = quadraticDissipation(record, { ...RATE, hessian: H, minimum: MINIMUM });
    expectAgrees(quadratic.left, hessian.mmul(hessian).mmul(S).trace());
    expectAgrees(quadratic.right, kappa * hessian.mmul(V).trace());
    expectAgrees(quadratic.ratio, 1);
    const along = fluctuationDissipation(record, { ...RATE, center: MINIMUM, metric: H });
    expectAgrees(along.ratio, 1);
  });

  test("negative controls: a wrong rate or momentum, a transient", () => {
    const ratio = (change: object, from = record) =>
      fluctuationDissipation(from, { ...RATE, center: MINIMUM, ...change }).ratio;
    expectFails(ratio({ learningRate: 0.22 }), 1);
    expectFails(ratio({ momentum: 0.66 }), 1);
    expectFails(ratio({ dampening: 0.33 }), 1);
    expectFails(ratio({}, recordOf(2, { burnIn: 0 })), 1);
    const wrong = { ...RATE, learningRate: 0.22, hessian: H, minimum: MINIMUM };
    expectFails(quadraticDissipation(record, wrong).ratio, 1);
  });

  test("noise that remembers breaks FDR2 with ∇f, and nothing else", () => {
    const remembering = recordOf(3, { memory: 0.5 });
    const choice = { ...RATE, center: MINIMUM };
    expectAgrees(fluctuationDissipation(remembering, choice).ratio, 1);
    expectAgrees(fluctuationDissipation(remembering, { ...choice, metric: H }).ratio, 1);
    const quadratic = { ...RATE, hessian: H, minimum: MINIMUM };
    expectFails(quadraticDissipation(remembering, quadratic).ratio, 1);
  });

  test("refuses what does not fit", () => {
    const refused = (change: object) => () =>
      fluctuationDissipation(record, { ...RATE, ...change });
    expect(
      refused({
        metric: [
          [1, 2],
          [0, 1],
        ],
      }),
    ).toThrow(/entry \(0, 1\) of the matrix is 2/);
    expect(refused({ center: [1] })).toThrow(/center is \[1\] for 2 coordinates/);
    expect(refused({ coordinates: ["x", "z"] })).toThrow(/no coordinate "z"/);
    expect(refused({ learningRate: -1 })).toThrow(/learningRate -1/);
    const bare = momentsOf([[new Float64Array(4)]], ["x"], [0], [0]);
    expect(() => fluctuationDissipation(bare, RATE)).toThrow(/no coordinate x with its gradient/);
  });
});
