/**
 * The contract of a learning-rate schedule: η_t = η · factor(t), evaluated on the device.
 *
 * Its numbers are hyperparameters, so each condition may have its own. The WGSL of `factor` is
 * `shaders/rate/<file>.wgsl`: `fn rate_factor(step: u32, h: Hyperparameters) -> f32`.
 */
import type { Hyperparameter, Setting } from "../update/updateRule.ts";

export interface Rate {
  readonly name: string;
  /** Path of its WGSL below `shaders/`. */
  readonly shader: string;
  readonly equation: string;
  readonly hyperparameters: Readonly<Record<string, Hyperparameter>>;
  readonly setting: Setting;
  /** Relations between hyperparameters: what is wrong with a setting, or null. */
  readonly complaint: (setting: Setting) => string | null;
  /** η_t/η at a step, in float64. */
  readonly factor: (step: number, setting: Setting) => number;
}
