/**
 * Adam and AMSGrad, with weight decay in the gradient or decoupled (AdamW).
 *
 * Source: D. Kingma and J. Ba, arXiv 1412.6980, algorithm 1; S. Reddi, S. Kale and S. Kumar,
 * ICLR 2018 (AMSGrad); I. Loshchilov and F. Hutter, arXiv 1711.05101, algorithm 2 (decoupled decay).
 */
import {
  flag,
  fraction,
  GRADIENT_HYPERPARAMETERS,
  type GradientSettings,
  nonNegative,
  numbers,
  positive,
  STEP_HYPERPARAMETERS,
} from "./gradientHyperparameters.ts";
import type {
  Clock,
  Constants,
  Element,
  Hyperparameter,
  Setting,
  UpdateRule,
} from "./updateRule.ts";

const HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  ...STEP_HYPERPARAMETERS,
  beta1: {
    unit: "1",
    meaning: "β₁, memory of the mean gradient",
    initial: 0.9,
    complaint: fraction,
  },
  beta2: {
    unit: "1",
    meaning: "β₂, memory of the mean squared gradient",
    initial: 0.999,
    complaint: fraction,
  },
  epsilon: {
    unit: "loss/θ",
    meaning: "ε, added to the root of the mean square",
    initial: 1e-8,
    complaint: positive,
  },
  amsgrad: {
    unit: "0 or 1",
    meaning: "1 divides by the largest mean square so far",
    initial: 0,
    complaint: flag,
  },
  decoupledDecay: {
    unit: "1/η",
    meaning: "w, shrinks θ by ηwθ beside the adaptive step",
    initial: 0,
    complaint: nonNegative,
  },
  ...GRADIENT_HYPERPARAMETERS,
};

export interface AdamSettings extends GradientSettings {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly amsgrad?: boolean | number;
  readonly decoupledDecay?: number;
}

/**
 * m' = β₁m + (1 − β₁)G;  s' = β₂s + (1 − β₂)G²;  θ' = θ − η (m̂/(√ŝ + ε) + wθ),
 * m̂ = m'/(1 − β₁ᵗ), ŝ = s'/(1 − β₂ᵗ), t = step + 1.
 *
 * AMSGrad puts the largest s' so far in place of s' (bias-corrected, as PyTorch does). η in units of θ.
 * Any rule θ' = θ − ηu obeys ⟨(θ − c)·u⟩ = (η/2)⟨|u|²⟩ in a stationary state; AMSGrad's maximum
 * keeps growing, so that its states are stationary only nearly.
 *
 * @see arXiv 1412.6980, algorithm 1; arXiv 1711.05101, algorithm 2
 * @example adam({ learningRate: 0.01, batchSize: 8, weightDecay: 0.1 })
 */
export function adam(settings: AdamSettings): UpdateRule {
  return {
    name: "adam",
    shader: "update/adam",
    source: "arXiv 1412.6980, algorithm 1",
    equation: "theta' = theta - eta (m / (sqrt(s) + epsilon) + w theta)",
    hyperparameters: HYPERPARAMETERS,
    setting: numbers(settings),
    vectors: ["firstMoment", "secondMoment", "largestSecondMoment"],
    needs: (conditions) => [
      "firstMoment",
      "secondMoment",
      ...(conditions.some((c) => c.amsgrad !== 0) ? ["largestSecondMoment"] : []),
    ],
    normals: () => ({ prepare: 0, update: 0 }),
    complaint: () => null,
    constants,
    update,
  };
}

const constants = ({ beta1, beta2 }: Setting, { step }: Clock): Constants => ({
  first: 1 - beta1! ** (step + 1),
  second: 1 - beta2! ** (step + 1),
});

/** x = (θ, m, s, largest s) */
function update(
  x: Element,
  gradient: number,
  _xi: readonly [number, number],
  { learningRate, beta1, beta2, epsilon, amsgrad, decoupledDecay }: Setting,
  { first, second }: Constants,
): void {
  const mean = beta1! * x[1]! + (1 - beta1!) * gradient;
  const square = beta2! * x[2]! + (1 - beta2!) * gradient * gradient;
  const largest = Math.max(x[3]!, square);
  const scale = Math.sqrt((amsgrad ? largest : square) / second!) + epsilon!;
  x[0]! -= learningRate! * (mean / first! / scale + decoupledDecay! * x[0]!);
  x[1] = mean;
  x[2] = square;
  x[3] = largest;
}
