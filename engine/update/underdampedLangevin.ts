/**
 * Underdamped (kinetic) Langevin dynamics of unit mass, by the BAOAB splitting.
 *
 *   dθ = v dt,  dv = −∇L dt − γv dt + √(2γT) dW
 *
 * Source: B. Leimkuhler and C. Matthews, Appl. Math. Res. Express 2013, 34 (BAOAB).
 */
import {
  GRADIENT_HYPERPARAMETERS,
  type GradientSettings,
  numbers,
  positive,
  STEP_HYPERPARAMETERS,
} from "./gradientHyperparameters.ts";
import { TEMPERATURE } from "./langevin.ts";
import type { Constants, Element, Hyperparameter, Setting, UpdateRule } from "./updateRule.ts";

/** Hyperparameters of kinetic Langevin rules; their learning rate is the time step h. */
export const KINETIC_HYPERPARAMETERS: Readonly<Record<string, Hyperparameter>> = {
  ...STEP_HYPERPARAMETERS,
  learningRate: {
    ...STEP_HYPERPARAMETERS.learningRate!,
    unit: "θ/loss^½",
    meaning: "time step h of dynamics with unit mass",
  },
  friction: {
    unit: "loss^½/θ",
    meaning: "γ, rate at which velocities are forgotten",
    initial: null,
    complaint: positive,
  },
  temperature: TEMPERATURE,
  ...GRADIENT_HYPERPARAMETERS,
};

export interface KineticSettings extends GradientSettings {
  readonly friction?: number;
  readonly temperature?: number;
}

/**
 * v₁ = v − hG;  θ₁ = θ + hv₁/2;  v' = e^{−γh} v₁ + √(T(1 − e^{−2γh})) ξ;  θ' = θ₁ + hv'/2.
 *
 * BAOAB begun at its kick: θ has exactly BAOAB's law, v is taken half a kick before. `learningRate` is
 * the time step h [θ/loss^½]. On L = ½kθ² with the full gradient Var θ = T/k exactly, at any h < 2/√k.
 *
 * @see Leimkuhler & Matthews, AMRX 2013, eq. 11
 * @example underdampedLangevin({ learningRate: 0.1, friction: 1, temperature: 0.5, batchSize: 8 })
 */
export function underdampedLangevin(settings: KineticSettings): UpdateRule {
  return {
    name: "underdampedLangevin",
    shader: "update/underdamped_langevin",
    source: "Leimkuhler & Matthews, AMRX 2013 (BAOAB)",
    equation:
      "v1 = v - h G; theta1 = theta + h v1/2; v' = c v1 + sqrt(T (1 - c^2)) xi; theta' = theta1 + h v'/2",
    hyperparameters: KINETIC_HYPERPARAMETERS,
    setting: numbers(settings),
    vectors: ["velocity"],
    needs: () => ["velocity"],
    normals: () => ({ prepare: 0, update: 1 }),
    complaint: () => null,
    constants: ({ learningRate, friction, temperature }) => {
      const share = Math.exp(-friction! * learningRate!);
      return {
        share,
        kick: Math.sqrt(-temperature! * Math.expm1(-2 * friction! * learningRate!)),
      };
    },
    update,
  };
}

/** x = (θ, v) */
function update(
  x: Element,
  gradient: number,
  xi: readonly [number, number],
  { learningRate }: Setting,
  { share, kick }: Constants,
): void {
  const kicked = x[1]! - learningRate! * gradient;
  const next = share! * kicked + kick! * xi[0];
  x[0]! += 0.5 * learningRate! * (kicked + next);
  x[1] = next;
}
