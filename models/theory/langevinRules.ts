/**
 * Langevin updates with minibatch gradients, each as the program that runs it, on affine forms.
 *
 * Target exp(−U/T), U = mean over batches of U_B; η is the time that passes in one gradient
 * evaluation, ξ are fresh standard normals. What each leaves in the stationary law of an epoch:
 * - `langevin` (Euler–Maruyama: SGLD, Welling and Teh 2011; SGWORLD when reshuffled): O(η).
 * - `leimkuhlerMatthews` (Appl. Math. Res. Express 2013, 34): exact to O(η²) for one potential, and
 *   exact for a Gaussian with full batches. With batches a step lacks the drift (η²/2)H_B g_B, on
 *   average (η²/2)(H g + cov_B(H_B, g_B)); the method makes up for H g alone: O(η), reshuffled or
 *   forward and backward.
 * - `heun` (G. N. Milstein, M. V. Tretyakov, Stochastic Numerics for Mathematical Physics, 2004:
 *   weak order 2 for additive noise), one batch for both evaluations, h = 2η: a step is
 *   exp(hL_B) + O(h³), L_B the generator with −∇U_B. A palindrome of exponentials is
 *   exp(h ΣL_B + O(h³)) with the sum over the walk (Strang), so an epoch walked forward and
 *   backward has the generator L + O(h²) per unit time: error O(η²) in the law, O(η⁴) in KL.
 * - `ubu` with `symmetric` batches is SMS-UBU (Paulin, Whalley, Chada, Leimkuhler, arXiv
 *   2410.19780): kinetic, each step symmetric, one gradient a step, O(η²) by the same argument.
 */
import { type AffineForm, combine } from "./affineForm.ts";
import { type FreeLangevin, freeLangevin } from "./freeLangevin.ts";

export interface LangevinSettings {
  /** η, time per gradient evaluation. */
  readonly learningRate: number;
  /** T. */
  readonly temperature: number;
  /** γ, of `ubu` alone; unit mass. */
  readonly friction: number;
}

interface LangevinUpdate {
  /** Vectors kept from step to step; the first is w. */
  readonly states: number;
  /** Vectors of fresh standard normals in a step. */
  readonly normals: number;
  /** Evaluations of the minibatch gradient in a step, all with one batch. */
  readonly gradients: number;
  /** The state after a step. */
  readonly step: (
    state: readonly AffineForm[],
    normals: readonly AffineForm[],
    gradient: (w: AffineForm) => AffineForm,
    settings: LangevinSettings,
  ) => readonly AffineForm[];
}

/** w' = w − η g(w) + √(2ηT) ξ. */
const langevin: LangevinUpdate = {
  states: 1,
  normals: 1,
  gradients: 1,
  step: ([w], [xi], gradient, { learningRate: eta, temperature: T }) => [
    combine([1, w!], [-eta, gradient(w!)], [Math.sqrt(2 * eta * T), xi!]),
  ],
};

/** w' = w − η g(w); an epoch's noise comes between epochs. */
const gradientDescent: LangevinUpdate = {
  states: 1,
  normals: 0,
  gradients: 1,
  step: ([w], _normals, gradient, { learningRate: eta }) => [
    combine([1, w!], [-eta, gradient(w!)]),
  ],
};

/** w' = w − η g(w) + √(ηT/2)(ξ + ξ'), with ξ the ξ' of the step before. */
const leimkuhlerMatthews: LangevinUpdate = {
  states: 2,
  normals: 1,
  gradients: 1,
  step: ([w, last], [xi], gradient, { learningRate: eta, temperature: T }) => {
    const half = Math.sqrt((eta * T) / 2);
    return [combine([1, w!], [-eta, gradient(w!)], [half, last!], [half, xi!]), xi!];
  },
};

/** p = w − 2η g(w) + √(4ηT) ξ;  w' = p − η (g(p) − g(w)). */
const heun: LangevinUpdate = {
  states: 1,
  normals: 1,
  gradients: 2,
  step: ([w], [xi], gradient, { learningRate: eta, temperature: T }) => {
    const slope = gradient(w!);
    const predicted = combine([1, w!], [-2 * eta, slope], [Math.sqrt(4 * eta * T), xi!]);
    return [combine([1, predicted], [-eta, gradient(predicted)], [eta, slope])];
  },
};

/** (x, v) ← U(η/2);  v ← v − η g(x);  (x, v) ← U(η/2), with U the free flow. */
const ubu: LangevinUpdate = {
  states: 2,
  normals: 4,
  gradients: 1,
  step: ([x, v], [xi1, xi2, xi3, xi4], gradient, { learningRate, temperature, friction }) => {
    const flow = freeLangevin(learningRate / 2, friction, temperature);
    const [middle, velocity] = drifted(x!, v!, xi1!, xi2!, flow);
    const kicked = combine([1, velocity], [-learningRate, gradient(middle)]);
    return drifted(middle, kicked, xi3!, xi4!, flow);
  },
};

const drifted = (
  x: AffineForm,
  v: AffineForm,
  xi1: AffineForm,
  xi2: AffineForm,
  flow: FreeLangevin,
): [AffineForm, AffineForm] => [
  combine([1, x], [flow.drift, v], [flow.sharedNoise, xi1], [flow.positionNoise, xi2]),
  combine([flow.decay, v], [flow.velocityNoise, xi1]),
];

/**
 * Rule → its step. `epochNoise` adds N(0, 2ηMT) after each epoch of M steps, `splitEpochNoise`
 * N(0, ηMT) before and after it (SGWORLD with one noise an epoch).
 */
export const LANGEVIN_UPDATES = {
  langevin,
  epochNoise: gradientDescent,
  splitEpochNoise: gradientDescent,
  leimkuhlerMatthews,
  heun,
  ubu,
} as const satisfies Readonly<Record<string, LangevinUpdate>>;

export type LangevinRule = keyof typeof LANGEVIN_UPDATES;
