/**
 * The contract of an update rule: what it keeps beside θ, what it is told, one step in float64.
 *
 * A rule acts on one parameter at a time and is given that parameter's part of G. Its WGSL is
 * `shaders/update/<file>.wgsl`, which the schedules import:
 *
 *   struct Constants; fn constants(h: Hyperparameters, clock: Clock) -> Constants
 *   fn prepare(x: vec4f, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f        (if it has one)
 *   fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f
 *
 * with x = (θ, first, second, third kept vector). A rule never draws minibatches and never sees the
 * data. Where G is taken, and what couples parameters (clipping, spheres), is not the rule's: see
 * `dynamics.ts`; it only names the source of G.
 */

import type { SamplingLaw } from "../sampling.ts";

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

/** When a step is taken. */
export interface Clock {
  /** Number of the step, from 0. */
  readonly step: number;
  /** Batches in an epoch, ⌊N/B⌋. */
  readonly batches: number;
}

/** Numbers of one step that all parameters share, computed once. */
export type Constants = Readonly<Record<string, number>>;

/** One parameter: θ and up to three kept numbers, changed in place. */
export type Element = Float64Array;

/** Standard normal numbers a parameter takes at a step, before the gradient and after. */
export interface Normals {
  readonly prepare: 0 | 1 | 2;
  readonly update: 0 | 1 | 2;
}

/**
 * Where G of a step comes from:
 *
 * - `minibatch`: the mean over the step's batch, at the point of `prepare`;
 * - `implicit`: the same at the solution y of y = θ − ηG(y), to which the element is moved before
 *   `update`; steps that are not solved are counted in the kept vector `unsolved`, element 0;
 * - `modelled`: the gradient over all data with Gaussian noise in place of the minibatch's, by the
 *   hyperparameters `noiseModel` (`update/noiseModel.ts`) and `timeStep`;
 * - `corrected`: (G(θ) + G(p))/2 with the same minibatch, noise and draws in both, p where `update`
 *   would go with G(θ); only for rules that keep no vectors. What `update` does with its mean is
 *   Heun's step of what it does with G(θ) alone.
 */
export type GradientSource = "minibatch" | "implicit" | "modelled" | "corrected";

export interface UpdateRule {
  readonly name: string;
  /** Path of its WGSL below `shaders/`. */
  readonly shader: string;
  /** Citation with equation. */
  readonly source: string;
  readonly equation: string;
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  /** Settings that hold unless a sweep says otherwise. */
  readonly setting: Setting;
  /**
   * Names of the vectors it may keep, at most three, in the order of an `Element`. One called
   * `velocity` can be observed as v.
   */
  readonly vectors: readonly string[];
  /** Those that any of these conditions needs; the others are not stored and read as 0. */
  readonly needs: (conditions: readonly Setting[]) => readonly string[];
  readonly normals: (conditions: readonly Setting[]) => Normals;
  /** Sampling laws the rule is defined for; all of them unless given. */
  readonly laws?: readonly SamplingLaw[];
  /** Relations between hyperparameters: what is wrong with a setting, or null. */
  readonly complaint: (setting: Setting) => string | null;
  /** `minibatch` unless it is there; the others have no `prepare`. */
  readonly gradient?: GradientSource;
  readonly constants?: (setting: Setting, clock: Clock) => Constants;
  /** Moves the element to the point where the gradient is taken; θ itself unless it is there. */
  readonly prepare?: (
    x: Element,
    xi: readonly [number, number],
    setting: Setting,
    constants: Constants,
  ) => void;
  /** The step, from where `prepare` left the element. */
  readonly update: (
    x: Element,
    gradient: number,
    xi: readonly [number, number],
    setting: Setting,
    constants: Constants,
  ) => void;
}
