/**
 * Stationary moments of every rule on one quadratic mode L = ½kθ², with the full gradient, against
 * closed forms or the discrete Lyapunov equation of matrices written down by hand; and the identity
 * ⟨θ·v'⟩ = −(η/2)⟨v'²⟩ that any θ' = θ + ηv' with a stationary state obeys.
 *
 * Within 4 standard errors; a rate that is 10 % off must be seen.
 */
import { describe, expect, test } from "vitest";
import { covariance } from "../../analysis/index.ts";
import { discreteLyapunov, type Rows } from "../../analysis/lyapunov.ts";
import { gaussian } from "../../engine/initial.ts";
import { moments } from "../../engine/observe/moments.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { adam } from "../../engine/update/adam.ts";
import { heunLangevin } from "../../engine/update/heunLangevin.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { sgworld } from "../../engine/update/sgworld.ts";
import { ubu } from "../../engine/update/ubu.ts";
import { underdampedLangevin } from "../../engine/update/underdampedLangevin.ts";
import type { UpdateRule } from "../../engine/update/updateRule.ts";
import { quadraticMode } from "../../models/quadraticMode.ts";
import { freeLangevin } from "../../models/theory/freeLangevin.ts";
import { describeWithDevice } from "../gpu.ts";

const K = 1.3;
const T = 0.7;
const STEPS = 1200;

interface Moments {
  readonly position: number;
  readonly velocity?: number;
  readonly cross?: number;
}

const multiply = (a: Rows, b: Rows): number[][] =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));

const transposed = (a: Rows): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!));

const sum = (a: Rows, b: Rows): number[][] => a.map((row, i) => row.map((x, j) => x + b[i]![j]!));

/** z → A z + noise of covariance Q, factor after factor. */
const composed = (factors: readonly { A: Rows; Q: Rows }[]): { A: Rows; Q: Rows } =>
  factors.reduce((before, { A, Q }) => ({
    A: multiply(A, before.A),
    Q: sum(multiply(multiply(A, before.Q), transposed(A)), Q),
  }));

const NONE: Rows = [
  [0, 0],
  [0, 0],
];

function ofMap({ A, Q }: { A: Rows; Q: Rows }): Moments {
  const S = discreteLyapunov(A, Q);
  return { position: S[0]![0]!, velocity: S[1]![1]!, cross: S[0]![1]! };
}

/** Kick, drift, Ornstein–Uhlenbeck, drift. */
function kickedBaoab(h: number, friction: number): Moments {
  const share = Math.exp(-friction * h);
  const drift = {
    A: [
      [1, h / 2],
      [0, 1],
    ],
    Q: NONE,
  };
  return ofMap(
    composed([
      {
        A: [
          [1, 0],
          [-h * K, 1],
        ],
        Q: NONE,
      },
      drift,
      {
        A: [
          [1, 0],
          [0, share],
        ],
        Q: [
          [0, 0],
          [0, T * (1 - share ** 2)],
        ],
      },
      drift,
    ]),
  );
}

function ubuMoments(h: number, friction: number): Moments {
  const f = freeLangevin(h / 2, friction, T);
  const cross = f.sharedNoise * f.velocityNoise;
  const U = {
    A: [
      [1, f.drift],
      [0, f.decay],
    ],
    Q: [
      [f.sharedNoise ** 2 + f.positionNoise ** 2, cross],
      [cross, f.velocityNoise ** 2],
    ],
  };
  return ofMap(
    composed([
      U,
      {
        A: [
          [1, 0],
          [-h * K, 1],
        ],
        Q: NONE,
      },
      U,
    ]),
  );
}

const CASES: Readonly<
  Record<
    string,
    { rule: (rate: number) => UpdateRule; rate: number; exact: (rate: number) => Moments }
  >
> = {
  langevin: {
    rule: (learningRate) => langevin({ learningRate, temperature: T }),
    rate: 0.3,
    exact: (rate) => ({ position: T / (K * (1 - (rate * K) / 2)) }),
  },
  // θ' = (1 − z + z²/2) θ + (1 − z/2)√(2hT) ξ, z = hK
  "Heun's Langevin": {
    rule: (learningRate) => heunLangevin({ learningRate, temperature: T }),
    rate: 0.6,
    exact: (h) => {
      const z = h * K;
      const r = 1 - z + (z * z) / 2;
      return { position: (2 * h * T * (1 - z / 2) ** 2) / (1 - r * r) };
    },
  },
  "SGWORLD with the noise around an epoch (of one step)": {
    rule: (learningRate) => sgworld({ learningRate, temperature: T, noise: "epoch" }),
    rate: 0.3,
    exact: (rate) => {
      const r = (1 - rate * K) ** 2;
      return { position: (rate * T * (1 + r)) / (1 - r) };
    },
  },
  "underdamped Langevin: Var θ = T/k": {
    rule: (learningRate) => underdampedLangevin({ learningRate, temperature: T, friction: 0.8 }),
    rate: 0.7,
    exact: (rate) => {
      const moments = kickedBaoab(rate, 0.8);
      expect(moments.position).toBeCloseTo(T / K, 12);
      return moments;
    },
  },
  UBU: {
    rule: (learningRate) => ubu({ learningRate, temperature: T, friction: 1.5 }),
    rate: 0.6,
    exact: (rate) => ubuMoments(rate, 1.5),
  },
};

const options = (rule: UpdateRule, change: Pick<EnsembleOptions, "keepVelocity"> = {}) => ({
  ...quadraticMode(K),
  sampling: rule.laws?.[0] ?? ("fullBatch" as const),
  update: { ...rule, setting: { ...rule.setting, batchSize: 1 } },
  replicas: 4000,
  seed: 41,
  initial: gaussian({ standardDeviation: 0.7 }),
  observables: { moments: moments({ every: 2 }) },
  ...change,
});

describeWithDevice("stationary modes", "software", (device) => {
  describe.each(Object.entries(CASES))("%s", (_name, { rule, rate, exact }) => {
    test("has its exact moments", async () => {
      await using ensemble = await createEnsemble(device(), options(rule(rate)));
      await ensemble.advance({ steps: 200 });
      const record = (await ensemble.observe({ steps: STEPS })).moments;
      const scores = (moments: Moments): number[] => {
        const pairs: [string, string, number | undefined][] = [
          ["theta", "theta", moments.position],
          ["v.theta", "v.theta", moments.velocity],
          ["theta", "v.theta", moments.cross],
        ];
        return pairs.flatMap(([i, j, value]) => {
          if (value === undefined) return [];
          const estimate = covariance(record, { i, j });
          expect(estimate.standardError).toBeLessThan(0.01 * moments.position);
          return [Math.abs(estimate.value - value) / estimate.standardError];
        });
      };
      expect(Math.max(...scores(exact(rate)))).toBeLessThanOrEqual(4);
      expect(Math.max(...scores(exact(1.1 * rate)))).toBeGreaterThan(4);
    });
  });

  const DISPLACED: Readonly<Record<string, UpdateRule>> = {
    adam: adam({ learningRate: 0.02, weightDecay: 0.1, gradientNoise: 0.8 }),
    AMSGrad: adam({ learningRate: 0.02, gradientNoise: 0.8, amsgrad: true, beta2: 0.9 }),
    "adam with decoupled decay": adam({
      learningRate: 0.05,
      gradientNoise: 1,
      decoupledDecay: 0.3,
    }),
    "clipped SGD": sgd({ learningRate: 0.2, gradientNoise: 1, clipNorm: 0.8 }),
    "clipped SGD with momentum": sgd({
      learningRate: 0.1,
      momentum: 0.7,
      gradientNoise: 1,
      clipNorm: 0.8,
    }),
    langevin: langevin({ learningRate: 0.2, temperature: T, weightDecay: 0.2 }),
  };

  test.each(Object.entries(DISPLACED))(
    "⟨θ v⟩ = (η/2)⟨v²⟩ after a step of %s",
    async (_name, rule) => {
      const given = options(rule, { keepVelocity: true });
      await using ensemble = await createEnsemble(device(), given);
      await ensemble.advance({ steps: 1500 });
      const record = (await ensemble.observe({ steps: STEPS })).moments;
      const cross = covariance(record, { i: "theta", j: "v.theta" });
      const square = covariance(record, { i: "v.theta", j: "v.theta" });
      const half = 0.5 * rule.setting.learningRate! * square.value;
      const error = Math.hypot(
        cross.standardError,
        0.5 * rule.setting.learningRate! * square.standardError,
      );
      expect(error).toBeLessThan(0.02 * half);
      expect(Math.abs(cross.value - half)).toBeLessThanOrEqual(4 * error);
      expect(Math.abs(cross.value - 1.1 * half)).toBeGreaterThan(4 * error);
    },
  );
});
