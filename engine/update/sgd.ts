/**
 * Stochastic gradient descent with momentum, dampening, Nesterov look-ahead, weight decay and
 * isotropic gradient noise.
 *
 * Source: fluctuation-dissipation relations for SGD (arXiv 1810.00004), section 2; limiting
 * dynamics of SGD (arXiv 2107.09133), section 2, with the velocity sign used there.
 */
import type { Hyperparameter, Setting, UpdateRule } from "./updateRule.ts";

const nonNegative = (value: number): string | null =>
  Number.isFinite(value) && value >= 0 ? null : "must be a finite number >= 0";

const HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  batchSize: {
    unit: "samples",
    meaning: "samples in a minibatch, B",
    initial: null,
    complaint: (value) =>
      Number.isInteger(value) && value >= 1 ? null : "must be a whole number >= 1",
  },
  learningRate: {
    unit: "θ²/loss",
    meaning: "step size η",
    initial: null,
    complaint: (value) =>
      Number.isFinite(value) && value >= 0 ? null : "must be a finite number >= 0",
  },
  momentum: {
    unit: "1",
    meaning: "μ, the share of the velocity kept at each step",
    initial: 0,
    complaint: (value) => (value >= 0 && value < 1 ? null : "must be in [0, 1)"),
  },
  dampening: {
    unit: "1",
    meaning: "ν, the gradient enters the velocity times 1 − ν",
    initial: 0,
    complaint: (value) => (value >= 0 && value < 1 ? null : "must be in [0, 1)"),
  },
  nesterov: {
    unit: "0 or 1",
    meaning: "1 takes the gradient step from the look-ahead point",
    initial: 0,
    complaint: (value) => (value === 0 || value === 1 ? null : "must be 0 or 1"),
  },
  weightDecay: {
    unit: "loss/θ²",
    meaning: "λ, adds λθ to the gradient",
    initial: 0,
    complaint: nonNegative,
  },
  gradientNoise: {
    unit: "loss/θ",
    meaning: "s, standard deviation of Gaussian noise added to each component of the gradient",
    initial: 0,
    complaint: nonNegative,
  },
};

export interface SgdSettings {
  readonly learningRate?: number;
  readonly batchSize?: number;
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean | number;
  readonly weightDecay?: number;
  readonly gradientNoise?: number;
}

/**
 * The SGD rule; anything left out here must be given by the sweep (`learningRate`, `batchSize`) or
 * is zero.
 *
 * G = (1/B) Σ ∇l_b + λθ + sξ;  v' = μv − (1 − ν)G;  θ' = θ + ηv'  (Nesterov: θ' = θ + η(μv' − G)).
 *
 * Units: time in steps, v in θ/η. Exact in any stationary state (Nesterov off):
 * ⟨θ·G⟩ = (η/2)((1 + μ)/(1 − ν))⟨v·v⟩.
 *
 * @see arXiv 1810.00004, FDR1; arXiv 2107.09133, eq. 2
 * @example sgd({ learningRate: 0.05, batchSize: 8, momentum: 0.9 })
 */
export function sgd(settings: SgdSettings): UpdateRule {
  const setting: Record<string, number> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined) setting[name] = Number(value);
  }
  return {
    name: "sgd",
    source: "arXiv 1810.00004, section 2",
    equation: "v' = mu v - (1 - nu) G; theta' = theta + eta v'",
    hyperparameters: HYPERPARAMETERS,
    setting,
    needsVelocity: (conditions) => conditions.some((c) => c.momentum !== 0),
    needsNoise: (conditions) => conditions.some((c) => c.gradientNoise !== 0),
    complaint: (c) =>
      c.nesterov === 1 && (c.dampening !== 0 || c.momentum === 0)
        ? "nesterov needs momentum > 0 and dampening 0; set dampening: 0 or nesterov: 0"
        : null,
    step,
  };
}

function step(
  { theta, velocity }: { theta: Float64Array; velocity: Float64Array },
  gradient: Float64Array,
  { learningRate, momentum, dampening, nesterov }: Setting,
): void {
  for (let p = 0; p < theta.length; p += 1) {
    const next = momentum! * velocity[p]! - (1 - dampening!) * gradient[p]!;
    velocity[p] = next;
    theta[p]! += learningRate! * (nesterov ? momentum! * next - gradient[p]! : next);
  }
}
