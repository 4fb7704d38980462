/** Figures: bias of the estimators against the number of samples, and paths beside replicas. */
import { gaussianNeighborBias, logDeterminantBias } from "../../analysis/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import type { PathResult } from "./paths.ts";
import { pathExcess } from "./quantities.ts";
import type { Settings } from "./settings.ts";

const geometric = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));

function points(label: string, own: readonly Quantity[], x: (one: Quantity) => number): Mark {
  return {
    kind: "points",
    label,
    role: "measured",
    x: own.map(x),
    y: own.map(({ estimate }) => estimate.value),
    standardError: own.map(({ estimate }) => estimate.standardError),
  };
}

const line = (label: string, x: readonly number[], y: readonly number[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x,
  y,
});

const samplesOf = ({ condition }: Quantity): number => condition.samples as number;

export function entropyFigures(
  p: Settings,
  quantities: readonly Quantity[],
  results: readonly PathResult[],
): Figure[] {
  const figures: Figure[] = [];
  if (p.sizes.length > 0) figures.push(...neighborFigures(p, quantities));
  if (p.covarianceDimensions.length > 0) figures.push(covarianceFigure(p, quantities));
  figures.push(lawFigure(p, quantities));
  if (results.length > 0) figures.push(pathFigure(p, results));
  return figures;
}

/** Curves that ask for long quadratures have fewer points. */
const CURVE = 9;

/** Within the reach of the estimator and beyond it biases have different scales. */
const REACH = 5;
const TITLE = "Bias of the nearest-neighbor entropy on Gaussians";

function neighborFigures(p: Settings, quantities: readonly Quantity[]): Figure[] {
  const within = p.dimensions.filter((d) => d <= REACH);
  const beyond = p.dimensions.filter((d) => d > REACH);
  const about =
    `Neighbor ${p.neighbors}, ${p.repeats} repetitions; bars are one standard error of their mean. ` +
    "Curves are the expectation by quadrature.";
  const figures: Figure[] = [];
  if (within.length > 0) {
    const caption = `${about} The more dimensions, the more slowly it falls.`;
    figures.push({ id: "neighbor-bias", title: TITLE, caption, ...biases(p, quantities, within) });
  }
  if (beyond.length > 0) {
    const title = `${TITLE}, beyond its reach`;
    const caption =
      `${about} In more than five dimensions it passes through zero by accident before it grows: a ` +
      "small one says nothing of other laws, and the estimator refuses.";
    figures.push({ id: "neighbor-reach", title, caption, ...biases(p, quantities, beyond) });
  }
  return figures;
}

function biases(
  p: Settings,
  quantities: readonly Quantity[],
  dimensions: readonly number[],
): Pick<Figure, "x" | "y" | "marks"> {
  const own = quantities.filter(({ name }) => name === "bias (nearest neighbor)");
  const sizes = geometric(Math.min(...p.sizes) / 1.5, Math.max(...p.sizes) * 1.5, CURVE);
  const marks = dimensions.flatMap((d) => [
    line(
      `expected, d = ${d}`,
      sizes,
      sizes.map((n) => gaussianNeighborBias(d, Math.round(n), p.neighbors)),
    ),
    points(
      `d = ${d}`,
      own.filter(({ condition }) => condition.dimension === d),
      samplesOf,
    ),
  ]);
  return {
    x: { label: "samples n", scale: "log" },
    y: { label: "estimate − entropy", unit: "nats" },
    marks,
  };
}

function covarianceFigure(p: Settings, quantities: readonly Quantity[]): Figure {
  const own = quantities.filter(({ name }) => name === "bias (log det)");
  const shrunk = quantities.filter(({ name }) => name === "bias (shrunk)");
  const perDimension = (one: Quantity): number =>
    samplesOf(one) / (one.condition.dimension as number);
  const dimensions = [...new Set(p.covarianceDimensions)];
  const ratios = [...own, ...shrunk].map(perDimension);
  const from = Math.min(...ratios, 4) / 1.3;
  const to = Math.max(...ratios, 4) * 1.3;
  const marks = dimensions.flatMap((d): Mark[] => {
    const ofDimension = (all: readonly Quantity[]): Quantity[] =>
      all.filter(({ condition }) => condition.dimension === d);
    const sizes = geometric(Math.max(from, 1.1 + 1 / d), to, 60).map((ratio) => ratio * d);
    const few = ofDimension(shrunk);
    return [
      line(
        `expected, d = ${d}`,
        sizes.map((n) => n / d),
        sizes.map((n) => logDeterminantBias(d, n)),
      ),
      points(`½ ln det, d = ${d}`, ofDimension(own), perDimension),
      ...(few.length > 0 ? [points(`shrunk, d = ${d}`, few, perDimension)] : []),
    ];
  });
  return {
    id: "covariance-bias",
    title: "Bias of the Gaussian entropy",
    caption:
      `Without the correction, ${p.covarianceRepeats} repetitions; bars are one standard error. The ` +
      "expectation is exact, and subtracted from the Gaussian entropies elsewhere. Shrinkage (where n < 5d) has a bias " +
      "of its own, which depends on the covariance: it is small on a sphere, as here when " +
      "conditionNumber is 1.",
    x: { label: "samples per dimension n/d", scale: "log" },
    y: { label: "estimate − entropy", unit: "nats" },
    marks,
  };
}

function lawFigure(p: Settings, quantities: readonly Quantity[]): Figure {
  const own = quantities.filter(({ name }) => /^bias \((?:law|histogram)\)$/.test(name));
  const names = own.map(({ condition }) => `${condition.law ?? "histogram"}`);
  const claimed = own.filter(({ predicted }) => predicted !== null);
  const expected: Mark = {
    kind: "points",
    label: "expected",
    role: "theory",
    x: claimed.map((one) => own.indexOf(one) + 1),
    y: claimed.map(({ predicted }) => predicted!),
  };
  return {
    id: "laws",
    title: "Laws that are not Gaussian, and the histogram",
    caption:
      `Neighbor ${p.neighbors} of ${p.lawSize} samples; the histogram of ${p.histogramSize} samples of ` +
      `N(0, I₂) in ${p.histogramBins}² cells, whose width adds to the entropy. Mean of ${p.repeats} ` +
      "repetitions, bars are one standard error.",
    x: { label: "law", ticks: names.map((label, i) => ({ at: i + 1, label })) },
    y: { label: "estimate − entropy", unit: "nats" },
    marks: [expected, { ...points("measured", own, () => 0), x: own.map((_, i) => i + 1) }],
  };
}

function pathFigure(p: Settings, results: readonly PathResult[]): Figure {
  const x = results.map(({ learningRate }) => learningRate * p.curvature * p.iterates);
  const excess = results.map((result) => pathExcess(p, result));
  const mark = (label: string, which: "measured" | "reference"): Mark => ({
    kind: which === "measured" ? "points" : "line",
    label,
    role: which === "measured" ? "measured" : "theory",
    x,
    y: excess.map((one) => one[which].value),
    standardError: excess.map((one) => one[which].standardError),
  });
  return {
    id: "path",
    title: "Entropy of a path beside that of the stationary state",
    caption:
      `Graph of ${p.graphNeighbors} neighbors of ${p.iterates} consecutive iterates, minus that of as many ` +
      "independent replicas: a run that is not many relaxation times long sees part of the state. The " +
      "line joins runs of the same chains in float64.",
    x: { label: "η h × iterates, relaxation times in the run", scale: "log" },
    y: { label: "S(path) − S(replicas)", unit: "nats" },
    marks: [
      mark("float64 runs", "reference"),
      line("no difference", [x[0]!, x.at(-1)!], [0, 0]),
      mark("measured", "measured"),
    ],
  };
}
