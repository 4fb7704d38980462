/**
 * What is measured of one classifier at one learning rate: both sides of the fluctuation-dissipation
 * relation, their ratio, a stationarity verdict, accuracies.
 */
import {
  type Estimate,
  ratioOfMeans,
  replicaMean,
  replicaTimeMeans,
  scaled,
  stationarity,
  timeAverage,
} from "../../analysis/index.ts";
import type { Field, SeriesRecord } from "../../engine/record.ts";
import { estimateOf } from "../outcome.ts";

export interface Measured {
  readonly learningRate: number;
  readonly loss: Estimate;
  readonly norm: Estimate;
  readonly gradient: Estimate;
  /** ⟨θ·G⟩ */
  readonly left: Estimate;
  /** (η/2)⟨|G|²⟩ */
  readonly right: Estimate;
  /** left / right, 1 in a stationary state. */
  readonly ratio: Estimate;
  /** What the observed drift of |θ|² does to the ratio. */
  readonly drift: number;
  /** 1: the means of loss and |θ|² do not drift. */
  readonly stationary: Estimate;
  readonly rHat: Estimate;
  readonly trainAccuracy: Estimate;
  readonly testAccuracy: Estimate;
}

/** Everything measured of one classifier. */
export interface ClassifierResult {
  readonly name: string;
  readonly rates: readonly number[];
  readonly loss: readonly Estimate[];
  readonly ratio: readonly Estimate[];
  readonly trainAccuracy: readonly Estimate[];
  readonly testAccuracy: readonly Estimate[];
  /** null when there was none. */
  readonly burnIn: SeriesRecord | null;
  readonly observed: SeriesRecord;
}

export interface ConditionRecord {
  readonly record: SeriesRecord;
  /** [quantity, condition, replica] */
  readonly accuracies: { readonly train: Field; readonly test: Field };
  readonly condition: number;
  readonly learningRate: number;
  readonly steps: number;
}

/** |z| of Geweke's test beyond which a mean drifts: once in 10⁴ stationary records. */
const GEWEKE = 4;

export function measureCondition(source: ConditionRecord): Measured {
  const { record, accuracies, condition, learningRate } = source;
  const mean = (quantity: string): Estimate =>
    estimateOf(() => timeAverage(record, { quantity, condition }));
  const gradient = mean("g.g");
  const right = scaled(gradient, learningRate / 2);
  const ratio = estimateOf(() => {
    const [left, squares] = ["theta.g", "g.g"].map((quantity) =>
      replicaTimeMeans(record, { quantity, condition }),
    );
    return ratioOfMeans(
      left!,
      squares!.map((square) => (learningRate / 2) * square),
    );
  });
  const accuracy = (field: Field): Estimate =>
    estimateOf(() => replicaMean(alive(field, record, condition)));
  return {
    learningRate,
    loss: mean("loss"),
    norm: mean("theta.theta"),
    gradient,
    left: mean("theta.g"),
    right,
    ratio,
    drift: normDrift(source) / right.value || 0,
    ...verdict(record, condition),
    trainAccuracy: accuracy(accuracies.train),
    testAccuracy: accuracy(accuracies.test),
  };
}

/** Numbers of a verdict: they have no error of their own. */
const verdictEstimate = (value: number, method: string): Estimate => ({
  value,
  standardError: 0,
  n: 1,
  method,
  warnings: [],
});

function verdict(record: SeriesRecord, condition: number): Pick<Measured, "stationary" | "rHat"> {
  const tests = ["loss", "theta.theta"].map((quantity) => {
    try {
      return stationarity(record, { quantity, condition });
    } catch {
      // Every replica froze: there is nothing to be stationary.
      return null;
    }
  });
  const steady = tests.every((test) => test !== null && Math.abs(test.geweke) <= GEWEKE);
  return {
    stationary: verdictEstimate(steady ? 1 : 0, "|Geweke z| <= 4 of loss and |theta|^2"),
    rHat: verdictEstimate(tests[1]?.rHat ?? Number.NaN, "split R-hat"),
  };
}

/** [quantity, condition, replica, time] of a record, as functions. */
function rows(record: SeriesRecord, quantity: string, condition: number) {
  const [, conditions, replicas, times] = record.values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const q = record.quantities.indexOf(quantity);
  const start = (replica: number): number =>
    ((q * conditions + condition) * replicas + replica) * times;
  return {
    replicas,
    first: (replica: number): number => record.values.data[start(replica)]!,
    last: (replica: number): number => record.values.data[start(replica) + times - 1]!,
  };
}

/** A field of one condition, NaN for replicas that froze. */
function alive(field: Field, record: SeriesRecord, condition: number): Float64Array {
  const { replicas, last } = rows(record, "loss", condition);
  return Float64Array.from({ length: replicas }, (_, r) =>
    Number.isFinite(last(r)) ? field.data[condition * replicas + r]! : Number.NaN,
  );
}

/**
 * What a drift of |θ|² over the observed stretch adds to ⟨θ·G⟩, from the telescoping identity
 * Σ θ·G = (η/2) Σ |G|² − (|θ_T|² − |θ_0|²)/(2η), which every trajectory obeys; absolute.
 */
function normDrift({ record, condition, steps, learningRate }: ConditionRecord): number {
  const { replicas, first, last } = rows(record, "theta.theta", condition);
  let change = 0;
  let count = 0;
  for (let r = 0; r < replicas; r += 1) {
    const difference = last(r) - first(r);
    if (!Number.isFinite(difference)) continue;
    change += difference;
    count += 1;
  }
  return count === 0 ? 0 : Math.abs(change / count) / (2 * learningRate * steps);
}
