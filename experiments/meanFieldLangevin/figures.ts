/** Figures of card 4B: the gap to the mean-field limit against N, its terms against η, and over time. */
import { type Estimate, scaled } from "../../analysis/index.ts";
import {
  type MeanFieldOptions,
  meanFieldLangevin,
  meanFieldLimit,
  meanFieldPath,
  type ParticleStart,
} from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import { gapTerm, type Measured, type MeasuredAt } from "./quantities.ts";

const logarithmic = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, k) => from * (to / from) ** (k / (count - 1)));

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

function points(
  label: string,
  places: readonly (readonly [x: number, y: Estimate | null])[],
): Mark {
  const shown = places.flatMap(([x, y]) => (y && Number.isFinite(y.value) ? [{ x, y }] : []));
  return {
    kind: "points",
    label,
    role: "measured",
    x: shown.map(({ x }) => x),
    y: shown.map(({ y }) => y.value),
    standardError: shown.map(({ y }) => y.standardError),
  };
}

/** The law at other values, null where none is stationary. */
const lawAt = (options: MeanFieldOptions, change: Partial<MeanFieldOptions>) =>
  predictionOf(() => meanFieldLangevin({ ...options, ...change })).exact;

const shifted = (estimate: Estimate, by: number): Estimate => ({
  ...estimate,
  value: estimate.value + by,
});

/** One group of the measured for each value of a key, in the order met. */
function by<T>(all: readonly T[], key: (one: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return [...groups];
}

/** Var(x) − λ/r against N. */
export function gapFigure(all: readonly Measured[]): Figure {
  const sizes = all.map(({ options }) => options.particles);
  const grid = logarithmic(Math.max(1, Math.min(...sizes) / 2), Math.max(...sizes) * 2, 81);
  const groups = by(
    all.filter(({ exact }) => exact !== null && Number.isFinite(exact.limit)),
    ({ options }) => `η = ${options.learningRate}, s = ${options.gradientNoise}`,
  );
  return {
    id: "gap",
    title: "Distance of N particles from the mean-field limit",
    caption:
      "Var(x) of one particle minus λ/r, its value for N → ∞ and η → 0. The curves are exact at every N and " +
      "η; for large N they end at the terms of the learning rate and of the gradient's noise. Bars are one " +
      "standard error, from the scatter of independent systems.",
    x: { label: "particles N", scale: "log" },
    y: { label: "Var(x) − λ/r", unit: "x²" },
    marks: groups.flatMap(([label, group]): Mark[] => {
      const { options } = group[0]!;
      return [
        points(
          label,
          group.map((one) => [
            one.options.particles,
            shifted(one.estimates.variance, -one.exact!.limit),
          ]),
        ),
        curve(`${label}: exact`, grid, (particles) => {
          const law = lawAt(options, { particles });
          return law ? law.variance - law.limit : Number.NaN;
        }),
      ];
    }),
  };
}

/** Sizes of the three terms of the gap against the learning rate. */
export function termsFigure(all: readonly Measured[]): Figure {
  const rates = all.map(({ options }) => options.learningRate);
  const grid = logarithmic(Math.min(...rates) / 3, Math.max(...rates) * 3, 81);
  const most = Math.max(...all.map(({ options }) => options.particles));
  const largest = all.filter(({ options }) => options.particles === most);
  const absolute = (estimate: Estimate | null): Estimate | null =>
    estimate && { ...estimate, value: Math.abs(estimate.value) };
  const marks = by(largest, ({ options }) => `s = ${options.gradientNoise}`).flatMap(
    ([label, group]): Mark[] => {
      const { options } = group[0]!;
      const quiet = options.gradientNoise === 0;
      const name = quiet ? "learning rate" : `noise, ${label}`;
      const size = (one: Measured): Estimate => scaled(one.estimates.finiteSize, most);
      const at = (learningRate: number) => lawAt(options, { learningRate });
      return [
        points(
          name,
          group.map((one) => [one.options.learningRate, absolute(gapTerm(one, all))]),
        ),
        curve(`${name}: exact`, grid, (rate) => {
          const gap = at(rate)?.gap;
          return (quiet ? gap?.learningRate : gap?.gradientNoise) ?? Number.NaN;
        }),
        points(
          `N × 1/N term, ${label}`,
          group.map((one) => [one.options.learningRate, absolute(size(one))]),
        ),
        curve(`N × 1/N term, ${label}: exact`, grid, (rate) =>
          Math.abs(most * (at(rate)?.finiteSize ?? Number.NaN)),
        ),
      ];
    },
  );
  return {
    id: "terms",
    title: "Terms of the gap against the learning rate",
    caption:
      `Absolute values, from systems of ${most} particles. The learning rate's own term is λη/(2 − ηr), the ` +
      "noise's ηs²/(r(2 − ηr)); both fall with η, the 1/N term does not.",
    x: { label: "learning rate", unit: "x²/loss", scale: "log" },
    y: { label: "|term of the gap|", unit: "x²", scale: "log" },
    marks: marks.map(positive),
  };
}

/** Without what a logarithmic axis cannot show. */
function positive(mark: Mark): Mark {
  const kept = mark.y.flatMap((y, i) => (y > 0 ? [i] : []));
  const { standardError } = mark;
  return {
    ...mark,
    x: kept.map((i) => mark.x[i]!),
    y: kept.map((i) => mark.y[i]!),
    ...(standardError && { standardError: kept.map((i) => standardError[i]!) }),
  };
}

const fine = (last: number): number[] => Array.from({ length: 121 }, (_, k) => (last * k) / 120);

/** Var(x) against time from a far start, with the mean-field law. */
export function relaxationFigure(all: readonly MeasuredAt[], start: ParticleStart): Figure {
  const { options: first } = all[0]!;
  const shown = all.filter(({ options }) => options.gradientNoise === first.gradientNoise);
  const grid = fine(Math.max(...shown.map(({ step }) => step)));
  const marks = by(shown, ({ options }) => `N = ${options.particles}`).flatMap(
    ([label, group]): Mark[] => [
      points(
        label,
        group.map(({ step, estimates }) => [step, estimates.variance]),
      ),
      curve(`${label}: exact`, grid, (t) => meanFieldPath(group[0]!.options, start, t).variance),
    ],
  );
  return {
    id: "relaxation",
    title: "Variance of a particle from a far start",
    caption:
      `All particles start independently, with mean ${start.mean} and standard deviation ` +
      `${start.standardDeviation}; η = ${first.learningRate}, s = ${first.gradientNoise}. The mean-field ` +
      "law is that of infinitely many particles in continuous time.",
    x: { label: "steps" },
    y: { label: "Var(x)", unit: "x²" },
    marks: [...marks, curve("mean-field law", grid, (t) => meanFieldLimit(first, start, t))],
  };
}

/** N (Var(x) − Vr) against time: the same curve for all N, bounded at all times. */
export function uniformFigure(all: readonly MeasuredAt[], start: ParticleStart): Figure {
  const shown = all.filter(({ options }) => options.particles > 1);
  const grid = fine(Math.max(1, ...shown.map(({ step }) => step)));
  const marks = by(shown, ({ options }) => `s = ${options.gradientNoise}`).flatMap(
    ([label, group]): Mark[] => [
      ...by(group, ({ options }) => `N = ${options.particles}, ${label}`).map(([name, own]) =>
        points(
          name,
          own.map(({ step, estimates, options }) => [
            step,
            scaled(estimates.finiteSize, options.particles),
          ]),
        ),
      ),
      curve(`${label}: exact`, grid, (t) => {
        const { options } = group[0]!;
        return options.particles * meanFieldPath(options, start, t).finiteSize;
      }),
    ],
  );
  return {
    id: "uniform-in-time",
    title: "The 1/N term at all times",
    caption:
      "N times the difference between Var(x) of N particles and of infinitely many at the same step size and " +
      "noise. It is one curve for all N, and bounded: propagation of chaos is uniform in time.",
    x: { label: "steps" },
    y: { label: "N × 1/N term", unit: "x²" },
    marks,
  };
}
