/**
 * Stochastic gradient descent with momentum, dampening, Nesterov look-ahead, weight decay and
 * isotropic gradient noise.
 *
 * Source: fluctuation-dissipation relations for SGD (arXiv 1810.00004), section 2; limiting
 * dynamics of SGD (arXiv 2107.09133), section 2, with the velocity sign used there.
 */
import {
  flag,
  fraction,
  GRADIENT_HYPERPARAMETERS,
  type GradientSettings,
  numbers,
  STEP_HYPERPARAMETERS,
} from "./gradientHyperparameters.ts";
import type { Element, Hyperparameter, Setting, UpdateRule } from "./updateRule.ts";

const HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  ...STEP_HYPERPARAMETERS,
  momentum: {
    unit: "1",
    meaning: "μ, the share of the velocity kept at each step",
    initial: 0,
    complaint: fraction,
  },
  dampening: {
    unit: "1",
    meaning: "ν, the gradient enters the velocity times 1 − ν",
    initial: 0,
    complaint: fraction,
  },
  nesterov: {
    unit: "0 or 1",
    meaning: "1 takes the gradient step from the look-ahead point",
    initial: 0,
    complaint: flag,
  },
  ...GRADIENT_HYPERPARAMETERS,
};

export interface SgdSettings extends GradientSettings {
  readonly momentum?: number;
  readonly dampening?: number;
  readonly nesterov?: boolean | number;
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
  return {
    name: "sgd",
    shader: "update/sgd",
    source: "arXiv 1810.00004, section 2",
    equation: "v' = mu v - (1 - nu) G; theta' = theta + eta v'",
    hyperparameters: HYPERPARAMETERS,
    setting: numbers(settings),
    vectors: ["velocity"],
    needs: (conditions) => (conditions.some((c) => c.momentum !== 0) ? ["velocity"] : []),
    normals: () => ({ prepare: 0, update: 0 }),
    complaint: (c) =>
      c.nesterov === 1 && (c.dampening !== 0 || c.momentum === 0)
        ? "nesterov needs momentum > 0 and dampening 0; set dampening: 0 or nesterov: 0"
        : null,
    update,
  };
}

/** x = (θ, v) */
function update(
  x: Element,
  gradient: number,
  _xi: readonly [number, number],
  { learningRate, momentum, dampening, nesterov }: Setting,
): void {
  const next = momentum! * x[1]! - (1 - dampening!) * gradient;
  x[1] = next;
  x[0]! += learningRate! * (nesterov ? momentum! * next - gradient : next);
}
