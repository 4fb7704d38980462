/** What a call of `advance` or `observe` is given, and tells. */

export interface RunOptions {
  /** SGD steps to take. */
  readonly steps: number;
  /** Heard between rounds of about half a second; the ensemble stays consistent. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EnsembleProgress) => void;
}

export interface EnsembleProgress {
  /** Steps of this call that are done. */
  readonly steps: number;
  readonly of: number;
  readonly replicaStepsPerSecond: number;
}
