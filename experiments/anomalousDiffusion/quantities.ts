/**
 * Mean squared displacements and their exponent beside exact values.
 *
 * What standard errors do not cover is float32: sums of squares (`F32_BLOCK_SUM`, and one rounding for
 * each mode), and the rounding of θ itself. Adding ηv' to θ rounds by less than half a unit in the last
 * place, 2⁻²⁴|θ|, hence with a variance below 2⁻⁴⁸θ²/3, anew at each step: a walk of k steps at most.
 */
import {
  type AnomalousExponent,
  anomalousExponent,
  type Estimate,
  logLogSlope,
  noEstimate,
  replicaMean,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { DisplacementRecord } from "../../engine/record.ts";
import { COMPARABLE, comparable } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32, F32_BLOCK_SUM } from "../systematic.ts";
import type { Planned, Settings } from "./settings.ts";

export interface Measured {
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  /** Of each observed lag. */
  readonly meanSquare: readonly Estimate[];
  /** null where it is refused. */
  readonly fit: AnomalousExponent | null;
  /** Slope of the exact curve on the fitted lags. */
  readonly exactSlope: number | null;
}

/** Rounding of θ beyond this share of a displacement is no longer a correction. */
const LARGEST_ROUNDING = 0.01;
/** Sums of fewer squares of normal numbers are too skewed for 4 standard errors. */
const LEAST_SQUARES = 100;

/** Bound on what float32 does to the mean square at each lag. */
function roundings({ modes }: Settings, { exact, lags }: Planned): number[] {
  if (exact === null) return lags.map(() => 0);
  return lags.map((lag, l) => {
    // Σ Var θ is half of the saturation.
    const walk = (lag * F32 ** 2 * exact.saturation) / 2 / 3;
    return walk + (F32_BLOCK_SUM + modes * F32) * exact.meanSquare[l]!;
  });
}

export function measured(p: Settings, planned: Planned, record: DisplacementRecord): Measured {
  const { exact, lags, window } = planned;
  const warnings: string[] = [];
  const meanSquare = lags.map((_, l) => estimateOf(() => replicaMean(column(record, l))));
  const bounds = roundings(p, planned);
  const lost =
    exact !== null && lags.some((_, l) => bounds[l]! > LARGEST_ROUNDING * exact.meanSquare[l]!);
  if (lost) {
    warnings.push(
      "no predictions: θ is so large that its float32 rounding moves it by more than " +
        `${100 * LARGEST_ROUNDING} % of a displacement; lower spectrumExponent, or raise noiseExponent or learningRate.`,
    );
  }
  const known = lost ? null : exact;
  const quantity = (
    name: string,
    condition: Quantity["condition"],
    estimate: Estimate,
    unit: string,
    predicted: number | null,
    systematic: number,
  ): Quantity => ({
    name,
    condition,
    estimate,
    unit,
    predicted,
    systematic: predicted === null ? 0 : systematic,
  });
  const squares = p.lags.map((lag) => {
    const l = lags.indexOf(lag);
    return quantity(
      "mean square",
      { lag },
      meanSquare[l]!,
      "θ²",
      known?.meanSquare[l] ?? null,
      bounds[l]!,
    );
  });
  const fit = fitOf(record, window, warnings);
  const fitted = fit.fit?.lags ?? [];
  const exactSlope =
    known && fit.fit
      ? logLogSlope(
          fitted,
          fitted.map((lag) => known.meanSquare[lags.indexOf(lag)]!),
        ).value
      : null;
  const local =
    record.localSteps > 0
      ? [
          quantity(
            "mean square of a step",
            {},
            estimateOf(() => replicaMean(record.local.data)),
            "θ²",
            known?.local ?? null,
            bounds[0]!,
          ),
        ]
      : [];
  const exponent = quantity(
    "exponent",
    { lags: range(fitted) },
    fit.estimate,
    "1",
    exactSlope,
    exactSlope === null ? 0 : slopeBound(fitted, planned, bounds),
  );
  const least = leastReplicas(exact);
  const judged = comparable([...local, ...squares, exponent], { replicas: p.replicas, least });
  return {
    ...judged,
    warnings: [...warnings, ...judged.warnings],
    meanSquare,
    fit: fit.fit,
    exactSlope,
  };
}

const range = (lags: readonly number[]): string =>
  lags.length === 0 ? "none" : `${lags[0]}–${lags[lags.length - 1]}`;

/** [replica] at a lag. */
const column = ({ meanSquare, lags }: DisplacementRecord, l: number): number[] =>
  Array.from(
    { length: meanSquare.data.length / lags.length },
    (_, r) => meanSquare.data[r * lags.length + l]!,
  );

function fitOf(
  record: DisplacementRecord,
  window: Planned["window"],
  warnings: string[],
): { fit: AnomalousExponent | null; estimate: Estimate } {
  const nothing = noEstimate("least squares of ln⟨|Δθ|²⟩ on ln lag");
  if (!(window.from < window.to)) {
    warnings.push(
      `no exponent: lag ${window.to} is the only one that is observed; give longer lags.`,
    );
    return { fit: null, estimate: nothing };
  }
  try {
    const fit = anomalousExponent(record, window);
    return { fit, estimate: fit.exponent };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    warnings.push(error.message);
    return { fit: null, estimate: nothing };
  }
}

/** By how much the slope may be off where each ln⟨|Δθ|²⟩ is: Σ |X − X̄| δ/Σ (X − X̄)². */
function slopeBound(
  fitted: readonly number[],
  { exact, lags }: Planned,
  bounds: readonly number[],
): number {
  const x = fitted.map(Math.log);
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const spread = x.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return fitted.reduce((sum, lag, k) => {
    const l = lags.indexOf(lag);
    return sum + (Math.abs(x[k]! - mean) * (bounds[l]! / exact!.meanSquare[l]!)) / spread;
  }, 0);
}

/** Replicas whose squares together are enough where few modes hold most of the displacement. */
function leastReplicas(exact: Planned["exact"]): number {
  const fewest = exact === null ? 1 : Math.min(...exact.participation);
  return Math.max(COMPARABLE, Math.ceil(LEAST_SQUARES / fewest));
}
