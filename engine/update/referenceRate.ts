/**
 * The learning rate of one replica in float64, step by step: its schedule, and where it finds itself
 * O_L and O_R of every step. Twin of `plan/adaptationSlots.ts`.
 */
import { ArgumentError } from "../errors.ts";
import {
  type Adaptation,
  type AdaptationState,
  adapt,
  adaptationState,
  type Balance,
} from "../rate/adaptation.ts";
import type { Dynamics } from "./dynamics.ts";
import type { Setting } from "./updateRule.ts";

export interface ReferenceRate {
  /** η of a step, before the learning-rate matrix. */
  readonly at: (step: number) => number;
  /** Sees θ, v and G before the update of a step. */
  readonly before: (theta: Float64Array, velocity: Float64Array, gradient: Float64Array) => void;
  /** Sees θ after it; the rate may drop from the next step on. */
  readonly after: (theta: Float64Array) => void;
  /** What the rate knows, if it finds itself; it changes from step to step. */
  readonly state: Readonly<AdaptationState> | null;
}

function velocityBalance(
  { center }: Dynamics,
  { momentum, dampening }: Setting,
  rate: number,
  [theta, velocity, gradient]: readonly [Float64Array, Float64Array, Float64Array],
): Balance {
  let [left, square] = [0, 0];
  for (let p = 0; p < theta.length; p += 1) {
    left += (theta[p]! - (center?.[p] ?? 0)) * gradient[p]!;
    square += velocity[p]! ** 2;
  }
  return { left, right: ((rate / 2) * (1 + momentum!) * square) / (1 - dampening!) };
}

function displacementBalance(
  { center }: Dynamics,
  rate: number,
  before: Float64Array,
  after: Float64Array,
): Balance {
  let [left, square] = [0, 0];
  for (let p = 0; p < before.length; p += 1) {
    const moved = before[p]! - after[p]!;
    left += (before[p]! - (center?.[p] ?? 0)) * moved;
    square += moved ** 2;
  }
  return rate > 0 ? { left: left / rate, right: square / (2 * rate) } : { left: 0, right: 0 };
}

function checkScope(adaptation: Adaptation | undefined): void {
  if (adaptation?.scope !== "condition") return;
  throw new ArgumentError(
    'referenceTrajectory: a rate of scope "condition" is decided by all replicas together, this is ' +
      'one; use fdrRate({ scope: "replica" }).',
  );
}

/** @throws ArgumentError for a rate that replicas find together. */
export function referenceRate(
  dynamics: Dynamics,
  setting: Setting,
  from: Readonly<AdaptationState> | undefined,
): ReferenceRate {
  const adaptation = dynamics.rate?.adaptation;
  checkScope(adaptation);
  const state = adaptation ? adaptationState(adaptation, from) : null;
  let rate = setting.learningRate!;
  let balance: Balance = { left: 0, right: 0 };
  let earlier = new Float64Array(0);
  return {
    state,
    at: (step) => {
      const schedule = dynamics.rate?.factor(step, setting) ?? 1;
      rate = setting.learningRate! * schedule * (state?.factor ?? 1);
      return rate;
    },
    before: (theta, velocity, gradient) => {
      if (adaptation?.relation === "velocity") {
        balance = velocityBalance(dynamics, setting, rate, [theta, velocity, gradient]);
      } else if (adaptation) earlier = Float64Array.from(theta);
    },
    after: (theta) => {
      if (!adaptation || !state) return;
      if (adaptation.relation === "displacement") {
        balance = displacementBalance(dynamics, rate, earlier, theta);
      }
      adapt(state, balance, setting);
    },
  };
}
