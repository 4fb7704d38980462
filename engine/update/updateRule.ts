/**
 * The contract of an update rule: what it keeps, what it is told, one step in float64.
 *
 * The WGSL of the step is `shaders/update/<name>.wgsl`, which the schedules import; its twin is
 * `step`. A rule never draws minibatches and never sees the data: it is given G.
 */

/** A number a condition may set; swept values live in a storage buffer, never in shader text. */
export interface Hyperparameter {
  readonly unit: string;
  readonly meaning: string;
  /** Used when it is not given; `null`: it must be given. */
  readonly initial: number | null;
  /** Throws nothing, returns what is wrong: `must be in [0, 1)`. */
  readonly complaint: (value: number) => string | null;
}

export type Setting = Readonly<Record<string, number>>;

/** One parameter's state: θ and (if kept) v. */
export interface StateVectors {
  readonly theta: Float64Array;
  readonly velocity: Float64Array;
}

export interface UpdateRule {
  readonly name: string;
  /** Citation with equation. */
  readonly source: string;
  readonly equation: string;
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  /** Settings that hold unless a sweep says otherwise. */
  readonly setting: Setting;
  /** Does any of these conditions need a velocity, gradient noise? */
  readonly needsVelocity: (conditions: readonly Setting[]) => boolean;
  readonly needsNoise: (conditions: readonly Setting[]) => boolean;
  /** Relations between hyperparameters: what is wrong with a setting, or null. */
  readonly complaint: (setting: Setting) => string | null;
  /** In-place float64 step from G (weight decay and noise included). */
  readonly step: (state: StateVectors, gradient: Float64Array, setting: Setting) => void;
}
