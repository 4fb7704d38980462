/** The pictures of a training run on MNIST. */
import { replicaMean } from "../../analysis/index.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { Claim } from "./quantities.ts";
import type { Trained } from "./training.ts";

/** Points of a loss curve: enough for the eye, few enough for a page. */
const POINTS = 120;

/** [replica][time] of one output. */
function rows({ values, quantities }: SeriesRecord, output: string): Float64Array[] {
  const [, , replicas, times] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const q = quantities.indexOf(output);
  return Array.from({ length: replicas }, (_, r) => {
    const from = (q * replicas + r) * times;
    return Float64Array.from(values.data.subarray(from, from + times));
  });
}

/** Mean and standard deviation over the replicas of values averaged over bins of time. */
function band(record: SeriesRecord): { x: number[]; y: number[]; standardError: number[] } {
  const replicas = rows(record, "loss");
  const times = record.steps.length;
  const bins = Math.min(POINTS, times);
  const x: number[] = [];
  const y: number[] = [];
  const standardError: number[] = [];
  const average = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  for (let bin = 0; bin < bins; bin += 1) {
    const [from, to] = [bin, bin + 1].map((b) => Math.floor((b * times) / bins)) as [
      number,
      number,
    ];
    const means = replicas
      .map((values) => average(values.subarray(from, to)))
      .filter(Number.isFinite);
    if (means.length < 2) continue;
    const { value, standardError: error } = replicaMean(means);
    x.push(average(record.steps.subarray(from, to)));
    y.push(value);
    standardError.push(error * Math.sqrt(means.length));
  }
  return { x, y, standardError };
}

export const lossFigure = ({ record }: Trained): Figure => ({
  id: "training-loss",
  title: "Minibatch loss against time",
  caption:
    "Mean over the replicas; the band is one standard deviation of a replica about it. Test loss after " +
    "each epoch, mean over the replicas with its standard error.",
  x: { label: "SGD step" },
  y: { label: "loss", unit: "nats", scale: "log" },
  marks: [
    { kind: "line", label: "training minibatches", role: "measured", ...band(record.training) },
    { kind: "points", label: "test images", role: "measured", ...means(record.test, "loss") },
  ],
});

/** Mean over the replicas after each epoch; x is the step. */
function means(test: SeriesRecord, output: string) {
  const replicas = rows(test, output);
  const estimates = [...test.steps].map((_, e) => {
    const values = replicas.map((row) => row[e]!).filter(Number.isFinite);
    return values.length === 0 ? null : replicaMean(values);
  });
  return {
    x: [...test.steps],
    y: estimates.map((one) => one?.value ?? Number.NaN),
    standardError: estimates.map((one) => one?.standardError ?? Number.NaN),
  };
}

export function accuracyFigure({ record: { test } }: Trained, claim: Claim): Figure {
  const epochs = [...test.steps].map((_, e) => e + 1);
  const { y, standardError } = means(test, "accuracy");
  const replicas = rows(test, "accuracy").map(
    (row): Mark => ({
      kind: "line",
      label: "each replica",
      role: "measured",
      x: epochs,
      y: [...row],
    }),
  );
  const claimed: Mark = {
    kind: "line",
    label: `${100 * claim.accuracy} %, claimed for each`,
    role: "theory",
    x: [epochs.at(-1)! - 0.3, epochs.at(-1)! + 0.3],
    y: [claim.accuracy, claim.accuracy],
  };
  return {
    id: "test-accuracy",
    title: "Test accuracy after each epoch",
    caption:
      "Share of the test images that are classified correctly; bars are one standard error of the mean.",
    x: { label: "epoch", ticks: epochs.map((at) => ({ at, label: `${at}` })) },
    y: { label: "test accuracy" },
    marks: [
      ...(claim.applies ? [claimed] : []),
      ...replicas,
      { kind: "points", label: "mean", role: "measured", x: epochs, y, standardError },
    ],
  };
}

export function digitFigure({ digitAccuracy }: Trained): Figure {
  const present = digitAccuracy.flatMap((values, digit) => {
    const finite = values.filter(Number.isFinite);
    return finite.length === 0 ? [] : [{ digit, ...replicaMean(finite) }];
  });
  return {
    id: "digit-accuracy",
    title: "Test accuracy digit by digit",
    caption: "After the last epoch, mean over the replicas; bars are one standard error of it.",
    x: {
      label: "digit",
      ticks: digitAccuracy.map((_, digit) => ({ at: digit, label: `${digit}` })),
    },
    y: { label: "test accuracy" },
    marks: [
      {
        kind: "points",
        label: "mean over the replicas",
        role: "measured",
        x: present.map(({ digit }) => digit),
        y: present.map(({ value }) => value),
        standardError: present.map(({ standardError }) => standardError),
      },
    ],
  };
}

/** Units in the picture of weights, at most. */
const SHOWN = 32;
/** Width over height of a figure's frame, about. */
const ASPECT = 1.8;

/** Weights that units read an image or a part of it with, [unit, row, column]. */
export interface Filters {
  readonly weights: ArrayLike<number>;
  readonly units: number;
  readonly rows: number;
  readonly columns: number;
}

/** Filters side by side with a clear line between them, in shares of the largest weight. */
export function filterFigure({ weights, units, rows, columns }: Filters): Figure {
  const shown = Math.min(units, SHOWN);
  const across = Math.min(shown, Math.ceil(Math.sqrt((ASPECT * shown * rows) / columns)));
  const down = Math.ceil(shown / across);
  const [width, height] = [across * (columns + 1) - 1, down * (rows + 1) - 1];
  const values = new Array<number>(width * height).fill(Number.NaN);
  let largest = Number.MIN_VALUE;
  for (let i = 0; i < shown * rows * columns; i += 1) {
    largest = Math.max(largest, Math.abs(weights[i]!));
  }
  for (let unit = 0; unit < shown; unit += 1) {
    const [top, left] = [Math.floor(unit / across) * (rows + 1), (unit % across) * (columns + 1)];
    for (let pixel = 0; pixel < rows * columns; pixel += 1) {
      const at = (top + Math.floor(pixel / columns)) * width + left + (pixel % columns);
      // Two digits are more than an eye sees, and keep results short.
      values[at] = Number((weights[unit * rows * columns + pixel]! / largest).toFixed(2));
    }
  }
  return {
    id: "filters",
    title: "What the units of the first layer look for",
    caption:
      `Weights of ${shown === units ? "all" : `the first ${shown} of ${units}`} units of the first ` +
      `replica, ${rows} × ${columns} pixels each: blue positive, orange negative, the more the fuller.`,
    x: { label: `${across} units side by side` },
    y: { label: `${down} rows of units` },
    marks: [],
    picture: { rows: height, columns: width, values },
  };
}
