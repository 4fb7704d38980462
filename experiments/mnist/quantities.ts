/** Numbers of a training run on MNIST: accuracies, losses, and a charge that SGD conserves. */
import { type Estimate, jackknife, replicaMean } from "../../analysis/index.ts";
import type { Model } from "../../engine/model.ts";
import type { Field, SeriesRecord } from "../../engine/record.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32 } from "../systematic.ts";
import { epochSteps, type TrainingSettings } from "./settings.ts";
import type { Trained } from "./training.ts";

/** What is claimed of a recipe: no replica stays below this test accuracy. */
export interface Claim {
  readonly accuracy: number;
  /** Settings as claimed: the defaults. Null where others are used, and nothing is claimed. */
  readonly applies: boolean;
}

/** [replica] of an output after the last epoch. */
function lastTest({ values, quantities }: SeriesRecord, output: string): Float64Array {
  const [, , replicas, times] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const q = quantities.indexOf(output);
  return Float64Array.from({ length: replicas }, (_, r) => {
    return values.data[(q * replicas + r + 1) * times - 1]!;
  });
}

/** √(Σ (x − x̄)²/(R − 1)) over the replicas, with its jackknife error, which needs three. */
export function spread(values: Float64Array): Estimate {
  const finite = values.filter(Number.isFinite);
  const n = finite.length;
  if (n === 2) {
    const value = Math.abs(finite[0]! - finite[1]!) / Math.SQRT2;
    const warnings = ["two replicas: no standard error of their spread"];
    return { value, standardError: Number.NaN, n, method: "difference of 2 replicas", warnings };
  }
  const center = finite.reduce((sum, x) => sum + x, 0) / n;
  const data = Float64Array.from([...finite].flatMap((x) => [x - center, (x - center) ** 2]));
  return jackknife({ data, replicas: n, k: 2 }, ([mean, square]) =>
    Math.sqrt(Math.max(0, square! - mean! ** 2) * (n / (n - 1))),
  );
}

/**
 * The least of the replicas' accuracies. Its error is that of a share of `images` images, √(a(1 − a)/N):
 * how far off it is as an accuracy on all digits. Over other seeds it is not the least.
 */
function least(values: Float64Array, images: number): Estimate {
  const finite = values.filter(Number.isFinite);
  const value = finite.length === 0 ? Number.NaN : Math.min(...finite);
  return {
    value,
    standardError: Math.sqrt((value * (1 - value)) / images),
    n: images,
    method: `least of ${finite.length} replicas; error of a share of ${images} test images`,
    warnings: [],
  };
}

/** A replica that diverged is below every accuracy. */
const below = (values: Float64Array, accuracy: number): Estimate => ({
  value: values.filter((value) => !(value >= accuracy)).length,
  standardError: 0,
  n: values.length,
  method: `count of ${values.length} replicas, on these test images`,
  warnings: [],
});

/** Held against a bound, so without an error of its own. */
function largest(values: Float64Array): Estimate {
  const finite = values.filter(Number.isFinite);
  return {
    value: finite.length === 0 ? Number.NaN : Math.max(...finite),
    standardError: 0,
    n: finite.length,
    method: `largest of ${finite.length} replicas`,
    warnings: [],
  };
}

const block = (model: Model, name: string): Model["params"][number] =>
  model.params.find((one) => one.name === name)!;

/** Σ_k V_kj, the sum of the output weights over the classes, [replica, j]. */
function classSums(model: Model, { data }: Field): Float64Array[] {
  const { offset, shape } = block(model, "V");
  const [classes, units] = shape as [number, number];
  const replicas = data.length / model.parameterCount;
  return Array.from({ length: replicas }, (_, r) =>
    Float64Array.from({ length: units }, (_, j) => {
      let sum = 0;
      for (let k = 0; k < classes; k += 1) {
        sum += data[r * model.parameterCount + offset + k * units + j]!;
      }
      return sum;
    }),
  );
}

/** √⟨(x − y)²⟩ */
const distance = (x: ArrayLike<number>, y: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) sum += (x[i]! - y[i]!) ** 2;
  return Math.sqrt(sum / x.length);
};

/** A conserved sum in float32, one number a replica. */
export interface Charge {
  /** How far Σ_k V_kj moved, relative to how far the V_kj did, root mean squares over all of them. */
  readonly drift: Float64Array;
  /** Bound on what rounding alone does to the drift, in the same unit. */
  readonly rounding: number;
}

/** Roundings of an element a step: gradient, velocity, product, sum, and their like. */
const ROUNDINGS = 8;

/**
 * Adding the same number to all logits changes no probability, so every gradient has Σ_k ∂l/∂V_kj = 0
 * and SGD without weight decay, with momentum or not, conserves Σ_k V_kj.
 *
 * Rounding: in each of T steps each of C elements is rounded a few times by at most 2⁻²⁴|V|, with signs
 * that vary; together √(C T) of it.
 *
 * @see D. Kunin et al., Neural mechanics, arXiv 2012.04728 (translation symmetry)
 */
export function classCharge(model: Model, start: Field, end: Field, steps: number): Charge {
  const [before, after] = [classSums(model, start), classSums(model, end)];
  const { offset, size, shape } = block(model, "V");
  const count = model.parameterCount;
  const zeros = new Float64Array(size);
  let ratio = 0;
  const drift = Float64Array.from(before, (sums, r) => {
    const [from, to] = [r * count + offset, r * count + offset + size];
    const weights = end.data.subarray(from, to);
    const moved = distance(start.data.subarray(from, to), weights);
    ratio = Math.max(ratio, distance(weights, zeros) / moved);
    return distance(sums, after[r]!) / moved;
  });
  return { drift, rounding: ROUNDINGS * F32 * Math.sqrt(shape[0]! * steps) * ratio };
}

export function quantitiesOf(
  model: Model,
  trained: Trained,
  p: TrainingSettings,
  claim: Claim,
): Quantity[] {
  const quantity = (name: string, estimate: Estimate, unit: string): Quantity => ({
    ...{ name, condition: {}, estimate, unit, predicted: null, systematic: 0 },
  });
  const mean = (values: Float64Array): Estimate => estimateOf(() => replicaMean(values));
  const [accuracy, loss] = ["accuracy", "loss"].map((output) =>
    lastTest(trained.record.test, output),
  ) as [Float64Array, Float64Array];
  const steps = p.epochs * epochSteps(p);
  const charge = classCharge(model, trained.start, trained.end, steps);
  const percent = `${100 * claim.accuracy} %`;
  return [
    quantity("test accuracy", mean(accuracy), "1"),
    quantity("least test accuracy", least(accuracy, p.testSamples), "1"),
    {
      ...quantity(`replicas below ${percent}`, below(accuracy, claim.accuracy), "replicas"),
      predicted: claim.applies ? 0 : null,
    },
    quantity(
      "spread of test accuracy",
      estimateOf(() => spread(accuracy)),
      "1",
    ),
    quantity("test loss", mean(loss), "nats"),
    quantity("train accuracy", mean(trained.trainAccuracy), "1"),
    quantity("train loss", mean(trained.trainLoss), "nats"),
    {
      ...quantity("drift of class sums", largest(charge.drift), "1"),
      predicted: p.weightDecay === 0 ? 0 : null,
      systematic: p.weightDecay === 0 ? charge.rounding : 0,
    },
  ];
}
