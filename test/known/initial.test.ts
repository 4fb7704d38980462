/** Initial laws without randomness: roots of covariances, block laws, states of other runs, refusals. */
import { describe, expect, test } from "vitest";
import { covarianceRoot } from "../../engine/covarianceRoot.ts";
import {
  byCondition,
  defineModel,
  fixed,
  fromState,
  gaussian,
  gaussianAt,
  type Initial,
  type InitialLaw,
  op,
  overdispersed,
  type StateOfRun,
} from "../../engine/index.ts";
import { initialState } from "../../engine/initial.ts";
import type { SnapshotRecord } from "../../engine/record.ts";
import { checkInitial } from "../../engine/start/checkInitial.ts";
import {
  type BlockLaw,
  constantElements,
  glorot,
  he,
  lecun,
  normalElements,
  perBlock,
  uniformElements,
} from "../../engine/start/perBlock.ts";
import { generator } from "../generator.ts";

const network = defineModel({
  name: "network",
  params: { W: [8, 2], V: [4, 8], a: [4], c: [] },
  sample: { x: [2] },
  loss: ({ W, V, a, c }, { x }) =>
    op.square(op.add(op.dot(a, op.tanh(op.matvec(V, op.tanh(op.matvec(W, x))))), c)),
});
const pair = defineModel({
  name: "pair",
  params: { theta: [2] },
  sample: { x: [2] },
  loss: ({ theta }, { x }) => op.sum(op.mul(x, op.square(theta))),
});
const ensemble = {
  model: pair,
  conditions: 2,
  replicas: { first: 0, count: 3 },
  hasVelocity: true,
};
const accept = (law: InitialLaw, changes: Partial<typeof ensemble> = {}): Initial => {
  const given = { ...ensemble, ...changes };
  const initial = law(given.model);
  checkInitial(initial, given);
  return initial;
};
const start = (initial: Initial, condition: number, replica: number): number[][] => {
  const theta = new Float64Array(2);
  const velocity = new Float64Array(2).fill(99);
  initialState(initial, { seed: 5, condition, replica }, theta, velocity);
  return [[...theta], [...velocity]];
};

describe("covarianceRoot", () => {
  const product = (root: readonly Float64Array[]) =>
    root.map((a) => root.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0)));

  test("is Cholesky's factor when the pivots come in order", () => {
    // [[4, 2], [2, 5]] = [[2, 0], [1, 2]] [[2, 1], [0, 2]]; correlation form keeps the first pivot.
    const root = covarianceRoot([
      [4, 2],
      [2, 5],
    ]);
    expect(root.flatMap((row) => [...row]).map((x) => Number(x.toFixed(14)))).toEqual([2, 0, 1, 2]);
  });

  test.each([1, 3, 7, 20])("times its transpose is the covariance, n = %i, any units", (n) => {
    const { normal } = generator(n);
    const factor = Array.from({ length: n }, (_, i) =>
      Float64Array.from({ length: n }, () => normal() * 10 ** ((i % 7) * 3 - 9)),
    );
    const covariance = product(factor);
    const back = product(covarianceRoot(covariance));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const scale = Math.sqrt(covariance[i]![i]! * covariance[j]![j]!);
        expect(Math.abs(back[i]![j]! - covariance[i]![j]!)).toBeLessThan(1e-13 * n * scale);
      }
    }
  });

  test("takes semi-definite matrices and shows their rank", () => {
    const { normal } = generator(4);
    const factor = Array.from({ length: 6 }, () => Float64Array.from({ length: 2 }, normal));
    const root = covarianceRoot(product(factor));
    expect(root.map((row) => row.length)).toEqual([2, 2, 2, 2, 2, 2]);
    const flat = [
      [0, 0],
      [0, 3],
    ];
    expect(
      product(covarianceRoot(flat))
        .flat()
        .map((x) => Number(x.toFixed(14))),
    ).toEqual([0, 0, 0, 3]);
  });

  test.each<[string, number[][], string]>([
    [
      "indefinite",
      [
        [1, 2],
        [2, 1],
      ],
      "not positive semi-definite",
    ],
    [
      "slightly indefinite",
      [
        [1, 1 + 1e-8],
        [1 + 1e-8, 1],
      ],
      "not positive semi-definite",
    ],
    ["negative", [[-1]], "the variance of coordinate 0 is -1"],
    [
      "not symmetric",
      [
        [1, 0.5],
        [0.4, 1],
      ],
      "are 0.5 and 0.4",
    ],
    ["not square", [[1, 0]], "give a square matrix"],
    [
      "correlated without variance",
      [
        [0, 1],
        [1, 1],
      ],
      "zero where there is no variance",
    ],
    [
      "not finite",
      [
        [1, Number.NaN],
        [Number.NaN, 1],
      ],
      "a covariance is symmetric",
    ],
  ])("refuses one that is %s", (_name, covariance, message) => {
    expect(() => covarianceRoot(covariance)).toThrow(message);
  });
});

describe("perBlock", () => {
  const laws = (initial: Initial) => {
    if (initial.kind !== "independent") throw new Error(initial.kind);
    return network.params.map(({ offset }) => ({
      mean: initial.mean[offset],
      variance: initial.standardDeviation[offset]! ** 2,
      uniform: initial.uniform?.[offset],
    }));
  };

  test("variances by inputs and outputs", () => {
    // W: 2 inputs, 8 outputs; V: 8 inputs, 4 outputs; a: 4 inputs, 1 output
    const found = laws(
      perBlock({
        W: he({ gain: 3 }),
        V: glorot({ distribution: "uniform" }),
        a: lecun(),
      })(network),
    );
    const expected = [9, 2 / 12, 1 / 4, 0];
    found.forEach(({ variance }, k) => {
      expect(Math.abs(variance - expected[k]!)).toBeLessThan(1e-15);
    });
    expect(found.map(({ uniform }) => uniform)).toEqual([false, true, false, false]);
  });

  test("of a convolution's kernel by the window it reads and the windows that read a pixel", () => {
    const kernel = defineModel({
      name: "kernel",
      params: { K: [6, 3, 5, 2] },
      sample: {},
      loss: ({ K }) => op.sum(op.square(K)),
    });
    const variance = (law: BlockLaw): number => {
      const initial = perBlock({ K: law })(kernel);
      if (initial.kind !== "independent") throw new Error(initial.kind);
      return initial.standardDeviation[0]! ** 2;
    };
    // 3 · 5 · 2 inputs, 6 · 5 · 2 outputs
    expect(variance(he())).toBeCloseTo(2 / 30, 14);
    expect(variance(glorot())).toBeCloseTo(2 / 90, 14);
  });

  test("uniform, normal and constant elements", () => {
    const found = laws(
      perBlock({ W: uniformElements(-1, 3), V: normalElements(0.5, 2), a: constantElements(7) })(
        network,
      ),
    );
    expect(found.map(({ mean }) => mean)).toEqual([1, 2, 7, 0]);
    expect(found.map(({ variance }) => Number(variance.toFixed(12)))).toEqual([
      Number((16 / 12).toFixed(12)),
      0.25,
      0,
      0,
    ]);
  });

  test("refuses unknown blocks, matrices without a law, bad deviations", () => {
    expect(() => perBlock({ U: he() })(network)).toThrow('"U" is no block of network');
    expect(() => perBlock({ W: he() })(network)).toThrow("the matrix V has no law");
    expect(() => perBlock({ W: he(), V: normalElements(-1) })(network)).toThrow("a deviation >= 0");
  });
});

/** θ of condition c, replica r is [10 c + r, −r], v the hundredfold. */
const field = (scale: number, first: number) => ({
  axes: [
    { name: "condition", length: 2 },
    { name: "replica", length: 3, ...(first > 0 && { values: [first, first + 1, first + 2] }) },
    { name: "coordinate", length: 2, values: pair.coordinateNames },
  ],
  data: Float32Array.from(
    [0, 1].flatMap((c) => [0, 1, 2].flatMap((r) => [scale * (10 * c + r), -scale * r])),
  ),
  unit: "θ",
});
const state = (first = 0): StateOfRun => ({
  step: 40,
  theta: field(1, first),
  velocity: field(100, first),
});

describe("fromState", () => {
  test("each condition from its own number, or all from one", () => {
    const own = accept(fromState(state()));
    expect(start(own, 1, 2)).toEqual([
      [12, -2],
      [1200, -200],
    ]);
    const one = accept(fromState(state(), { condition: 0, velocity: false }), { conditions: 5 });
    expect(start(one, 4, 1)).toEqual([
      [1, -1],
      [0, 0],
    ]);
  });

  test("replicas are known by their global numbers", () => {
    const initial = accept(fromState(state(7)), { replicas: { first: 8, count: 2 } });
    expect(start(initial, 0, 9)[0]).toEqual([2, -2]);
    expect(() => accept(fromState(state(7)))).toThrow(
      "fromState holds replicas 7 to 9, the ensemble has 0 to 2",
    );
  });

  test("with common noise the state is still that of the lane's own condition", () => {
    const theta = new Float64Array(2);
    const at = { seed: 5, condition: 0, ownCondition: 1, replica: 2 };
    initialState(accept(fromState(state())), at, theta);
    expect([...theta]).toEqual([12, -2]);
  });

  /** Steps 30 and 40; θ and v of a lane side by side. */
  const record = (): SnapshotRecord => {
    const { theta, velocity } = state();
    const lanes = Array.from({ length: 6 }, (_, l) => [
      ...theta.data.subarray(2 * l, 2 * l + 2),
      ...velocity!.data.subarray(2 * l, 2 * l + 2),
    ]);
    const data = Float32Array.from([...lanes.flat().map((x) => x - 0.5), ...lanes.flat()]);
    const coordinates = ["theta[0]", "theta[1]", "v.theta[0]", "v.theta[1]"];
    const [condition, replica] = theta.axes as [never, never];
    const axes = [{ name: "time", length: 2 }, condition, replica, { name: "z", length: 4 }];
    return {
      kind: "snapshot",
      steps: Float64Array.of(30, 40),
      coordinates,
      values: { axes, data, unit: "" },
    };
  };

  test("of a snapshot, at its last step or a given one", () => {
    expect(start(accept(fromState(record())), 1, 2)).toEqual([
      [12, -2],
      [1200, -200],
    ]);
    expect(start(accept(fromState(record(), { step: 30 })), 0, 1)).toEqual([
      [0.5, -1.5],
      [99.5, -100.5],
    ]);
    expect(() => fromState(record(), { step: 31 })).toThrow("no snapshot of step 31");
    const bad = record();
    bad.values.data[24 + 4 * 5] = Number.NaN;
    expect(() => accept(fromState(bad))).toThrow("condition 1: replica 2 is not finite");
    accept(fromState(bad, { condition: 0 }));
  });

  test("refuses what does not fit", () => {
    expect(() => fromState(state(), { step: 3 })).toThrow("that of step 40, not 3");
    expect(() => fromState(state(), { condition: 2 })).toThrow("condition 2 is not one of 0 to 1");
    expect(() => fromState({ ...state(), velocity: null }, { velocity: true })).toThrow(
      "holds no velocities",
    );
    expect(() => accept(fromState(state()), { conditions: 3 })).toThrow(
      "holds 2 conditions, the ensemble has 3",
    );
    expect(() => accept(fromState(state()), { model: network })).toThrow(
      "fromState holds 2 parameters (number 0 is theta[0]), network has 53 (number 0 is W[0,0])",
    );
    expect(() => accept(fromState(state()), { hasVelocity: false })).toThrow(
      "gives velocities and this ensemble keeps none",
    );
    accept(fromState(state(), { velocity: false }), { hasVelocity: false });
  });
});

describe("laws by condition, with velocities, over-dispersed", () => {
  test("byCondition gives each condition its own", () => {
    const initial = accept(byCondition([fixed(1), fixed([2, 3], -1)]));
    expect(start(initial, 0, 0)).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(start(initial, 1, 0)).toEqual([
      [2, 3],
      [-1, -1],
    ]);
    expect(() => accept(byCondition([fixed(1)]))).toThrow(
      "byCondition has 1 laws for 2 conditions",
    );
    expect(() => accept(byCondition([fixed(1), fixed([1, 2, 3])]))).toThrow("theta has 3 numbers");
  });

  test("common noise: common draws, own laws", () => {
    const narrow = gaussian({ standardDeviation: 1 });
    const wide = gaussian({ standardDeviation: 3, mean: 10 });
    const initial = accept(byCondition([narrow, wide]));
    const at = { seed: 5, condition: 0, replica: 1 };
    const [a, b] = [new Float64Array(2), new Float64Array(2)];
    initialState(initial, { ...at, ownCondition: 0 }, a);
    initialState(initial, { ...at, ownCondition: 1 }, b);
    for (const p of [0, 1]) expect(Math.abs(10 + 3 * a[p]! - b[p]!)).toBeLessThan(1e-14);
  });

  test("velocities are refused where none is kept, but for zero ones", () => {
    expect(() => accept(fixed(1, 2), { hasVelocity: false })).toThrow("keeps none");
    accept(fixed(1, 0), { hasVelocity: false });
    const joint = gaussianAt({
      covariance: [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => +(i === j))),
    });
    accept(joint);
    expect(() => accept(joint, { hasVelocity: false })).toThrow("keeps none");
    expect(() => accept(gaussianAt({ covariance: [[1]] }))).toThrow(
      "the Gaussian has 1 coordinates",
    );
    expect(() =>
      gaussianAt({
        mean: [1],
        covariance: [
          [1, 0],
          [0, 1],
        ],
      }),
    ).toThrow("the mean of 2");
  });

  test("overdispersed refuses what is no over-dispersion", () => {
    expect(() => overdispersed({ center: 0, factor: 2 })).toThrow("one of scale and covariance");
    expect(() => overdispersed({ center: 0, scale: 1, factor: 1 })).toThrow("above 1");
    expect(() => overdispersed({ center: 0, scale: 1, factor: 2, degrees: 2 })).toThrow(">= 3");
  });
});
