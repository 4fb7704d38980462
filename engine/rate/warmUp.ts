/**
 * A linear warm-up of the learning rate, before any other schedule or a constant rate
 * (Goyal et al., arXiv 1706.02677, section 2.2, "gradual warmup").
 */
import { ArgumentError } from "../errors.ts";
import { nonNegative } from "../update/gradientHyperparameters.ts";
import { given, type Rate, wholeSteps } from "./rate.ts";

export interface WarmUpSettings {
  /** Steps until η is reached; 0: no warm-up. */
  readonly warmUpSteps?: number;
  readonly firstFactor?: number;
  /** The schedule that begins when the warm-up ends; constant unless given. */
  readonly followedBy?: Rate;
}

const WARM_UP: Rate["hyperparameters"] = {
  warmUpSteps: {
    unit: "steps",
    meaning: "n, steps until the rate has risen to η; 0: no warm-up",
    initial: null,
    complaint: wholeSteps(0),
  },
  firstFactor: {
    unit: "1",
    meaning: "f, rate of the first step over η",
    initial: 0,
    complaint: nonNegative,
  },
};

const ramp = (step: number, { warmUpSteps, firstFactor }: Record<string, number>): number =>
  step >= warmUpSteps! ? 1 : firstFactor! + (1 - firstFactor!) * (step / warmUpSteps!);

/**
 * η_t = η (f + (1 − f) t/n) for t < n, then the schedule `followedBy` at step t − n (η if there is none);
 * n = `warmUpSteps`, f = `firstFactor`.
 *
 * Time in SGD steps. The hyperparameters of both may be swept. With f = 0 the first step does not
 * move.
 *
 * @throws ArgumentError when `followedBy` is a warm-up itself.
 * @see arXiv 1706.02677, section 2.2
 * @example warmUp({ warmUpSteps: 500, followedBy: cosine({ annealSteps: 10_000 }) })
 */
export function warmUp({ followedBy: next, ...settings }: WarmUpSettings): Rate {
  if (next && "warmUpSteps" in next.hyperparameters) {
    throw new ArgumentError(
      `warmUp: followedBy is ${next.name}, which warms up itself; give one warm-up, or piecewise().`,
    );
  }
  return {
    ...next,
    name: next ? `warmUp, then ${next.name}` : "warmUp",
    shaders: ["rate/warm_up", ...(next?.shaders ?? [])],
    equation:
      "eta_t = eta (f + (1 - f) t/n) for t < n" +
      (next ? `, then from t = n: ${next.equation}` : ""),
    hyperparameters: { ...WARM_UP, ...next?.hyperparameters },
    setting: { ...given(settings), ...next?.setting },
    complaint: (setting) => next?.complaint(setting) ?? null,
    expression: (step) =>
      `warm_up_factor(${step}, fixed)` +
      (next ? ` * ${next.expression(`after_warm_up(${step}, fixed)`)}` : ""),
    factor: (step, setting) =>
      ramp(step, setting) *
      (next?.factor(step - Math.min(step, setting.warmUpSteps!), setting) ?? 1),
  };
}
