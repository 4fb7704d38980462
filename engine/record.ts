/**
 * What `observe()` returns: plain data with named axes, units and provenance.
 *
 * Records are structured-cloneable (they cross `postMessage`) and mergeable (`merge` in
 * `run/merge.ts`). Every array carries both ensemble axes, `condition` of length one included.
 */

export interface Axis {
  readonly name: string;
  readonly length: number;
  /** Tick values or labels, when they are not 0, 1, 2, … */
  readonly values?: readonly (number | string)[];
  readonly unit?: string;
}

/** A row-major array with named axes. */
export interface Field {
  readonly axes: readonly Axis[];
  readonly data: Float64Array | Float32Array;
  readonly unit: string;
}

/** Time series per replica. */
export interface SeriesRecord {
  readonly kind: "series";
  /** e.g. `loss`, `|theta|^2`; one entry per `values` slice. */
  readonly quantities: readonly string[];
  /** SGD steps between two samples. */
  readonly every: number;
  /** Step numbers, [time]. The value at step t is taken from θ_t, before update t is applied. */
  readonly steps: Float64Array;
  /** Replicas interact in groups of so many and are not independent; absent where they are. */
  readonly groupSize?: number;
  /** [quantity, condition, replica, time]; NaN from the step a replica froze. */
  readonly values: Field;
}

/** Time-averaged first and second moments per replica, about a common reference point. */
export interface MomentsRecord {
  readonly kind: "moments";
  /** Replicas interact in groups of so many and are not independent; absent where they are. */
  readonly groupSize?: number;
  /** Names of the coordinates z_k: `theta[0]`, `W[1,2]`, `v.theta[0]`, or a projection's name. */
  readonly coordinates: readonly string[];
  readonly every: number;
  /** Lags in SGD steps. */
  readonly lags: readonly number[];
  /** Pairs averaged, [lag]. */
  readonly counts: readonly number[];
  /** Common origin c of condition, [condition, coordinate]. */
  readonly reference: Field;
  /** ⟨z_t − c⟩ over the origins of each lag, [condition, replica, lag, coordinate]. */
  readonly first: Field;
  /** ⟨z_{t+lag} − c⟩ over the ends of each lag, [condition, replica, lag, coordinate]. */
  readonly firstEnd: Field;
  /** ⟨(z_t − c)_i (z_{t+lag} − c)_j⟩, [condition, replica, lag, i, j]. NaN for frozen replicas. */
  readonly second: Field;
}

/** Whole states at chosen steps. */
export interface SnapshotRecord {
  readonly kind: "snapshot";
  /** Replicas interact in groups of so many and are not independent; absent where they are. */
  readonly groupSize?: number;
  readonly steps: Float64Array;
  readonly coordinates: readonly string[];
  /** [time, condition, replica, coordinate]; NaN from the step a replica froze. */
  readonly values: Field;
}

/** One axis of a grid: half-open cells of equal width. */
export interface GridAxis {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly bins: number;
}

/**
 * What the records on grids share. Replicas are dealt to groups by their number, r mod 64, whatever
 * the shard; a group without replicas has zeros.
 */
interface GridRecord {
  /** Replicas interact in groups of so many, which the grid's own groups cut across. */
  readonly groupSize?: number;
  readonly grid: readonly GridAxis[];
  readonly every: number;
  /** Replicas of each group, [condition, group]. */
  readonly replicas: Field;
  /** Of these, replicas that were frozen at the end; they count up to their last step. */
  readonly frozen: Field;
}

/** Visits of the cells of a grid. */
export interface DensityRecord extends GridRecord {
  readonly kind: "density";
  /** Records of a replica that did not freeze. */
  readonly records: number;
  /** Visits, [condition, group, cell…], one cell axis for each axis of the grid. */
  readonly counts: Field;
  /** Records outside of the grid, [condition, group]. */
  readonly outside: Field;
}

/** Half displacements on a grid of two axes, from which currents are made. */
export interface FluxRecord extends GridRecord {
  readonly kind: "flux";
  /** Displacements of a replica that did not freeze; each is over `every` steps. */
  readonly pairs: number;
  /** ½ for each start and each end of a displacement, [condition, group, cell, cell]. */
  readonly visits: Field;
  /** Σ ½dx, in the cell of the start and in that of the end, [condition, group, component, cell, cell]. */
  readonly displacement: Field;
  /** The same outside of the grid, [condition, group] and [condition, group, component]. */
  readonly visitsOutside: Field;
  readonly displacementOutside: Field;
}

/** Mean squared displacements per replica. */
export interface DisplacementRecord {
  readonly kind: "displacement";
  /** Replicas interact in groups of so many and are not independent; absent where they are. */
  readonly groupSize?: number;
  /** Names of the coordinates z: parameters, or projections. */
  readonly coordinates: readonly string[];
  /** Lags in SGD steps. */
  readonly lags: readonly number[];
  /** Pairs averaged for each replica, [lag]; 0 where no pair was observed, which leaves NaN. */
  readonly counts: readonly number[];
  /** Origins kept at a time, and the steps between them. */
  readonly origins: number;
  readonly spacing: number;
  /** ⟨|z_{t+lag} − z_t|²⟩ over origins t, [condition, replica, lag]. NaN for frozen replicas. */
  readonly meanSquare: Field;
  /** Steps averaged into `local`; 0 when it was not asked for. */
  readonly localSteps: number;
  /** ⟨|z_{t+1} − z_t|²⟩ over all steps, [condition, replica]. */
  readonly local: Field;
}

/** Counts of sums of entropy production by bins of |σ|. */
export interface EntropyHistogram {
  /** Consecutive σ that make an event. */
  readonly window: number;
  /** Width of a bin, [condition], nats. */
  readonly width: Field;
  /** Events with σ > 0, and the others, [condition, group, bin]. */
  readonly positive: Field;
  readonly negative: Field;
  /** Σ e^{|σ|} over the others, [condition, group, bin]. */
  readonly weighted: Field;
  /** Events of |σ| beyond the last bin, [condition, group]. */
  readonly beyond: Field;
}

/** Entropy production along trajectories, σ = (z − c)ᵀ Q (z' − z), and of sums of consecutive σ. */
export interface EntropyProductionRecord {
  readonly kind: "entropyProduction";
  /** Replicas interact in groups of so many and are not independent; absent where they are. */
  readonly groupSize?: number;
  readonly coordinates: readonly string[];
  /** SGD steps between z and z'. */
  readonly every: number;
  /** c, [condition, coordinate], and Q, [condition, coordinate, coordinate'], as they were given. */
  readonly center: Field;
  readonly form: Field;
  /** Numbers of consecutive σ that make an event. */
  readonly windows: readonly number[];
  /** Events of a replica, [window]. */
  readonly counts: readonly number[];
  /** ⟨σ⟩ and ⟨e^−σ − 1⟩ over the events, [condition, replica, window, statistic]. */
  readonly first: Field;
  /** Their second moments about 0, [condition, replica, window, statistic, statistic']. NaN for frozen replicas. */
  readonly second: Field;
  /** By `window1`, `window10`, …; replicas that froze count up to their last step. */
  readonly histograms: Readonly<Record<string, EntropyHistogram>>;
}

/** Net crossings of the faces of a grid of two axes. */
export interface CrossingsRecord extends GridRecord {
  readonly kind: "crossings";
  /** Displacements of a replica that did not freeze; each is over `every` steps. */
  readonly pairs: number;
  /** Displacements of all replicas of a group, [condition, group]. */
  readonly displacements: Field;
  /** Crossings along the first axis less those against it, [condition, group, face, cell]. */
  readonly along: Field;
  /** The same of the second axis, [condition, group, cell, face]. */
  readonly up: Field;
}

/** The Record of each kind of observable. */
export interface RecordOfKind {
  readonly series: SeriesRecord;
  readonly moments: MomentsRecord;
  readonly snapshot: SnapshotRecord;
  readonly density: DensityRecord;
  readonly flux: FluxRecord;
  readonly crossings: CrossingsRecord;
  readonly displacement: DisplacementRecord;
  readonly entropyProduction: EntropyProductionRecord;
}

export type ObservableRecord = RecordOfKind[keyof RecordOfKind];

/** What a measure of all replicas at one step shares; NaN for frozen replicas. */
interface MeasureRecord {
  /** SGD steps taken before. */
  readonly step: number;
  /** One hyperparameter setting per condition. */
  readonly conditions: readonly Readonly<Record<string, number>>[];
  /** Replicas interact in groups of so many and are not independent; absent where they are. */
  readonly groupSize?: number;
}

/** Traces that random signs z see: z·M z, whose mean over z is tr M. */
export interface TraceRecord extends MeasureRecord {
  readonly kind: "trace";
  /** M: `H`, or `H C`, C the covariance of one sample's gradient. */
  readonly matrix: "H" | "H C";
  /** z·M z, [probe, condition, replica]. */
  readonly values: Field;
  /** f of each condition: a batch's gradient has the covariance f C; NaN where it is not random. */
  readonly noiseFactors: readonly number[];
}

/** Extreme eigenvalues of the Hessian of f = L + (λ/2)|θ|². */
export interface EigenpairsRecord extends MeasureRecord {
  readonly kind: "eigenpairs";
  /** From the top, largest first, or from the bottom, least first. */
  readonly end: "top" | "bottom";
  /** u·H u, [pair, condition, replica]. */
  readonly values: Field;
  /** |H u − (u·H u) u|, [pair, condition, replica]: some eigenvalue is no further from `values`. */
  readonly residuals: Field;
  /** u, orthonormal, [pair, condition, replica, param]. */
  readonly vectors: Field;
  /** Products with the Hessian, for each replica. */
  readonly products: number;
}

/** The gradient over the data, and how the samples' scatter about it. */
export interface GradientNoiseRecord extends MeasureRecord {
  readonly kind: "gradientNoise";
  /** f of each condition: a batch's gradient has the covariance f C; NaN where it is not random. */
  readonly noiseFactors: readonly number[];
  readonly parameters: number;
  /** |∇f|², weight decay included, [condition, replica]. */
  readonly gradientSquare: Field;
  /** tr C, C the covariance of one sample's gradient over the data, [condition, replica]. */
  readonly trace: Field;
  /** u_k·∇f, [direction, condition, replica]. */
  readonly along: Field;
  /** u_k·C u_l, [direction, direction', condition, replica]. */
  readonly covariance: Field;
}

/** Which software, device and numbers made a Record. */
export interface Provenance {
  readonly thermograd: string;
  readonly adapter: string;
  readonly software: boolean;
  readonly seed: number;
  readonly model: string;
  readonly sampling: string;
  readonly update: string;
  readonly schedule: string;
  /** Schedule and geometry: bitwise the same run needs the same; absent in records of earlier versions. */
  readonly setting?: {
    readonly schedule?: string;
    readonly workgroup?: number;
    readonly unroll?: number;
  };
}

/** The part of a Record that belongs to the run, not to one observable. */
export interface RunInfo {
  readonly firstStep: number;
  readonly steps: number;
  /** One hyperparameter setting per condition, e.g. `{ learningRate: 0.1, batchSize: 8 }`. */
  readonly conditions: readonly Readonly<Record<string, number>>[];
  /** Global numbers of the replicas in this Record. */
  readonly replicas: { readonly first: number; readonly count: number };
  /**
   * Replicas that interact through their mean, in groups of so many: not independent of each other,
   * groups are. Absent where replicas are independent.
   */
  readonly groupSize?: number;
  /** Step at which a replica was frozen because it diverged, −1 if it was not, [condition, replica]. */
  readonly frozen: Int32Array;
  /**
   * Implicit steps since the start that were not solved to the tolerance, [condition, replica];
   * absent for other rules.
   */
  readonly unsolved?: Int32Array;
  /** A replica that leaves |θ| < theta or loss < loss is frozen. */
  readonly bounds: { readonly theta: number; readonly loss: number };
  readonly provenance: Provenance;
}

/** Observables by the names they were asked for under, and `run`. */
export interface RunRecord {
  readonly [name: string]: ObservableRecord | RunInfo;
  readonly run: RunInfo;
}
