/**
 * A learning rate that drops when the chain has become stationary, seen by the
 * fluctuation-dissipation relation FDR1 (S. Yaida, arXiv 1810.00004, section 3.2).
 *
 * Every `checkEvery` steps O_L and O_R are averaged over the second half of the steps since the last
 * drop. In a stationary state the averages are equal at any rate, whatever the loss and the noise;
 * where they are equal to `ratioTolerance`, the rate drops, and what was averaged is forgotten.
 *
 *   velocity       O_L = (θ − c)·G,  O_R = (η/2) (1 + μ)/(1 − ν) |v|²        (SGD; v before the update)
 *   displacement   O_L = (θ − c)·u,  O_R = (η/2) |u|²,  u = (θ − θ')/η      (any rule: |θ − c|² is
 *                                                             stationary; from ⟨|θ'−c|²⟩ = ⟨|θ−c|²⟩)
 */
import { ArgumentError } from "../errors.ts";
import { positive } from "../update/gradientHyperparameters.ts";
import type { Hyperparameter, Setting } from "../update/updateRule.ts";
import type { SlotBody } from "../wgsl/link.ts";
import type { Adaptation, Relation } from "./adaptation.ts";
import { given, MOST_STEPS, type Rate } from "./rate.ts";

export interface FdrRateSettings {
  /** X, the rate drops where |⟨O_L⟩/⟨O_R⟩ − 1| < X. */
  readonly ratioTolerance?: number;
  /** 1 − Y, the rate after a drop over that before. */
  readonly dropFactor?: number;
  /** t_ad, steps between two checks; even. */
  readonly checkEvery?: number;
  /** `velocity` unless given; `displacement` is for rules other than SGD, and for Nesterov's step. */
  readonly relation?: Relation;
  /** `replica` unless given: each replica has a rate of its own. */
  readonly scope?: "replica" | "condition";
  /**
   * Blocks of checkEvery/2 steps that are remembered: the average goes back over so many at most;
   * 64 unless given, 8 bytes each for every replica.
   */
  readonly capacity?: number;
  /** A fixed point c near the mean of θ, [param]: less scatter, so fewer drops by chance. */
  readonly center?: readonly number[];
}

const HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  ratioTolerance: {
    unit: "1",
    meaning: "X, the rate drops where |⟨O_L⟩/⟨O_R⟩ − 1| < X",
    initial: 0.01,
    complaint: positive,
  },
  dropFactor: {
    unit: "1",
    meaning: "1 − Y, the rate after a drop over that before",
    initial: 0.1,
    complaint: (value) => (value > 0 && value <= 1 ? null : "must be in (0, 1]"),
  },
  checkEvery: {
    unit: "steps",
    meaning: "t_ad, steps between two checks",
    initial: 1000,
    complaint: (value) =>
      value >= 2 && value <= MOST_STEPS && value % 2 === 0
        ? null
        : "must be an even number from 2 to 2^24",
  },
};

const MOST_BLOCKS = 4096;

/** Nothing is wrong with a relation and a rule's setting, or what is. */
function misuse(relation: Relation, setting: Setting): string | null {
  return relation === "velocity" && setting.nesterov === 1
    ? 'the velocity relation does not hold for Nesterov\'s step; use fdrRate({ relation: "displacement" })'
    : null;
}

function checked(settings: FdrRateSettings): Adaptation {
  const { relation = "velocity", scope = "replica", capacity = 64, center = null } = settings;
  if (relation !== "velocity" && relation !== "displacement") {
    throw new ArgumentError(
      `fdrRate: relation is "${relation}"; use "velocity" (SGD) or "displacement" (any rule).`,
    );
  }
  if (scope !== "replica" && scope !== "condition") {
    throw new ArgumentError(`fdrRate: scope is "${scope}"; use "replica" or "condition".`);
  }
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > MOST_BLOCKS) {
    throw new ArgumentError(
      `fdrRate: capacity is ${capacity} blocks; use a whole number from 1 to ${MOST_BLOCKS}.`,
    );
  }
  return { relation, scope, capacity, center };
}

/** The ring's place in the lane's state is the schedule's; see `plan/adaptationSlots.ts`. */
const decision = ({ capacity, scope }: Adaptation): SlotBody => ({
  code: [
    `const RING: u32 = ${capacity}u;`,
    `const REPLICA_DECIDES: bool = ${scope === "replica"};`,
  ].join("\n"),
});

/**
 * A rate that drops by `dropFactor` whenever |⟨O_L⟩/⟨O_R⟩ − 1| < `ratioTolerance` at a check; see the
 * file head for O_L and O_R.
 *
 * Evaluated on the device, for each replica. With `scope: "condition"` O_L and O_R are averaged over
 * the living replicas of a condition too, which share one rate: the host adds them once in
 * `checkEvery` steps. The networks of the paper need weightDecay > 0, without which θ has no scale and
 * |θ|² no stationary value; a loss with a minimum of its own does not. Beyond capacity · checkEvery
 * steps without a drop the average runs over the last capacity · checkEvery/2 steps.
 *
 * Observe `learningRate`, `rateDrops`, `fdrRatio` and `stepsSinceDrop` to see what it does.
 *
 * @throws ArgumentError for a relation that the rule does not obey, when the ensemble is created.
 * @see arXiv 1810.00004, section 3.2; defaults from the authors' code (FDR_scheduler)
 * @example fdrRate({ ratioTolerance: 0.01, dropFactor: 0.1, checkEvery: 1000 })
 */
export function fdrRate(settings: FdrRateSettings = {}): Rate {
  const adaptation = checked(settings);
  const { ratioTolerance, dropFactor, checkEvery } = settings;
  return {
    name: `fdrRate by ${adaptation.relation}, ${adaptation.scope}`,
    shaders: ["rate/fluctuation_dissipation"],
    slots: { decision: decision(adaptation) },
    equation: "eta_t = eta (1 - Y)^drops, a drop where |<O_L>/<O_R> - 1| < X",
    hyperparameters: HYPERPARAMETERS,
    setting: given({ ratioTolerance, dropFactor, checkEvery }),
    complaint: (setting) => misuse(adaptation.relation, setting),
    expression: () => "adaptation.factor",
    factor: () => 1,
    adaptation,
  };
}
