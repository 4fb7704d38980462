/**
 * SGWORLD: Langevin dynamics with minibatches drawn without replacement, whose stationary state is
 * one of equilibrium.
 *
 * Source: machine learning in and out of equilibrium (arXiv 2306.03521), abstract; the exact update
 * is a reconstruction (card A7), random reshuffling for SGLD is analyzed in arXiv 2501.16055.
 */
import { numbers } from "./gradientHyperparameters.ts";
import { type LangevinSettings, langevin } from "./langevin.ts";
import type { UpdateRule } from "./updateRule.ts";

export interface SgworldSettings extends LangevinSettings {
  /**
   * `step`: noise at every step (the default). `epoch`: half of an epoch's noise before it, half after
   * it, none in between.
   */
  readonly noise?: "step" | "epoch";
}

/**
 * θ' = θ − ηG + √(2ηT) ξ at every step, with G from reshuffled batches; or, once an epoch of M steps,
 * θ ← θ + √(ηMT) ξ before its first gradient and after its last step.
 *
 * The batches' noise cancels over an epoch: what remains is O(η⁴) per epoch and a displacement of the
 * mean by that of L + (η/4) tr C; the error O(η) of Euler's step is left. Needs sampling "reshuffled".
 *
 * @see arXiv 2306.03521; Shaw & Whalley, arXiv 2501.16055
 * @example sgworld({ learningRate: 1e-3, batchSize: 1 })
 */
export function sgworld(settings: SgworldSettings): UpdateRule {
  const { noise = "step", ...rest } = settings;
  const everyStep = { ...langevin(rest), name: "sgworld", laws: ["reshuffled"] as const };
  if (noise === "step") return everyStep;
  return {
    ...everyStep,
    shader: "update/sgworld",
    source: "arXiv 2306.03521",
    equation: "theta' = theta - eta G, with sqrt(eta M T) xi before and after each epoch",
    setting: numbers(rest),
    normals: (conditions) => {
      const each = conditions.some((c) => c.temperature !== 0) ? 1 : 0;
      return { prepare: each, update: each };
    },
    constants: ({ learningRate, temperature }, { step, batches }) => {
      const half = Math.sqrt(learningRate! * batches * temperature!);
      return {
        before: step % batches === 0 ? half : 0,
        after: step % batches === batches - 1 ? half : 0,
      };
    },
    prepare: (x, xi, _setting, { before }) => {
      x[0]! += before! * xi[0];
    },
    update: (x, gradient, xi, { learningRate }, { after }) => {
      x[0]! += after! * xi[0] - learningRate! * gradient;
    },
  };
}
