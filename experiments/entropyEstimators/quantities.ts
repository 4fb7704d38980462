/** Quantities of cards E4, E5, E6 and 1E beside what the estimators must give on average. */
import {
  type Estimate,
  entropyDifference,
  expectedNeighborEntropy,
  extrapolatedBias,
  gaussianNeighborBias,
  logDeterminantBias,
  replicaMean,
} from "../../analysis/index.ts";
import { comparable, withoutPrediction } from "../comparable.ts";
import type { Quantity } from "../experiment.ts";
import { F32, whitening } from "../systematic.ts";
import { expectedHistogramEntropy } from "./cells.ts";
import { histogramAxis, type Misses } from "./known.ts";
import type { PathResult } from "./paths.ts";
import type { Settings } from "./settings.ts";

/** Error of the quadratures, in nats a dimension. */
const QUADRATURE = 1e-4;

const NAMES = {
  neighbors: "bias (nearest neighbor)",
  extrapolated: "bias (extrapolated)",
  law: "bias (law)",
  "log-det": "bias (log det)",
  shrunk: "bias (shrunk)",
  histogram: "bias (histogram)",
} as const satisfies Record<Misses["estimator"], string>;

/** Expectation of estimate − entropy, and a bound on what is left out of it. */
function claimOf(p: Settings, miss: Misses): { predicted: number | null; systematic: number } {
  const { dimensions: d, samples: n, law } = miss;
  switch (miss.estimator) {
    case "neighbors":
      return {
        predicted: gaussianNeighborBias(d, n, p.neighbors),
        systematic: QUADRATURE + whitening(d, n),
      };
    case "extrapolated": {
      // Both terms of (q Ŝ_n − Ŝ_{n/2})/(q − 1) have their errors.
      const q = 2 ** (2 / d);
      const grown = (q + 1) / (q - 1);
      return {
        predicted: extrapolatedBias(d, n, p.neighbors),
        systematic: grown * (QUADRATURE + whitening(d, n)),
      };
    }
    case "law":
      return {
        predicted: expectedNeighborEntropy(law!.balls, n, p.neighbors) - law!.entropy,
        systematic: QUADRATURE,
      };
    case "log-det":
      return { predicted: logDeterminantBias(d, n), systematic: d * F32 };
    case "shrunk":
      return { predicted: null, systematic: 0 };
    case "histogram": {
      const exact = Math.log(2 * Math.PI * Math.E);
      const expected = expectedHistogramEntropy(histogramAxis(p.histogramBins), n);
      // 6 widths and more: 4e-9 of the samples, as many nats but for a logarithm of 20.
      return { predicted: expected - exact, systematic: 1e-7 };
    }
  }
}

export function knownQuantities(p: Settings, misses: readonly Misses[]): Quantity[] {
  return misses.map((miss) => ({
    name: NAMES[miss.estimator],
    condition: miss.condition,
    estimate: {
      ...replicaMean(miss.values),
      method: `mean over ${miss.values.length} repetitions`,
    },
    unit: "nats",
    ...claimOf(p, miss),
  }));
}

/** Bounds beyond which an expectation says too little of an estimate, in nats. */
const LARGEST_SYSTEMATIC = 0.2;

/** The same quantities; those of so few samples that whitening may shift them by much have no prediction. */
function sharp(quantities: readonly Quantity[]): { quantities: Quantity[]; warnings: string[] } {
  const warnings: string[] = [];
  const kept = quantities.map((one) => {
    const { name, condition, systematic } = one;
    if (!(systematic > LARGEST_SYSTEMATIC)) return one;
    warnings.push(
      `${name}, ${condition.samples} samples in ${condition.dimension} dimensions: no prediction, as ` +
        `whitening with their own covariance may shift it by ${systematic.toPrecision(2)} nats; take ` +
        "more samples",
    );
    return withoutPrediction(one);
  });
  return { quantities: kept, warnings };
}

const varianceOf = (values: Float64Array): number =>
  replicaMean(values).standardError ** 2 * values.length;

/** Expected graph entropy of replicas: ln L lies below ln E L by half its relative variance. */
const expectedOf = (p: Settings, { expected, replicas }: PathResult): number =>
  expected - varianceOf(replicas) / (2 * p.dimension);

const known = (value: number): Estimate => ({
  value,
  standardError: 0,
  n: Infinity,
  method: "expectation by quadrature",
  warnings: [],
});

/** Paths of the device against independent replicas, and against paths in float64. */
export function pathExcess(
  p: Settings,
  result: PathResult,
): { measured: Estimate; reference: Estimate } {
  const [paths, replicas, runs] = [result.paths, result.replicas, result.reference].map(
    replicaMean,
  );
  return {
    measured: entropyDifference(replicas!, paths!),
    reference: entropyDifference(known(expectedOf(p, result)), runs!),
  };
}

export function pathQuantities(p: Settings, results: readonly PathResult[]): Quantity[] {
  return [
    ...results.flatMap((result) => ofRate(p, result)),
    ...results.slice(1).flatMap((to, i) => between(p, results[i]!, to)),
  ];
}

function ofRate(p: Settings, result: PathResult): Quantity[] {
  const d = p.dimension;
  const { measured, reference } = pathExcess(p, result);
  const quantity = (
    name: string,
    estimate: Estimate,
    predicted: number,
    systematic: number,
  ): Quantity => ({
    name,
    condition: { learningRate: result.learningRate },
    estimate,
    unit: "nats",
    predicted,
    systematic,
  });
  const bias = gaussianNeighborBias(d, result.neighbors.n, p.neighbors);
  return [
    quantity(
      "S (graph, path) - S (graph, replicas)",
      withReference(measured, reference),
      reference.value,
      QUADRATURE * d,
    ),
    quantity(
      "S (graph, replicas)",
      replicaMean(result.replicas),
      expectedOf(p, result),
      QUADRATURE * d,
    ),
    quantity("S (Gaussian)", result.gaussian, result.entropy, d * F32),
    quantity("S (nearest neighbor)", result.neighbors, result.entropy + bias, QUADRATURE),
  ];
}

/** The prediction was simulated as well: its error belongs to the comparison. */
const withReference = (measured: Estimate, reference: Estimate): Estimate => ({
  ...measured,
  standardError: Math.hypot(measured.standardError, reference.standardError),
  method: "repetitions on the device; the error holds that of the runs in float64",
});

/** dS/d ln η of two rates; independent replicas have S = (d/2) ln Var + constant in any estimator. */
function between(p: Settings, a: PathResult, b: PathResult): Quantity[] {
  const step = Math.log(b.learningRate / a.learningRate);
  const exact = ((p.dimension / 2) * Math.log(b.variance / a.variance)) / step;
  const slope = (from: Estimate, to: Estimate): Estimate => {
    const difference = entropyDifference(from, to);
    return {
      ...difference,
      value: difference.value / step,
      standardError: difference.standardError / step,
    };
  };
  const quantity = (name: string, estimate: Estimate, predicted: number): Quantity => ({
    name,
    condition: { learningRates: `${a.learningRate} to ${b.learningRate}` },
    estimate,
    unit: "nats",
    predicted,
    systematic: (p.dimension * F32) / step,
  });
  const path = slope(replicaMean(a.paths), replicaMean(b.paths));
  const reference = slope(replicaMean(a.reference), replicaMean(b.reference));
  return [
    quantity("dS/dln eta (graph, path)", withReference(path, reference), reference.value),
    quantity(
      "dS/dln eta (graph, replicas)",
      slope(replicaMean(a.replicas), replicaMean(b.replicas)),
      exact,
    ),
    quantity("dS/dln eta (Gaussian)", slope(a.gaussian, b.gaussian), exact),
    quantity("dS/dln eta (nearest neighbor)", slope(a.neighbors, b.neighbors), exact),
  ];
}

/** The decisive contrast of card 1E: where paths give another dS/d ln η than the stationary states. */
export function pathMisses(p: Settings, results: readonly PathResult[]): string[] {
  return results.slice(1).flatMap((to, i) => {
    const from = results[i]!;
    const [path, replicas] = between(p, from, to) as [Quantity, Quantity];
    const exact = replicas.predicted!;
    const { value, standardError } = path.estimate;
    if (!(Math.abs(value - exact) > 4 * standardError)) return [];
    return [
      `learning rates ${path.condition.learningRates}: entropies of paths of ${p.iterates} iterates rise by ` +
        `${value.toFixed(2)} nats per ln eta, those of the stationary states by ${exact.toFixed(2)}: ` +
        `dU/dS from paths is off by a factor ${(exact / value).toFixed(2)}, as it must where ` +
        "eta h iterates is not large",
    ];
  });
}

/** All quantities, without predictions where repetitions are too few to compare. */
export function allQuantities(
  p: Settings,
  misses: readonly Misses[],
  results: readonly PathResult[],
): { quantities: Quantity[]; warnings: string[] } {
  const known = sharp(knownQuantities(p, misses));
  const found = comparable([...known.quantities, ...pathQuantities(p, results)]);
  const contrast = found.warnings.length > 0 ? [] : pathMisses(p, results);
  return {
    quantities: found.quantities,
    warnings: [...known.warnings, ...found.warnings, ...contrast],
  };
}
