/** Theory of cycles (cards A3 and A4) against enumeration and the cards' numbers. */
import { describe, expect, it } from "vitest";
import { CENTER_TOY_CURVATURE, centerToy, curvatureToy } from "../../models/epochToy.ts";
import {
  cycleMoments,
  epochShift,
  epochVariance,
  type SamplingLaw,
} from "../../models/theory/index.ts";

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(relative);

/** Mean and variance of the affine map averaged over all orders, by brute force. */
function enumeratedMoments(
  a: readonly number[],
  c: readonly number[],
  eta: number,
  m: number,
  symmetric: boolean,
): { mean: number; variance: number } {
  const total = [0, 0, 0, 0, 0];
  const orders = permutations(a.map((_, i) => i));
  for (const order of orders) {
    const walk: number[][] = [];
    for (let first = 0; first < order.length; first += m) walk.push(order.slice(first, first + m));
    if (symmetric) walk.push(...walk.slice().reverse());
    let P = 1;
    let q = 0;
    for (const batch of walk) {
      const gradient = (w: number) => batch.reduce((sum, i) => sum + a[i]! * (w - c[i]!), 0) / m;
      const slope = batch.reduce((sum, i) => sum + a[i]!, 0) / m;
      q = q - eta * gradient(q);
      P *= 1 - eta * slope;
    }
    for (const [k, value] of [P, q, P * P, P * q, q * q].entries()) {
      total[k]! += value / orders.length;
    }
  }
  const [P, q, PP, Pq, qq] = total as [number, number, number, number, number];
  const mean = q / (1 - P);
  return { mean, variance: (qq + 2 * Pq * mean) / (1 - PP) - mean * mean };
}

function permutations(items: number[]): number[][] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}

describe("epochShift and cycleMoments", () => {
  const { curvature, center } = curvatureToy().fields;
  const curvatures = curvature!.data;
  const centers = center!.data;
  const card = { curvatures, centers, batchSize: 1 };

  // Card A3: exact shift / effective-loss prediction.
  it.each([
    [0.005, 8.6047e-4, 8.6187e-4],
    [0.01, 1.71636e-3, 1.72211e-3],
    [0.02, 3.41341e-3, 3.43773e-3],
    [0.05, 8.36859e-3, 8.54604e-3],
  ])("card A3 at eta %f", (learningRate, exact, effective) => {
    const result = epochShift({ ...card, learningRate, sampling: "reshuffled" });
    close(result.minimum, 0.526, 1e-12);
    close(result.shift, exact, 7e-6);
    close(result.effectiveLossShift!, effective, 7e-6);
    // The two derivations (symmetric polynomials, subsets) must agree to rounding.
    const moments = cycleMoments({ ...card, learningRate, sampling: "reshuffled" });
    close(moments.mean - result.minimum, result.shift, 1e-10);
  });

  it("leaves the mean at the minimum for independent batches", () => {
    for (const sampling of ["withReplacement", "distinct", "fullBatch"] as const) {
      const problem = { ...card, batchSize: 2, learningRate: 0.05, sampling };
      expect(epochShift(problem)).toMatchObject({ shift: 0, effectiveLossShift: 0 });
      close(cycleMoments(problem).mean, 0.526, 1e-12);
    }
  });

  it("averages over all orders as brute force does", () => {
    const a = [0.3, 1.9, 0.7, 1.2, 2.4, 0.1];
    const c = [1, -0.4, 0.2, 0.9, -1.3, 2];
    for (const batchSize of [1, 2, 3, 6]) {
      for (const sampling of ["reshuffled", "symmetric"] as const) {
        const symmetric = sampling === "symmetric";
        const expected = enumeratedMoments(a, c, 0.3, batchSize, symmetric);
        const problem = { curvatures: a, centers: c, learningRate: 0.3, batchSize, sampling };
        const moments = cycleMoments(problem);
        close(moments.mean, expected.mean, 1e-12);
        expect(Math.abs(moments.variance - expected.variance)).toBeLessThan(1e-14);
        expect(moments.stepsPerCycle).toBe(((symmetric ? 2 : 1) * 6) / batchSize);
        const { shift, minimum } = epochShift(problem);
        expect(Math.abs(shift + minimum - expected.mean)).toBeLessThan(1e-14);
      }
    }
  });

  it.each(["reshuffled", "symmetric"] as const)(
    "%s epochs follow the effective loss",
    (sampling) => {
      for (const batchSize of [1, 2, 4]) {
        const deviation = (learningRate: number) => {
          const problem = { ...card, batchSize, learningRate, sampling };
          const { shift, effectiveLossShift } = epochShift(problem);
          return shift / effectiveLossShift! - 1;
        };
        // The ratio tends to 1 linearly: halving eta halves what is missing.
        expect(Math.abs(deviation(1e-3))).toBeLessThan(4e-3);
        close(deviation(1e-3) / deviation(5e-4), 2, 0.02);
      }
    },
  );

  it("a sequential epoch ends at the fixed point of that epoch", () => {
    const { shift, minimum } = epochShift({ ...card, learningRate: 0.05, sampling: "sequential" });
    let w = minimum + shift;
    for (let i = 0; i < 8; i++) w -= 0.05 * curvatures[i]! * (w - centers[i]!);
    close(w, minimum + shift, 1e-14);
    const { variance } = cycleMoments({ ...card, learningRate: 0.05, sampling: "sequential" });
    expect(variance).toBeLessThan(1e-16);
  });

  it("refuses batches that do not divide, too many samples and divergence", () => {
    const problem = { ...card, learningRate: 0.05, sampling: "reshuffled" as SamplingLaw };
    expect(() => cycleMoments({ ...problem, batchSize: 3 })).toThrow(/does not divide 8/);
    expect(() => cycleMoments({ ...problem, learningRate: 3 })).toThrow(/no stationary state/);
    const long = new Float64Array(40).fill(1);
    const many = { ...problem, curvatures: long, centers: long };
    expect(() => cycleMoments(many)).toThrow(/at most 20/);
    expect(Math.abs(epochShift(many).shift)).toBeLessThan(1e-14);
    expect(() => epochShift({ ...problem, centers: [1] })).toThrow(/8 curvatures for 1 centers/);
  });
});

describe("epochVariance", () => {
  const centers = centerToy().fields.center!.data;
  const curvature = CENTER_TOY_CURVATURE;

  // Card A4: eta, reshuffled epochs, independent draws.
  it.each([
    [0.01, 4.46005e-6, 2.00865e-3],
    [0.02, 3.61216e-5, 4.04375e-3],
    [0.05, 5.68598e-4, 0.0103131],
    [0.1, 4.20798e-3, 0.0213433],
  ])("card A4 at eta %f", (learningRate, reshuffled, independent) => {
    const problem = { curvature, centers, learningRate, batchSize: 1 };
    close(epochVariance({ ...problem, sampling: "reshuffled" }), reshuffled, 3e-6);
    // The card's last value is 0.9 units off in its last digit: eta h s2/(2 − eta h) = 0.02134321.
    close(epochVariance({ ...problem, sampling: "withReplacement" }), independent, 5e-6);
    close(epochVariance({ ...problem, sampling: "distinct" }), independent, 5e-6);
  });

  it("agrees with the enumeration for every law and batch size", () => {
    const few = centers.slice(0, 6);
    const curvatures = new Float64Array(6).fill(curvature);
    const laws: SamplingLaw[] = [
      "withReplacement",
      "distinct",
      "reshuffled",
      "sequential",
      "symmetric",
      "fullBatch",
    ];
    for (const sampling of laws) {
      for (const batchSize of [1, 2, 3, 6]) {
        const problem = { centers: few, learningRate: 0.2, batchSize, sampling };
        const expected = cycleMoments({ ...problem, curvatures }).variance;
        const variance = epochVariance({ ...problem, curvature });
        expect(Math.abs(variance - expected), `${sampling} ${batchSize}`).toBeLessThan(1e-15);
      }
    }
    const brute = enumeratedMoments([...curvatures], [...few], 0.2, 2, true).variance;
    close(
      epochVariance({
        curvature,
        centers: few,
        learningRate: 0.2,
        batchSize: 2,
        sampling: "symmetric",
      }),
      brute,
      1e-11,
    );
  });

  it("refuses an unstable learning rate", () => {
    const problem = { curvature, centers, learningRate: 1.6, batchSize: 1 };
    expect(() => epochVariance({ ...problem, sampling: "distinct" })).toThrow(/needs 0 to 2/);
  });
});
