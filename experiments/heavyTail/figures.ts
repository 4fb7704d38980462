/** Figures of card 3C: density with its tail, quantiles over exact ones, Hill exponents by fraction. */
import {
  pooledQuantile,
  replicaMean,
  tailExponent,
  weightedQuantile,
} from "../../analysis/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import type { Stages } from "../stages.ts";
import { densityCurve } from "./claims.ts";
import type { Draws, Measured } from "./measures.ts";
import type { HeavyTailSettings } from "./settings.ts";

const BINS = 36;
/** The density is shown between these quantiles. */
const SHOWN = { least: 0.01, most: 0.99999 };

const labelOf = ({ claim }: Measured): string => `T = ${claim.temperature}`;

const geometric = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));

/** Density in cells of ln v, with errors from the scatter of the replicas. */
function histogram(
  { values, weights, pooled }: Draws,
  replicas: number,
  edges: readonly number[],
): Mark {
  const times = values.length / replicas;
  const width = Math.log(edges[1]! / edges[0]!);
  const sums = new Float64Array(BINS * replicas);
  values.forEach((v, i) => {
    const bin = Math.floor(Math.log(v / edges[0]!) / width);
    if (bin >= 0 && bin < BINS) sums[bin * replicas + Math.floor(i / times)]! += weights[i]!;
  });
  const mean = pooled.total / pooled.n;
  const x: number[] = [];
  const y: number[] = [];
  const standardError: number[] = [];
  for (let bin = 0; bin < BINS; bin += 1) {
    const own = sums.subarray(bin * replicas, (bin + 1) * replicas);
    const kept = own.filter((_, r) => Number.isFinite(values[r * times]!));
    if (kept.length < 2 || !kept.some((value) => value > 0)) continue;
    const { value, standardError: error } = replicaMean(kept);
    const size = mean * (edges[bin + 1]! - edges[bin]!);
    x.push(Math.sqrt(edges[bin]! * edges[bin + 1]!));
    y.push(value / size);
    standardError.push(error / size);
  }
  return { kind: "points", role: "measured", label: "", x, y, standardError };
}

/** The range of v that is shown: that of the pooled draws. */
function range(found: readonly Measured[]): [number, number] {
  const low = found.map(({ draws }) => pooledQuantile(draws.pooled, SHOWN.least));
  const high = found.map(({ draws }) => pooledQuantile(draws.pooled, SHOWN.most));
  // A collapsed v is nowhere on a logarithmic axis.
  const most = Math.max(...high.filter((v) => v > 0), 1e-30);
  return [Math.max(1e-4 * most, Math.min(...low)), most];
}

/** A power of v that touches the law's tail. */
function powerLaw(found: readonly Measured[], most: number): Mark[] {
  const last = found.at(-1)?.claim.steps?.law;
  if (!last || !Number.isFinite(last.tailExponent)) return [];
  const [x, y] = densityCurve(last, most / 12, most);
  if (x.length < 2) return [];
  const power = last.tailExponent;
  const at = x.length - 1;
  return [
    {
      kind: "line",
      role: "theory",
      label: `slope −${power}`,
      x: [x[0]!, x[at]!],
      y: [3 * y[at]! * (x[0]! / x[at]!) ** -power, 3 * y[at]!],
    },
  ];
}

export function densityFigure(p: HeavyTailSettings, found: readonly Measured[]): Figure {
  const living = found.filter(
    ({ draws }) => draws.pooled.n > 1 && pooledQuantile(draws.pooled, 0.5) > 1e-12,
  );
  const [least, most] = living.length > 0 ? range(living) : [0.1, 1];
  const edges = geometric(least, most, BINS + 1);
  const curves = living.flatMap(({ claim }): Mark[] => {
    if (!claim.steps) return [];
    const [x, y] = densityCurve(claim.steps.law, least, most);
    return [{ kind: "line", role: "theory", label: "law of balance", x, y }];
  });
  return {
    id: "density",
    title: "Stationary density of v and its tail",
    caption:
      `${p.replicas} replicas, ${p.steps} steps. The tail falls as a power of v that does not depend on the ` +
      "temperature; the line beside it has that slope.",
    x: { label: "v", scale: "log" },
    y: { label: "probability density P(v)", unit: "1/v", scale: "log" },
    marks: [
      ...curves,
      ...powerLaw(living, most),
      ...living.map((one) => ({ ...histogram(one.draws, p.replicas, edges), label: labelOf(one) })),
    ],
  };
}

const SHARES = [
  0.02, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999,
];

export function quantileFigure(p: HeavyTailSettings, found: readonly Measured[]): Figure {
  const marks = found.flatMap((one): Mark[] => {
    const { law } = one.claim.steps ?? {};
    if (!law || one.draws.pooled.n < 2) return [];
    const rows = SHARES.map((share) => {
      const exact = law.quantile(share);
      const estimate = estimateOf(() => weightedQuantile(one.draws.pooled, share));
      return { exact, ratio: estimate.value / exact, error: estimate.standardError / exact };
      // Beyond, the point's error says only that nothing is known.
    }).filter(({ ratio, error }) => Number.isFinite(ratio) && error < 0.06);
    return [
      {
        kind: "points",
        role: "measured",
        label: labelOf(one),
        x: rows.map(({ exact }) => exact),
        y: rows.map(({ ratio }) => ratio),
        standardError: rows.map(({ error }) => error),
      },
    ];
  });
  const all = marks.flatMap(({ x }) => x);
  const line = { kind: "line", role: "theory", label: "law of balance", y: [1, 1] } as const;
  return {
    id: "quantiles",
    title: "Quantiles of v",
    caption:
      `Measured over exact, of shares from ${SHARES[0]} to ${SHARES.at(-1)}, at the exact value. Bars are one ` +
      `standard error, from ${p.replicas} replicas.`,
    x: { label: "exact quantile", unit: "v", scale: "log" },
    y: { label: "measured / exact" },
    marks: [
      ...(all.length > 0 ? [{ ...line, x: [Math.min(...all), Math.max(...all)] }] : []),
      ...marks,
    ],
  };
}

export async function hillFigure(
  p: HeavyTailSettings,
  found: readonly Measured[],
  stages: Stages,
): Promise<Figure> {
  const fractions = geometric(1e-4, 0.1, 10);
  const curves: Mark[] = [];
  const points: Mark[] = [];
  for (const one of found) {
    const { law } = one.claim.steps ?? {};
    if (law) {
      const x = geometric(1e-7, 0.1, 61);
      const y = x.map((fraction) => law.hillExponent(fraction));
      curves.push({ kind: "line", role: "theory", label: "law, same fraction", x, y });
    }
    const rows = [];
    for (const fraction of fractions) {
      await stages.pause();
      const estimate = estimateOf(() => tailExponent(one.draws.pooled, fraction));
      rows.push({ fraction, ...estimate });
    }
    const shown = rows.filter(({ warnings }) => !warnings.some((text) => /^tailExp/.test(text)));
    points.push({
      kind: "points",
      role: "measured",
      label: labelOf(one),
      x: shown.map(({ fraction }) => fraction),
      y: shown.map(({ value }) => value),
      standardError: shown.map(({ standardError }) => standardError),
    });
  }
  const power = found.find(({ claim }) => claim.steps)?.claim.steps?.law.tailExponent;
  const limit: Mark[] =
    power === undefined
      ? []
      : [
          {
            kind: "line",
            role: "theory",
            label: `limit ${power - 1}`,
            x: [1e-7, 0.1],
            y: [power - 1, power - 1],
          },
        ];
  return {
    id: "hill",
    title: "Hill exponent of the tail",
    caption:
      "Of the largest share of all v, with the law's own value at that share. Its limit is reached " +
      `only where no run comes: ${p.replicas} replicas, ${p.steps} steps.`,
    x: { label: "share of the largest v", scale: "log" },
    y: { label: "Hill exponent" },
    marks: [...curves, ...limit, ...points],
  };
}
