/** Exact curves of card A7: the divergence of every sampler against η, and its power at small η. */
import { logLogSlope } from "../../analysis/index.ts";
import type { PosteriorMoments, PosteriorSampler, RegressionData } from "../../models/index.ts";
import type { Quantity } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import { orderOf, type SamplerSettings, samplerLaw, titleOf } from "./chains.ts";

export interface ExactSettings extends SamplerSettings {
  readonly learningRates: readonly number[];
  readonly samplers: readonly PosteriorSampler[];
}

export interface ExactPoint {
  readonly learningRate: number;
  readonly law: PosteriorMoments;
}

/** Where rounding leaves nothing of a divergence: (1e-16/rate of relaxation)² and less. */
const LEAST = 1e-22;

const lawAt = (
  sampler: PosteriorSampler,
  posterior: RegressionData,
  p: ExactSettings,
  learningRate: number,
): PosteriorMoments | null => {
  const { exact } = predictionOf(() => samplerLaw(sampler, posterior, learningRate, p));
  return exact !== null && exact.kl > LEAST ? exact : null;
};

/** Points of a sampler's curve from a tenth of the least rate to three times the largest. */
export function exactCurve(
  sampler: PosteriorSampler,
  posterior: RegressionData,
  p: ExactSettings,
): ExactPoint[] {
  const from = Math.min(...p.learningRates) / 10;
  const to = 3 * Math.max(...p.learningRates);
  const count = Math.min(161, 1 + Math.ceil(24 * Math.log10(to / from)));
  return Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1))).flatMap(
    (learningRate) => {
      const law = lawAt(sampler, posterior, p, learningRate);
      return law === null ? [] : [{ learningRate, law }];
    },
  );
}

/** Rates of the fit, as parts of its largest. */
const LADDER = [0.1, 0.2, 0.5, 1];

function slopeBelow(
  sampler: PosteriorSampler,
  posterior: RegressionData,
  p: ExactSettings,
  largest: number,
) {
  const rates = LADDER.map((part) => part * largest);
  const laws = rates.map((rate) => lawAt(sampler, posterior, p, rate));
  const values = laws.flatMap((law) => (law === null ? [] : [law.kl]));
  return values.length === rates.length ? logLogSlope(rates, values) : null;
}

/**
 * Power of η in the exact KL over the decade below the least rate, beside the asymptotic one.
 *
 * `systematic` is what the power still changes with η: a correction that is linear in η moves the
 * slope by twice its change when all rates are halved; twice that is allowed for higher orders. More
 * than half a power is no asymptotic range, and nothing is predicted.
 */
export function exactSlopes(posterior: RegressionData, p: ExactSettings): Quantity[] {
  const largest = Math.min(...p.learningRates);
  return p.samplers.flatMap((sampler) => {
    const slope = slopeBelow(sampler, posterior, p, largest);
    const half = slopeBelow(sampler, posterior, p, largest / 2);
    if (slope === null || half === null) return [];
    const systematic = 4 * Math.abs(slope.value - half.value);
    const isAsymptotic = systematic < 0.5;
    return [
      {
        name: "power of eta in KL, exact map",
        condition: { sampler: titleOf(sampler) },
        estimate: { ...slope, warnings: [] },
        unit: "1",
        predicted: isAsymptotic ? orderOf(sampler) : null,
        systematic,
      },
    ];
  });
}
