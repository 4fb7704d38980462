/**
 * The exact laws of `posteriorMoments` against direct simulation of each sampler, in code of its
 * own (numbers instead of affine forms, drawn orders instead of averages over orders).
 *
 * 400 replicas, each averaged over cycles after burn-in; the replica is the unit of the error. Five
 * moments a case at |z| < 4: a fresh seed would raise a false alarm in 1 of 300 runs. Chains start
 * at the posterior's mean; what is left of that after burn-in is bounded below each error.
 */
import { describe, expect, it } from "vitest";
import { replicaMean } from "../../analysis/replicas.ts";
import { gaussianPosterior } from "../../models/gaussianPosterior.ts";
import {
  POSTERIOR_SAMPLERS,
  type PosteriorMoments,
  type PosteriorSampler,
  posteriorMoments,
  regressionPosterior,
} from "../../models/theory/index.ts";
import { type Generator, generator } from "../generator.ts";

const { posterior } = gaussianPosterior();
const INPUTS = Array.from(posterior.inputs);
const TARGETS = Array.from(posterior.targets);
const N = TARGETS.length;

interface Case {
  readonly learningRate: number;
  readonly batchSize: number;
  readonly temperature: number;
  readonly friction: number;
}

type Pair = [number, number];

/** ∇U_B at w, from the data. */
function batchGradient(batch: readonly number[], [w0, w1]: Pair): Pair {
  const gradient: Pair = [w0 * posterior.priorPrecision, w1 * posterior.priorPrecision];
  for (const i of batch) {
    const [x0, x1] = [INPUTS[2 * i]!, INPUTS[2 * i + 1]!];
    const pull = ((x0 * w0 + x1 * w1 - TARGETS[i]!) * N) / (batch.length * posterior.noiseVariance);
    gradient[0] += pull * x0;
    gradient[1] += pull * x1;
  }
  return gradient;
}

function permutation({ uniform }: Generator): number[] {
  const order = TARGETS.map((_, i) => i);
  for (let k = N - 1; k > 0; k--) {
    const other = Math.floor(uniform() * (k + 1));
    [order[k], order[other]] = [order[other]!, order[k]!];
  }
  return order;
}

function walkOf(sampler: PosteriorSampler, batchSize: number, random: Generator): number[][] {
  const { sampling } = POSTERIOR_SAMPLERS[sampler];
  const order = permutation(random);
  if (sampling === "fullBatch") return [order];
  if (sampling === "distinct") return [order.slice(0, batchSize)];
  const walk: number[][] = [];
  for (let at = 0; at < N; at += batchSize) walk.push(order.slice(at, at + batchSize));
  return sampling === "symmetric" ? [...walk, ...walk.slice().reverse()] : walk;
}

interface State {
  readonly w: Pair;
  readonly v: Pair;
  /** The normals that Leimkuhler–Matthews uses again in its next step. */
  readonly carried: Pair;
}

function add(target: Pair, factor: number, [a, b]: readonly number[]): void {
  target[0] += factor * a!;
  target[1] += factor * b!;
}

/** Exact free flow by the Cholesky factor of the textbook's covariance matrix, position first. */
function freeFlow({ w, v }: State, t: number, settings: Case, normal: () => number): void {
  const { temperature: T, friction: gamma } = settings;
  const e = Math.exp(-gamma * t);
  const vv = T * (1 - e * e);
  const xv = (T / gamma) * (1 - e) ** 2;
  const xx = (T / gamma ** 2) * (2 * gamma * t - 3 + 4 * e - e * e);
  for (const k of [0, 1] as const) {
    const [a, b] = [normal(), normal()];
    w[k] += ((1 - e) / gamma) * v[k] + Math.sqrt(xx) * a;
    v[k] = e * v[k] + (xv / Math.sqrt(xx)) * a + Math.sqrt(vv - (xv * xv) / xx) * b;
  }
}

type Rule = (typeof POSTERIOR_SAMPLERS)[PosteriorSampler]["rule"];

/** One step with a batch, for each rule. */
function stepsOf(
  state: State,
  settings: Case,
  normal: () => number,
): Record<Rule, (batch: number[]) => void> {
  const { learningRate: eta, temperature: T } = settings;
  const { w, v, carried } = state;
  const descend = (batch: number[]) => add(w, -eta, batchGradient(batch, w));
  const normals = (): Pair => [normal(), normal()];
  return {
    langevin: (batch) => {
      descend(batch);
      add(w, Math.sqrt(2 * eta * T), normals());
    },
    epochNoise: descend,
    splitEpochNoise: descend,
    leimkuhlerMatthews: (batch) => {
      const fresh = normals();
      descend(batch);
      add(w, Math.sqrt((eta * T) / 2), [carried[0] + fresh[0], carried[1] + fresh[1]]);
      carried.splice(0, 2, ...fresh);
    },
    heun: (batch) => {
      // The textbook's form: w' = w − (h/2)(g(w) + g(p)) + √(2hT) ξ with h = 2η.
      const h = 2 * eta;
      const first = batchGradient(batch, w);
      const jump: Pair = [0, 0];
      add(jump, Math.sqrt(2 * h * T), normals());
      const predicted: Pair = [w[0] - h * first[0] + jump[0], w[1] - h * first[1] + jump[1]];
      const second = batchGradient(batch, predicted);
      add(w, -h / 2, [first[0] + second[0], first[1] + second[1]]);
      add(w, 1, jump);
    },
    ubu: (batch) => {
      freeFlow(state, eta / 2, settings, normal);
      add(v, -eta, batchGradient(batch, w));
      freeFlow(state, eta / 2, settings, normal);
    },
  };
}

/** A chain: `cycle` moves w through one cycle. */
function chain(sampler: PosteriorSampler, settings: Case, random: Generator) {
  const { normal } = random;
  const { learningRate: eta, temperature: T, batchSize } = settings;
  const w = regressionPosterior(posterior).mean.slice() as Pair;
  const state: State = { w, v: [0, 0], carried: [normal(), normal()] };
  const { rule } = POSTERIOR_SAMPLERS[sampler];
  const step = stepsOf(state, settings, normal)[rule];
  const noise = (variance: number) => add(w, Math.sqrt(variance), [normal(), normal()]);
  const cycle = () => {
    const walk = walkOf(sampler, batchSize, random);
    if (rule === "splitEpochNoise") noise(eta * walk.length * T);
    for (const batch of walk) step(batch);
    if (rule === "splitEpochNoise") noise(eta * walk.length * T);
    if (rule === "epochNoise") noise(2 * eta * walk.length * T);
  };
  return { w, cycle };
}

const QUANTITIES = ["mean 0", "mean 1", "E δ0²", "E δ0 δ1", "E δ1²"] as const;

/** Replica estimates of the raw moments about the posterior's mean. */
function simulate(sampler: PosteriorSampler, settings: Case, law: PosteriorMoments, seed: number) {
  const replicas = 400;
  const center = regressionPosterior(posterior).mean;
  const perRelaxation = 1 / (law.relaxationRate * law.gradientsPerCycle);
  // e⁻¹² of the start is 1e-5 of a standard deviation, below 1/100 of any error here.
  const burn = Math.ceil(12 * perRelaxation);
  const cycles = Math.ceil(120 * perRelaxation);
  const sums = QUANTITIES.map(() => new Float64Array(replicas));
  for (let replica = 0; replica < replicas; replica++) {
    const { w, cycle } = chain(sampler, settings, generator(seed * 1000 + replica));
    for (let t = 0; t < burn; t++) cycle();
    for (let t = 0; t < cycles; t++) {
      cycle();
      const [a, b] = [w[0] - center[0]!, w[1] - center[1]!];
      for (const [k, value] of [a, b, a * a, a * b, b * b].entries()) {
        sums[k]![replica]! += value / cycles;
      }
    }
  }
  return sums.map((values) => replicaMean(values));
}

function expectAgreement(estimates: ReturnType<typeof simulate>, law: PosteriorMoments): void {
  const { shift: m, covariance: S } = law;
  const exact = [
    m[0]!,
    m[1]!,
    S[0]![0]! + m[0]! ** 2,
    S[0]![1]! + m[0]! * m[1]!,
    S[1]![1]! + m[1]! ** 2,
  ];
  for (const [k, { value, standardError }] of estimates.entries()) {
    const z = (value - exact[k]!) / standardError;
    expect(Math.abs(z), `${QUANTITIES[k]}: ${value} for ${exact[k]}, z = ${z}`).toBeLessThan(4);
  }
}

const lawOf = (sampler: PosteriorSampler, settings: Case): PosteriorMoments =>
  posteriorMoments({ posterior, ...POSTERIOR_SAMPLERS[sampler], ...settings });

describe("simulated samplers have the exact moments, and not the posterior's", () => {
  const exactPosterior = (temperature: number): PosteriorMoments => ({
    ...lawOf("fullBatchLangevin", { learningRate: 1e-6, batchSize: 1, temperature, friction: 1 }),
    shift: [0, 0],
  });
  const coarse = { learningRate: 0.012, batchSize: 1, temperature: 1, friction: 8 };
  const pairs = { learningRate: 0.03, batchSize: 2, temperature: 0.5, friction: 5 };
  it.each([
    ["sgld", coarse],
    ["sgworld", coarse],
    ["sgworldEpochNoise", coarse],
    ["sgworldSplitNoise", coarse],
    ["fullBatchLangevin", coarse],
    ["symmetricLeimkuhlerMatthews", coarse],
    ["symmetricHeun", coarse],
    ["smsUbu", { ...coarse, learningRate: 0.15 }],
    ["sgld", pairs],
    ["symmetricLeimkuhlerMatthews", pairs],
    ["symmetricHeun", { ...pairs, learningRate: 0.025 }],
    ["smsUbu", { ...pairs, learningRate: 0.25 }],
  ] as [PosteriorSampler, Case][])("%s, %o", (sampler, settings) => {
    const law = lawOf(sampler, settings);
    const estimates = simulate(sampler, settings, law, 7);
    expectAgreement(estimates, law);
    // Negative control: the bias of the step is seen.
    expect(() => expectAgreement(estimates, exactPosterior(settings.temperature))).toThrow(/z = /);
  });
});
