/** What a workload of the bench is: a model with data and start, and how it is run; a search; or matrix products. */
import type {
  DataSource,
  DynamicsOptions,
  Execution,
  Model,
  Observables,
  SamplingLaw,
  UpdateRule,
} from "../engine/index.ts";

/** A way to run an ensemble, by its name in `execution`. */
export type Schedule = NonNullable<Execution["schedule"]>;

export interface Start {
  readonly data: DataSource;
  /** θ₀, [replica, param] */
  readonly theta: Float32Array;
}

export interface Workload {
  /** Name on the command line. */
  readonly id: string;
  readonly title: string;
  /** Runs only when it is named. */
  readonly extra: boolean;
  readonly model: Model;
  readonly replicas: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Steps after which the loss must have fallen, before anything is timed. */
  readonly checkSteps: number;
  /** Made when it is wanted: a million replicas take 32 MB. */
  readonly start: (replicas: number) => Start;
  /** Name by which it is asked for together with others. */
  readonly group?: string;
  /** Plain SGD unless given. One of these is timed in turn with the workload without them. */
  readonly update?: UpdateRule;
  readonly spheres?: NonNullable<DynamicsOptions["spheres"]>;
  readonly sampling?: SamplingLaw;
  readonly observables?: Observables;
}

/** Run under every candidate of the tuner, whose choice is compared with the best of them. */
export interface TunerWorkload extends Workload {
  readonly tuner: true;
}

/** A search for the nearest neighbors of points, timed in turn with a loop over all pairs. */
export interface SearchWorkload extends Pick<Workload, "id" | "title" | "extra" | "group"> {
  readonly search: {
    readonly points: number;
    readonly dimensions: number;
    readonly neighbors: number;
  };
  /** Points [point, dimension]. */
  readonly start: (points: number) => Float64Array;
}

/** A batch of matrix products, by the tiles that suit its shape. */
export interface MatmulWorkload extends Pick<Workload, "id" | "title" | "extra" | "group"> {
  readonly matmul: {
    readonly m: number;
    readonly n: number;
    readonly k: number;
    readonly matrices: number;
    /** N: A along k, B along n; T: across. */
    readonly order: "NN" | "NT" | "TN" | "TT";
  };
}
