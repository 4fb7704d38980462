/**
 * A figure's data drawn as one SVG.
 *
 * From back to front: grid, plane or picture, bands, measured lines, theory, error bars, points. Theory is a thin
 * dark line: under the points, but over measured lines, which would hide it where they agree.
 * Drawing is Observable Plot's; axes, ticks and legend are laid out here because Plot's legend is
 * HTML and its log ticks are dense. jsdom is loaded only where there is no document.
 */
import type { Figure, Mark, Picture } from "../experiments/experiment.ts";
import { type AxisLayout, isDrawable, layoutAxis, nameTicks } from "./axis.ts";
import { appendHeading, headingHeight, type LegendEntry, textWidth } from "./legend.ts";
import { drawPicture } from "./picture.ts";
import { drawPlane } from "./plane.ts";
import { DASHES, FONT, SYMBOLS, type Theme } from "./theme.ts";
import { thinLine } from "./thinning.ts";
import { layoutTickLabels, type TickLabels } from "./tickLabels.ts";

type Plot = typeof import("@observablehq/plot");
type Drawing = import("@observablehq/plot").Markish;

export const FIGURE_WIDTH = 640;
const PLOT_HEIGHT = 330;
const MARGIN_RIGHT = 24;
const MARGIN_BOTTOM = 48;
const FONT_SIZE = 12;
/** Beside a frame without tick labels. */
const PICTURE_MARGIN = 34;

export interface DrawOptions {
  readonly theme: Theme;
  /** Whether the title stands in the drawing; a page has it in the caption. */
  readonly title: boolean;
}

/** One vertex, ready to be drawn: everything finite and inside the domain. */
interface Vertex {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** A mark with its color, symbol and dash. */
interface StyledMark {
  readonly mark: Mark;
  readonly entry: LegendEntry;
}

const scaleOf = (axis: Figure["x"]): "linear" | "log" => axis.scale ?? "linear";

const axisTitle = (axis: Figure["x"]): string =>
  axis.unit === undefined || axis.unit === "" ? axis.label : `${axis.label} (${axis.unit})`;

/** How many numbers of a figure its axes cannot show, as a sentence; null when all are drawn. */
export function omission(figure: Figure): string | null {
  let lost = 0;
  for (const { x, y } of figure.marks) {
    for (let i = 0; i < Math.max(x.length, y.length); i += 1) {
      const drawable =
        isDrawable(x[i] ?? NaN, scaleOf(figure.x)) && isDrawable(y[i] ?? NaN, scaleOf(figure.y));
      if (!drawable) lost += 1;
    }
  }
  if (lost === 0) return null;
  const isLog = scaleOf(figure.x) === "log" || scaleOf(figure.y) === "log";
  const reason = isLog ? "not finite, or not positive on a log axis" : "not finite";
  return `${lost} ${lost === 1 ? "point is" : "points are"} not drawn: ${reason}.`;
}

/** Colors go by label: a line and the points of one series share theirs. */
function styleMarks(figure: Figure, theme: Theme): StyledMark[] {
  const entries = new Map<string, LegendEntry>();
  const counts = { theory: 0, measured: 0 };
  return figure.marks.map((mark) => {
    const key = `${mark.role} ${mark.label}`;
    const known = entries.get(key);
    if (known !== undefined) {
      known.kinds.add(mark.kind);
      return { mark, entry: known };
    }
    const index = counts[mark.role];
    counts[mark.role] += 1;
    const round = Math.floor(index / theme.series.length);
    const isTheory = mark.role === "theory";
    const entry: LegendEntry = {
      label: mark.label,
      role: mark.role,
      kinds: new Set([mark.kind]),
      color: isTheory ? theme.theory : theme.series[index % theme.series.length]!,
      // Past the last color the symbols shift and the lines are dashed, so that no pair repeats.
      symbol: SYMBOLS[(index + round) % SYMBOLS.length]!,
      dash: DASHES[(isTheory ? index : round) % DASHES.length]!,
    };
    entries.set(key, entry);
    return { mark, entry };
  });
}

/** y, and y ± one standard error where it can be drawn: what the axis has to hold. */
function extent(mark: Mark): number[] {
  const errors = mark.standardError;
  if (errors === undefined) return [...mark.y];
  return mark.y.flatMap((y, i) => [y, y - (errors[i] ?? 0), y + (errors[i] ?? 0)]);
}

/** Vertices of a mark; what cannot be drawn is NaN in `y`, a gap in a line. */
function vertices(mark: Mark, x: AxisLayout, y: AxisLayout): Vertex[] {
  const logX = x.scale === "log" ? Math.log : (value: number) => value;
  const [left, right] = [logX(x.domain[0]), logX(x.domain[1])];
  const all = mark.y.map((value, i): Vertex => {
    const at = mark.x[i] ?? NaN;
    if (!isDrawable(at, x.scale) || !isDrawable(value, y.scale)) {
      return { x: NaN, y: NaN, low: NaN, high: NaN };
    }
    const given = mark.standardError?.[i] ?? 0;
    const error = Number.isFinite(given) ? given : 0;
    // On a log axis the bar of a value below its error runs down to the frame.
    const low = Math.max(value - error, y.scale === "log" ? y.domain[0] : -Infinity);
    return { x: at, y: value, low, high: value + error };
  });
  if (mark.kind === "points") return all.filter((vertex) => Number.isFinite(vertex.y));
  const positions = all.map((vertex) => (logX(vertex.x) - left) / (right - left));
  const kept = thinLine(
    positions,
    all.map((vertex) => vertex.y),
  );
  return kept.map((index) => all[index]!);
}

/** Both axes, how the labels of x are set, and the margin below the frame that they need. */
interface Axes {
  readonly x: AxisLayout;
  readonly y: AxisLayout;
  readonly xLabels: TickLabels;
  readonly marginBottom: number;
  readonly marginLeft: number;
}

/** The axes of a picture: a place for every cell, no ticks. */
function pictureAxes({ rows, columns }: Picture): Axes {
  const axis = (cells: number): AxisLayout => ({
    ...{ scale: "linear", domain: [0, cells], ticks: [], minorTicks: [], format: String },
  });
  const xLabels = { fontSize: FONT_SIZE, rotate: 0, extraHeight: 0, extraLeft: 0 };
  const margins = { marginBottom: PICTURE_MARGIN, marginLeft: PICTURE_MARGIN };
  return { x: axis(columns), y: axis(rows), xLabels, ...margins };
}

function layoutAxes(figure: Figure): Axes {
  if (figure.picture) return pictureAxes(figure.picture);
  const { plane } = figure;
  const allX = [...figure.marks.flatMap((mark) => mark.x), ...(plane?.x ?? [])];
  // A plane fills the frame.
  const numeric = layoutAxis(allX, scaleOf(figure.x), 7, plane ? 0 : 0.03);
  const x = figure.x.ticks === undefined ? numeric : nameTicks(numeric, figure.x.ticks);
  const allY = [...figure.marks.flatMap(extent), ...(plane?.y ?? [])];
  const y = layoutAxis(allY, scaleOf(figure.y), 6, plane ? 0 : 0.06);
  const widest = Math.max(...y.ticks.map((tick) => textWidth(y.format(tick), FONT_SIZE)));
  const left = Math.round(widest + 44);
  const frame = { left, right: FIGURE_WIDTH - MARGIN_RIGHT, width: FIGURE_WIDTH };
  const xLabels = layoutTickLabels(x, frame);
  const marginBottom = MARGIN_BOTTOM + xLabels.extraHeight;
  return { x, y, xLabels, marginBottom, marginLeft: left + xLabels.extraLeft };
}

const drawGrid = (plot: Plot, { x, y }: Axes, theme: Theme): Drawing[] => [
  plot.gridX([...x.ticks], { stroke: theme.grid, strokeOpacity: 1 }),
  plot.gridY([...y.ticks], { stroke: theme.grid, strokeOpacity: 1 }),
];

function drawAxes(plot: Plot, figure: Figure, axes: Axes, theme: Theme) {
  const { x, y, xLabels } = axes;
  const text = { fill: theme.muted, stroke: "none", fontSize: FONT_SIZE };
  const tick = { stroke: theme.muted, strokeWidth: 0.8 };
  const title = { fill: theme.foreground, fontSize: FONT_SIZE + 1, tickSize: 0, ticks: [] };
  const common = { label: null, labelArrow: "none" as const };
  const centered = { labelAnchor: "center" as const, labelArrow: "none" as const };
  return [
    plot.axisX([...x.minorTicks], { ...common, ...tick, text: null, tickSize: 3 }),
    plot.axisY([...y.minorTicks], { ...common, ...tick, text: null, tickSize: 3 }),
    plot.axisX([...x.ticks], {
      ...common,
      ...text,
      fontSize: xLabels.fontSize,
      tickFormat: x.format,
      tickRotate: xLabels.rotate,
      tickSize: 0,
    }),
    plot.axisY([...y.ticks], { ...common, ...text, tickFormat: y.format, tickSize: 0 }),
    plot.axisX([...x.ticks], { ...common, ...tick, text: null, tickSize: 5 }),
    plot.axisY([...y.ticks], { ...common, ...tick, text: null, tickSize: 5 }),
    plot.axisX({
      ...title,
      ...centered,
      label: axisTitle(figure.x),
      labelOffset: axes.marginBottom - 8,
    }),
    plot.axisY({ ...title, ...centered, label: axisTitle(figure.y) }),
    plot.frame({ stroke: theme.muted, strokeWidth: 0.8 }),
  ] satisfies Drawing[];
}

function drawLine(plot: Plot, { mark, entry }: StyledMark, data: Vertex[]): Drawing {
  return plot.line(data, {
    x: "x",
    y: "y",
    stroke: entry.color,
    strokeWidth: mark.role === "theory" ? 1.1 : 1.8,
    ...(entry.dash === null ? {} : { strokeDasharray: entry.dash }),
    strokeLinejoin: "round",
    ariaDescription: mark.role === "theory" ? "theory" : "measured",
  });
}

const POINT_RADIUS = 3.6;
/** So many points are seen as a cloud: small and without outlines, or they hide each other. */
const CLOUD = 500;
const CLOUD_RADIUS = 1.2;

function drawPoints(plot: Plot, { mark, entry }: StyledMark, data: Vertex[], theme: Theme) {
  const isTheory = mark.role === "theory";
  const isCloud = data.length > CLOUD;
  const outline = theme.background ?? "var(--background)";
  return plot.dot(data, {
    x: "x",
    y: "y",
    r: isCloud ? CLOUD_RADIUS : POINT_RADIUS,
    symbol: entry.symbol,
    fill: isTheory ? "none" : entry.color,
    stroke: isTheory ? entry.color : outline,
    strokeWidth: isTheory ? 1 : isCloud ? 0 : 0.8,
    ariaDescription: isTheory ? "theory" : "measured",
  });
}

/** Error bars of points, bands of lines. */
function drawErrors(plot: Plot, { mark, entry }: StyledMark, data: Vertex[]): Drawing {
  const span = { x: "x", y1: "low", y2: "high" };
  if (mark.kind === "line") {
    return plot.areaY(data, {
      ...span,
      fill: entry.color,
      fillOpacity: 0.2,
      ariaDescription: "error band",
    });
  }
  const bars = data.filter((vertex) => vertex.high > vertex.low);
  return plot.ruleX(bars, {
    ...span,
    stroke: entry.color,
    strokeWidth: 1.3,
    ariaDescription: "error bars",
  });
}

function drawMarks(plot: Plot, styled: StyledMark[], x: AxisLayout, y: AxisLayout, theme: Theme) {
  const layers: Drawing[][] = [[], [], [], [], []];
  const [bands, lines, theory, bars, points] = layers as [
    Drawing[],
    Drawing[],
    Drawing[],
    Drawing[],
    Drawing[],
  ];
  for (const one of styled) {
    const data = vertices(one.mark, x, y);
    const isLine = one.mark.kind === "line";
    if (one.mark.standardError !== undefined) {
      (isLine ? bands : bars).push(drawErrors(plot, one, data));
    }
    if (!isLine) points.push(drawPoints(plot, one, data, theme));
    else (one.mark.role === "theory" ? theory : lines).push(drawLine(plot, one, data));
  }
  return layers.flat();
}

/** The document figures are made in: the page's own, or jsdom's. */
async function openDocument(): Promise<Document> {
  if (typeof document !== "undefined") return document;
  const { JSDOM } = await import("jsdom");
  return new JSDOM("").window.document;
}

/**
 * One figure as the text of an `<svg>` element.
 *
 * Numbers that the axes cannot show (NaN; zero and below on a log axis) are left out; `omission`
 * says how many.
 */
export async function drawFigure(figure: Figure, { theme, title }: DrawOptions): Promise<string> {
  const [plot, page] = await Promise.all([import("@observablehq/plot"), openDocument()]);
  const styled = styleMarks(figure, theme);
  const entries = [...new Set(styled.map(({ entry }) => entry))];
  const axes = layoutAxes(figure);
  const { x, y, marginLeft, marginBottom } = axes;
  const heading = { title: title ? figure.title : null, entries, left: marginLeft, theme };
  const marginTop = headingHeight(heading);
  const height = PLOT_HEIGHT + marginTop + marginBottom;
  const svg = plot.plot({
    document: page,
    width: FIGURE_WIDTH,
    height,
    marginLeft,
    marginTop,
    marginRight: MARGIN_RIGHT,
    marginBottom,
    x: { type: x.scale, domain: [...x.domain], axis: null },
    y: { type: y.scale, domain: [...y.domain], axis: null },
    marks: [
      ...drawGrid(plot, axes, theme),
      ...(figure.plane ? drawPlane(plot, figure.plane, theme) : []),
      ...(figure.picture
        ? [
            drawPicture(plot, figure.picture, [
              FIGURE_WIDTH - marginLeft - MARGIN_RIGHT,
              PLOT_HEIGHT,
            ]),
          ]
        : []),
      ...drawAxes(plot, figure, axes, theme),
      ...drawMarks(plot, styled, x, y, theme),
    ],
  }) as unknown as SVGSVGElement;
  appendHeading(svg, heading);
  finish(svg, figure, theme, height);
  return toXml(svg);
}

/** Well-formed XML (`outerHTML` would write HTML, where `&nbsp;` and bare `<` in text differ). */
function toXml(svg: SVGSVGElement): string {
  const { XMLSerializer } = svg.ownerDocument.defaultView as unknown as typeof globalThis;
  return new XMLSerializer().serializeToString(svg);
}

/** Makes Plot's element stand alone: its own font, ground and name instead of a style sheet. */
function finish(svg: SVGSVGElement, figure: Figure, theme: Theme, height: number): void {
  svg.querySelector("style")?.remove();
  svg.removeAttribute("class");
  svg.setAttribute("viewBox", `0 0 ${FIGURE_WIDTH} ${height}`);
  svg.setAttribute("font-family", FONT);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", figure.title);
  if (theme.background === null) return;
  const ground = svg.ownerDocument.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", theme.background);
  svg.prepend(ground);
}
