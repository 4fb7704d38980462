/**
 * Kinetic Langevin dynamics of unit mass by the UBU splitting; with sampling "symmetric" SMS-UBU.
 *
 *   dθ = v dt,  dv = −∇L dt − γv dt + √(2γT) dW
 *
 * Source: D. Paulin, P. Whalley, N. Chada, B. Leimkuhler, Sampling from Bayesian neural network
 * posteriors with symmetric minibatch splitting Langevin dynamics, arXiv 2410.19780.
 */
import { numbers } from "./gradientHyperparameters.ts";
import { KINETIC_HYPERPARAMETERS, type KineticSettings } from "./underdampedLangevin.ts";
import type { Constants, Element, Setting, UpdateRule } from "./updateRule.ts";

/**
 * A step is U(h/2) B(h) U(h/2): U the exact flow of L = 0 with its noise, B the kick v ← v − hG at
 * the point between.
 *
 * U(τ): θ' = θ + (1 − e^{−a})v/γ + n_θ, v' = e^{−a}v + n_v, a = γτ, with jointly normal
 * Var n_v = T(1 − e^{−2a}), Cov = T(1 − e^{−a})²/γ, Var(n_θ | n_v) = 4T(a/2 − tanh(a/2))/γ².
 * `learningRate` is the time step h [θ/loss^½]. Strong order 2; with full gradients or symmetric
 * minibatches the stationary law is wrong by O(h²).
 *
 * @see arXiv 2410.19780, algorithm 1
 * @example ubu({ learningRate: 0.1, friction: 2, temperature: 1, batchSize: 1 })
 */
export function ubu(settings: KineticSettings): UpdateRule {
  return {
    name: "ubu",
    shader: "update/ubu",
    source: "arXiv 2410.19780, algorithm 1",
    equation: "U(h/2) B(h) U(h/2), B: v <- v - h G",
    hyperparameters: KINETIC_HYPERPARAMETERS,
    setting: numbers(settings),
    vectors: ["velocity"],
    needs: () => ["velocity"],
    normals: () => ({ prepare: 2, update: 2 }),
    complaint: () => null,
    constants,
    prepare: (x, xi, _setting, c) => flow(x, xi, c),
    update: (x, gradient, xi, { learningRate }, c) => {
      x[1]! -= learningRate! * gradient;
      flow(x, xi, c);
    },
  };
}

/** Of U over half a step. */
function constants({ learningRate, friction, temperature }: Setting): Constants {
  const a = 0.5 * friction! * learningRate!;
  const lost = -Math.expm1(-a);
  const kick = Math.sqrt(-temperature! * Math.expm1(-2 * a));
  return {
    share: 1 - lost,
    drift: lost / friction!,
    kick,
    // Cov(n_θ, n_v)/√Var n_v
    along: ((temperature! / friction!) * lost * lost) / (kick || 1),
    across: Math.sqrt(4 * temperature! * excess(0.5 * a)) / friction!,
  };
}

/** x − tanh x without cancellation, x ≥ 0. */
function excess(x: number): number {
  if (x > 0.3) return x - Math.tanh(x);
  const y = x * x;
  // Taylor series; the next term is 1.9e-4 x¹⁷, 6e-12 of the sum at 0.3.
  const terms = [
    1 / 3,
    -2 / 15,
    17 / 315,
    -62 / 2835,
    1382 / 155925,
    -21844 / 6081075,
    929569 / 638512875,
  ];
  return x * y * terms.reduceRight((sum, term) => sum * y + term, 0);
}

/** x = (θ, v) */
function flow(x: Element, xi: readonly [number, number], c: Constants): void {
  x[0]! += c.drift! * x[1]! + c.along! * xi[0] + c.across! * xi[1];
  x[1] = c.share! * x[1]! + c.kick! * xi[0];
}
