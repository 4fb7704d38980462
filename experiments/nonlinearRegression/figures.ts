/** Figures of card A5: areas, the detailed and the integral theorem, and mean and covariance. */
import type { Figure, Mark } from "../experiment.ts";
import type { Measured, Results } from "./quantities.ts";
import type { RegressionParameters } from "./settings.ts";

interface Found {
  readonly measured: Measured;
  readonly results: Results;
}

const NAMES = {
  distinct: "fresh batches",
  reshuffled: "epochs",
} as const;

const labelOf = ({ measured }: Found): string => NAMES[measured.theory.law];

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 10⁻⁹ */
function powerOfTen(value: number): string {
  const exponent = Math.round(Math.log10(value));
  const digits = [...`${Math.abs(exponent)}`].map((digit) => SUPERSCRIPTS[Number(digit)]);
  return `10${exponent < 0 ? "⁻" : ""}${digits.join("")}`;
}

interface Point {
  readonly x: number;
  readonly value: number;
  readonly standardError: number;
}

const points = (label: string, values: readonly Point[]): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x: values.map(({ x }) => x),
  y: values.map(({ value }) => value),
  standardError: values.map(({ standardError }) => standardError),
});

const line = (label: string, x: readonly number[], y: readonly number[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x,
  y,
});

export function regressionFigures(p: RegressionParameters, found: readonly Found[]): Figure[] {
  const fresh = found.filter(({ measured }) => measured.theory.law === "distinct");
  return [
    ...fresh.flatMap(areaFigure),
    ...ratioFigures(p, found),
    ...fresh.flatMap(integralFigure),
    ...detailedFigure(found),
  ];
}

function areaFigure({ results }: Found): Figure[] {
  if (results.areas === null) return [];
  const { planes } = results.areas;
  const scale =
    10 ** Math.floor(Math.log10(Math.max(...planes.map((one) => Math.abs(one.expected)))));
  const largest = 1.15 * Math.max(...planes.map((one) => Math.abs(one.expected / scale)));
  const unit = `${powerOfTen(scale)} w² per step`;
  return [
    {
      id: "areas",
      title: "Area matrix of fresh batches against the current of the linear theory",
      caption: "One point a plane of two weights; bars are one standard error.",
      x: { label: "C = (η/2)(HS − SH)", unit },
      y: { label: "area rate", unit },
      marks: [
        line("equal", [-largest, largest], [-largest, largest]),
        points(
          "measured",
          planes.map(({ area, expected }) => ({
            x: expected / scale,
            value: area.value / scale,
            standardError: area.standardError / scale,
          })),
        ),
      ],
    },
  ];
}

/** Where the points of several laws stand beside each other. */
const offset = (index: number, of: number): number => ((index + 0.5) / of - 0.5) * 0.4;

function ratioFigures(p: RegressionParameters, found: readonly Found[]): Figure[] {
  const names = found[0]!.measured.record.moments.coordinates;
  const ticks = names.map((label, i) => ({ at: i + 1, label }));
  const span = [0.5, names.length + 0.5];
  const marks = (value: (one: Found, i: number) => Omit<Point, "x">): Mark[] =>
    found.map((one, k) =>
      points(
        labelOf(one),
        names.map((_, i) => ({ x: i + 1 + offset(k, found.length), ...value(one, i) })),
      ),
    );
  return [
    {
      id: "covariance",
      title: "Variance over that of the linear theory",
      caption: `η = ${p.learningRate.toExponential()}, ${p.replicas} replicas; bars are one standard error.`,
      x: { label: "weight", ticks },
      y: { label: "measured / predicted" },
      marks: [
        line("predicted", span, [1, 1]),
        ...marks(({ measured, results }, i) => {
          const predicted = measured.theory.covariance[i]![i]!;
          const { value, standardError } = results.covariance[i]!;
          return { value: value / predicted, standardError: standardError / predicted };
        }),
      ],
    },
    {
      id: "shift",
      title: "Mean of the weights less the minimum",
      caption:
        "Fresh batches are displaced by anharmonicity, epochs by the effective loss. Lines: leading " +
        "orders, about which replicas start.",
      x: { label: "weight", ticks },
      y: { label: "shift", unit: "10⁻⁴ w" },
      marks: [
        ...found.map((one, k) =>
          line(
            `predicted, ${labelOf(one)}`,
            ticks.map(({ at }) => at + offset(k, found.length)),
            one.measured.theory.shift.map((x) => 1e4 * x),
          ),
        ),
        ...marks(({ results }, i) => {
          const { value, standardError } = results.shift[i]!;
          return { value: 1e4 * value, standardError: 1e4 * standardError };
        }),
      ],
    },
  ];
}

function integralFigure({ measured, results }: Found): Figure[] {
  const shown = results.integral.filter(({ result }) => result.trusted);
  if (shown.length === 0) return [];
  const scale = 1e3;
  const off = (measured.theory.neglected.integral ?? 0) * scale;
  const longest = Math.max(...shown.map(({ window }) => window));
  return [
    {
      id: "integral",
      title: "Integral fluctuation theorem of fresh batches",
      caption:
        "⟨exp(−σ)⟩ − 1 over sums of n steps: 0 for a linear drift with constant Gaussian noise. The upper " +
        "line is n times what noise and curvature make of it that change over a Gaussian cloud.",
      x: { label: "n", unit: "steps" },
      y: { label: "⟨exp(−σ)⟩ − 1", unit: "10⁻³" },
      marks: [
        line("theorem", [0, longest], [0, 0]),
        line("cloud", [0, longest], [0, off * longest]),
        points(
          "measured",
          shown.map(({ window, result: { estimate } }) => ({
            x: window,
            value: scale * (estimate.value - 1),
            standardError: scale * estimate.standardError,
          })),
        ),
      ],
    },
  ];
}

/** p(σ)/p(−σ) = e^σ: N₊ over N₋, the theorem's e^σ averaged over the bin by the negative events. */
function detailedFigure(found: readonly Found[]): Figure[] {
  const marks = found.flatMap((one): Mark[] => {
    const { detailed } = one.results;
    if (detailed === null) return [];
    const spread = Math.sqrt(2 * one.measured.theory.continuous.entropyProduction);
    const bins = detailed.bins.map(({ sigma, logRatio }) => {
      const ratio = Math.exp(logRatio.value + sigma);
      return { x: sigma / spread, value: ratio, standardError: ratio * logRatio.standardError };
    });
    const label = labelOf(one);
    return [
      line(
        `exp(σ), ${label}`,
        bins.map(({ x }) => x),
        bins.map(({ x }) => Math.exp(x * spread)),
      ),
      points(label, bins),
    ];
  });
  if (marks.length === 0) return [];
  return [
    {
      id: "detailed",
      title: "Detailed fluctuation theorem",
      caption:
        "Positive events over negative ones, by bins of |σ| and without bias by their width; |σ| in units " +
        "of its typical deviation √(2⟨σ⟩).",
      x: { label: "|σ| / √(2⟨σ⟩)" },
      y: { label: "p(σ)/p(−σ)", scale: "log" },
      marks,
    },
  ];
}
