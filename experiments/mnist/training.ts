/**
 * Training a network on MNIST: one stage an epoch, the test images after each, all else at the end.
 *
 * A resumed run takes finished epochs from the checkpoint and evaluates them anew from their weights,
 * which gives the same numbers. Replicas that diverged are NaN in everything that is returned.
 */
import type { InitialLaw } from "../../engine/initial.ts";
import type { Model } from "../../engine/model.ts";
import { series } from "../../engine/observe/series.ts";
import type { Field, RunInfo, SeriesRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { Ensemble } from "../../engine/run/ensemble.ts";
import { merge } from "../../engine/run/merge.ts";
import { type Dataset, subset } from "../../models/dataset.ts";
import { MNIST_CLASSES, type Mnist } from "../../models/mnist/mnist.ts";
import type { RunContext } from "../experiment.ts";
import { Stages } from "../stages.ts";
import { dynamics, epochSteps, recordEvery, type TrainingSettings } from "./settings.ts";

export interface Network {
  readonly model: Model;
  readonly initial: InitialLaw;
  /** Multiply-adds of the logits of one image. */
  readonly multiplyAdds: number;
  /** The block whose rows are the filters of the first layer, and their shape [row, column]. */
  readonly filters: { readonly block: string; readonly shape: readonly [number, number] };
}

export type TrainingRecord = {
  /** Minibatch loss. */
  readonly training: SeriesRecord;
  /** `loss` and `accuracy` over the test images, after each epoch. */
  readonly test: SeriesRecord;
  readonly run: RunInfo;
};

export interface Trained {
  readonly record: TrainingRecord;
  /** At the end, over the training images, [replica]. */
  readonly trainLoss: Float64Array;
  readonly trainAccuracy: Float64Array;
  /** At the end, over the test images of each digit, [digit][replica]; empty where there is none. */
  readonly digitAccuracy: readonly Float64Array[];
  /** Before the first step and after the last, [1, replica, param]. */
  readonly start: Field;
  readonly end: Field;
}

const OUTPUTS = ["loss", "accuracy"] as const;

export const observables = (p: TrainingSettings) => ({
  training: series({ of: "loss", every: recordEvery(p) }),
});

type Observables = ReturnType<typeof observables>;

/** Floating-point operations: a gradient costs about three passes forward, a multiply-add two. */
const GRADIENT = 6;
const FORWARD = 2;

export async function train(
  { model, initial, multiplyAdds }: Network,
  { train: images, test }: Mnist,
  p: TrainingSettings,
  context: RunContext,
): Promise<Trained> {
  const steps = epochSteps(p);
  const work = GRADIENT * multiplyAdds * Math.max(1, Math.round(images.samples / steps));
  const pass = (data: Dataset): number => FORWARD * multiplyAdds * data.samples * p.replicas;
  const total = work * p.replicas * steps * p.epochs + pass(test) * (p.epochs + 1) + pass(images);
  const stages = await Stages.open(context, total);
  await using ensemble = await createEnsemble(context.device, {
    ...dynamics(p),
    model,
    data: images,
    initial,
    seed: context.seed,
    observables: observables(p),
  });
  const evaluate = async (data: Dataset, phase: string): Promise<Field> => {
    const field = await ensemble.evaluate({ of: OUTPUTS, data });
    await stages.pause({ phase, work: pass(data) });
    return field;
  };
  const { theta: start } = await ensemble.state();
  const epochs: Epoch[] = [];
  for (let epoch = 1; epoch <= p.epochs; epoch += 1) {
    const label = `epoch ${epoch} of ${p.epochs}`;
    const multiple = recordEvery(p);
    const { observed } = await stages.run({ label, ensemble, burnIn: 0, steps, multiple, work });
    epochs.push({ observed, tested: await evaluate(test, `${label}: test`) });
  }
  const record = recordOf(epochs, steps);
  const { frozen } = record.run;
  const alive = (values: Float64Array): Float64Array =>
    values.map((value, replica) => (frozen[replica]! < 0 ? value : Number.NaN));
  const byDigit = await digitAccuracy(ensemble, test);
  await stages.pause({ phase: "test, digit by digit", work: pass(test) });
  const whole = await evaluate(images, "training images");
  return {
    record,
    trainLoss: alive(outputOf(whole, "loss")),
    trainAccuracy: alive(outputOf(whole, "accuracy")),
    digitAccuracy: byDigit.map(alive),
    start,
    end: (await ensemble.state()).theta,
  };
}

interface Epoch {
  readonly observed: { readonly training: SeriesRecord; readonly run: RunInfo };
  readonly tested: Field;
}

/** One output of an evaluation, [replica]. */
function outputOf({ data }: Field, output: (typeof OUTPUTS)[number]): Float64Array {
  const replicas = data.length / OUTPUTS.length;
  const q = OUTPUTS.indexOf(output);
  return Float64Array.from(data.subarray(q * replicas, (q + 1) * replicas));
}

/** All epochs in one Record. */
function recordOf(epochs: readonly Epoch[], steps: number): TrainingRecord {
  const joined = epochs.map(({ observed }) => observed).reduce((all, next) => merge(all, next));
  const { training, run } = joined;
  const replicas = run.replicas.count;
  const times = Float64Array.from(epochs, (_, e) => run.firstStep + (e + 1) * steps);
  const data = new Float64Array(OUTPUTS.length * replicas * epochs.length);
  OUTPUTS.forEach((output, q) => {
    epochs.forEach(({ tested }, e) => {
      outputOf(tested, output).forEach((value, replica) => {
        const stop = run.frozen[replica]!;
        const alive = stop < 0 || stop >= times[e]!;
        data[(q * replicas + replica) * epochs.length + e] = alive ? value : Number.NaN;
      });
    });
  });
  const [, condition, replica, time] = training.values.axes;
  const test: SeriesRecord = {
    kind: "series",
    quantities: OUTPUTS,
    every: steps,
    steps: times,
    values: {
      axes: [
        { name: "quantity", length: OUTPUTS.length, values: OUTPUTS },
        condition!,
        replica!,
        { ...time!, length: epochs.length, values: [...times] },
      ],
      data,
      unit: "",
    },
  };
  return { training, test, run };
}

/** Accuracy over the test images of each digit, [digit][replica]. */
async function digitAccuracy(
  ensemble: Ensemble<Observables>,
  test: Dataset,
): Promise<Float64Array[]> {
  const labels = test.fields.digit!.data;
  const found: Float64Array[] = [];
  for (let digit = 0; digit < MNIST_CLASSES; digit += 1) {
    const indices: number[] = [];
    labels.forEach((label, image) => {
      if (label === digit) indices.push(image);
    });
    if (indices.length === 0) {
      found.push(new Float64Array(ensemble.lanes).fill(Number.NaN));
      continue;
    }
    const data = subset(test, `${test.name}, digit ${digit}`, indices);
    const { data: values } = await ensemble.evaluate({ of: ["accuracy"], data });
    found.push(Float64Array.from(values));
  }
  return found;
}
