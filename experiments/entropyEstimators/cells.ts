/**
 * What the histogram entropy of N(0, I₂) must give on average: with binomial counts of cells of known
 * probability, the expectation of −Σ (c/n) ln(c/n) + (occupied − 1)/(2n) is a finite sum.
 */
import type { GridAxis } from "../../engine/record.ts";
import { normalDistribution } from "../../models/theory/index.ts";

/** Probabilities of the cells of N(0, 1) along an axis. */
function probabilities({ from, to, bins }: GridAxis): Float64Array {
  const width = (to - from) / bins;
  return Float64Array.from({ length: bins }, (_, i) => {
    const a = from + i * width;
    return normalDistribution(a + width) - normalDistribution(a);
  });
}

/** E c ln c and P(c > 0) of a binomial count. */
function countMoments(n: number, p: number): { logarithmic: number; occupied: number } {
  const mean = n * p;
  const spread = 12 * Math.sqrt(mean) + 40;
  const first = Math.max(0, Math.floor(mean - spread));
  const last = Math.min(n, Math.ceil(mean + spread));
  const odds = Math.log(p) - Math.log1p(-p);
  let log = logBinomial(n, first) + first * Math.log(p) + (n - first) * Math.log1p(-p);
  let logarithmic = 0;
  for (let c = first; c <= last; c++) {
    if (c > 1) logarithmic += Math.exp(log) * c * Math.log(c);
    log += Math.log((n - c) / (c + 1)) + odds;
  }
  return { logarithmic, occupied: -Math.expm1(n * Math.log1p(-p)) };
}

/** ln of n over k, by summation: once a cell. */
function logBinomial(n: number, k: number): number {
  let sum = 0;
  for (let j = 1; j <= k; j++) sum += Math.log((n - k + j) / j);
  return sum;
}

/** Expectation in nats for n samples on the square of the axis; what lies beyond it is left out. */
export function expectedHistogramEntropy(axis: GridAxis, samples: number): number {
  const along = probabilities(axis);
  const volume = ((axis.to - axis.from) / axis.bins) ** 2;
  let [logarithmic, occupied] = [0, 0];
  // Cells that mirror each other have equal probability: half of the pairs are enough.
  for (let i = 0; i < along.length; i++) {
    for (let j = 0; j <= i; j++) {
      const p = along[i]! * along[j]!;
      if (!(samples * p > 1e-14)) continue;
      const count = countMoments(samples, p);
      const times = i === j ? 1 : 2;
      logarithmic += times * count.logarithmic;
      occupied += times * count.occupied;
    }
  }
  const plugIn = Math.log(samples) - logarithmic / samples;
  return plugIn + Math.log(volume) + (occupied - 1) / (2 * samples);
}
