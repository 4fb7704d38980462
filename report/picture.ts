/**
 * A picture of cells, drawn as one image: a rectangle for each would make a page of megabytes.
 *
 * The colors are those of the theme's first two series in their light form, on any ground: an image
 * cannot read the page's variables.
 */
import type { Picture } from "../experiments/experiment.ts";
import { pngFile } from "./png.ts";
import { PAPER } from "./theme.ts";

type Plot = typeof import("@observablehq/plot");
type Drawing = import("@observablehq/plot").Markish;

/** Red, green, blue of `#rrggbb`. */
const channels = (color: string): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));

function pixelsOf({ values }: Picture): Uint8Array {
  const largest = values.reduce(
    (most, value) => (Math.abs(value) > most ? Math.abs(value) : most),
    Number.MIN_VALUE,
  );
  const [positive, negative] = PAPER.series.slice(0, 2).map(channels) as [number[], number[]];
  const pixels = new Uint8Array(4 * values.length);
  values.forEach((value, cell) => {
    if (!Number.isFinite(value)) return;
    const opacity = Math.round((255 * Math.abs(value)) / largest);
    pixels.set([...(value < 0 ? negative : positive), opacity], 4 * cell);
  });
  return pixels;
}

/** The picture in a frame of [width, height] pixels. */
export function drawPicture(
  plot: Plot,
  picture: Picture,
  [width, height]: readonly [number, number],
): Drawing {
  const { rows, columns } = picture;
  const file = pngFile(rows, columns, pixelsOf(picture));
  const text = Array.from(file, (byte) => String.fromCharCode(byte)).join("");
  return plot.image([{ x: columns / 2, y: rows / 2 }], {
    x: "x",
    y: "y",
    width,
    height,
    src: () => `data:image/png;base64,${btoa(text)}`,
    preserveAspectRatio: "none",
    imageRendering: "pixelated",
    ariaDescription: "picture",
  });
}
