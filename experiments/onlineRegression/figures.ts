/** Figures of card B2: variances of θ against the Hessian's eigenvalues and against the rate. */
import {
  heavyBallMode,
  inputVariance,
  type OnlineRegression,
  type OnlineRegressionOptions,
  onlineRegression as theory,
} from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";

/** Theory of one learning rate, and whether measured variances have standard errors there. */
export interface Condition {
  readonly learningRate: number;
  readonly exact: OnlineRegression | null;
  /** Do fourth moments exist? */
  readonly hasErrors: boolean;
  readonly warnings: readonly string[];
}

type Setting = Omit<OnlineRegressionOptions, "learningRate">;

/** ησ²/(2S(1 − β)), Var θ of every direction in the modified loss without weight decay. */
const isotropic = ({ labelNoise, batchSize, momentum }: Setting, learningRate: number): number =>
  (learningRate * labelNoise ** 2) / (2 * batchSize * (1 - momentum));

const logarithmic = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, k) => from * (to / from) ** (k / (count - 1)));

/** A curve without the points where there is no finite value. */
function curve(label: string, x: readonly number[], y: (x: number) => number): Mark {
  const points = x.map((at) => [at, y(at)] as const).filter(([, value]) => Number.isFinite(value));
  return {
    kind: "line",
    label,
    role: "theory",
    x: points.map(([at]) => at),
    y: points.map(([, value]) => value),
  };
}

/** Measured var(theta[i]) of a condition, over `unit`. */
function points(
  label: string,
  places: readonly (readonly [x: number, quantity: Quantity | undefined, unit: number])[],
): Mark {
  const shown = places.flatMap(([x, quantity, unit]) =>
    quantity && Number.isFinite(quantity.estimate.value) ? [{ x, quantity, unit }] : [],
  );
  return {
    kind: "points",
    label,
    role: "measured",
    x: shown.map(({ x }) => x),
    y: shown.map(({ quantity, unit }) => quantity.estimate.value / unit),
    standardError: shown.map(({ quantity, unit }) => quantity.estimate.standardError / unit),
  };
}

const find = (
  quantities: readonly Quantity[],
  i: number,
  learningRate: number,
): Quantity | undefined =>
  quantities.find(
    ({ name, condition }) => name === `var(theta[${i}])` && condition.learningRate === learningRate,
  );

/** The condition of the largest rate, with a stationary state if any has one: it departs most. */
function boldest(conditions: readonly Condition[]): Condition {
  const stationary = conditions.filter(({ exact }) => exact !== null);
  const candidates = stationary.length > 0 ? stationary : conditions;
  return candidates.reduce((best, each) => (each.learningRate > best.learningRate ? each : best));
}

/** Var θ_i over the isotropic value, against the eigenvalue, at the largest stationary rate. */
export function spectrumFigure(
  p: Setting,
  conditions: readonly Condition[],
  quantities: readonly Quantity[],
): Figure {
  const { learningRate, exact } = boldest(conditions);
  const h = p.inputVariances;
  const grid = logarithmic(Math.min(...h) / 3, Math.max(...h) * 1.5, 61);
  const unit = isotropic(p, learningRate);
  const options = { ...p, learningRate };
  const additive = (value: number): number =>
    predictionOf(
      () =>
        heavyBallMode({
          ...options,
          curvature: value,
          noiseVariance: (p.labelNoise ** 2 * value) / p.batchSize,
        }).positionVariance,
    ).exact ?? Number.NaN;
  const within = (excess: number) => (value: number) =>
    (predictionOf(() => inputVariance(options, excess, value)).exact ?? Number.NaN) / unit;
  return {
    id: "spectrum",
    title: "Variance of θ along the Hessian's eigenvectors",
    caption:
      `At η = ${learningRate}, in units of ησ²/(2S(1−β)), the variance of every direction in the ` +
      "modified loss without weight decay: there the law of θ is isotropic. Additive noise neglects " +
      "that the gradient's noise grows with θ. The exact curve is that of one more, weak input of " +
      "the given variance.",
    x: { label: "eigenvalue", unit: "loss/θ²", scale: "log" },
    y: { label: "var(θ) / isotropic" },
    marks: [
      points(
        "measured",
        h.map((value, i) => [value, find(quantities, i, learningRate), unit]),
      ),
      ...(exact ? [curve("exact", grid, within(exact.excess))] : []),
      ...(exact ? [curve("additive noise", grid, (value) => additive(value) / unit)] : []),
      curve("modified loss", grid, (value) => value / (value + (p.weightDecay ?? 0))),
    ],
  };
}

/** Curves that can be told apart by their dashes. */
const MOST_CURVES = 4;

/** Places of up to `MOST_CURVES` different values, the extremes among them, largest first. */
function picked(values: readonly number[]): number[] {
  const sorted = [...new Set(values)].sort((a, b) => b - a);
  const count = Math.min(MOST_CURVES, sorted.length);
  const places = Array.from({ length: count }, (_, k) =>
    Math.round((k * (sorted.length - 1)) / Math.max(1, count - 1)),
  );
  return places.map((place) => values.indexOf(sorted[place]!));
}

/** Var θ_i over the isotropic value, against the learning rate; a curve for each of a few inputs. */
export function sweepFigure(
  p: Setting,
  conditions: readonly Condition[],
  quantities: readonly Quantity[],
): Figure {
  const rates = conditions.map(({ learningRate }) => learningRate);
  const grid = logarithmic(Math.min(...rates) / 3, Math.max(...rates) * 3, 81);
  const at = grid.map((rate) => predictionOf(() => theory({ ...p, learningRate: rate })).exact);
  return {
    id: "learning-rate",
    title: "Departure from isotropy with the learning rate",
    caption:
      "Variance of each direction in units of ησ²/(2S(1−β)). The curves end where second moments " +
      "cease to exist.",
    x: { label: "learning rate", unit: "θ²/loss", scale: "log" },
    y: { label: "var(θ) / isotropic", scale: "log" },
    marks: picked(p.inputVariances).flatMap((i): Mark[] => [
      points(
        `eigenvalue ${p.inputVariances[i]}`,
        rates.map((rate) => [rate, find(quantities, i, rate), isotropic(p, rate)]),
      ),
      curve(`eigenvalue ${p.inputVariances[i]}: exact`, grid, (rate) => {
        const variance = at[grid.indexOf(rate)]?.positionVariance[i] ?? Number.NaN;
        return variance / isotropic(p, rate);
      }),
    ]),
  };
}
