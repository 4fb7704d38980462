/** What is read off the states of trained networks (card 4A): sparsity, losses, imbalance of the factors. */
import type { SparseTask } from "../../models/sparseRegression.ts";
import type { Trained } from "./runs.ts";
import type { SparseSettings } from "./settings.ts";

/** Numbers of every data set at the end, [data set]; NaN where the rate diverged. */
export interface Sparsity {
  readonly nonzero: Float64Array;
  readonly l1: Float64Array;
  /** ½|β − β*|². */
  readonly testLoss: Float64Array;
  /** Mean of log10|u_i² − v_i²|. */
  readonly imbalance: Float64Array;
  /** 1 where the rate diverged, else 0. */
  readonly diverged: Float64Array;
}

/** Losses over time of one rate, [time][data set]. */
export type LossPaths = readonly Float64Array[];

export interface RateMeasures {
  readonly rate: number;
  readonly sparsity: Sparsity;
  /** Mean loss over the data. */
  readonly losses: LossPaths;
  /** |β| in falling order, mean over data sets that did not diverge, [rank]. */
  readonly magnitudes: Float64Array;
}

/** Smallest |u² − v²| that is told from 0: float32 flushes what is below to 0. */
const LEAST = 1e-38;

interface State {
  readonly beta: Float64Array;
  readonly imbalance: number;
}

/** β_i = (p_i² − m_i²)/2 and the mean of log10|2 p_i m_i|; NaN of a frozen state. */
function stateAt({ states }: Trained, inputs: number, row: number): State {
  const { data } = states.values;
  const at = row * 2 * inputs;
  const beta = new Float64Array(inputs);
  let imbalance = 0;
  for (let i = 0; i < inputs; i += 1) {
    const [p, m] = [data[at + i]!, data[at + inputs + i]!];
    beta[i] = (p * p - m * m) / 2;
    imbalance += Math.log10(Math.max(LEAST, Math.abs(2 * p * m))) / inputs;
  }
  return { beta, imbalance: Number.isFinite(beta[0]!) ? imbalance : Number.NaN };
}

/** Mean of (x·β − y)²/2 over the samples of a data set. */
function trainingLoss({ data }: SparseTask, beta: Float64Array): number {
  const x = data.fields.x!.data;
  const y = data.fields.y!.data;
  let sum = 0;
  for (let n = 0; n < data.samples; n += 1) {
    let residual = -y[n]!;
    for (let i = 0; i < beta.length; i += 1) residual += x[n * beta.length + i]! * beta[i]!;
    sum += residual * residual;
  }
  return sum / (2 * data.samples);
}

/** All measures of one rate. */
export function measuresOf(
  p: SparseSettings,
  trained: Trained,
  tasks: readonly SparseTask[],
  c: number,
): RateMeasures {
  const times = trained.states.steps.length;
  const conditions = trained.rates.length;
  const sets = tasks.length;
  const at = (t: number, s: number): State =>
    stateAt(trained, p.inputs, (t * conditions + c) * sets + s);
  const ends = tasks.map((_, s) => at(times - 1, s));
  const overSets = (f: (state: State, s: number) => number): Float64Array =>
    Float64Array.from(ends, (state, s) =>
      trained.run.frozen[c * sets + s]! >= 0 ? Number.NaN : f(state, s),
    );
  const sparsity: Sparsity = {
    nonzero: overSets(({ beta }) => beta.filter((b) => Math.abs(b) > p.threshold).length),
    l1: overSets(({ beta }) => beta.reduce((sum, b) => sum + Math.abs(b), 0)),
    testLoss: overSets(({ beta }, s) =>
      beta.reduce((sum, b, i) => sum + 0.5 * (b - tasks[s]!.teacher[i]!) ** 2, 0),
    ),
    imbalance: overSets(({ imbalance }) => imbalance),
    diverged: Float64Array.from(tasks, (_, s) => (trained.run.frozen[c * sets + s]! >= 0 ? 1 : 0)),
  };
  return {
    rate: trained.rates[c]!,
    sparsity,
    losses: Array.from({ length: times }, (_, t) =>
      Float64Array.from(tasks, (task, s) => trainingLoss(task, at(t, s).beta)),
    ),
    magnitudes: ranked(
      ends.filter((_, s) => sparsity.diverged[s] === 0).map(({ beta }) => beta),
      p.inputs,
    ),
  };
}

function ranked(betas: readonly Float64Array[], inputs: number): Float64Array {
  const mean = new Float64Array(inputs);
  for (const beta of betas) {
    const sorted = beta.map(Math.abs).sort().reverse();
    sorted.forEach((value, i) => {
      mean[i]! += value / betas.length;
    });
  }
  return mean;
}
