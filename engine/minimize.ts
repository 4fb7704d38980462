/**
 * A minimum of the training loss to machine precision: descent, then L-BFGS, then Newton.
 *
 * In float64 on the CPU, for models of up to a few hundred parameters. The minimum found is that
 * of the basin the start leads to; nothing is said of others. Left out: losses with kinks (ReLU),
 * where Newton's method may stall, and an error then says so.
 */

import { dot } from "./dot.ts";
import { ArgumentError, ConvergenceError, LimitError } from "./errors.ts";
import { spread } from "./initial.ts";
import { type FullBatch, type FullBatchPoint, fullBatch } from "./minimum/fullBatch.ts";
import { along, lbfgs } from "./minimum/lbfgs.ts";
import { flatDirections, newton, newtonStep, type Spectrum } from "./minimum/newton.ts";
import type { Model } from "./model.ts";
import type { DataSource } from "./wgsl/row.ts";

export interface MinimizeOptions {
  /** A number for all parameters, or one each. */
  readonly start: number | ArrayLike<number>;
  /** λ ≥ 0: minimizes L + (λ/2)|θ|², default 0. */
  readonly weightDecay?: number;
  /** Full-batch gradient descent first, to stay in the basin that training would end in. */
  readonly descent?: { readonly steps: number; readonly learningRate: number };
  /** At most so many of L-BFGS; default 10 000. */
  readonly iterations?: number;
}

export interface Minimum {
  /** [param] */
  readonly theta: Float64Array;
  /** L + (λ/2)|θ|² there. */
  readonly loss: number;
  /** |∇L + λθ|, rounding of a sum over the data. */
  readonly gradientNorm: number;
  /** |H⁻¹∇L|, how far off θ may still be. */
  readonly displacement: number;
  readonly iterations: {
    readonly descent: number;
    readonly lbfgs: number;
    readonly newton: number;
  };
  /** [param, param], weight decay included. */
  readonly hessian: readonly Float64Array[];
  /** Of the Hessian, ascending. */
  readonly eigenvalues: Float64Array;
  /** [eigenvalue, param], orthonormal. */
  readonly eigenvectors: readonly Float64Array[];
  /** Eigenvalues that are zero to rounding: directions in which the minimum is not isolated. */
  readonly flatDirections: number;
}

/** Dense Hessians and their eigenvectors beyond this take minutes. */
const MOST_PARAMETERS = 1000;
const NEWTON_ITERATIONS = 100;
/** Where Newton's method takes over, relative to the gradients of single samples. */
const HANDOVER = 1e-6;
/** Converged: |∇L| relative to the gradients it is a mean of, or |H⁻¹∇L| relative to |θ|. */
const GRADIENT_TOLERANCE = 1e-12;
const DISPLACEMENT_TOLERANCE = 1e-11;
const VANISHED = 1e-8;

/**
 * θ* = argmin L(θ) + (λ/2)|θ|², L the mean loss of all samples, with its Hessian.
 *
 * Error: float64 rounding; `displacement` bounds it along curved directions. The device holds data in
 * float32, whose own minimum differs by about 10⁻⁷ relative.
 *
 * @throws ArgumentError for a start or setting that is none, DataError for data that do not fit,
 *   LimitError above 1000 parameters.
 * @throws ConvergenceError when descent diverges, the gradient does not vanish, or the point is a saddle; it
 *   carries `theta`.
 * @see J. Nocedal & S. J. Wright, Numerical Optimization, 2nd ed. (2006), chapters 3 and 7
 * @example
 * const minimum = minimize(model, data, { start: 0.1, weightDecay: 0.01 });
 * const softest = minimum.eigenvalues[0];
 * const initial = fixed(minimum.theta);
 */
export function minimize(model: Model, data: DataSource, options: MinimizeOptions): Minimum {
  const { weightDecay = 0, descent, iterations = 10_000 } = options;
  check(model, options);
  const problem = fullBatch(model, data, weightDecay);
  const start = problem.at(Float64Array.from(spread(model, options.start)));
  if (!Number.isFinite(start.loss) || !Number.isFinite(start.gradientNorm)) {
    throw new ArgumentError(
      `minimize: the loss at the start is ${start.loss} and its gradient ${start.gradientNorm}; ` +
        "start where both are finite.",
    );
  }
  const descended = descent ? descend(problem, start, descent) : start;
  const near = lbfgs(problem.at, descended, { tolerance: HANDOVER, iterations });
  const end = newton(problem, near.point, {
    tolerance: GRADIENT_TOLERANCE,
    iterations: NEWTON_ITERATIONS,
  });
  const done = {
    descent: descent?.steps ?? 0,
    lbfgs: near.iterations,
    newton: end.iterations,
  };
  const { point, spectrum } = end;
  const displacement = norm(newtonStep(point.gradient, spectrum));
  requireMinimum(point, start.gradientScale, { spectrum, displacement, done });
  return {
    theta: point.theta,
    loss: point.loss,
    gradientNorm: point.gradientNorm,
    displacement,
    iterations: done,
    hessian: end.hessian,
    ...spectrum,
    flatDirections: flatDirections(spectrum),
  };
}

const norm = (a: Float64Array): number => Math.sqrt(dot(a, a));

function check(model: Model, options: MinimizeOptions): void {
  const { weightDecay = 0, descent, iterations = 1 } = options;
  const start = spread(model, options.start);
  const P = model.parameterCount;
  if (start.length !== P || !start.every(Number.isFinite)) {
    throw new ArgumentError(
      `minimize: start has ${start.length} numbers for the ${P} parameters of ${model.name}; give ` +
        "one finite number each.",
    );
  }
  if (P > MOST_PARAMETERS) {
    throw new LimitError(
      `minimize: ${P} parameters make a dense Hessian of ${P}², at most ${MOST_PARAMETERS} are ` +
        "taken; use a smaller model.",
    );
  }
  if (!(weightDecay >= 0 && weightDecay < Infinity)) {
    throw new ArgumentError(`minimize: weightDecay is ${weightDecay}; give a number >= 0.`);
  }
  const counts = { iterations, ...(descent && { "descent.steps": descent.steps }) };
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isInteger(value) && value >= 0) continue;
    throw new ArgumentError(`minimize: ${name} is ${value}; give a whole number >= 0.`);
  }
  if (descent && !(descent.learningRate > 0)) {
    throw new ArgumentError(
      `minimize: descent.learningRate is ${descent.learningRate}; give a number > 0.`,
    );
  }
}

function descend(
  problem: FullBatch,
  start: FullBatchPoint,
  { steps, learningRate }: { readonly steps: number; readonly learningRate: number },
): FullBatchPoint {
  let point = start;
  for (let step = 1; step <= steps; step += 1) {
    point = problem.at(along(point.theta, -learningRate, point.gradient));
    if (Number.isFinite(point.loss) && Number.isFinite(point.gradientNorm)) continue;
    throw new ConvergenceError(
      `minimize: gradient descent diverged at step ${step} of ${steps}; lower ` +
        `descent.learningRate ${learningRate}.`,
      point.theta,
    );
  }
  return point;
}

function requireMinimum(
  point: FullBatchPoint,
  startScale: number,
  {
    spectrum,
    displacement,
    done,
  }: {
    readonly spectrum: Spectrum;
    readonly displacement: number;
    readonly done: Minimum["iterations"];
  },
): void {
  const { theta, loss, gradientNorm, gradientScale } = point;
  // Where the samples' own gradients vanish (interpolation, or a minimum at infinity) the gradient
  // has nothing to be compared with.
  const isComparable = gradientScale > VANISHED * startScale;
  const isStill =
    (isComparable && gradientNorm <= GRADIENT_TOLERANCE * gradientScale) ||
    displacement <= DISPLACEMENT_TOLERANCE * norm(theta);
  if (!isStill) {
    throw new ConvergenceError(
      `minimize: after ${done.lbfgs} iterations of L-BFGS and ${done.newton} of Newton the loss is ` +
        `${loss} and |gradient| ${gradientNorm}, where single samples have ${gradientScale}; add ` +
        "weightDecay if the minimum lies at infinity, start elsewhere, or use a loss without kinks.",
      theta,
    );
  }
  const { eigenvalues } = spectrum;
  const smallest = eigenvalues[0]!;
  const largest = eigenvalues.at(-1)!;
  if (smallest < -1e-10 * Math.abs(largest)) {
    throw new ConvergenceError(
      `minimize: the gradient vanishes at a saddle point, the Hessian has eigenvalues ${smallest} ` +
        `to ${largest}; start elsewhere.`,
      theta,
    );
  }
}
