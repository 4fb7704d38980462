/**
 * The minimum that replicas of a network start from, and the modes of its neighborhood, in float64.
 *
 * Networks have many minima. This one is where gradient descent from a given start leads, followed
 * closely (rate below 1/curvature) until Newton's method is sure to end in the same place: cards A6
 * and C3 name it by its loss and length.
 */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { ArgumentError } from "../engine/errors.ts";
import type { FullData } from "../engine/index.ts";

/** Descent ends, and Newton begins, at this |∇f|; ten times less where the Hessian has no minimum. */
const NEWTON_FROM = 1e-4;
const CONVERGED = 1e-12;
const MOST_STEPS = 20_000;
/** Steps between two looks at f and |∇f|. */
const LOOK = 50;

/** Orthonormal modes of the Hessian, in descending order of curvature. */
export interface Modes {
  /** h_k, [mode] */
  readonly curvature: readonly number[];
  /** u_k, [mode][param] */
  readonly vectors: readonly Float64Array[];
}

export interface NetworkMinimum {
  /** θ*, [param] */
  readonly theta: Float64Array;
  readonly modes: Modes;
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let p = 0; p < a.length; p++) sum += a[p]! * b[p]!;
  return sum;
}

function modesAt(f: FullData, theta: Float64Array): Modes {
  const spectrum = new EigenvalueDecomposition(new Matrix(f.hessian(theta).map((h) => [...h])), {
    assumeSymmetric: true,
  });
  const order = spectrum.realEigenvalues.map((h, k) => ({ h, k })).sort((a, b) => b.h - a.h);
  return {
    curvature: order.map(({ h }) => h),
    vectors: order.map(({ k }) => Float64Array.from(spectrum.eigenvectorMatrix.getColumn(k))),
  };
}

/** Gradient descent until |∇f| <= `until`; `steps` of the budget are left. */
function descend(f: FullData, theta: Float64Array, until: number, budget: Budget): void {
  let last = { theta: theta.slice(), value: f.value(theta) };
  while (Math.sqrt(dot(f.gradient(theta), f.gradient(theta))) > until) {
    if (budget.steps <= 0) {
      const left = Math.sqrt(dot(f.gradient(theta), f.gradient(theta)));
      throw new ArgumentError(
        `weightDecay: after ${MOST_STEPS} steps of descent to the minimum |gradient| is ` +
          `${left.toPrecision(2)}, not ${until}: the minimum is too flat; raise weightDecay.`,
      );
    }
    budget.steps -= LOOK;
    for (let k = 0; k < LOOK; k++) {
      const g = f.gradient(theta);
      for (let p = 0; p < theta.length; p++) theta[p]! -= budget.rate * g[p]!;
    }
    const value = f.value(theta);
    if (value <= last.value) last = { theta: theta.slice(), value };
    else {
      budget.rate /= 2;
      theta.set(last.theta);
    }
  }
}

interface Budget {
  steps: number;
  rate: number;
}

/** Newton's method; null when it leaves the convex neighborhood of a minimum. */
function newton(f: FullData, start: Float64Array): NetworkMinimum | null {
  const theta = start.slice();
  let before = Infinity;
  for (;;) {
    const modes = modesAt(f, theta);
    const g = f.gradient(theta);
    const length = Math.sqrt(dot(g, g));
    if (!(modes.curvature.at(-1)! > 0)) return null;
    if (length <= CONVERGED) return { theta, modes };
    if (!(length < before)) return null;
    before = length;
    for (const [k, vector] of modes.vectors.entries()) {
      const move = dot(vector, g) / modes.curvature[k]!;
      for (let p = 0; p < theta.length; p++) theta[p]! -= move * vector[p]!;
    }
  }
}

/**
 * The minimum of f that gradient descent from `start` finds, |∇f| <= 10⁻¹², with the Hessian's modes.
 *
 * @throws ArgumentError when descent does not reach it in 20000 steps.
 */
export function networkMinimum(f: FullData, start: Float64Array, rate: number): NetworkMinimum {
  const theta = start.slice();
  const budget = { steps: MOST_STEPS, rate };
  for (let until = NEWTON_FROM; ; until /= 10) {
    descend(f, theta, until, budget);
    const found = newton(f, theta);
    if (found) return found;
  }
}
