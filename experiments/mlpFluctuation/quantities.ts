/**
 * Quantities of card A6 from the measured rungs, each beside the theory that should hold.
 *
 * `bend` = |⟨σ⟩_cloud/⟨σ⟩_minimum − 1| is how much the cloud changes the linear theory, first order in
 * the rate; it is computed, from the network's own derivatives. Bounds on what is left out are:
 * - 5/4 of that change for the theory at the minimum, which leaves it out whole;
 * - half of it, relative, for the theory of the cloud, which leaves out the next orders, and half of the
 *   share `gone` of replicas that end in other basins, where curvature and noise differ by as much as
 *   themselves: they have left one after the other. At most the card's tolerance of 20 % altogether.
 */
import { type Estimate, zScore } from "../../analysis/index.ts";
import { comparable, unsettled } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { F32_BLOCK_SUM, transient } from "../systematic.ts";
import type { CloudTheory } from "./cloud.ts";
import { trace, upper } from "./matrices.ts";
import { cosine, type Result, type Rung, slopeOf } from "./rung.ts";

/** Largest relative bound on ⟨σ⟩ that still says something: card A6's tolerance. */
const TOLERANCE = 0.2;
/** Share of replicas in other basins, above which the state is not that about the minimum. */
const MOST_GONE = 0.3;
/** Card A6's tolerances of a correlation of at least 0.95, and of the integral theorem. */
const CORRELATION = 0.05;
const INTEGRAL = 1e-3;

interface Settings {
  readonly replicas: number;
  readonly stretch: number;
}

interface Row {
  readonly name: string;
  readonly unit?: string;
  readonly result: Result;
  readonly predicted: number | null;
  readonly systematic: number;
}

/** |⟨σ⟩_cloud/⟨σ⟩_minimum − 1| */
export const bendOf = ({ linear, cloud }: Rung): number =>
  cloud === null ? Infinity : Math.abs(cloud.sigma / linear.continuous.entropyProduction - 1);

/** Relative bound on what the theory of the cloud leaves out. */
const leftOut = (bend: number, { gone }: Rung): number => Math.min(TOLERANCE, (bend + gone) / 2);

/** The correlation of noisy areas falls short: their own errors add to their length. */
function attenuation({ results: { areas } }: Rung, cloud: CloudTheory): number {
  const noise = areas.reduce((sum, { standardError }) => sum + standardError ** 2, 0);
  const length = upper(cloud.area).reduce((sum, x) => sum + x * x, 0);
  return 1 / Math.sqrt(1 + noise / length);
}

function productionRows(rung: Rung, bend: number): Row[] {
  const { linear, cloud, results } = rung;
  const atMinimum = linear.continuous.entropyProduction;
  const bound = 1.25 * bend;
  const unit = "nats per step";
  return [
    {
      name: "<sigma>, theory at the minimum",
      unit,
      result: results.sigma,
      predicted: linear.exact && bound <= TOLERANCE ? atMinimum : null,
      systematic: bound * atMinimum,
    },
    {
      name: "<sigma>, theory of the cloud",
      unit,
      result: results.sigma,
      predicted: cloud?.sigma ?? null,
      systematic: leftOut(bend, rung) * atMinimum,
    },
    {
      name: "tr C' D^-1 C S^-1, measured matrices",
      unit,
      result: results.plugIn,
      predicted: cloud?.plugIn ?? null,
      // Differences of second moments a step apart carry the rounding of the moments.
      systematic: leftOut(bend, rung) * atMinimum,
    },
    {
      name: "Var sigma/(2 <sigma>)",
      result: results.sigmaVariance,
      predicted: cloud?.varianceRatio ?? null,
      // Variances of σ hold twice the variance of z, of which the cloud leaves out more than of ⟨σ⟩.
      systematic: 2 * leftOut(bend, rung),
    },
  ];
}

/**
 * The theorem is exact for a linear drift and constant Gaussian noise. Where drift and noise change by a
 * share `bend` from place to place (or of places, `gone`), ⟨e^{−σ}⟩ given the place is 1 to ±bend·μ, μ the
 * mean of σ there.
 */
function theoremRows({ stretch }: Settings, { linear, results, gone }: Rung, bend: number): Row[] {
  const off = (bend + gone) * linear.continuous.entropyProduction;
  return [
    {
      name: "<exp(-sigma)>, 1 step",
      result: results.integralStep,
      predicted: 1,
      systematic: Math.min(INTEGRAL, off),
    },
    {
      name: `<exp(-sigma)>, ${stretch} steps`,
      result: results.integralStretch,
      predicted: 1,
      systematic: Math.min(INTEGRAL, off) * stretch,
    },
  ];
}

function matrixRows(rung: Rung, bend: number): Row[] {
  const { linear, cloud, results, learningRate } = rung;
  const { diffusion, current } = rung.atMinimum;
  const swing = learningRate * linear.stiffest;
  const rounding = F32_BLOCK_SUM / swing;
  const predictedError =
    cloud &&
    Math.sqrt(
      squares(cloud.diffusion.flat().map((x, i) => x - diffusion.flat()[i]!)) /
        squares(diffusion.flat()),
    );
  return [
    {
      name: "correlation of areas with C",
      result: results.correlation,
      predicted: cloud && cosine(upper(cloud.area), current) * attenuation(rung, cloud),
      // Areas that are off by so much of their size, at right angles at worst, have this cosine.
      systematic: Math.min(CORRELATION, 1 - 1 / Math.hypot(1, 2 * leftOut(bend, rung))),
    },
    {
      name: "slope of areas on C",
      result: results.slope,
      predicted: cloud && slopeOf(upper(cloud.area), current),
      systematic: leftOut(bend, rung) + rounding,
    },
    {
      name: "tr D over eta^2 tr Sigma_B/2",
      result: results.diffusionTrace,
      predicted: cloud && trace(cloud.diffusion) / trace(diffusion),
      systematic: leftOut(bend, rung) + rounding,
    },
    {
      name: "relative error of D at the minimum",
      result: results.diffusionError,
      predicted: predictedError,
      systematic: leftOut(bend, rung) + rounding,
    },
    {
      name: "variance over Lyapunov's, mean of modes",
      result: results.varianceMean,
      // Stiff modes follow soft ones as these wander, to second order in the rate: no theory here.
      predicted: null,
      systematic: 0,
    },
    {
      name: "share of replicas in other basins, at the end",
      result: { estimate: share(rung), trusted: true },
      predicted: null,
      systematic: 0,
    },
  ];
}

const share = ({ gone, results: { sigma } }: Rung): Estimate => {
  const { n } = sigma.estimate;
  const standardError = Math.sqrt((gone * (1 - gone)) / n);
  return { value: gone, standardError, n, method: `of ${n} replicas, without noise`, warnings: [] };
};

const squares = (values: readonly number[]): number => values.reduce((sum, x) => sum + x * x, 0);

/** Why a rung is held against nothing; null where it is. */
function doubt(rung: Rung, bend: number): string | null {
  if (rung.cloud === null) return null; // said already
  if (bend > 2 * TOLERANCE) {
    return (
      `no prediction: the stationary cloud changes <sigma> by ${(100 * bend).toFixed(0)} % of its ` +
      "linear value, too much for an expansion; lower the learning rate, or raise batchSize"
    );
  }
  if (rung.gone > MOST_GONE) {
    return (
      `no prediction: ${(100 * rung.gone).toFixed(0)} % of the replicas have left the basin of the minimum, and ` +
      "do not come back without noise; lower the learning rate, or take fewer steps"
    );
  }
  return unsettled(transient(rung.burnIn, rung.relaxation), rung.burnIn);
}

/** Variances that the linear theory at the minimum misses by more than 4 errors. */
function misses({ learningRate, results: { variances } }: Rung): string[] {
  const off = variances
    .map((estimate, k) => ({ k, value: estimate.value, z: zScore(estimate, 1) }))
    .filter(({ z }) => Math.abs(z) > 4);
  if (off.length === 0) return [];
  const list = off.map(({ k, value }) => `z${k + 1} ${value.toFixed(2)}`).join(", ");
  return [
    `learning rate ${learningRate}: variances over those of Lyapunov's equation at the minimum are ${list}: ` +
      "the loss is not harmonic over the stationary cloud",
  ];
}

export function fluctuationQuantities(
  p: Settings,
  rungs: readonly Rung[],
): { quantities: Quantity[]; warnings: string[] } {
  const warnings: string[] = [];
  const measured = rungs.flatMap((rung) => {
    const bend = bendOf(rung);
    const reason = doubt(rung, bend);
    if (reason !== null) warnings.push(`learning rate ${rung.learningRate}: ${reason}`);
    const isKnown = rung.cloud !== null && reason === null;
    const rows = [
      ...productionRows(rung, bend),
      ...theoremRows(p, rung, bend),
      ...matrixRows(rung, bend),
    ];
    return rows.map(({ name, unit = "1", result, predicted, systematic }): Quantity => {
      const value = isKnown && result.trusted ? predicted : null;
      return {
        name,
        condition: { learningRate: rung.learningRate },
        estimate: result.estimate,
        unit,
        predicted: value,
        systematic: value === null ? 0 : systematic,
      };
    });
  });
  const { quantities, warnings: few } = comparable(measured, { replicas: p.replicas });
  const settled = rungs.filter((rung) => doubt(rung, bendOf(rung)) === null);
  const said = few.length > 0 ? few : settled.flatMap(misses);
  return { quantities, warnings: [...warnings, ...said] };
}
