/**
 * The contract of an experiment: parameters, a run, quantities with predictions, figures.
 *
 * An experiment never asserts: it returns estimates beside predictions, and `report/` and `cli/`
 * decide how they are shown. It runs unchanged in Node and in a browser's worker.
 */
import type { z } from "zod";
import type { Estimate } from "../analysis/estimate.ts";
import type { Device } from "../engine/device.ts";
import type { ExplainRequest } from "../engine/explain.ts";
import type { RunRecord } from "../engine/record.ts";

/** One measured number beside what theory says of it. */
export interface Quantity {
  readonly name: string;
  /** The hyperparameters that differ between conditions, e.g. `{ learningRate: 0.1 }`. */
  readonly condition: Readonly<Record<string, number | string>>;
  readonly estimate: Estimate;
  readonly unit: string;
  /** null where no theory is claimed. */
  readonly predicted: number | null;
  /** Bound on the bias that `standardError` does not cover; its formula stands where it is computed. */
  readonly systematic: number;
}

/** One curve or point set of a figure. */
export interface Mark {
  readonly kind: "line" | "points";
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** One standard error of each y: drawn as bars (points) or as a band (line). */
  readonly standardError?: readonly number[];
  /** Theory is a thin dark line, under measured points and over measured lines. */
  readonly role: "theory" | "measured";
}

/** A field on a plane of cells: shades in proportion to the values, and arrows on top. */
export interface Plane {
  /** Edges of the cells, one more than cells. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** [x cell, y cell], shaded from nothing at 0 to full at the largest. */
  readonly shade: readonly number[];
  /** Components along x and y, [x cell, y cell]; drawn from the cells' centers, the longest as long as a cell. */
  readonly arrows?: { readonly x: readonly number[]; readonly y: readonly number[] };
}

/** Cells in two colors, one for each sign, as opaque as |value| is of the largest; clear where NaN. */
export interface Picture {
  readonly rows: number;
  readonly columns: number;
  /** [row, column], the first row on top. */
  readonly values: readonly number[];
}

export interface FigureAxis {
  readonly label: string;
  readonly unit?: string;
  readonly scale?: "linear" | "log";
}

/** A plot as data; `report/figure.ts` draws it. */
export interface Figure {
  /** File name stem, e.g. `stationary-loss`. */
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly x: FigureAxis & {
    /** Places with a name, e.g. of categories at 1, 2, …: drawn instead of numeric ticks. */
    readonly ticks?: readonly { readonly at: number; readonly label: string }[];
  };
  readonly y: FigureAxis;
  readonly marks: readonly Mark[];
  /** Drawn below the marks. */
  readonly plane?: Plane;
  /** Fills the frame, which then has no ticks. */
  readonly picture?: Picture;
}

export interface Progress {
  /** What is being done, e.g. `burn-in`, `observe`. */
  readonly phase: string;
  /** Share of the whole experiment done, 0 to 1. */
  readonly fraction: number;
  /** Measured over the last second or so; 0 before anything is known. */
  readonly replicaStepsPerSecond: number;
}

/** What an experiment is given by whoever runs it: the command line, a test, a browser's worker. */
export interface RunContext {
  readonly device: Device;
  readonly seed: number;
  readonly quick: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Bytes of an interrupted run of the same experiment, parameters and seed. */
  readonly resume?: Uint8Array;
  /** Called now and then, and when the run is cut short, with bytes that `resume` takes. */
  readonly onCheckpoint?: (bytes: Uint8Array) => void | Promise<void>;
}

export interface ExperimentResult {
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly figures: readonly Figure[];
  /** Tables that are not single numbers with a prediction, e.g. accuracy per learning rate. */
  readonly records: Readonly<Record<string, RunRecord>>;
}

export interface Experiment<Schema extends z.ZodObject = z.ZodObject> {
  /** Name on the command line. */
  readonly id: string;
  readonly title: string;
  /** The card it reproduces, e.g. `B1`. */
  readonly card: string;
  /** Papers, as `arXiv 2107.09133, eq. 12`. */
  readonly sources: readonly string[];
  /** One paragraph: what is simulated, what is claimed. */
  readonly summary: string;
  /** Every parameter with `.default()` and `.describe()` (meaning and unit). */
  readonly parameters: Schema;
  /** Cheaper values that `--quick` puts in place of the defaults. */
  readonly quick: Partial<z.infer<Schema>>;
  readonly run: (parameters: z.infer<Schema>, context: RunContext) => Promise<ExperimentResult>;
  /**
   * The model it trains and how, for `thermograd explain`: the options that `run` gives to
   * `createEnsemble`. Left out where an experiment trains no single model.
   */
  readonly explain?: (parameters: z.infer<Schema>) => readonly ExplainRequest[];
}
