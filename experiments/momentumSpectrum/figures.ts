/** The pictures of the momentum spectrum: envelopes against time, rates against curvature. */
import { momentumEnvelope } from "../../models/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { MeasuredDecay } from "./decay.ts";

interface Setting {
  readonly learningRate: number;
  readonly curvatures: readonly number[];
  readonly momenta: readonly number[];
  readonly threshold: number;
}

/** Points drawn of each mode. */
const POINTS = 24;

/** One figure for each momentum: the envelopes of all modes. */
export const envelopeFigures = (p: Setting, decays: readonly MeasuredDecay[]): Figure[] =>
  p.momenta.map((momentum, i) => {
    const modes = decays.filter((decay) => decay.momentum === momentum);
    const lasts = modes.map((mode) => lastShown(mode, p.threshold));
    return {
      id: `envelope-${i + 1}`,
      title: `Envelopes of the modes, momentum ${momentum}`,
      caption:
        `Envelope of each mode under momentum ${momentum} at learning rate ${p.learningRate}, 1 at the ` +
        `start; dark lines are the powers of the exact rate, the level is ${p.threshold}.`,
      x: { label: "SGD step" },
      y: { label: "envelope of |w|", scale: "log" },
      marks: [
        ...modes.map((mode, m) => measured(mode, lasts[m]!, m / modes.length)),
        ...modes.map((mode, m) => exact(mode, lasts[m]!)),
        {
          kind: "line",
          label: "threshold",
          role: "theory",
          x: [0, Math.max(1, ...lasts)],
          y: [p.threshold, p.threshold],
        },
      ],
    };
  });

/** Modes are drawn a little beyond the threshold. */
function lastShown({ envelope }: MeasuredDecay, threshold: number): number {
  const below = envelope.findIndex((value) => value < threshold / 10);
  return Math.max(0, (below < 0 ? envelope.length : below) - 1);
}

/** Points at steps of their own for every mode, so that modes which decay alike are all seen. */
function measured({ curvature, envelope }: MeasuredDecay, last: number, shift: number): Mark {
  const apart = Math.max(1, last / POINTS);
  const places = Array.from({ length: POINTS + 1 }, (_, k) => Math.round((k + shift) * apart));
  const x = [...new Set(places)].filter((n) => n <= last && envelope[n]! > 0);
  return {
    kind: "points",
    label: `λ = ${curvature}`,
    role: "measured",
    x,
    y: x.map((n) => envelope[n]!),
  };
}

function exact({ exactRate }: MeasuredDecay, last: number): Mark {
  const x = exactRate > 0 ? [0, last] : [];
  return { kind: "line", label: "exact rate", role: "theory", x, y: x.map((n) => exactRate ** n) };
}

/** Curvatures of the theory curves. */
const FINE = 240;

/** Decay per step against curvature: exact curves and measured points, one of each a momentum. */
export function rateFigure(p: Setting, decays: readonly MeasuredDecay[]): Figure {
  const low = Math.log(Math.min(...p.curvatures) / 3);
  const stable = Math.log((2 * (1 + Math.max(...p.momenta))) / p.learningRate);
  const high = Math.max(Math.log(3 * Math.max(...p.curvatures)), Math.min(stable, low + 20));
  const x = Array.from({ length: FINE }, (_, i) => Math.exp(low + ((high - low) * i) / (FINE - 1)));
  return {
    id: "rate",
    title: "Decay per step against curvature",
    caption:
      `Largest modulus of the roots of z² − (1 + b − ηλ)z + b at η = ${p.learningRate}: modes decay ` +
      "alike, as √b, where the curve is flat; above 1 they grow.",
    x: { label: "curvature λ", unit: "loss/θ²", scale: "log" },
    y: { label: "factor per step" },
    marks: p.momenta.flatMap((momentum): Mark[] => {
      const rate = (curvature: number): number =>
        momentumEnvelope({ learningRate: p.learningRate, momentum, curvature }).rate;
      const curve = x.map((curvature) => [curvature, rate(curvature)] as const);
      const shown = curve.filter(([, value]) => value <= 1.5);
      const mine = decays.filter((decay) => decay.momentum === momentum);
      return [
        {
          kind: "line",
          label: `exact, b = ${momentum}`,
          role: "theory",
          x: shown.map(([curvature]) => curvature),
          y: shown.map(([, value]) => value),
        },
        {
          kind: "points",
          label: `b = ${momentum}`,
          role: "measured",
          x: mine.map(({ curvature }) => curvature),
          y: mine.map((decay) => decay.rate),
        },
      ];
    }),
  };
}
