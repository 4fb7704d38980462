/**
 * The contract of a learning-rate schedule: η_t = η · factor(t), evaluated on the device.
 *
 * Its numbers are hyperparameters, so each condition may have its own and a sweep may run over them.
 * The WGSL of `factor` is `shaders/rate/<file>.wgsl`: `fn rate_factor(step: u32, h:
 * Hyperparameters) -> f32`. A constant rate is no schedule: leave `rate` out.
 */
import type { Hyperparameter, Setting } from "../update/updateRule.ts";
import type { SlotBody } from "../wgsl/link.ts";
import type { Adaptation } from "./adaptation.ts";

export interface Rate {
  /** Tells kernels apart: two rates of one name differ in their hyperparameters' values only. */
  readonly name: string;
  /** Paths of its WGSL below `shaders/`. */
  readonly shaders: readonly string[];
  /** Generated parts of that WGSL. */
  readonly slots?: Readonly<Record<string, SlotBody>>;
  readonly equation: string;
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  readonly setting: Setting;
  /** Relations between hyperparameters: what is wrong with a setting, or null. */
  readonly complaint: (setting: Setting) => string | null;
  /** WGSL of η_t/η at the step that a u32 expression gives; the hyperparameters are `fixed`. */
  readonly expression: (step: string) => string;
  /** η_t/η at a step, in float64; what `adaptation` finds is a factor beside it. */
  readonly factor: (step: number, setting: Setting) => number;
  /** A replica's own factor, found on the way. */
  readonly adaptation?: Adaptation;
}

/** The call of a file's `rate_factor`. */
export const rateFactor = (step: string): string => `rate_factor(${step}, fixed)`;

/** Longest time that float32 counts without gaps. */
export const MOST_STEPS = 2 ** 24;

/** A time of a schedule: whole steps that float32 holds exactly. */
export const wholeSteps =
  (least: number) =>
  (value: number): string | null =>
    Number.isInteger(value) && value >= least && value <= MOST_STEPS
      ? null
      : `must be a whole number from ${least} to 2^24`;

/** The given numbers; what is left out comes from a sweep or an initial value. */
export const given = (settings: object): Record<string, number> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
