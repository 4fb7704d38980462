/**
 * Overdamped Langevin dynamics by the stochastic Heun step: weak order 2, two gradients a step.
 *
 * Source: G. N. Milstein, M. V. Tretyakov, Stochastic Numerics for Mathematical Physics (2004), section
 * 2.1 (weak order 2 for additive noise). With minibatches both gradients are those of one batch.
 */
import { type LangevinSettings, langevin } from "./langevin.ts";
import type { UpdateRule } from "./updateRule.ts";

/**
 * p = θ − hG(θ) + √(2hT) ξ;  θ' = θ − h(G(θ) + G(p))/2 + √(2hT) ξ with the same minibatch and ξ.
 *
 * `learningRate` is the step h [θ²/loss], the time it takes, as in all rules; a step costs two
 * evaluations of the gradient: at equal cost compare h with twice the η of `langevin`. Law wrong by
 * O(h²) with the full gradient and with `symmetric` batches, by O(h) with independent ones. On
 * L = ½kθ² with the full gradient, z = hk: ⟨θ²⟩ = 2hT(1 − z/2)²/(1 − (1 − z + z²/2)²), z < 2. G as
 * observed is the mean of both.
 *
 * @see Milstein & Tretyakov (2004), section 2.1
 * @example heunLangevin({ learningRate: 0.02, batchSize: 8, temperature: 0.5 })
 */
export function heunLangevin(settings: LangevinSettings): UpdateRule {
  return {
    ...langevin(settings),
    name: "heunLangevin",
    source:
      "Milstein & Tretyakov, Stochastic Numerics for Mathematical Physics (2004), section 2.1",
    equation:
      "p = theta - h G(theta) + sqrt(2 h T) xi; theta' = theta - h (G(theta) + G(p))/2 + the same noise",
    gradient: "corrected",
  };
}
