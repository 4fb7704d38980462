/**
 * Every update rule as θ' = θ − ηSu: u of one parameter written down from the rule's published
 * equation and what can be observed (θ, v, G, kept vectors, the step's normal numbers).
 *
 * Kinetic Langevin rules descend along nothing; their u = (θ − θ')/h is the displacement that the
 * equations of motion give, and the identity says no more than that. S is the learning-rate matrix.
 */
import type { DisplacementSums } from "../analysis/index.ts";
import { gaussian } from "../engine/initial.ts";
import { laneKey, STREAM_THERMAL_NOISE } from "../engine/random.ts";
import { cosine } from "../engine/rate/cosine.ts";
import type { EnsembleOptions } from "../engine/run/options.ts";
import { adam } from "../engine/update/adam.ts";
import { continuousSgd } from "../engine/update/continuousSgd.ts";
import { heunLangevin } from "../engine/update/heunLangevin.ts";
import { implicitSgd } from "../engine/update/implicitSgd.ts";
import { langevin } from "../engine/update/langevin.ts";
import { normals } from "../engine/update/referenceStep.ts";
import { sgd } from "../engine/update/sgd.ts";
import { sgworld } from "../engine/update/sgworld.ts";
import { ubu } from "../engine/update/ubu.ts";
import { underdampedLangevin } from "../engine/update/underdampedLangevin.ts";
import type { Setting } from "../engine/update/updateRule.ts";
import { linearRegression } from "../models/linearRegression.ts";
import { sampleData } from "./parity.ts";

/** One parameter in one step. */
export interface ParameterStep {
  readonly theta: number;
  readonly v: number;
  /** G of the step, as observed. */
  readonly g: number;
  /** v after it. */
  readonly next: number;
  /** A kept vector after it. */
  readonly kept: (name: string) => number;
  /** Normal numbers before the gradient and after. */
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
  /** η of this parameter, schedule and matrix included. */
  readonly eta: number;
  readonly setting: Setting;
  readonly step: number;
  /** Batches in an epoch. */
  readonly batches: number;
  /** Of all parameters: θ, G and the first normal numbers after it; and which this one is. */
  readonly all: {
    readonly theta: readonly number[];
    readonly g: readonly number[];
    readonly xi: readonly number[];
  };
  readonly p: number;
}

export interface RuleCase {
  readonly change: Partial<EnsembleOptions>;
  readonly u: (x: ParameterStep) => number;
  /** v as observed is the displacement (θ' − θ)/(ηs) of the step before. */
  readonly displacement: boolean;
  /** u needs vectors that series do not show. */
  readonly hidden?: true;
}

/** Diagonal of S where a case has one; models have two or three parameters. */
const SCALES = [0.3, 2, 0];
const KINETIC = { learningRate: 0.3, batchSize: 4, friction: 1.5, temperature: 0.2 };

/** m̂/(√ŝ + ε) + wθ from the moments after the step; arXiv 1412.6980, algorithm 1. */
const adaptive =
  (square: string) =>
  ({ theta, kept, setting, step }: ParameterStep): number => {
    const { beta1, beta2, epsilon, decoupledDecay } = setting;
    const mean = kept("firstMoment") / (1 - beta1! ** (step + 1));
    const root = Math.sqrt(kept(square) / (1 - beta2! ** (step + 1)));
    return mean / (root + epsilon!) + decoupledDecay! * theta;
  };

/** Position and velocity of dv = −γv dt + √(2γT) dW after time h/2, from joint normal numbers. */
function free(v: number, xi: readonly [number, number], eta: number, setting: Setting) {
  const { friction: gamma, temperature } = setting as { friction: number; temperature: number };
  const a = (gamma * eta) / 2;
  const lost = 1 - Math.exp(-a);
  const kick = Math.sqrt(temperature * (1 - Math.exp(-2 * a)));
  const rest = (4 * temperature * (a / 2 - Math.tanh(a / 2))) / gamma ** 2;
  const along = (temperature * lost ** 2) / gamma / kick;
  return {
    moved: (lost / gamma) * v + along * xi[0] + Math.sqrt(rest) * xi[1],
    velocity: (1 - lost) * v + kick * xi[0],
  };
}

/** (θ − θ')/η of a Langevin step on the unit sphere: P of the step, then back onto the sphere. */
function onSphere({ all, eta, setting, p }: ParameterStep): number {
  const { theta, g, xi } = all;
  const kick = Math.sqrt(2 * eta * setting.temperature!);
  const free = theta.map((_, q) => kick * xi[q]! - eta * g[q]!);
  const along = theta.reduce((sum, x, q) => sum + x * free[q]!, 0);
  const moved = theta.map((x, q) => x + free[q]! - along * x);
  return (theta[p]! - moved[p]! / Math.hypot(...moved)) / eta;
}

/** Cases by name, for a model of so many parameters. */
export const rules = (parameters: 2 | 3): Readonly<Record<string, RuleCase>> => ({
  sgd: {
    change: { update: sgd({ batchSize: 4, weightDecay: 0.1 }) },
    u: ({ g }) => g,
    displacement: true,
  },
  "sgd with momentum and dampening": {
    change: { update: sgd({ batchSize: 4, momentum: 0.8, dampening: 0.3 }) },
    u: ({ g, v }) => 0.7 * g - 0.8 * v,
    displacement: true,
  },
  "Nesterov's step": {
    change: { update: sgd({ batchSize: 4, momentum: 0.8, nesterov: true }) },
    u: ({ g, v }) => 1.8 * g - 0.64 * v,
    displacement: false,
  },
  "clipped, with noise in the gradient": {
    change: {
      update: sgd({ batchSize: 4, clipNorm: 0.5, gradientNoise: 0.4, weightDecay: 0.1 }),
      sampling: "symmetric",
    },
    u: ({ g }) => g,
    displacement: true,
  },
  "learning-rate matrix": {
    change: {
      update: sgd({ batchSize: 4, momentum: 0.5, gradientNoise: 0.1 }),
      rateScale: { w: SCALES.slice(0, parameters) },
    },
    u: ({ g, v }) => g - 0.5 * v,
    displacement: true,
  },
  "Langevin under a learning-rate matrix": {
    change: {
      update: langevin({ batchSize: 4, temperature: 0.2 }),
      rateScale: { w: SCALES.slice(0, parameters) },
    },
    u: ({ g, after, eta, setting }) => g - Math.sqrt((2 * setting.temperature!) / eta) * after[0],
    displacement: true,
  },
  "a rate that falls": {
    change: { update: sgd({ batchSize: 4 }), rate: cosine({ annealSteps: 300 }) },
    u: ({ g }) => g,
    displacement: true,
  },
  adam: {
    change: { update: adam({ batchSize: 4, weightDecay: 0.1 }), sampling: "distinct" },
    u: adaptive("secondMoment"),
    displacement: true,
    hidden: true,
  },
  "amsgrad with decoupled decay": {
    change: { update: adam({ batchSize: 4, amsgrad: true, beta2: 0.9, decoupledDecay: 0.3 }) },
    u: adaptive("largestSecondMoment"),
    displacement: true,
    hidden: true,
  },
  langevin: {
    change: { update: langevin({ batchSize: 4, temperature: 0.2 }) },
    u: ({ g, after, eta }) => g - Math.sqrt(0.4 / eta) * after[0],
    displacement: true,
  },
  "Heun's Langevin step": {
    change: { update: heunLangevin({ batchSize: 4, temperature: 0.2 }), sampling: "symmetric" },
    u: ({ g, after, eta }) => g - Math.sqrt(0.4 / eta) * after[0],
    displacement: true,
  },
  "Langevin on a sphere": {
    change: { update: langevin({ batchSize: 4, temperature: 0.2 }), spheres: { groups: "whole" } },
    u: onSphere,
    displacement: true,
  },
  "SGWORLD, noise at every step": {
    change: { update: sgworld({ batchSize: 4, temperature: 0.2 }), sampling: "reshuffled" },
    u: ({ g, after, eta }) => g - Math.sqrt(0.4 / eta) * after[0],
    displacement: true,
  },
  "SGWORLD, noise around an epoch": {
    change: {
      update: sgworld({ batchSize: 4, temperature: 0.2, noise: "epoch" }),
      sampling: "reshuffled",
    },
    u: ({ g, before, after, eta, step, batches }) => {
      const half = Math.sqrt((0.2 * batches) / eta);
      const first = step % batches === 0 ? before[0] : 0;
      const last = step % batches === batches - 1 ? after[0] : 0;
      return g - half * (first + last);
    },
    displacement: true,
  },
  "implicit SGD": {
    change: { update: implicitSgd({ batchSize: 4, gradientNoise: 0.1, tolerance: 1e-7 }) },
    // G is seen where the step ends.
    u: ({ g }) => g,
    displacement: true,
  },
  "SGD as a diffusion": {
    change: { update: continuousSgd({ batchSize: 4, noiseModel: 3, timeStep: 0.4 }) },
    u: ({ g }) => 0.4 * g,
    displacement: true,
  },
  "underdamped Langevin": {
    change: { update: underdampedLangevin(KINETIC) },
    u: ({ v, g, next, eta }) => -0.5 * (v - eta * g + next),
    displacement: false,
  },
  "UBU, symmetric batches": {
    change: { update: ubu(KINETIC), sampling: "symmetric" },
    u: ({ v, g, before, after, eta, setting }) => {
      const first = free(v, before, eta, setting);
      const second = free(first.velocity - eta * g, after, eta, setting);
      return -(first.moved + second.moved) / eta;
    },
    displacement: false,
  },
});

export const SAMPLES = 24;
const CENTER = [0.2, -0.1, 0.3];

export const centerOf = ({ model }: EnsembleOptions): readonly number[] =>
  CENTER.slice(0, model.parameterCount);

/** The ensemble of a case: one condition unless the case says otherwise. */
export function optionsOf(parameters: 2 | 3, change: Partial<EnsembleOptions>): EnsembleOptions {
  const model = linearRegression(parameters);
  const rate = change.update?.setting.learningRate ?? 0.05;
  return {
    model,
    data: sampleData(model, SAMPLES, 3),
    update: sgd({ batchSize: 4 }),
    replicas: 3,
    seed: 0xfd4,
    initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
    keepVelocity: true,
    ...change,
    sweep: { learningRate: [rate] },
  };
}

export const scalesOf = ({ rateScale, model }: EnsembleOptions): readonly number[] =>
  SCALES.slice(0, model.parameterCount).map((scale) => (rateScale ? scale : 1));

/** A state before a step, or the last one. */
export interface Instant {
  readonly step: number;
  readonly theta: ArrayLike<number>;
  readonly velocity: ArrayLike<number>;
  readonly kept?: Readonly<Record<string, ArrayLike<number>>>;
  /** Of the step that follows. */
  readonly gradient: ArrayLike<number>;
  readonly learningRate: number;
}

/** Normal numbers of a step as parameters take them. */
function noise(options: EnsembleOptions, setting: Setting, replica: number, step: number) {
  const { prepare, update } = options.update.normals([setting]);
  const key = laneKey(options.seed, STREAM_THERMAL_NOISE, 0, replica);
  const count = options.model.parameterCount;
  const draw = (each: number, first: number) => {
    const xi = normals(key, step, each * count, first);
    return (p: number): [number, number] => [xi[each * p] ?? 0, each > 1 ? xi[2 * p + 1]! : 0];
  };
  return { before: draw(prepare, 0), after: draw(update, Math.ceil((prepare * count) / 2)) };
}

/**
 * The sums of the identity over a trajectory, [steps + 1] instants, with u by the case's formula;
 * `wrong` multiplies u, as a negative control.
 */
export function sumsOf(
  { u }: RuleCase,
  options: EnsembleOptions,
  setting: Setting,
  replica: number,
  path: readonly Instant[],
  wrong = 1,
): DisplacementSums {
  const scales = scalesOf(options);
  const batches = Math.floor(SAMPLES / setting.batchSize!);
  let [thetaU, uSquare, magnitude] = [0, 0, 0];
  for (const [t, now] of path.slice(0, -1).entries()) {
    const next = path[t + 1]!;
    const { step, learningRate: eta } = now;
    const { before, after } = noise(options, setting, replica, step);
    const all = {
      theta: Array.from(now.theta),
      g: Array.from(now.gradient),
      xi: scales.map((_, p) => after(p)[0]),
    };
    let [product, square] = [0, 0];
    for (const [p, scale] of scales.entries()) {
      if (scale === 0) continue;
      const direction =
        wrong *
        u({
          theta: now.theta[p]!,
          v: now.velocity[p]!,
          g: now.gradient[p]!,
          next: next.velocity[p]!,
          kept: (name) => next.kept![name]![p]!,
          before: before(p),
          after: after(p),
          eta: eta * scale,
          ...{ setting, step, batches, all, p },
        });
      product += (now.theta[p]! - CENTER[p]!) * direction;
      square += scale * direction ** 2;
    }
    thetaU += eta * product;
    magnitude += eta * Math.abs(product);
    uSquare += eta * eta * square;
  }
  const [start, end] = [path[0]!, path[path.length - 1]!];
  return { thetaU, uSquare, magnitude, start, end, center: centerOf(options), rateScale: scales };
}
