/**
 * How the labels of a horizontal axis are set so that they do not touch: at full size where they
 * fit, else smaller, else slanted.
 *
 * Widths are estimated, see `textWidth`. Leaves out breaking labels into lines.
 */
import type { AxisLayout } from "./axis.ts";
import { textWidth } from "./legend.ts";

export interface TickLabels {
  readonly fontSize: number;
  /** Degrees; 0, or negative for labels that rise to their tick. */
  readonly rotate: number;
  /** Pixels they reach below the frame beyond those of one line. */
  readonly extraHeight: number;
  /** Pixels the frame has to move to the right, so that no label is cut. */
  readonly extraLeft: number;
}

/** The frame and the drawing around it, in pixels from the drawing's left edge. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly width: number;
}

const FONT_SIZE = 12;
const SMALL_FONT_SIZE = 10;
const GAP = 8;
const SLANT = -35;

/** Where a value of the axis stands between its ends, 0 to 1. */
function share({ scale, domain: [low, high] }: AxisLayout, value: number): number {
  if (scale === "linear") return (value - low) / (high - low);
  return Math.log(value / low) / Math.log(high / low);
}

/** Whether centered labels keep clear of each other and of the drawing's edges. */
function fits(axis: AxisLayout, { left, right, width }: Frame, fontSize: number): boolean {
  const spans = axis.ticks
    .map((tick) => {
      const center = left + share(axis, tick) * (right - left);
      const half = textWidth(axis.format(tick), fontSize) / 2;
      return { from: center - half, to: center + half };
    })
    .sort((a, b) => a.from - b.from);
  return spans.every(
    ({ from, to }, i) => from >= 0 && to <= width && from >= (spans[i - 1]?.to ?? -GAP) + GAP,
  );
}

/** Setting of the labels of `axis` below a frame. */
export function layoutTickLabels(axis: AxisLayout, frame: Frame): TickLabels {
  for (const fontSize of [FONT_SIZE, SMALL_FONT_SIZE]) {
    if (fits(axis, frame, fontSize)) return { fontSize, rotate: 0, extraHeight: 0, extraLeft: 0 };
  }
  const angle = (-SLANT * Math.PI) / 180;
  const lengths = axis.ticks.map((tick) => textWidth(axis.format(tick), FONT_SIZE));
  // A label ends at its tick. Moving the frame by d moves the tick by d (1 − share).
  const lacking = axis.ticks.map((tick, i) => {
    const at = share(axis, tick);
    const start = frame.left + at * (frame.right - frame.left) - lengths[i]! * Math.cos(angle);
    return start < 0 && at < 1 ? -start / (1 - at) : 0;
  });
  return {
    fontSize: FONT_SIZE,
    rotate: SLANT,
    extraHeight: Math.round(Math.max(0, ...lengths) * Math.sin(angle)),
    extraLeft: Math.min(frame.width / 3, Math.round(Math.max(0, ...lacking))),
  };
}
