/**
 * The path of a quadratic mode under SGD with momentum and without noise: exact at every step.
 *
 *   v' = β v − k x,  x' = x + η v'   ⇔   x_{n+1} = t x_n − β x_{n−1},  t = 1 + β − ηk
 *
 * Characteristic roots z² − t z + β = 0. With s_n = (z1ⁿ − z2ⁿ)/(z1 − z2) (s_0 = 0, s_1 = 1):
 * x_n = x_0 s_{n+1} − β x_{−1} s_n, x_{−1} = x_0 − η v_0. Holds for every η k, also where the path grows.
 *
 * Setting of D. Kunin et al., Limiting Dynamics of SGD, arXiv 2107.09133. Left out: noise, Nesterov.
 */
import { ArgumentError } from "../../engine/errors.ts";

export interface HeavyBallOptions {
  /** η > 0. */
  readonly learningRate: number;
  /** 0 <= β < 1. */
  readonly momentum: number;
  /** k > 0, curvature of the loss, weight decay included. */
  readonly curvature: number;
}

export interface HeavyBallRoots {
  /** t, sum of the roots. */
  readonly trace: number;
  /** t² − 4β: negative where the roots are complex. */
  readonly discriminant: number;
  /** Largest modulus: what the path decays by in a step, in the long run. */
  readonly rate: number;
  /** The root of smaller modulus where both are real; 0 where they are not. */
  readonly fast: number;
}

/** A state of the mode. */
export interface ModeState {
  /** x, in θ. */
  readonly position: number;
  /** v, in θ/η. */
  readonly velocity: number;
}

function check({ learningRate, momentum, curvature }: HeavyBallOptions): void {
  for (const [name, value] of Object.entries({ learningRate, curvature })) {
    if (!(value > 0 && Number.isFinite(value))) {
      throw new ArgumentError(`heavyBallPath: ${name} is ${value}; give a finite number > 0.`);
    }
  }
  if (!(momentum >= 0 && momentum < 1)) {
    throw new ArgumentError(`heavyBallPath: momentum is ${momentum}; it must be in [0, 1).`);
  }
}

/**
 * Roots of z² − (1 + β − ηk) z + β: how a mode of the heavy ball decays, per step.
 *
 * rate = max |z|: √β where the discriminant is negative, (|t| + √(t² − 4β))/2 otherwise; below 1
 * exactly for 0 < ηk < 2(1 + β).
 *
 * @throws ArgumentError for η, k <= 0 or β outside [0, 1).
 * @example heavyBallRoots({ learningRate: 0.5, momentum: 0.9, curvature: 0.1 }).rate // 0.9487
 */
export function heavyBallRoots(options: HeavyBallOptions): HeavyBallRoots {
  check(options);
  const { momentum: beta } = options;
  const pull = options.learningRate * options.curvature;
  const trace = 1 + beta - pull;
  // t² − 4β in factors, which do not cancel next to critical damping.
  const root = Math.sqrt(beta);
  const discriminant = (pull - (1 - root) ** 2) * (pull - (1 + root) ** 2);
  if (discriminant < 0) return { trace, discriminant, rate: root, fast: 0 };
  const rate = (Math.abs(trace) + Math.sqrt(discriminant)) / 2;
  return { trace, discriminant, rate, fast: rate === 0 ? 0 : (Math.sign(trace) * beta) / rate };
}

/** s_n = (z1ⁿ − z2ⁿ)/(z1 − z2), without cancellation where the roots meet. */
function difference({ trace, discriminant, rate }: HeavyBallRoots, n: number): number {
  if (n === 0) return 0;
  if (discriminant < 0) {
    const angle = Math.atan2(Math.sqrt(-discriminant), trace);
    return (rate ** (n - 1) * Math.sin(n * angle)) / Math.sin(angle);
  }
  const slow = trace < 0 ? -rate : rate;
  if (rate === 0) return n === 1 ? 1 : 0;
  // 1 − z2/z1 in (0, 1]; (1 − (z2/z1)ⁿ)/(1 − z2/z1) tends to n.
  const gap = Math.sqrt(discriminant) / rate;
  const ratio = gap === 0 ? n : -Math.expm1(n * Math.log1p(-gap)) / gap;
  return slow ** (n - 1) * ratio;
}

/**
 * State of the mode after n steps from (x_0, v_0).
 *
 * x_n = x_0 s_{n+1} − β (x_0 − η v_0) s_n, v_n = (x_n − x_{n−1})/η; no error in η. Units: x in θ,
 * v in θ/η. Under-, over- and critically damped alike.
 *
 * @throws ArgumentError for η, k <= 0, β outside [0, 1) or n that is no whole number >= 0.
 * @see arXiv 2107.09133 for the setting; derivation in the file head.
 * @example
 * const setting = { learningRate: 0.01, momentum: 0.9, curvature: 1 };
 * heavyBallPath(setting, { position: 1, velocity: 0 }, 20).position // 0.1178222
 */
export function heavyBallPath(options: HeavyBallOptions, start: ModeState, n: number): ModeState {
  if (!(Number.isInteger(n) && n >= 0)) {
    throw new ArgumentError(`heavyBallPath: n is ${n}; give a whole number of steps >= 0.`);
  }
  const roots = heavyBallRoots(options);
  if (n === 0) return start;
  const { learningRate: eta, momentum: beta } = options;
  const before = start.position - eta * start.velocity;
  const at = (m: number): number =>
    start.position * difference(roots, m + 1) - beta * before * difference(roots, m);
  const position = at(n);
  return { position, velocity: (position - at(n - 1)) / eta };
}

/**
 * State of the continuous model of the same mode at time ηn: misses the steps by O(η).
 *
 * dx = v dt, dv = −(2γ v + ω² x) dt, γ = (1 − β)/(η(1 + β)), ω² = 2k/(η(1 + β)):
 * x = e^{−γt}[x_0 C + (γ x_0 + v_0) S], v = e^{−γt}[v_0 C − (ω² x_0 + γ v_0) S] with C = cos ft,
 * S = sin(ft)/f, f² = ω² − γ²; cosh and sinh where γ > ω, 1 and t where γ = ω. Units as
 * `heavyBallPath`, t in η · steps.
 *
 * @throws ArgumentError for η, k <= 0 or β outside [0, 1).
 * @see arXiv 2107.09133 (continuous model of SGD with momentum)
 * @example
 * const setting = { learningRate: 0.01, momentum: 0.9, curvature: 1 };
 * continuousPath(setting, { position: 1, velocity: 0 }, 20).position // 0.138683
 */
export function continuousPath(
  options: HeavyBallOptions,
  { position: x0, velocity: v0 }: ModeState,
  n: number,
): ModeState {
  check(options);
  const { learningRate: eta, momentum: beta, curvature } = options;
  const gamma = (1 - beta) / (eta * (1 + beta));
  const square = (2 * curvature) / (eta * (1 + beta));
  const t = eta * n;
  const { even, odd } = damped(gamma, square - gamma ** 2, t);
  return {
    position: x0 * even + (gamma * x0 + v0) * odd,
    velocity: v0 * even - (square * x0 + gamma * v0) * odd,
  };
}

/** e^{−γt} cos ft and e^{−γt} sin(ft)/f for f² of either sign; no overflow when overdamped. */
function damped(gamma: number, square: number, t: number): { even: number; odd: number } {
  const f = Math.sqrt(Math.abs(square));
  if (square >= 0) {
    const decay = Math.exp(-gamma * t);
    return { even: decay * Math.cos(f * t), odd: decay * (f === 0 ? t : Math.sin(f * t) / f) };
  }
  // γ > f here, so both exponents are negative.
  const slow = Math.exp((f - gamma) * t);
  const ratio = Math.expm1(-2 * f * t);
  return { even: (slow * (2 + ratio)) / 2, odd: (-slow * ratio) / (2 * f) };
}
