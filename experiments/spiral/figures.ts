/** The pictures of the spiral: the phase plane, and the position against time. */
import { continuousPath, type ModeState } from "../../models/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { SpiralSettings } from "./settings.ts";

/** Points of the continuous curve between two steps. */
const FINE = 4;
/** Steps drawn as points; a longer path is drawn up to here. */
export const DRAWN = 400;

interface Curve {
  readonly time: readonly number[];
  readonly states: readonly ModeState[];
}

function continuousCurve(p: SpiralSettings, last: number): Curve {
  const start = { position: p.position, velocity: p.velocity };
  const time = Array.from({ length: Math.max(0, FINE * last + 1) }, (_, i) => i / FINE);
  return { time, states: time.map((n) => continuousPath(p, start, n)) };
}

const line = (label: string, x: readonly number[], y: readonly number[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x,
  y,
});

const points = (label: string, x: readonly number[], y: readonly number[]): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x,
  y,
});

/** The path as far as it is drawn: up to where it froze, if it did. */
function shownOf(measured: readonly ModeState[]): readonly ModeState[] {
  const frozen = measured.findIndex(({ position }) => !Number.isFinite(position));
  return measured.slice(0, Math.min(DRAWN + 1, frozen < 0 ? measured.length : frozen));
}

const x = ({ position }: ModeState): number => position;
const v = ({ velocity }: ModeState): number => velocity;

const said = (p: SpiralSettings): string =>
  `Learning rate ${p.learningRate}, momentum ${p.momentum}, curvature ${p.curvature}, from x = ` +
  `${p.position}, v = ${p.velocity}, no noise.`;

/** Steps and the continuous model in the (x, v) plane. */
export function phasePlane(p: SpiralSettings, measured: readonly ModeState[]): Figure {
  const shown = shownOf(measured);
  const curve = continuousCurve(p, shown.length - 1);
  return {
    id: "phase-plane",
    title: "The path in phase space",
    caption: `${said(p)} Points are the SGD steps, the line is the continuous model, off by O(η).`,
    x: { label: "position x", unit: "θ" },
    y: { label: "velocity v", unit: "θ/η" },
    marks: [
      line("continuous model", curve.states.map(x), curve.states.map(v)),
      points("steps", shown.map(x), shown.map(v)),
    ],
  };
}

/** Steps and the continuous model against time. */
export function positions(p: SpiralSettings, measured: readonly ModeState[]): Figure {
  const shown = shownOf(measured);
  const curve = continuousCurve(p, shown.length - 1);
  return {
    id: "position",
    title: "Position against time",
    caption: said(p),
    x: { label: "SGD step" },
    y: { label: "position x", unit: "θ" },
    marks: [
      line("continuous model", curve.time, curve.states.map(x)),
      points(
        "steps",
        shown.map((_, n) => n),
        shown.map(x),
      ),
    ],
  };
}
