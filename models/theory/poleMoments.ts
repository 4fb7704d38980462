/**
 * The stationary law of projected SGD with batches of one on l_i = (a_i·x)²/|x|² about its pole, from its
 * moments: what finite learning rates add to U − U₀ = η tr C/4.
 *
 *   x' = (x − 2ηp(a − px))/√(1 + 4η²p²(1 − p²)),  p = a·x,  a drawn from the a_i
 *
 * With y the tangential coordinates, x_d = √(1 − |y|²), each step is a power series in y. Moments up to
 * degree K close when the series are cut there: E y^α = mean_i E (y'_i)^α is a linear system. What is cut is
 * of order η^{K/2} beside the leading moment, and is judged by the changes from degrees K − 4 and K − 2;
 * where these fall like a geometric series, its rest is added to U − U₀.
 *
 * Setting: arXiv 2505.23489 (cards 1C, 1F). Left out: batches of several samples; jumps to the
 * opposite pole, which is the same point for these losses, and the rest of the sphere.
 */
import { determinant, Matrix, solve } from "ml-matrix";
import { ArgumentError } from "../../engine/errors.ts";
import { type PoleFrame, poleNoise } from "./poleNoise.ts";
import { negentropy as negentropyOf } from "./standardizedCumulants.ts";
import {
  monomialCount,
  type Series,
  type SeriesAlgebra,
  seriesAlgebra,
} from "./truncatedSeries.ts";

export interface PoleMoments {
  /** U − U₀, loss. */
  readonly excess: number;
  /** ⟨|∇L|²/E|g − ∇L|²⟩, its square root the rms signal-to-noise ratio. */
  readonly signalSquare: number;
  /** ⟨E|g − ∇L|²⟩ = ⟨tr C⟩, loss². */
  readonly noise: number;
  /** Entropy with respect to area, nats, by the expansion about a Gaussian. */
  readonly entropy: number;
  /** J, nats by which the entropy is below that of the Gaussian of the same covariance. */
  readonly negentropy: number;
  /** Bounds on what the expansions leave out: relative, of the entropy in nats. */
  readonly errors: {
    readonly excess: number;
    readonly signalSquare: number;
    readonly noise: number;
    readonly entropy: number;
  };
  /** K. */
  readonly degree: number;
}

/** Beyond it series are no longer believed. */
const LARGEST_ERROR = 0.02;
/** Unknowns of the linear system, and multiplications to set it up, that take about a second. */
const MOST_MONOMIALS = 500;
const MOST_WORK = 4e8;

/** Largest even degree that is affordable for so many dimensions and samples; 0 for none. */
export function affordableDegree(dimensions: number, samples: number): number {
  for (let degree = 10; degree >= 4; degree -= 2) {
    const size = monomialCount(dimensions, degree);
    const work = samples * size * monomialCount(2 * dimensions, degree);
    if (size <= MOST_MONOMIALS && work <= MOST_WORK) return degree;
  }
  return 0;
}

/** What all series have in common: y = scale · w, so that the moments of w are of order one. */
interface Chart {
  readonly algebra: SeriesAlgebra;
  readonly scale: number;
  readonly y: readonly Series[];
  /** 1 − |y|² and its root. */
  readonly vertical: Series;
  readonly verticalSquare: Series;
}

function chartOf(dimensions: number, degree: number, scale: number): Chart {
  const algebra = seriesAlgebra(dimensions, degree);
  const { sum, product, variable, constant, power } = algebra;
  const y = Array.from({ length: dimensions }, (_, k) => sum([scale, variable(k)]));
  const squares = y.map((one) => [-1, product(one, one)] as const);
  const verticalSquare = sum([1, constant(1)], ...squares);
  return { algebra, scale, y, verticalSquare, vertical: power(verticalSquare, 0.5) };
}

/** a·x as a series. */
const projection = ({ algebra, y, vertical }: Chart, a: readonly number[]): Series =>
  algebra.sum([a.at(-1)!, vertical], ...y.map((one, k) => [a[k]!, one] as const));

/** w' of one sample. */
function stepOf(chart: Chart, a: readonly number[], eta: number): Series[] {
  const { algebra, scale, y } = chart;
  const { sum, product, constant, power } = algebra;
  const p = projection(chart, a);
  const square = product(p, p);
  const rest = sum([1, constant(1)], [-1, square]);
  const norm = power(sum([1, constant(1)], [4 * eta * eta, product(square, rest)]), -0.5);
  const along = product(sum([1, constant(1)], [2 * eta, square]), norm);
  const pull = product(p, norm);
  return y.map((one, k) =>
    sum([1 / scale, product(along, one)], [(-2 * eta * a[k]!) / scale, pull]),
  );
}

/** E w^α, [monomial], from E w^α = mean_i E (w'_i)^α. */
function stationaryMomentsOf(chart: Chart, { directions }: PoleFrame, eta: number): Float64Array {
  const { algebra } = chart;
  const size = algebra.exponents.length;
  const mean = Array.from({ length: size }, () => new Float64Array(size));
  for (const a of directions) {
    const next = stepOf(chart, a, eta);
    const powers: Series[] = [algebra.constant(1)];
    for (let i = 1; i < size; i += 1) {
      const exponents = algebra.exponents[i]!;
      const k = exponents.findIndex((e) => e > 0);
      const before = algebra.indexOf(exponents.map((e, j) => (j === k ? e - 1 : e)));
      const power = algebra.product(powers[before]!, next[k]!);
      powers.push(power);
      for (let j = 0; j < size; j += 1) mean[i]![j]! += power[j]! / directions.length;
    }
  }
  const rows = mean.slice(1);
  const matrix = new Matrix(
    rows.map((row, i) => Array.from(row.subarray(1), (value, j) => (i === j ? 1 : 0) - value)),
  );
  const source = Matrix.columnVector(rows.map((row) => row[0]!));
  return Float64Array.of(1, ...solve(matrix, source).getColumn(0));
}

const average = (series: Series, moments: Float64Array): number =>
  series.reduce((sum, coefficient, i) => sum + coefficient * moments[i]!, 0);

/** |∇L|² and the trace of the covariance of a sample's gradient, as series. */
function signalAndNoise(chart: Chart, { directions, eigenvalues }: PoleFrame) {
  const { algebra, y, verticalSquare } = chart;
  const { sum, product } = algebra;
  const squares = [...y.map((one) => product(one, one)), verticalSquare];
  const weighted = (weight: (eigenvalue: number) => number): Series =>
    sum(...squares.map((square, k) => [weight(eigenvalues[k]!), square] as const));
  const loss = weighted((value) => value);
  const full = sum([4, weighted((value) => value ** 2)], [-4, product(loss, loss)]);
  const quartic = sum(
    ...directions.map((a) => {
      const p = projection(chart, a);
      const square = product(p, p);
      return [1 / directions.length, product(square, square)] as const;
    }),
  );
  const noise = sum([4, loss], [-4, quartic], [-1, full]);
  return { full, noise };
}

/** −E ln x_d = −½ E ln(1 − |y|²): dA = dy/x_d, so that it is added to the entropy of y. */
function areaTerm({ algebra, verticalSquare }: Chart, moments: Float64Array): number {
  const delta = algebra.sum([-1, verticalSquare], [1, algebra.constant(1)]);
  let [power, total] = [delta, 0];
  for (let k = 1; 2 * k <= algebra.degree; k += 1) {
    total += average(power, moments) / (2 * k);
    power = algebra.product(power, delta);
  }
  return total;
}

function solveAt(frame: PoleFrame, eta: number, degree: number) {
  const m = frame.eigenvalues.length - 1;
  const chart = chartOf(m, degree, Math.sqrt(eta));
  const moments = stationaryMomentsOf(chart, frame, eta);
  const { algebra, scale } = chart;
  const raw = (indices: readonly number[]): number => {
    const exponents = new Array<number>(m).fill(0);
    for (const k of indices) exponents[k]! += 1;
    return moments[algebra.indexOf(exponents)]!;
  };
  const variances = Array.from({ length: m }, (_, k) => scale ** 2 * raw([k, k]));
  const minimum = frame.eigenvalues[m]!;
  const excess = variances.reduce((sum, v, k) => sum + (frame.eigenvalues[k]! - minimum) * v, 0);
  const series = signalAndNoise(chart, frame);
  const signal = average(algebra.product(series.full, algebra.power(series.noise, -1)), moments);
  const noise = average(series.noise, moments);
  return { m, chart, moments, raw, excess, signal, noise, variances };
}

function entropyOf({ m, chart, moments, raw }: ReturnType<typeof solveAt>) {
  const mean = Array.from({ length: m }, (_, k) => raw([k]));
  const covariance = new Matrix(
    Array.from({ length: m }, (_, i) =>
      Array.from({ length: m }, (_, j) => raw([i, j].sort((a, b) => a - b)) - mean[i]! * mean[j]!),
    ),
  );
  const gaussian =
    (m / 2) * Math.log(2 * Math.PI * Math.E * chart.scale ** 2) +
    Math.log(determinant(covariance)) / 2;
  const { value, remainder } = negentropyOf(raw, mean, covariance);
  return { entropy: gaussian - value + areaTerm(chart, moments), negentropy: value, remainder };
}

const unresolved = (eta: number, why: string): ArgumentError =>
  new ArgumentError(
    `poleMoments: the stationary law at learningRate ${eta} is not one about the pole, ${why}; lower ` +
      "learningRate.",
  );

/**
 * What is left after the last of three approximations, relative: the next change of a geometric series, and
 * the last change where they do not fall so fast.
 */
function truncation(first: number, second: number, third: number): number {
  const last = Math.abs(third - second);
  const ratio = last / Math.abs(second - first);
  return (ratio < 0.5 ? last * 2 * ratio : last) / Math.abs(third);
}

/** The limit of a geometric series from three partial sums; the last where they do not fall so fast. */
function extrapolated(first: number, second: number, third: number): number {
  const ratio = (third - second) / (second - first);
  return Math.abs(ratio) < 0.5 ? third + ((third - second) * ratio) / (1 - ratio) : third;
}

/**
 * Discreteness of the law: few samples make it a sum of few atoms a step, whose modulation survives where
 * the smooth part has fallen to exp(−1/(ηh)); in volume of phase space beside the cloud's (2/(ηh))^{m/2}.
 * Its square is what an entropy sees.
 */
export const discreteness = (learningRate: number, curvature: number, dimensions: number): number =>
  Math.min(
    1,
    (Math.exp(-1 / (learningRate * curvature)) *
      (2 / (learningRate * curvature)) ** (dimensions / 2)) **
      2,
  );

/**
 * Moments, entropy and signal-to-noise ratio of the stationary law.
 *
 * Errors: `errors`, from the changes with K, and for the entropy the next terms of its expansion and
 * `discreteness`.
 *
 * @throws ArgumentError where the noise vanishes at the pole (U₀ = 0), the pole is flat, the dimension is
 *   too large for the series, or what the cut leaves out passes 2 %.
 * @see arXiv 2505.23489 for the setting; derivation in the file head.
 * @example poleMoments(poleFrame([[1, 0, 0.2], [0, 1, 0.2], [-1, -1, 0.2]]), 0.01).excess
 */
export function poleMoments(frame: PoleFrame, learningRate: number): PoleMoments {
  const { minimum, curvatures, dimensions, noise: atPole } = poleNoise(frame);
  const steepest = Math.max(...curvatures);
  if (!(minimum > 0 && Math.min(...curvatures) > 1e-9)) {
    throw new ArgumentError(
      `poleMoments: the least loss is ${minimum.toPrecision(3)} and the least curvature ` +
        `${Math.min(...curvatures).toPrecision(3)}, both must be positive; add directions.`,
    );
  }
  if (!(learningRate > 0 && learningRate * steepest < 1)) {
    throw unresolved(learningRate, `as ηh = ${(learningRate * steepest).toPrecision(3)}`);
  }
  const degree = affordableDegree(dimensions, frame.directions.length);
  if (degree === 0) {
    throw new ArgumentError(
      `poleMoments: ${dimensions + 1} dimensions have too many moments; use fewer dimensions.`,
    );
  }
  const [coarsest, coarse, fine] = [degree - 4, degree - 2, degree].map((K) =>
    solveAt(frame, learningRate, Math.max(2, K)),
  );
  const change = (pick: (law: ReturnType<typeof solveAt>) => number): number => {
    const [first, second, third] = [coarsest, coarse, fine].map((law) => pick(law!));
    return truncation(first!, second!, third!);
  };
  const excess = change((law) => law.excess);
  if (!(excess < LARGEST_ERROR && fine!.variances.every((v) => v > 0))) {
    throw unresolved(learningRate, `series of degree ${degree} leave out ${excess.toPrecision(2)}`);
  }
  const { entropy, negentropy, remainder } = entropyOf(fine!);
  const atoms = discreteness(learningRate, steepest, dimensions);
  // Signal, and what noise has beyond the pole's, are averages of squares of y: no better known than those.
  const beyond = Math.abs(1 - atPole / fine!.noise);
  return {
    excess: extrapolated(coarsest!.excess, coarse!.excess, fine!.excess),
    signalSquare: fine!.signal,
    noise: fine!.noise,
    entropy,
    negentropy,
    errors: {
      excess,
      signalSquare: Math.max(
        excess,
        change((law) => law.signal),
      ),
      noise: Math.max(
        excess * beyond,
        change((law) => law.noise),
      ),
      entropy: remainder + atoms + (dimensions / 2) * excess,
    },
    degree,
  };
}
