/**
 * Title and legend above a figure, laid out in rows without a layout engine.
 *
 * Widths of text are estimated from classes of characters, generous by a few percent.
 */
import type { Theme } from "./theme.ts";

export interface LegendEntry {
  readonly label: string;
  readonly role: "theory" | "measured";
  readonly kinds: Set<"line" | "points">;
  readonly color: string;
  readonly symbol: string;
  readonly dash: string | null;
}

export interface Heading {
  readonly title: string | null;
  readonly entries: readonly LegendEntry[];
  /** Where the frame begins; the heading is flush with it. */
  readonly left: number;
  readonly theme: Theme;
}

const SVG = "http://www.w3.org/2000/svg";
const FONT_SIZE = 12;
const ROW = 18;
const KEY = 22;
const GAP = 18;
const TITLE = 24;
const RIGHT = 622;

/** Estimated width of text in pixels. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) {
    if (/[\u0300-\u036f]/.test(character)) continue;
    if (/[ilj.,:;|!'()[\] ft⁰-⁹⁻¹²³]/.test(character)) ems += 0.38;
    else ems += /[mwMW@—=×]|[A-Z]/.test(character) ? 0.78 : 0.6;
  }
  return ems * fontSize;
}

const entryWidth = (entry: LegendEntry): number => KEY + 6 + textWidth(entry.label, FONT_SIZE);

/** Entries with the corner of each, measured first: one row, or columns of equal width. */
function placeEntries({
  entries,
  left,
}: Heading): { entry: LegendEntry; x: number; row: number }[] {
  const named = entries.filter((entry) => entry.label !== "");
  const ordered = [
    ...named.filter((entry) => entry.role === "measured"),
    ...named.filter((entry) => entry.role === "theory"),
  ];
  const widths = ordered.map((entry) => entryWidth(entry) + GAP);
  const available = RIGHT - left + GAP;
  const isOneRow = widths.reduce((sum, width) => sum + width, 0) <= available;
  const widest = Math.max(...widths);
  const columns = isOneRow ? ordered.length : Math.max(1, Math.floor(available / widest));
  let x = left;
  return ordered.map((entry, index) => {
    const column = index % columns;
    if (column === 0) x = left;
    const placed = { entry, x, row: Math.floor(index / columns) };
    x += isOneRow ? widths[index]! : widest;
    return placed;
  });
}

/** Pixels the heading takes above the frame. */
export function headingHeight(heading: Heading): number {
  const rows = placeEntries(heading).reduce((last, { row }) => Math.max(last, row + 1), 0);
  return 12 + (heading.title === null ? 0 : TITLE) + rows * ROW + (rows > 0 ? 4 : 0);
}

function append(parent: Element, name: string, attributes: Record<string, string | number>) {
  const element = parent.ownerDocument.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  parent.append(element);
  return element;
}

// Symbols of about one area, centered at 0, 0; those Plot draws for the same names.
const OUTLINES: Readonly<Record<string, string>> = {
  circle: "M-3.6,0a3.6,3.6 0 1,0 7.2,0a3.6,3.6 0 1,0 -7.2,0Z",
  square: "M-3.2,-3.2h6.4v6.4h-6.4Z",
  triangle: "M0,-4.9L4.2,2.4H-4.2Z",
  diamond: "M0,-5.9L3.4,0L0,5.9L-3.4,0Z",
  cross: "M-4.3,-1.4h2.9v-2.9h2.8v2.9h2.9v2.8h-2.9v2.9h-2.8v-2.9h-2.9Z",
  star: "M0,-6L1.4,-1.9H5.7L2.2,0.7L3.5,4.8L0,2.3L-3.5,4.8L-2.2,0.7L-5.7,-1.9H-1.4Z",
  wye: "M1.5,0.9v3.5h-3v-3.5L-4.6,-0.9L-3.1,-3.5L0,-1.7L3.1,-3.5L4.6,-0.9Z",
};

function appendKey(group: Element, entry: LegendEntry): void {
  const isTheory = entry.role === "theory";
  if (entry.kinds.has("line")) {
    append(group, "line", {
      x1: 0,
      x2: KEY,
      y1: 0,
      y2: 0,
      stroke: entry.color,
      "stroke-width": isTheory ? 1.1 : 2,
      ...(entry.dash === null ? {} : { "stroke-dasharray": entry.dash }),
    });
  }
  if (!entry.kinds.has("points")) return;
  const paint = isTheory ? { fill: "none", stroke: entry.color } : { fill: entry.color };
  const transform = `translate(${KEY / 2},0)`;
  append(group, "path", { d: OUTLINES[entry.symbol] ?? OUTLINES.circle!, transform, ...paint });
}

/** Draws title and legend into the top margin of `svg`. */
export function appendHeading(svg: SVGSVGElement, heading: Heading): void {
  const { title, left, theme } = heading;
  if (title !== null) {
    const text = append(svg, "text", {
      x: left,
      y: 20,
      fill: theme.foreground,
      "font-size": 14,
      "font-weight": 600,
      "text-anchor": "start",
    });
    text.textContent = title;
  }
  const legend = append(svg, "g", {
    "aria-label": "legend",
    "font-size": FONT_SIZE,
    "text-anchor": "start",
  });
  const top = (title === null ? 0 : TITLE) + 14;
  for (const { entry, x, row } of placeEntries(heading)) {
    const group = append(legend, "g", { transform: `translate(${x},${top + row * ROW})` });
    appendKey(group, entry);
    const text = append(group, "text", { x: KEY + 6, dy: "0.32em", fill: theme.foreground });
    text.textContent = entry.label;
  }
}
