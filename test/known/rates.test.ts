/**
 * Learning-rate schedules against their formulas by hand, the FDR-adaptive rate against a brute-force
 * reading of its definition, and what all of them refuse.
 */
import { describe, expect, test } from "vitest";
import {
  cosine,
  explain,
  exponentialDecay,
  fdrRate,
  fixed,
  inverseTimeDecay,
  langevin,
  linearDecay,
  piecewise,
  type Rate,
  sgd,
  stepDecay,
  type UpdateRule,
  warmUp,
} from "../../engine/index.ts";
import { referenceTrajectory, type TrajectoryRequest } from "../../engine/referenceTrajectory.ts";
import { resolve } from "../../engine/run/options.ts";
import { cosineRegression, linearRegression } from "../../models/index.ts";

/** η_t/η at some steps; hyperparameters completed as an ensemble would. */
const factors = (rate: Rate, steps: readonly number[], set: Record<string, number> = {}) => {
  const initial = Object.entries(rate.hyperparameters).map(([name, { initial: x }]) => [name, x]);
  const setting = { ...Object.fromEntries(initial), ...rate.setting, ...set };
  return steps.map((step) => rate.factor(step, setting));
};

test.each<[string, Rate, readonly number[], readonly number[]]>([
  [
    "linear",
    linearDecay({ annealSteps: 10, finalFactor: 0.2 }),
    [0, 5, 10, 99],
    [1, 0.6, 0.2, 0.2],
  ],
  // cos(π/2) = 0: half-way between 1 and f.
  ["cosine", cosine({ annealSteps: 10, finalFactor: 0.2 }), [0, 5, 10, 99], [1, 0.6, 0.2, 0.2]],
  [
    "step",
    stepDecay({ dropEvery: 3, dropFactor: 0.5 }),
    [0, 2, 3, 5, 6, 9],
    [1, 1, 0.5, 0.5, 0.25, 0.125],
  ],
  [
    "exponential",
    exponentialDecay({ decaySteps: 4, decayFactor: 0.25 }),
    [0, 2, 4, 8],
    [1, 0.5, 0.25, 0.0625],
  ],
  ["inverse time", inverseTimeDecay({ decaySteps: 5, power: 2 }), [0, 5, 15], [1, 1 / 4, 1 / 16]],
  [
    "warm-up alone",
    warmUp({ warmUpSteps: 4, firstFactor: 0.2 }),
    [0, 1, 3, 4, 50],
    [0.2, 0.4, 0.8, 1, 1],
  ],
  ["no warm-up", warmUp({ warmUpSteps: 0 }), [0, 1], [1, 1]],
  // The schedule's clock starts when the warm-up ends.
  [
    "warm-up, then steps",
    warmUp({ warmUpSteps: 4, followedBy: stepDecay({ dropEvery: 3, dropFactor: 0.5 }) }),
    [0, 2, 4, 6, 7, 10],
    [0, 0.5, 1, 1, 0.5, 0.25],
  ],
  [
    "constant pieces",
    piecewise({ steps: [0, 3, 5], factors: [1, 0.4, 0.1] }),
    [0, 2, 3, 4, 5, 9],
    [1, 1, 0.4, 0.4, 0.1, 0.1],
  ],
  [
    "linear pieces",
    piecewise({ steps: [0, 4, 6], factors: [0, 1, 0.5], pieces: "linear" }),
    [0, 1, 4, 5, 6, 9],
    [0, 0.25, 1, 0.75, 0.5, 0.5],
  ],
  ["one piece", piecewise({ steps: [0], factors: [0.7], pieces: "linear" }), [0, 9], [0.7, 0.7]],
])("%s", (_name, rate, steps, expected) => {
  factors(rate, steps).forEach((factor, k) => {
    expect(factor).toBeCloseTo(expected[k]!, 14);
  });
});

const model = linearRegression(2);
const base = {
  model,
  data: cosineRegression(),
  replicas: 2,
  seed: 1,
} as const;

const plain = sgd({ learningRate: 0.1, batchSize: 4 });

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

describe("refuses", () => {
  const inEnsemble = (rate: Rate, update: UpdateRule = plain, more = {}): (() => unknown) => {
    return () => resolve({ ...base, update, rate, ...more });
  };
  test.each<[string, () => unknown, string]>([
    [
      "a negative rate",
      inEnsemble(piecewise({ steps: [0, 5], factors: [1, -0.1] })),
      "sgd: pieceFactor1 is -0.1, it must be a finite number >= 0.",
    ],
    [
      "a negative last rate",
      inEnsemble(cosine({ annealSteps: 5, finalFactor: -1 })),
      "sgd: finalFactor is -1, it must be a finite number >= 0.",
    ],
    [
      "a rate that never ends",
      inEnsemble(linearDecay({ annealSteps: 0 })),
      "sgd: annealSteps is 0, it must be a whole number from 1 to 2^24.",
    ],
    [
      "a negative drop",
      inEnsemble(stepDecay({ dropEvery: 5, dropFactor: -0.1 })),
      "sgd: dropFactor is -0.1, it must be a finite number > 0.",
    ],
    [
      "a table of two lengths",
      () => piecewise({ steps: [0, 5], factors: [1] }),
      "piecewise: 2 steps and 1 factors are no table; give as many factors as steps, 1 to 64.",
    ],
    [
      "a table that begins late",
      () => piecewise({ steps: [2, 5], factors: [1, 2] }),
      "piecewise: the first piece begins at step 2; let it begin at 0.",
    ],
    [
      "a table out of order",
      inEnsemble(piecewise({ steps: [0, 5, 5], factors: [1, 2, 3] })),
      "sgd: piece 2 of the rate begins at step 5, piece 1 at 5; give steps in ascending order.",
    ],
    [
      "two warm-ups",
      () => warmUp({ warmUpSteps: 1, followedBy: warmUp({ warmUpSteps: 2 }) }),
      "warmUp: followedBy is warmUp, which warms up itself; give one warm-up, or piecewise().",
    ],
    [
      "an odd time between checks",
      inEnsemble(fdrRate({ checkEvery: 5 })),
      "sgd: checkEvery is 5, it must be an even number from 2 to 2^24.",
    ],
    [
      "a rate that grows",
      inEnsemble(fdrRate({ dropFactor: 1.5 })),
      "sgd: dropFactor is 1.5, it must be in (0, 1].",
    ],
    [
      "a tolerance of nothing",
      inEnsemble(fdrRate({ ratioTolerance: 0 })),
      "sgd: ratioTolerance is 0, it must be a finite number > 0.",
    ],
    [
      "no blocks",
      () => fdrRate({ capacity: 0 }),
      "fdrRate: capacity is 0 blocks; use a whole number from 1 to 4096.",
    ],
    [
      "a center of another length",
      inEnsemble(fdrRate({ center: [1] })),
      "rate: center has 1 numbers for the 2 parameters of linear-regression; give one finite number each, in the order of coordinateNames.",
    ],
    [
      "the velocity relation without a velocity",
      inEnsemble(fdrRate(), langevin({ learningRate: 0.1, batchSize: 4 })),
      'rate: the velocity relation is that of sgd, the rule is langevin; use fdrRate({ relation: "displacement" }).',
    ],
    [
      "the velocity relation under a matrix",
      inEnsemble(fdrRate(), plain, { rateScale: { w: 2 } }),
      'rate: the velocity relation does not hold under a learning-rate matrix (rateScale); use fdrRate({ relation: "displacement" }).',
    ],
    [
      "the velocity relation of Nesterov",
      inEnsemble(
        fdrRate(),
        sgd({ learningRate: 0.1, batchSize: 4, momentum: 0.5, nesterov: true }),
      ),
      'sgd: the velocity relation does not hold for Nesterov\'s step; use fdrRate({ relation: "displacement" }).',
    ],
    [
      "a shard that decides alone",
      inEnsemble(fdrRate({ scope: "condition" }), plain, { replicas: { first: 2, count: 2 } }),
      'replicas: a shard from replica 2 on, and all replicas of a condition decide on their learning rate together; run them in one ensemble, or use fdrRate({ scope: "replica" }).',
    ],
    [
      "the twin of a condition",
      () => referenceTrajectory({ ...request, rate: fdrRate({ scope: "condition" }) }),
      'referenceTrajectory: a rate of scope "condition" is decided by all replicas together, this is one; use fdrRate({ scope: "replica" }).',
    ],
  ])("%s", (_name, work, message) => {
    expect(refusal(work)).toBe(message);
    expect(message).toMatch(/^[\w ]+: .+[;,] .+\.$/);
  });
});

const request: TrajectoryRequest = {
  model,
  data: cosineRegression(),
  rule: sgd({ learningRate: 0.3, batchSize: 4, weightDecay: 0.1, momentum: 0.4, dampening: 0.2 }),
  sampling: "distinct",
  initial: fixed([3, -2])(model),
  lane: { seed: 11, condition: 0, replica: 0 },
  steps: 600,
};

/**
 * The definition, read literally: a list of all records since the last drop, cut in half at each
 * check. Observes a run without deciding anything in it: returns η of every step.
 */
function literally(
  relation: "velocity" | "displacement",
  set: { X: number; drop: number; every: number; last?: number },
) {
  const rates: number[] = [];
  const ratios: number[] = [];
  let eta = 0.3;
  let records: { left: number; right: number }[] = [];
  const center = [1, -0.5];
  const states: { theta: number[]; rate: number }[] = [];
  const { series: _, ...end } = referenceTrajectory({
    ...request,
    rate: fdrRate({
      relation,
      center,
      ratioTolerance: set.X,
      dropFactor: set.drop,
      checkEvery: set.every,
      ...(set.last && { capacity: set.last }),
    }),
    onStep: ({ theta, velocity, gradient, learningRate }) => {
      rates.push(learningRate);
      if (relation === "velocity") {
        let [left, right] = [0, 0];
        theta.forEach((x, p) => {
          left += (x - center[p]!) * gradient[p]!;
          right += ((0.5 * learningRate * (1 + 0.4)) / (1 - 0.2)) * velocity[p]! ** 2;
        });
        records.push({ left, right });
      }
      states.push({ theta: [...theta], rate: learningRate });
    },
  });
  states.push({ theta: [...end.theta], rate: 0 });
  const expected: number[] = [];
  const all = records;
  records = [];
  for (let t = 0; t < request.steps; t += 1) {
    expected.push(eta);
    if (relation === "velocity") records.push(all[t]!);
    else {
      const u = states[t]!.theta.map((x, p) => (x - states[t + 1]!.theta[p]!) / states[t]!.rate);
      records.push({
        left: u.reduce((sum, x, p) => sum + (states[t]!.theta[p]! - center[p]!) * x, 0),
        right: (states[t]!.rate / 2) * u.reduce((sum, x) => sum + x * x, 0),
      });
    }
    if (records.length % set.every !== 0) continue;
    const longest = set.last ? (set.last * set.every) / 2 : Infinity;
    const half = records.slice(-Math.min(records.length / 2, longest));
    const mean = (key: "left" | "right") => half.reduce((sum, r) => sum + r[key], 0) / half.length;
    const ratio = mean("left") / mean("right");
    ratios.push(ratio);
    if (Math.abs(ratio - 1) >= set.X) continue;
    eta *= set.drop;
    records = [];
  }
  return { rates, expected, ratios, adaptation: end.adaptation! };
}

describe("the FDR-adaptive rate is its definition", () => {
  test.each([
    ["velocity", { X: 0.1, drop: 0.5, every: 20 }],
    ["velocity", { X: 0.05, drop: 0.5, every: 6 }],
    ["velocity", { X: 0.002, drop: 0.5, every: 10, last: 3 }],
    ["displacement", { X: 0.1, drop: 0.7, every: 20 }],
    ["displacement", { X: 0.02, drop: 0.3, every: 8, last: 5 }],
  ] as const)("%s, %o", (relation, set) => {
    const { rates, expected, ratios, adaptation } = literally(relation, set);
    rates.forEach((rate, t) => {
      expect(rate / expected[t]!).toBeCloseTo(1, 12);
    });
    expect(adaptation.drops).toBeGreaterThan(0);
    // Not at every check: a rule that always dropped would be found out.
    expect(adaptation.drops).toBeLessThan(ratios.length);
    expect(adaptation.ratio).toBeCloseTo(ratios[ratios.length - 1]!, 9);
  });

  test("negative control: another tolerance is seen", () => {
    const { rates } = literally("velocity", { X: 0.1, drop: 0.5, every: 20 });
    const { expected } = literally("velocity", { X: 0.2, drop: 0.5, every: 20 });
    expect(rates.every((rate, t) => Math.abs(rate / expected[t]! - 1) < 1e-12)).toBe(false);
  });

  test("a trajectory is continued with what the rate knows", () => {
    const rate = fdrRate({ ratioTolerance: 0.1, dropFactor: 0.5, checkEvery: 20 });
    const whole = referenceTrajectory({ ...request, rate });
    const part = referenceTrajectory({ ...request, rate, steps: 333 });
    const rest = referenceTrajectory({ ...request, rate, steps: 267, from: part });
    expect([...rest.theta]).toEqual([...whole.theta]);
    expect(rest.adaptation).toEqual(whole.adaptation);
    const { adaptation: _, ...forgetful } = part;
    const other = referenceTrajectory({ ...request, rate, steps: 267, from: forgetful });
    expect([...other.theta]).not.toEqual([...whole.theta]);
  });
});

test("explain says the rate, and the memory it takes", () => {
  const rate = warmUp({ warmUpSteps: 10, followedBy: fdrRate({ capacity: 8, center: [1, 2] }) });
  const { text, memory } = explain(model, { update: plain, rate, samples: 16, replicas: 1 });
  expect(text).toContain("learning rate warmUp, then fdrRate by velocity, replica: eta_t = ");
  // θ and v of two parameters, 11 words of the rate, two rings of 8 sums.
  expect(memory.perReplica.state).toBe(4 * (2 * 2 + 11 + 2 * 8));
  // Rows of 3 numbers padded to 4; sgd's 8 hyperparameters, 2 of the warm-up, 3 of the rate; c.
  expect(memory.shared).toBe(4 * (4 * 16 + 13 + 2));
});
