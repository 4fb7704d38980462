/**
 * One stationary run of the linear bottleneck (cards 2C, 2E): squares of both layers and of their
 * gradients, per replica, and what |u|² − |w|² was before and after.
 *
 * Gradients are taken at every step, so that their sums telescope: Σ(|g_u|² − |g_w|²) is what changes
 * |u|² − |w|².
 */
import { replicaSquares } from "../analysis/index.ts";
import { gaussian } from "../engine/initial.ts";
import { type MomentsSpec, moments } from "../engine/observe/moments.ts";
import type { MomentsRecord, RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { bottleneck } from "../models/bottleneck.ts";
import type { BottleneckNoise } from "../models/theory/index.ts";
import type { RunContext } from "./experiment.ts";
import type { Stages } from "./stages.ts";

export interface BottleneckRun {
  readonly label: string;
  readonly net: BottleneckNoise;
  readonly learningRate: number;
  /** λ, in the gradient; the decay γ of arXiv 2505.12387 is λ/2. */
  readonly weightDecay: number;
  /** |w|²/|u|² at the start. */
  readonly ratio: number;
  readonly replicas: { readonly first: number; readonly count: number };
  /** Steps between two records of θ; gradients are recorded at every step. */
  readonly thetaEvery: number;
  readonly burnIn: number;
  readonly steps: number;
}

/**
 * Rounding of |u|² − |w|² a step in the mean over replicas, 4 deviations: each step rounds θ by 2⁻²⁴ of
 * it at most, hence θ² by 2⁻²³, either way, so that the sum walks as √steps.
 */
export const roundingDrift = (size: number, steps: number, replicas: number): number =>
  (4 * 2 ** -23 * size) / Math.sqrt(steps * replicas);

/** Time averages of each replica, [replica]; G includes weight decay. */
export interface BottleneckSquares {
  readonly u: Float64Array;
  readonly w: Float64Array;
  readonly gradientU: Float64Array;
  readonly gradientW: Float64Array;
  /** |u|² − |w|² before the first step and after the last. */
  readonly before: Float64Array;
  readonly after: Float64Array;
}

/** Operations of a step, roughly: a normal number 75, an element of u, w and the gradients 12. */
export const bottleneckWork = ({ inputs, outputs }: BottleneckNoise): number =>
  90 * (inputs + outputs) + 100;

const names = (block: string, size: number): string[] =>
  Array.from({ length: size }, (_, i) => `${block}[${i}]`);

/** Steps between two records of θ where only its mean matters; its fluctuations take 1/(4ηΛ) steps. */
export const THETA_EVERY = 16;

export function bottleneckSetup({ net, learningRate, weightDecay, thetaEvery }: BottleneckRun) {
  const { inputs, outputs } = net;
  const theta = [...names("u", inputs), ...names("w", outputs)];
  const spec = (name: string, every: number): [string, MomentsSpec] => [
    name,
    moments({ of: [name], every }),
  ];
  return {
    model: bottleneck(net),
    sampling: "withReplacement" as const,
    update: sgd({ learningRate, batchSize: 1, weightDecay }),
    sweep: {
      signal: [net.signal],
      labelNoise: [net.labelNoise],
      otherNoise: [net.otherNoise],
    },
    observables: Object.fromEntries([
      ...theta.map((name) => spec(`g.${name}`, 1)),
      ...theta.map((name) => spec(name, thetaEvery)),
    ]),
  };
}

/** Deviation of every element at the start, as the card has it. */
const SCATTER = 0.01;

/** u = e_0 √(c/√q), w = e_0 √(c√q), and a little of everything. */
function start({ net, ratio }: BottleneckRun) {
  const mean = new Array<number>(net.inputs + net.outputs).fill(0);
  mean[0] = Math.sqrt(net.signal / Math.sqrt(ratio));
  mean[net.inputs] = Math.sqrt(net.signal * Math.sqrt(ratio));
  return gaussian({ mean, standardDeviation: SCATTER });
}

/** Sum over a layer's elements, [replica]. */
function layer(record: RunRecord, elements: readonly string[]): Float64Array {
  const squares = elements.map((name) =>
    replicaSquares(record[name] as MomentsRecord, { i: name }),
  );
  return squares[0]!.map((_, r) => squares.reduce((sum, values) => sum + values[r]!, 0));
}

/** |u|² − |w|² of each replica's state. */
function imbalance({ inputs, outputs }: BottleneckNoise, theta: ArrayLike<number>): Float64Array {
  const size = inputs + outputs;
  return Float64Array.from({ length: theta.length / size }, (_, r) => {
    let sum = 0;
    for (let p = 0; p < size; p += 1) {
      sum += (p < inputs ? 1 : -1) * theta[r * size + p]! ** 2;
    }
    return sum;
  });
}

export async function bottleneckRun(
  run: BottleneckRun,
  stages: Stages,
  context: RunContext,
): Promise<{ squares: BottleneckSquares; record: RunRecord }> {
  const { net, label, replicas, burnIn, steps } = run;
  await using ensemble = await createEnsemble(context.device, {
    ...bottleneckSetup(run),
    data: onlineData,
    replicas,
    seed: context.seed,
    initial: start(run),
  });
  const stage = { ensemble, work: bottleneckWork(net), multiple: run.thetaEvery };
  await stages.run({ ...stage, label: `${label}: relax`, burnIn, steps: 0 });
  const before = imbalance(net, (await ensemble.state()).theta.data);
  const { observed } = await stages.run({ ...stage, label, burnIn: 0, steps });
  const after = imbalance(net, (await ensemble.state()).theta.data);
  const [u, w] = [names("u", net.inputs), names("w", net.outputs)];
  const gradient = (elements: readonly string[]): string[] => elements.map((name) => `g.${name}`);
  return {
    record: observed,
    squares: {
      u: layer(observed, u),
      w: layer(observed, w),
      gradientU: layer(observed, gradient(u)),
      gradientW: layer(observed, gradient(w)),
      before,
      after,
    },
  };
}
