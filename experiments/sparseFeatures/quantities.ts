/** Quantities of card 4A: measures of every rate, their paired differences, the card's contrasts. */
import { type Estimate, replicaMean, replicaMedian } from "../../analysis/index.ts";
import { COMPARABLE } from "../comparable.ts";
import { exactly } from "../exactly.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { atCard, cardPrediction, cardRow } from "./card.ts";
import type { RateMeasures, Sparsity } from "./measures.ts";
import { lengthsOf, type SparseSettings } from "./settings.ts";

const MEASURES: Readonly<Record<keyof Sparsity, { readonly name: string; readonly unit: string }>> =
  {
    nonzero: { name: "nnz", unit: "1" },
    l1: { name: "L1 norm", unit: "β" },
    testLoss: { name: "test loss", unit: "β²" },
    imbalance: { name: "mean log10|u²-v²|", unit: "1" },
    diverged: { name: "diverged share", unit: "1" },
  };

const names = Object.keys(MEASURES) as (keyof Sparsity)[];

const alive = ({ sparsity }: RateMeasures): number =>
  sparsity.diverged.reduce((sum, one) => sum + 1 - one, 0);

const meanOf = (values: Float64Array): Estimate => estimateOf(() => replicaMean(values));

/** The loss on the plateau before the decay, of each data set the mean over its second half. */
function plateau(p: SparseSettings, measures: RateMeasures, method: string): Quantity[] {
  const { losses, rate, sparsity } = measures;
  const { every, decay } = lengthsOf(p);
  const last = decay / every;
  const window = losses.slice(Math.floor(last / 2), last + 1);
  const means = sparsity.diverged.map((gone, s) =>
    gone === 1 ? Number.NaN : window.reduce((sum, at) => sum + at[s]! / window.length, 0),
  );
  const quantity = (name: string, estimator: () => Estimate): Quantity => ({
    name,
    condition: { method, learningRate: rate },
    estimate: estimateOf(estimator),
    unit: "β²",
    predicted: null,
    systematic: 0,
  });
  return [
    quantity("plateau loss", () => replicaMean(means)),
    // A few data sets in a burst decide the mean.
    quantity("plateau loss, median", () => replicaMedian(means)),
  ];
}

/** Measures of one rate of one method. */
export function rateQuantities(
  p: SparseSettings,
  method: "SGD" | "gradient descent",
  measures: RateMeasures,
): Quantity[] {
  const row = cardRow(p, measures.rate, method !== "SGD");
  const measured = names.map((measure): Quantity => {
    const estimate = meanOf(measures.sparsity[measure]);
    return {
      ...MEASURES[measure],
      condition: { method, learningRate: measures.rate },
      estimate,
      ...cardPrediction(row, measure, estimate),
    };
  });
  return [...measured, ...plateau(p, measures, method)];
}

/** Paired over the data sets on which neither of two rates diverged. */
const pairedDifference = (
  from: RateMeasures,
  to: RateMeasures,
  measure: keyof Sparsity,
): Estimate => {
  const [a, b] = [from.sparsity[measure], to.sparsity[measure]];
  return meanOf(b.map((value, s) => value - a[s]!));
};

/** What a loss must have fallen to, relative, for a run to have found its interpolator. */
const FITTED = 1e-2;

/** Data sets of a rate, not diverged, whose loss has not fallen to a hundredth. */
function unfitted({ losses, sparsity }: RateMeasures): number {
  const end = losses.at(-1)!;
  return sparsity.diverged.filter((gone, s) => gone === 0 && !(end[s]! <= FITTED * losses[0]![s]!))
    .length;
}

/**
 * Differences from rate to rate, and the claim that nnz and L1 only fall: no pair of neighbors may rise by
 * more than 4 standard errors. Claimed of rates that fit their data, of pairs with 20 data sets or more.
 */
export function differenceQuantities(
  p: SparseSettings,
  rates: readonly RateMeasures[],
): { quantities: Quantity[]; warnings: string[] } {
  const sorted = [...rates].sort((a, b) => a.rate - b.rate);
  const pairs = sorted.slice(1).map((to, i) => ({ from: sorted[i]!, to }));
  const late = sorted.find((one) => unfitted(one) > 0.05 * alive(one));
  const quantities = (["nonzero", "l1", "testLoss"] as const).flatMap((measure): Quantity[] => {
    const { name, unit } = MEASURES[measure];
    const changes = pairs.map(({ from, to }) => ({
      condition: { rates: `${from.rate} to ${to.rate}` },
      estimate: pairedDifference(from, to, measure),
    }));
    const usable = changes.filter(({ estimate }) => estimate.n >= COMPARABLE);
    const rising = usable.filter(({ estimate }) => estimate.value > 4 * estimate.standardError);
    const measured = changes.map((change) => ({
      name: `change of ${name}, paired`,
      ...change,
      unit,
      predicted: null,
      systematic: 0,
    }));
    if (measure === "testLoss") return measured;
    return [
      ...measured,
      {
        name: `pairs of rates over which ${name} rises`,
        condition: {},
        estimate: exactly(rising.length, `of ${usable.length} pairs, beyond 4 errors`),
        unit: "1",
        predicted: usable.length > 0 && !late ? 0 : null,
        systematic: 0,
      },
    ];
  });
  const warnings = late
    ? [
        `no claim that nnz and the L1 norm fall with the learning rate: at ${late.rate} the loss of ` +
          `${unfitted(late)} of ${p.dataSeeds} data sets has not fallen to ${FITTED} of its start; raise steps.`,
      ]
    : [];
  return { quantities, warnings };
}

/** The card's decisive contrast: what nnz has beyond 15 at γ = 0.4, and lacks of 25 at 0.03. */
export function contrastQuantities(p: SparseSettings, rates: readonly RateMeasures[]): Quantity[] {
  if (!atCard(p)) return [];
  const bounds = [
    { rate: 0.4, name: "nnz above 15", excess: (nonzero: number) => nonzero - 15 },
    { rate: 0.03, name: "nnz below 25", excess: (nonzero: number) => 25 - nonzero },
  ];
  return bounds.flatMap(({ rate, name, excess }): Quantity[] => {
    const found = rates.find((one) => one.rate === rate);
    if (!found) return [];
    const estimate = meanOf(found.sparsity.nonzero);
    return [
      {
        name,
        condition: { learningRate: rate },
        estimate: { ...estimate, value: Math.max(0, excess(estimate.value)) },
        unit: "1",
        predicted: 0,
        systematic: 0,
      },
    ];
  });
}

/** Divergence, and what it means for the averages of those that are left. */
export function survivalWarnings(p: SparseSettings, rates: readonly RateMeasures[]): string[] {
  const lost = rates.filter((one) => alive(one) < p.dataSeeds);
  if (lost.length === 0) return [];
  const shares = lost.map((one) => `${p.dataSeeds - alive(one)} at ${one.rate}`);
  return [
    `of ${p.dataSeeds} data sets diverged: ${shares.join(", ")}; measures at these rates are those of the ` +
      "survivors, which are not a fair sample of data sets: compare rates by their paired changes.",
  ];
}
