/**
 * How SGD noise balances two factors: v = uw fitted to y = kx + sε, x, ε ~ N(0, 1), l = (vx − y)².
 *
 * With a = 2x(vx − y) the gradient is (a w, a u), so that I = u² − w² changes by exactly
 *   I' = I (1 − η²a²)
 * in each step, of any batch of one sample. Averaged near v = k, Λ = u² + w²:
 *   −d⟨ln|I|⟩/step = η²E a² + η⁴E a⁴/2 + … = 4s²η² (1 + 3ηΛ/(1 − 3ηΛ) + 18 s²η² + …),
 * E a² = 4(s² + 3 Var v), Var v = ηΛs²/(1 − 3ηΛ) and E a⁴ = 144 s⁴ to leading order. Terms (ηΛ)² are in
 * part left out: the learning rate's own curvature of Λ(v), the mean of v.
 *
 * Law of balance: L. Ziyin, H. Li, M. Ueda, arXiv 2308.06671, whose continuous theory has 4s²η² alone;
 * the rest derived.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface ImbalanceDecayOptions {
  readonly learningRate: number;
  /** k = uw at zero mean loss. */
  readonly slope: number;
  /** s > 0. */
  readonly noise: number;
  /** u; w = k/u. */
  readonly u: number;
}

export interface ImbalanceDecay {
  /** ⟨ln|I'/I|⟩ a step, negative. */
  readonly rate: number;
  /** That of continuous time, −4s²η². */
  readonly continuousRate: number;
  /** Size of the terms left out, relative: (3ηΛ)². */
  readonly remainder: number;
  /** 1/(4ηΛ), steps in which v forgets its start. */
  readonly relaxation: number;
}

/** 3Λ: what multiplies η in the expansion. */
export const imbalanceScale = ({ slope, u }: Pick<ImbalanceDecayOptions, "slope" | "u">): number =>
  3 * (u ** 2 + (slope / u) ** 2);

/**
 * The rate at which noise balances the factors.
 *
 * Error: relative `remainder`, of order η².
 *
 * @throws ArgumentError where 3ηΛ >= ½: v has no stationary state near k, or no small fluctuations.
 * @see arXiv 2308.06671; derivation in the file head
 * @example imbalanceDecay({ learningRate: 0.002, slope: 1, noise: 0.5, u: 1.5 }).rate // -4.07e-6
 */
export function imbalanceDecay(options: ImbalanceDecayOptions): ImbalanceDecay {
  const { learningRate: eta, noise } = options;
  const scale = imbalanceScale(options);
  const x = eta * scale;
  if (!(eta > 0 && x < 0.5)) {
    throw new ArgumentError(
      `imbalanceDecay: learningRate ${eta} times 3(u² + w²) is ${x.toPrecision(3)}, the expansion needs ` +
        `less than 0.5; lower it below ${(0.5 / scale).toPrecision(3)}.`,
    );
  }
  const continuousRate = -4 * (noise * eta) ** 2;
  return {
    rate: continuousRate * (1 + x / (1 - x) + 18 * (noise * eta) ** 2),
    continuousRate,
    remainder: x ** 2,
    relaxation: 3 / (4 * x),
  };
}
