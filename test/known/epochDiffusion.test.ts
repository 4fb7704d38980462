/**
 * Diffusion of an epoch and the mean it goes to, against averages over all permutations of a few samples;
 * gradients and Hessians of the nonlinear regression against the engine's; numbers of card A5.
 */
import { describe, expect, test } from "vitest";
import { minimize } from "../../engine/minimize.ts";
import { fullBatch } from "../../engine/minimum/fullBatch.ts";
import {
  additiveNoise,
  batchNoise,
  continuousCurrent,
  displacedBump,
  displacedTanhRegression,
  effectiveLossShift,
  epochCovariance,
  equalHessianEpochCovariance,
  gaussianClosure,
  integralDeviation,
  noisyBump,
  type SampleDerivatives,
  TANH_START,
  tanhRegression,
  tanhSamples,
} from "../../models/index.ts";
import { gaussian, mulberry32 } from "../../models/mulberry.ts";
import { relativeError } from "../parity.ts";

const uniform = mulberry32(3);
/** Quadratic samples of two weights whose gradients add up to zero at the point. */
function samples(N: number, equal = false): SampleDerivatives {
  const raw = Array.from({ length: N }, () => [gaussian(uniform), gaussian(uniform)]);
  const mean = [0, 1].map((p) => raw.reduce((sum, g) => sum + g[p]!, 0) / N);
  const one = () => {
    const [a, b, c] = [2 + gaussian(uniform), gaussian(uniform), 2 + gaussian(uniform)];
    return [
      [a, b],
      [b, c],
    ];
  };
  const shared = one();
  return {
    gradients: raw.map((g) => g.map((x, p) => x - mean[p]!)),
    hessians: raw.map(() => (equal ? shared : one())),
  };
}

function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((order) =>
    Array.from({ length: n }, (_, k) => [...order.slice(0, k), n - 1, ...order.slice(k)]),
  );
}

/** Means over a batch of gradients and Hessians. */
function batchMeans({ gradients, hessians }: SampleDerivatives, batch: readonly number[]) {
  const mean = (value: (i: number) => number): number =>
    batch.reduce((sum, i) => sum + value(i), 0) / batch.length;
  return {
    g: [0, 1].map((p) => mean((i) => gradients[i]![p]!)),
    H: [0, 1].map((p) => [0, 1].map((q) => mean((i) => hessians[i]![p]![q]!))),
  };
}

/** Cov Σ_{j<k} H_k g_j by enumeration. */
function enumerated(derivatives: SampleDerivatives, m: number): number[][] {
  const N = derivatives.gradients.length;
  const all = permutations(N).map((order) => {
    const x = [0, 0];
    const before = [0, 0];
    for (let first = 0; first < N; first += m) {
      const { g, H } = batchMeans(derivatives, order.slice(first, first + m));
      for (const p of [0, 1]) x[p]! += H[p]![0]! * before[0]! + H[p]![1]! * before[1]!;
      for (const p of [0, 1]) before[p]! += g[p]!;
    }
    return x;
  });
  const mean = [0, 1].map((p) => all.reduce((sum, x) => sum + x[p]!, 0) / all.length);
  return [0, 1].map((p) =>
    [0, 1].map(
      (q) => all.reduce((sum, x) => sum + (x[p]! - mean[p]!) * (x[q]! - mean[q]!), 0) / all.length,
    ),
  );
}

describe("epochCovariance", () => {
  test.each([
    [2, 1],
    [3, 1],
    [4, 2],
    [6, 1],
    [6, 2],
    [6, 3],
    [7, 1],
  ])("%i samples in batches of %i: the average over all permutations", (N, m) => {
    const derivatives = samples(N);
    const exact = epochCovariance(derivatives, m).flat();
    const found = enumerated(derivatives, m).flat();
    expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(relativeError(exact, found)).toBeLessThan(1e-12);
    // Negative control: the formula of equal Hessians is another number.
    const { hessian, noiseCovariance } = batchNoise(derivatives, m);
    const simple = equalHessianEpochCovariance(hessian, noiseCovariance, N / m).flat();
    if (N > 2) expect(relativeError(simple, found)).toBeGreaterThan(1e-2);
  });

  test("equal Hessians: M²(M + 1)/12 H Σ_B H; one batch has no noise", () => {
    const derivatives = samples(6, true);
    for (const m of [1, 2, 3]) {
      const { hessian, noiseCovariance } = batchNoise(derivatives, m);
      const simple = equalHessianEpochCovariance(hessian, noiseCovariance, 6 / m).flat();
      expect(relativeError(epochCovariance(derivatives, m).flat(), simple)).toBeLessThan(1e-12);
    }
    expect(Math.max(...epochCovariance(samples(6), 6).flat().map(Math.abs))).toBeLessThan(1e-12);
  });

  test("refuses batches that do not divide the samples", () => {
    expect(() => epochCovariance(samples(6), 4)).toThrow("batchSize 4 does not divide 6 samples");
  });
});

test("the effective loss' shift is where the mean epoch of quadratic samples ends, to order η", () => {
  const derivatives = samples(6);
  const m = 2;
  const orders = permutations(6);
  /** The mean over all permutations of w after an epoch, affine in w. */
  const epoch = (eta: number, w: readonly number[]): number[] => {
    const mean = [0, 0];
    for (const order of orders) {
      let at = w;
      for (let first = 0; first < 6; first += m) {
        const { g, H } = batchMeans(derivatives, order.slice(first, first + m));
        at = at.map((x, p) => x - eta * (g[p]! + H[p]![0]! * at[0]! + H[p]![1]! * at[1]!));
      }
      for (const p of [0, 1]) mean[p]! += at[p]! / orders.length;
    }
    return mean;
  };
  const fixedPoint = (eta: number): number[] => {
    const q = epoch(eta, [0, 0]);
    const [first, second] = [epoch(eta, [1, 0]), epoch(eta, [0, 1])];
    // (1 − P) w = q
    const [a, b] = [1 - first[0]! + q[0]!, q[0]! - second[0]!];
    const [c, d] = [q[1]! - first[1]!, 1 - second[1]! + q[1]!];
    const det = a * d - b * c;
    return [(d * q[0]! - b * q[1]!) / det, (a * q[1]! - c * q[0]!) / det];
  };
  const error = (eta: number): number =>
    relativeError(
      effectiveLossShift(derivatives, { batchSize: m, learningRate: eta }),
      fixedPoint(eta),
    );
  const [coarse, fine] = [error(0.02), error(0.01)];
  expect(fine).toBeLessThan(0.1);
  // The next order in η: half the rate, half the relative error.
  expect(Math.abs(coarse / fine - 2)).toBeLessThan(0.1);
});

describe("the nonlinear regression of card A5", () => {
  const minimum = minimize(tanhRegression(1e-3), noisyBump(), { start: TANH_START });
  const at = (w: ArrayLike<number>) => tanhSamples(w, 1e-3);
  const noise = batchNoise(at(minimum.theta), 10);
  const diagonal = (S: readonly (readonly number[])[]): number[] => S.map((row, i) => row[i]!);

  test("data and minimum are the card's", () => {
    const y = Array.from(noisyBump().fields.y!.data);
    expect(y[0]).toBeCloseTo(0.14055728764561, 13);
    expect(y[199]).toBeCloseTo(0.09092780665478, 13);
    expect(y.reduce((sum, one) => sum + one)).toBeCloseTo(61.91713295, 7);
    const card = [1.12652553, 1.24820947, 0.54047149, -0.71158598, 0.91532904, -0.92468773];
    expect(relativeError([...minimum.theta.slice(0, 6)], card)).toBeLessThan(1e-8);
    expect(minimum.loss).toBeCloseTo(145.495044, 6);
    const eigenvalues = [54.804, 63.149, 443.77, 1944.0, 3039.4, 25182.7, 27985.0];
    expect(relativeError([...minimum.eigenvalues], eigenvalues)).toBeLessThan(1e-5);
  });

  test("derivatives are the engine's, also in displacements", () => {
    const w = minimum.theta.map((x, p) => x + 0.1 * Math.sin(p + 1));
    const model = fullBatch(tanhRegression(1e-3), noisyBump());
    const own = batchNoise(at(w), 10);
    expect(relativeError(own.gradient, model.at(w).gradient)).toBeLessThan(1e-12);
    const rows = model.hessian(w).flatMap((row) => [...row]);
    expect(relativeError(own.hessian.flat(), rows)).toBeLessThan(1e-12);
    const displaced = fullBatch(
      displacedTanhRegression(1e-3, minimum.theta),
      displacedBump(minimum.theta),
    );
    const delta = w.map((x, p) => x - minimum.theta[p]!);
    expect(relativeError(displaced.at(delta).gradient, model.at(w).gradient)).toBeLessThan(1e-11);
  });

  test("fresh batches: the card's covariance, current, entropy production and shift", () => {
    const exact = additiveNoise({ ...noise, learningRate: 1e-7 });
    const S = [5.755, 6.529, 5.073, 5.923, 6.797, 6.663, 8.82].map((x) => x * 1e-7);
    expect(relativeError(diagonal(exact.covariance), S)).toBeLessThan(1e-4);
    const C = [0.0168, -1.624, 1.77, 1.465, 4.458, -3.996].map((x) => x * 1e-11);
    expect(relativeError(exact.continuous.current[0]!.slice(1), C)).toBeLessThan(5e-4);
    expect(Math.abs(exact.continuous.entropyProduction / 4.398e-4 - 1)).toBeLessThan(2e-4);
    const { shift } = gaussianClosure(at, minimum.theta, exact.covariance, 10);
    const card = [1.148, 1.584, 2.832, -2.889, -3.601, 3.611, 0.124].map((x) => x * 1e-5);
    expect(relativeError(shift, card)).toBeLessThan(3e-3);
  });

  test("epochs: the card's shift and covariance, which it had from 40000 permutations", () => {
    const shift = effectiveLossShift(at(minimum.theta), { batchSize: 10, learningRate: 1e-6 });
    // The card's numbers carry a digit less than this.
    const card = [2.095, 3.876, 2.454, -4.006, -3.572, 3.628, 0.4].map((x) => x * 1e-4);
    expect(relativeError(shift, card)).toBeLessThan(3e-3);
    const spread = epochCovariance(at(minimum.theta), 10).map((row) =>
      row.map((x) => (1e-6 / 20) ** 2 * x),
    );
    const { covariance } = continuousCurrent({
      hessian: noise.hessian,
      noiseCovariance: spread,
      learningRate: 20e-6,
    });
    const S = [9.15, 10.68, 18.11, 18.44, 120.4, 117.1, 151.8].map((x) => x * 1e-9);
    expect(relativeError(diagonal(covariance), S)).toBeLessThan(0.01);
  });
});

describe("integralDeviation", () => {
  const curved = (c: number) => (w: ArrayLike<number>) => ({
    // l = a w² / 2 + b w, noise 1 + c w² of two samples ±: a mean force and a spread that changes.
    gradients: [1, -1].map((s) => [w[0]! + 0.3 * w[1]! + s * (1 + c * w[0]! ** 2), w[1]! + s]),
    hessians: [],
  });
  const cloud = {
    center: [0, 0],
    covariance: [
      [0.02, 0],
      [0, 0.02],
    ],
    form: [
      [0, 0.2],
      [-0.2, 0],
    ],
  };

  test("is what the moments of σ say to first order, and not where noise is constant", () => {
    const options = { batchSize: 1, learningRate: 0.1 };
    const plain = integralDeviation(curved(0), cloud, options);
    const changed = integralDeviation(curved(2), cloud, options);
    // −⟨μ⟩ + ½⟨v⟩ with μ = −η aᵀ⟨g⟩, v = η² aᵀ Σ a, a = Qᵀδ = 0.2 (−δ₂, δ₁): mean drift (δ₁ + 0.3 δ₂, δ₂).
    const s = 0.02;
    const drift = 0.1 * 0.2 * (-0.3 * s);
    const noise = (0.1 ** 2 * 0.2 ** 2 * 2 * s) / 2;
    expect(Math.abs(plain - (drift + noise))).toBeLessThan(0.15 * Math.abs(drift + noise));
    // Σ₁₁ is (1 + 2δ₁²)², Σ₁₂ 1 + 2δ₁²: a change of ½η²·0.04·⟨δ₂²(4δ₁² + 4δ₁⁴) − 4 δ₁³δ₂⟩.
    const change = 0.5 * 0.1 ** 2 * 0.04 * (4 * s * s + 12 * s ** 3);
    expect(changed - plain).toBeGreaterThan(0.3 * change);
    expect(changed - plain).toBeLessThan(3 * change);
  });
});
