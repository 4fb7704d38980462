/**
 * The stationary state of momentum SGD on linear regression with fresh Gaussian inputs: exact second
 * moments, with the noise's dependence on the parameters.
 *
 * Loss of a sample (x·e + ξ)²/2 + (λ/2)|e|², x ~ N(0, H), H = diag h, ξ ~ N(0, σ²), e = θ − θ* (θ* = 0
 * where λ > 0). A minibatch of S fresh samples gives G = (A + λ)e + n with E A = H,
 *   E[A E A] = HEH + (HEH + H tr HE)/S   (Isserlis),   E[n nᵀ] = σ²H/S,   E = ⟨e eᵀ⟩.
 * v' = βv − G, e' = e + ηv' then act linearly on E, ⟨e vᵀ⟩, ⟨v vᵀ⟩; off-diagonal elements vanish (the
 * law is the same after x_i → −x_i), diagonal ones couple through t = tr HE alone: mode i is a heavy
 * ball with noise (h_i²E_ii + h_i t + σ²h_i)/S. With E_ii = c_i · noise (`heavyBallMode.ts`)
 *   E_ii = c_i h_i (t + σ²)/(S − c_i h_i²),   t = σ²K/(1 − K),   K = Σ c_i h_i²/(S − c_i h_i²).
 *
 * Setting of D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133, section 2: there Var θ is
 * isotropic for λ = 0 whatever H is (`isotropicVariance`), which holds to leading order in η.
 */
import { ArgumentError } from "../../engine/errors.ts";
import { momentMatrix } from "./gaussianInputMoments.ts";
import { heavyBallMode } from "./heavyBallMode.ts";
import { spectralRadius } from "./spectralRadius.ts";

/** The fourth moments of more inputs are too many for a dense matrix. */
export const MOST_INPUTS = 8;

export interface OnlineRegressionOptions {
  /** h, variance of each input: the eigenvalues of the Hessian, all > 0. */
  readonly inputVariances: readonly number[];
  /** η > 0 */
  readonly learningRate: number;
  /** β in [0, 1) */
  readonly momentum: number;
  /** S */
  readonly batchSize: number;
  /** σ */
  readonly labelNoise: number;
  /** λ >= 0 */
  readonly weightDecay?: number;
}

export interface OnlineRegression {
  /** ⟨θ_i²⟩, in θ². */
  readonly positionVariance: readonly number[];
  /** ⟨v_i²⟩, in (θ/η)². */
  readonly velocityVariance: readonly number[];
  /** ⟨θ_i v_i⟩, in θ²/η. */
  readonly covariance: readonly number[];
  /** ⟨θ_i²⟩ if the noise did not depend on θ: the exact heavy-ball mode with noise σ²h/S. */
  readonly additiveVariance: readonly number[];
  /** ησ²h/(2S(1 − β)(h + λ)), the continuous theory: the same for all i when λ = 0. */
  readonly isotropicVariance: readonly number[];
  /** t = Σ h_i⟨θ_i²⟩, twice the mean excess loss: what the inputs' noise adds to σ². */
  readonly excess: number;
  /** Spectral radius of the second-moment map; < 1, the slowest decay per step. */
  readonly momentRadius: number;
}

function check(options: OnlineRegressionOptions): void {
  const { inputVariances, learningRate, momentum, batchSize, labelNoise } = options;
  const inputs = inputVariances.length;
  const refuse = (fact: string): never => {
    throw new ArgumentError(`onlineRegression: ${fact}.`);
  };
  if (inputs < 1 || inputs > MOST_INPUTS) {
    refuse(`inputVariances has ${inputs} numbers; give 1 to ${MOST_INPUTS}`);
  }
  const bad = inputVariances.find((h) => !(h > 0 && Number.isFinite(h)));
  if (bad !== undefined) refuse(`inputVariances holds ${bad}; give numbers > 0`);
  if (!(learningRate > 0)) refuse(`learningRate is ${learningRate}; give a number > 0`);
  if (!(momentum >= 0 && momentum < 1)) refuse(`momentum is ${momentum}; it must be in [0, 1)`);
  if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
    refuse(`batchSize is ${batchSize}; give a whole number >= 1`);
  }
  if (!(labelNoise >= 0)) refuse(`labelNoise is ${labelNoise}; give a number >= 0`);
  if (!((options.weightDecay ?? 0) >= 0)) {
    refuse(`weightDecay is ${options.weightDecay}; give a number >= 0`);
  }
}

/** The moments (⟨e_i²⟩, ⟨e_i v_i⟩, ⟨v_i²⟩)_i after a step from those before, without label noise. */
export function secondMomentMatrix(options: OnlineRegressionOptions): number[][] {
  const { inputVariances: h, learningRate: eta, momentum: beta, batchSize: S } = options;
  const { weightDecay = 0 } = options;
  return h.flatMap((hi, i) => {
    const [e, c, v] = [3 * i, 3 * i + 1, 3 * i + 2];
    const k = hi + weightDecay;
    // ⟨v'²⟩ = β²⟨v²⟩ − 2βk⟨ev⟩ + k²⟨e²⟩ + (h²⟨e²⟩ + h Σ h_j⟨e_j²⟩)/S
    const velocity = h.flatMap((hj) => [(hi * hj) / S, 0, 0]);
    velocity[e]! += k * k + (hi * hi) / S;
    velocity[c] = -2 * beta * k;
    velocity[v] = beta * beta;
    // ⟨ev'⟩ = β⟨ev⟩ − k⟨e²⟩;  ⟨e'v'⟩ = ⟨ev'⟩ + η⟨v'²⟩;  ⟨e'²⟩ = ⟨e²⟩ + 2η⟨ev'⟩ + η²⟨v'²⟩
    const mixed = velocity.map((_, column) => (column === c ? beta : column === e ? -k : 0));
    const covariance = mixed.map((value, column) => value + eta * velocity[column]!);
    const position = mixed.map(
      (value, column) => (column === e ? 1 : 0) + 2 * eta * value + eta * eta * velocity[column]!,
    );
    return [position, covariance, velocity];
  });
}

/** ⟨θ²⟩ of a mode of curvature h for each unit of its noise's variance. */
const response = (
  { learningRate, momentum, weightDecay = 0 }: OnlineRegressionOptions,
  h: number,
): number =>
  heavyBallMode({ learningRate, momentum, curvature: h, weightDecay, noiseVariance: 1 })
    .positionVariance;

/**
 * ⟨θ²⟩ of one more input of variance h, too weak to change the others, whose `excess` is given; of an
 * input that is among them, its own ⟨θ_i²⟩.
 *
 * Infinity where its second moment does not exist.
 */
export function inputVariance(options: OnlineRegressionOptions, excess: number, h: number): number {
  const { batchSize, labelNoise } = options;
  const c = response(options, h);
  const rest = batchSize - c * h * h;
  return rest > 0 ? (c * h * (excess + labelNoise ** 2)) / rest : Infinity;
}

/**
 * Exact stationary variances of θ and v, with the additive and the isotropic formula beside them.
 *
 * Units: θ², (θ/η)², θ²/η. No error in η; exact for Gaussian inputs and any noise of variance σ².
 *
 * @throws ArgumentError where second moments grow without bound (spectral radius >= 1), and for
 *   settings out of range.
 * @see arXiv 2107.09133, section 2; derivation in the file head
 * @example onlineRegression({ inputVariances: [1, 0.1], learningRate: 0.1, momentum: 0.9,
 *   batchSize: 16, labelNoise: 1 }).positionVariance // [0.034408, 0.032615]
 */
export function onlineRegression(options: OnlineRegressionOptions): OnlineRegression {
  check(options);
  const { inputVariances, learningRate, momentum, batchSize, labelNoise } = options;
  const { weightDecay = 0 } = options;
  const momentRadius = spectralRadius(secondMomentMatrix(options));
  if (!(momentRadius < 1)) {
    throw new ArgumentError(
      `onlineRegression: second moments grow by ${momentRadius.toPrecision(6)} per step at ` +
        `learningRate ${learningRate}, so there is no stationary state; lower it, or raise batchSize.`,
    );
  }
  const shares = inputVariances.map((h) => {
    const squared = response(options, h) * h * h;
    return squared / (batchSize - squared);
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  const excess = (labelNoise ** 2 * total) / (1 - total);
  const positionVariance = inputVariances.map((h) => inputVariance(options, excess, h));
  // ⟨θ²⟩ = η(1 + β)/(2k)⟨v²⟩ and ⟨θv⟩ = (η/2)⟨v²⟩, whatever the noise.
  const velocityVariance = inputVariances.map(
    (h, i) => ((2 * (h + weightDecay)) / (learningRate * (1 + momentum))) * positionVariance[i]!,
  );
  const noiseVariance = (h: number): number => (labelNoise ** 2 * h) / batchSize;
  return {
    positionVariance,
    velocityVariance,
    covariance: velocityVariance.map((variance) => (learningRate / 2) * variance),
    additiveVariance: inputVariances.map((h) => response(options, h) * noiseVariance(h)),
    isotropicVariance: inputVariances.map(
      (h) => (learningRate * noiseVariance(h)) / (2 * (1 - momentum) * (h + weightDecay)),
    ),
    excess,
    momentRadius,
  };
}

/**
 * Spectral radius of the fourth-moment map. From 1 on θ⁴ has no mean: the variance of θ exists, a
 * measured one has no standard error.
 *
 * @throws ArgumentError for settings out of range.
 */
export function onlineFourthMomentRadius(options: OnlineRegressionOptions): number {
  check(options);
  return spectralRadius(momentMatrix({ weightDecay: 0, ...options }, 4));
}
