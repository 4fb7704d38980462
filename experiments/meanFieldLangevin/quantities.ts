/** Quantities of card 4B, each beside its exact value; and what they are over the mean-field limit. */
import { type Estimate, scaled } from "../../analysis/index.ts";
import {
  kickVariance,
  type MeanFieldOptions,
  meanFieldModes,
  meanFieldPath,
  type ParticleLaw,
  type ParticleStart,
  type StationaryParticleLaw,
} from "../../models/theory/index.ts";
import type { Quantity } from "../experiment.ts";
import { F32, F32_BLOCK_SUM } from "../systematic.ts";
import { difference, type ParticleEstimates } from "./measures.ts";

/** Systems of one N, η and s: measured, and what theory says. */
export interface Measured {
  readonly options: MeanFieldOptions;
  readonly exact: StationaryParticleLaw | null;
  readonly estimates: ParticleEstimates;
  readonly burnIn: number;
  readonly steps: number;
}

/** The same at a step after the start. */
export interface MeasuredAt {
  readonly options: MeanFieldOptions;
  readonly exact: ParticleLaw;
  readonly estimates: ParticleEstimates;
  readonly step: number;
  /** Number of its record, 0 being the start itself. */
  readonly record: number;
}

/** Bounds on biases: of <x>, of variances relative to their size, and of each absolutely. */
interface Bias {
  readonly mean: number;
  readonly relative: number;
  readonly absolute: Pick<
    ParticleLaw,
    "variance" | "meanVariance" | "relativeVariance" | "finiteSize"
  >;
}

const VARIANCES = ["variance", "meanVariance", "relativeVariance", "finiteSize"] as const;

const absolute = (of: (name: (typeof VARIANCES)[number]) => number): Bias["absolute"] => ({
  variance: of("variance"),
  meanVariance: of("meanVariance"),
  relativeVariance: of("relativeVariance"),
  finiteSize: of("finiteSize"),
});

/**
 * What float32 does to the dynamics, u = 2⁻²⁴ of |x|.
 *
 * Each hyperparameter is off by 2⁻²⁴ of itself: V ∝ 1/((2 − ηr)ηr) follows by 8·2⁻²⁴(1 + 2/(2 − ηr)); the
 * fixed point, where forces k|mean − m| and r|x| cancel, by 8·2⁻²⁴(|⟨x⟩| + |m|). Each step rounds three
 * times by u at most: added to the kicks σ² these are 3u²/σ² of them while kicks are larger than
 * roundings (σ > 8u), and independent; else each deviation is wrong by 3u/(1 − |f|) at most, f the
 * factor of its mode.
 */
function rounding(options: MeanFieldOptions, law: ParticleLaw): Bias {
  const { mean: a, relative: b } = meanFieldModes(options);
  const size = Math.hypot(law.mean, Math.sqrt(Math.max(0, law.variance)));
  const u = F32 * size;
  const kick = kickVariance(options);
  const isShaken = kick > 64 * u * u;
  const factor = options.particles === 1 ? Math.abs(a) : Math.max(Math.abs(a), Math.abs(b));
  const stuck = isShaken ? 0 : (3 * u) / Math.max(F32, 1 - factor);
  // 2 − ηr is 1 + b; where a mode grows there is nothing to be bounded.
  const edge = Math.max(F32, options.particles === 1 ? 1 + a : Math.min(1 + a, 1 + b));
  return {
    mean: 8 * F32 * (size + Math.abs(options.target)) + stuck,
    relative: 8 * F32 * (1 + 2 / edge) + (isShaken ? (3 * u * u) / kick : 0),
    absolute: absolute(() => stuck * stuck),
  };
}

/**
 * What the start has left at the end of the burn-in, by the exact path; and float32 sums.
 *
 * A deviation of the mean shrinks by a in each of T steps: its average is (1 − a^T)/((1 − a)T) of it.
 */
function stationaryBias(
  { options, burnIn, steps }: Measured,
  law: ParticleLaw,
  start: ParticleStart,
): Bias {
  const left = meanFieldPath(options, start, burnIn);
  const mean = Math.abs(left.mean - law.mean);
  const { mean: a } = meanFieldModes(options);
  const drift = mean * Math.abs((1 - a ** steps) / ((1 - a) * Math.max(1, steps)));
  const device = rounding(options, law);
  return {
    mean: device.mean + drift + F32_BLOCK_SUM * Math.sqrt(Math.max(0, law.variance)),
    relative: device.relative + F32_BLOCK_SUM,
    // A mean that drifts during the observation adds its square to what is taken for a variance.
    absolute: absolute(
      (name) => device.absolute[name] + Math.abs(left[name] - law[name]) + mean * mean,
    ),
  };
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** One row: what is measured, its unit, its exact value, the bound on its bias. */
type Row = readonly [string, Estimate, string, number | undefined, number];

const quantity = (
  [name, estimate, unit, predicted, systematic]: Row,
  condition: Quantity["condition"],
): Quantity => ({
  name,
  condition,
  estimate,
  unit,
  predicted: finite(predicted),
  systematic: Number.isFinite(systematic) ? systematic : 0,
});

/** The four moments and the 1/N term. */
function lawRows(
  estimates: ParticleEstimates,
  law: ParticleLaw | null,
  particles: number,
  bias: Bias,
): Row[] {
  const of = (name: (typeof VARIANCES)[number], size = Math.abs(law?.[name] ?? 0)): number =>
    bias.relative * size + bias.absolute[name];
  const { relativeVariance: rest = 0, meanVariance = 0 } = law ?? {};
  // Of the 1/N term the two parts that nearly cancel.
  const parts = meanVariance + rest / (particles - 1);
  const rows: Row[] = [
    ["<x>", estimates.mean, "x", law?.mean, bias.mean],
    ["Var(x)", estimates.variance, "x²", law?.variance, of("variance")],
    ["Var(mean)", estimates.meanVariance, "x²", law?.meanVariance, of("meanVariance")],
    [
      "Var(x - mean)",
      estimates.relativeVariance,
      "x²",
      law?.relativeVariance,
      of("relativeVariance"),
    ],
    ["gap: 1/N", estimates.finiteSize, "x²", law?.finiteSize, of("finiteSize", parts)],
  ];
  return particles === 1 ? rows.slice(0, 3) : rows;
}

const conditionOf = ({ particles, learningRate, gradientNoise }: MeanFieldOptions) => ({
  particles,
  learningRate,
  gradientNoise,
});

const NO_BIAS: Bias = { mean: 0, relative: 0, absolute: absolute(() => 0) };

/** Vr, what Var(x) would be without the 1/N term: N/(N − 1) Var(x − mean). */
const withoutFiniteSize = ({ options: { particles: N }, estimates }: Measured): Estimate =>
  scaled(estimates.relativeVariance, N / (N - 1));

/** The terms of the gap that are not 1/N: of the step size without noise, of the noise beside it. */
export function gapTerm(one: Measured, all: readonly Measured[]): Estimate | null {
  const { options, exact } = one;
  if (exact === null || options.particles === 1 || !Number.isFinite(exact.limit)) return null;
  const own = withoutFiniteSize(one);
  if (options.gradientNoise === 0) return { ...own, value: own.value - exact.limit };
  const quiet = all.find(
    ({ options: o }) =>
      o.gradientNoise === 0 &&
      o.particles === options.particles &&
      o.learningRate === options.learningRate,
  );
  return quiet ? difference(own, withoutFiniteSize(quiet)) : null;
}

export function stationaryQuantities(
  all: readonly Measured[],
  start: ParticleStart,
): { compared: Quantity[]; limits: Quantity[] } {
  const compared: Quantity[] = [];
  const limits: Quantity[] = [];
  for (const one of all) {
    const { options, exact, estimates } = one;
    const condition = conditionOf(options);
    const bias = exact ? stationaryBias(one, exact, start) : NO_BIAS;
    const rows = lawRows(estimates, exact, options.particles, bias);
    const term = gapTerm(one, all);
    if (term && exact) {
      const quiet = options.gradientNoise === 0;
      const name = quiet ? "gap: learning rate" : "gap: gradient noise";
      const predicted = quiet ? exact.gap.learningRate : exact.gap.gradientNoise;
      // Of one or two variances that are at most twice Var(x − mean).
      const { relativeVariance: size } = exact;
      const systematic = 4 * (bias.relative * size + bias.absolute.relativeVariance);
      rows.push([name, term, "x²", predicted, systematic]);
    }
    compared.push(...rows.map((row) => quantity(row, condition)));
    if (exact && exact.limit > 0 && Number.isFinite(exact.limit)) {
      const ratio = scaled(estimates.variance, 1 / exact.limit);
      limits.push(quantity(["Var(x) over lambda/r", ratio, "1", undefined, 0], condition));
    }
  }
  return { compared, limits };
}

/**
 * How far skewness moves the quantile of a mean over its standard error at t = 4 (Cornish–Fisher):
 * γ(2t² + 1)/(6√n) standard errors, for n systems.
 *
 * At one time a system's number is a sum of squares of Gaussians: N − 1 of the deviations with equal
 * weights and one of the mean, γ = √8 Σ w³/(Σ w²)^{3/2}. Averages over long times have less.
 */
function skewShift(law: ParticleLaw, particles: number, systems: number, isGap: boolean): number {
  const each = particles === 1 ? 0 : law.relativeVariance / (particles - 1);
  const weight = isGap ? -each / (particles - 1) : each;
  const power = (k: number): number => law.meanVariance ** k + (particles - 1) * weight ** k;
  const squares = power(2);
  if (!(squares > 0)) return 0;
  const skewness = (Math.sqrt(8) * Math.abs(power(3))) / squares ** 1.5;
  return (skewness * 33) / (6 * Math.sqrt(systems));
}

/** The law at some steps after the start; exact where no stationary state exists as well. */
export function startingQuantities(all: readonly MeasuredAt[]): Quantity[] {
  return all.flatMap(({ options, exact, estimates, step }) => {
    const rows = lawRows(estimates, exact, options.particles, rounding(options, exact));
    const condition = { ...conditionOf(options), step };
    return rows
      .filter(([name]) => name === "<x>" || name === "Var(x)" || name === "gap: 1/N")
      .map(([name, estimate, unit, predicted, bias]) => {
        const { n, standardError } = estimate;
        const isGap = name === "gap: 1/N";
        const shift = name === "<x>" ? 0 : skewShift(exact, options.particles, n, isGap);
        const systematic = bias + shift * standardError;
        return quantity(
          [`${name} from the start`, estimate, unit, predicted, systematic],
          condition,
        );
      });
  });
}
