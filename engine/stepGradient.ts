/** The contract of a source of G in float64: what it is given, what it does at a step. */
import type { Model } from "./model.ts";
import type { Lane, SamplingLaw } from "./sampling.ts";
import type { Dynamics } from "./update/dynamics.ts";
import type { RatedClock, ReferenceStep } from "./update/referenceStep.ts";
import type { Setting } from "./update/updateRule.ts";

/** Returns the mean loss over a batch of a step, writes the mean of its gradients, at the point. */
export type SampleGradient = (samples: Uint32Array, gradient: Float64Array, step: number) => number;

/** Returns the loss, writes G of a step, moves the point where the source does. */
export type StepGradient = (
  batch: Uint32Array,
  gradient: Float64Array,
  clock: RatedClock,
) => number;

export interface StepGradientRequest {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly setting: Setting;
  readonly sampling: SamplingLaw;
  readonly lane: Lane;
  /** Fields of every sample. */
  readonly rows: readonly Readonly<Record<string, Float64Array>>[];
  /** Means over the replica's group before the step, by parameter block. */
  readonly means: Readonly<Record<string, Float64Array>>;
  readonly steppers: ReferenceStep;
  readonly sampleGradient: SampleGradient;
  /** θ, and the point where G is taken: the same array unless the rule moves it. */
  readonly theta: Float64Array;
  readonly point: Float64Array;
  /** Count of implicit steps that were not solved, element 0; empty for other sources. */
  readonly unsolved: Float64Array;
}
