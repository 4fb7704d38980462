/** The pictures of the fluctuation-dissipation experiments. */
import type { Estimate } from "../analysis/index.ts";
import { anharmonicMode } from "../models/theory/index.ts";
import type { Figure, Mark } from "./experiment.ts";
import type { AnharmonicPoint } from "./fdrAnharmonic/measures.ts";
import type { MatrixElement } from "./fdrRegression/measures.ts";

/** Left side against right side of the matrix form, element by element; equal on the diagonal. */
export function matrixFormFigure(elements: readonly MatrixElement[], caption: string): Figure {
  const x = elements.map(({ sides }) => sides.right.value);
  const low = Math.min(0, ...x);
  const high = Math.max(0, ...x);
  return {
    id: "matrix-form",
    title: "Fluctuation and dissipation, element by element",
    caption:
      `${caption} A picks the elements ${elements.map(({ name }) => `(${name})`).join(", ")} of the ` +
      "matrix form, δ = w − w*.",
    x: { label: "κ⟨vᵀA v⟩", unit: "loss" },
    y: { label: "⟨δᵀA G⟩", unit: "loss" },
    marks: [
      { kind: "line", label: "equal", role: "theory", x: [low, high], y: [low, high] },
      {
        kind: "points",
        label: "measured",
        role: "measured",
        x,
        y: elements.map(({ sides }) => sides.left.value),
        standardError: elements.map(({ sides }) => sides.left.standardError),
      },
    ],
  };
}

/** Points of the exact curve, and the least η it is computed at: small ones take seconds each. */
const CURVE_POINTS = 24;
const CURVE_LEAST = 1e-4;

interface Potential {
  readonly curvature: number;
  readonly quartic: number;
  readonly noise: number;
}

const measured = (
  label: string,
  points: readonly AnharmonicPoint[],
  of: (point: AnharmonicPoint) => Estimate,
  unit: (point: AnharmonicPoint) => number,
): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x: points.map(({ learningRate }) => learningRate),
  y: points.map((point) => of(point).value / unit(point)),
  standardError: points.map((point) => of(point).standardError / unit(point)),
});

/** Points in a stationary state; all when there is none. Diverged ones would set the scale. */
function shown(points: readonly AnharmonicPoint[]): readonly AnharmonicPoint[] {
  const stationary = points.filter(({ exact }) => exact !== null);
  return stationary.length > 0 ? stationary : points;
}

/** O_FB/η against η: the intercept is half the Hessian times the noise, the slope anharmonicity. */
export function slopeFigure(
  all: readonly AnharmonicPoint[],
  potential: Potential,
  caption: string,
): Figure {
  const points = shown(all);
  const rate = ({ learningRate }: AnharmonicPoint): number => learningRate;
  const theory = points.some(({ exact }) => exact !== null);
  return {
    id: "gradient-square",
    title: "Squared gradient over the learning rate",
    caption:
      `${caption} The line through a s²/2 with slope a²s²/4 + 3bs⁴/(4a) is the first order in η. ` +
      "Bars are one standard error.",
    x: { label: "learning rate η", unit: "w²/loss" },
    y: { label: "⟨f'²⟩/η", unit: "loss³/w⁴" },
    marks: [
      ...(theory ? exactCurves(points, potential) : []),
      measured("leading order of FDR2 alone", points, ({ leading }) => leading, rate),
      measured("⟨f'²⟩", points, ({ gradientSquare }) => gradientSquare, rate),
    ],
  };
}

function exactCurves(points: readonly AnharmonicPoint[], potential: Potential): Mark[] {
  const largest = Math.max(
    ...points.flatMap(({ exact, learningRate }) => (exact ? [learningRate] : [])),
  );
  const rates = Array.from({ length: CURVE_POINTS }, (_, k) => ((k + 1) / CURVE_POINTS) * largest);
  const x = rates.filter((learningRate) => learningRate >= CURVE_LEAST);
  const y = x.map(
    (learningRate) => anharmonicMode({ ...potential, learningRate }).gradientSquare / learningRate,
  );
  const curve: Mark = { kind: "line", label: "exact", role: "theory", x, y };
  const { curvature: a, quartic: b, noise: s } = potential;
  const tangent = (eta: number): number =>
    (a * s * s) / 2 + eta * ((a * a * s * s) / 4 + (3 * b * s ** 4) / (4 * a));
  const ends = [0, largest];
  const line: Mark = {
    kind: "line",
    label: "first order in η",
    role: "theory",
    x: ends,
    y: ends.map(tangent),
  };
  return [...(x.length > 1 ? [curve] : []), ...(a > 0 ? [line] : [])];
}

/** ⟨f'²⟩ over the right side of FDR2, with all terms and with the leading one alone. */
export function ratioFigure(all: readonly AnharmonicPoint[], caption: string): Figure {
  const points = shown(all);
  const one = () => 1;
  const worst = points.reduce<AnharmonicPoint | null>((found, point) => {
    const off = Math.abs(point.leadingRatio.value - 1);
    return off > Math.abs((found?.leadingRatio.value ?? 1) - 1) ? point : found;
  }, null);
  return {
    id: "second-relation",
    title: "The second relation, term by term",
    caption: `${caption} ${worst === null ? "" : verdict(worst)} Bars are one standard error.`,
    x: { label: "learning rate η", unit: "w²/loss", scale: "log" },
    y: { label: "⟨f'²⟩ / right side" },
    marks: [
      {
        kind: "line",
        label: "equal",
        role: "theory",
        x: [Math.min(...ratesOf(points)) / 1.2, Math.max(...ratesOf(points)) * 1.2],
        y: [1, 1],
      },
      measured("leading order alone", points, ({ leadingRatio }) => leadingRatio, one),
      measured("all three terms", points, ({ allRatio }) => allRatio, one),
    ],
  };
}

const ratesOf = (points: readonly AnharmonicPoint[]): number[] =>
  points.map(({ learningRate }) => learningRate);

/** How badly the leading order fails. */
function verdict({
  learningRate,
  leadingRatio: { value, standardError },
}: AnharmonicPoint): string {
  const percent = (100 * (value - 1)).toFixed(2);
  const deviations = (Math.abs(value - 1) / standardError).toFixed(0);
  return (
    `At η = ${learningRate} the leading order alone is off by ${percent} %, ${deviations} standard ` +
    "errors."
  );
}
