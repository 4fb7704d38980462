/**
 * A field on a plane of cells: shaded rectangles, arrows over them.
 *
 * Shade is the first color's opacity, in proportion to the value, so that it works on any ground; the
 * longest arrow is as long as a cell is wide. Arrows shorter than 3 % of it are left out.
 */
import type { Plane } from "../experiments/experiment.ts";
import type { Theme } from "./theme.ts";

type Plot = typeof import("@observablehq/plot");
type Drawing = import("@observablehq/plot").Markish;

interface Cell {
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
  readonly shade: number;
}

interface Arrow {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

const DARKEST = 0.85;
const SHORTEST = 0.03;

function cellsOf({ x, y, shade }: Plane): Cell[] {
  const rows = y.length - 1;
  const largest = Math.max(...shade.filter(Number.isFinite), Number.MIN_VALUE);
  return shade.flatMap((value, n) => {
    const [i, j] = [Math.floor(n / rows), n % rows];
    if (!(value > 0)) return [];
    const opacity = (DARKEST * value) / largest;
    return [{ x1: x[i]!, x2: x[i + 1]!, y1: y[j]!, y2: y[j + 1]!, shade: opacity }];
  });
}

/** In units of cells, so that both axes count alike. */
function arrowsOf({ x, y, arrows }: Plane): Arrow[] {
  if (arrows === undefined) return [];
  const rows = y.length - 1;
  const steps = arrows.x.map((along, n) => {
    const [i, j] = [Math.floor(n / rows), n % rows];
    const [width, height] = [x[i + 1]! - x[i]!, y[j + 1]! - y[j]!];
    const [dx, dy] = [along / width, arrows.y[n]! / height];
    return { i, j, width, height, dx, dy, length: Math.hypot(dx, dy) };
  });
  const finite = steps.filter(({ length }) => Number.isFinite(length));
  const longest = Math.max(...finite.map(({ length }) => length), Number.MIN_VALUE);
  return finite
    .filter(({ length }) => length > SHORTEST * longest)
    .map(({ i, j, width, height, dx, dy }) => {
      const [cx, cy] = [(x[i]! + x[i + 1]!) / 2, (y[j]! + y[j + 1]!) / 2];
      const [hx, hy] = [(dx * width) / (2 * longest), (dy * height) / (2 * longest)];
      return { x1: cx - hx, y1: cy - hy, x2: cx + hx, y2: cy + hy };
    });
}

/** The drawings of a plane, from back to front. */
export function drawPlane(plot: Plot, plane: Plane, theme: Theme): Drawing[] {
  return [
    plot.rect(cellsOf(plane), {
      ...{ x1: "x1", x2: "x2", y1: "y1", y2: "y2" },
      fill: theme.series[0]!,
      fillOpacity: "shade",
      // No seams: a blurred edge would show the ground, or its neighbor twice.
      shapeRendering: "crispEdges",
      ariaDescription: "shaded cells",
    }),
    plot.arrow(arrowsOf(plane), {
      ...{ x1: "x1", x2: "x2", y1: "y1", y2: "y2" },
      stroke: theme.series[1]!,
      strokeWidth: 1.3,
      headLength: 5,
      ariaDescription: "arrows",
    }),
  ];
}
