/** Pictures in figures: the PNG holds the cells' signs and sizes, and fills the frame. */
import { crc32, inflateSync } from "node:zlib";
import { JSDOM } from "jsdom";
import { describe, expect, test } from "vitest";
import { filterFigure } from "../../experiments/mnist/figures.ts";
import { drawFigure } from "../../report/figure.ts";
import { pngFile } from "../../report/png.ts";
import { INLINE, PAPER } from "../../report/theme.ts";

/** Chunks of a PNG by type, and its rows of pixels, [row][column][channel]. */
function decode(file: Uint8Array) {
  const bytes = Buffer.from(file);
  expect(bytes.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const content = bytes.subarray(at + 8, at + 8 + length);
    chunks.set(bytes.toString("latin1", at + 4, at + 8), content);
    expect(bytes.readUInt32BE(at + 8 + length)).toBe(
      crc32(bytes.subarray(at + 4, at + 8 + length)),
    );
    at += 12 + length;
  }
  expect([...chunks.keys()]).toEqual(["IHDR", "IDAT", "IEND"]);
  const head = chunks.get("IHDR")!;
  const [columns, rows] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  expect([...head.subarray(8)]).toEqual([8, 6, 0, 0, 0]);
  const lines = inflateSync(chunks.get("IDAT")!);
  expect(lines.length).toBe(rows * (1 + 4 * columns));
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const at = row * (1 + 4 * columns) + 1 + 4 * column;
      return [...lines.subarray(at, at + 4)];
    }),
  );
}

describe("a PNG", () => {
  test("has its pixels", () => {
    const pixels = Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => 10 * i);
    const rows = decode(pngFile(2, 3, pixels));
    expect(rows.flat(2)).toEqual([...pixels]);
  });
});

describe("a picture", () => {
  const figure = filterFigure({
    weights: [1, -0.5, 0, 0.25, -2, 0],
    units: 3,
    rows: 1,
    columns: 2,
  });

  test("has units side by side, clear lines between them, and their largest weight as the scale", () => {
    expect(figure.picture).toEqual({
      rows: 3,
      columns: 5,
      values: [0.5, -0.25, NaN, 0, 0.13, NaN, NaN, NaN, NaN, NaN, -1, 0, NaN, NaN, NaN],
    });
    const many = filterFigure({
      weights: new Float32Array(64 * 784).fill(1),
      units: 64,
      rows: 28,
      columns: 28,
    });
    expect(many.caption).toContain("the first 32 of 64 units");
    expect(many.picture!.rows).toBe(4 * 29 - 1);
    expect(many.picture!.columns).toBe(8 * 29 - 1);
  });

  test.each([PAPER, INLINE])("fills the frame with two colors", async (theme) => {
    const svg = await drawFigure(figure, { theme, title: true });
    const page = new JSDOM(svg, { contentType: "image/svg+xml" }).window.document;
    const image = page.querySelector("image")!;
    const source = image.getAttribute("href") ?? image.getAttribute("xlink:href")!;
    const [head, text] = source.split(",") as [string, string];
    expect(head).toBe("data:image/png;base64");
    const cells = decode(Buffer.from(text, "base64"));
    const [blue, orange] = [
      [0, 0x72, 0xb2],
      [0xd5, 0x5e, 0],
    ] as const;
    expect(cells[0]![0]).toEqual([...blue, 128]);
    expect(cells[0]![1]).toEqual([...orange, 64]);
    expect(cells[0]![2]).toEqual([0, 0, 0, 0]);
    expect(cells[2]![0]).toEqual([...orange, 255]);
    const frame = page.querySelector("[aria-label='frame'] rect, rect[aria-label='frame']")!;
    for (const [side, size] of [
      ["x", "width"],
      ["y", "height"],
    ] as const) {
      const drawn = Number(image.getAttribute(size));
      expect(Math.abs(drawn - Number(frame.getAttribute(size)))).toBeLessThan(1.5);
      expect(
        Math.abs(Number(image.getAttribute(side)) - Number(frame.getAttribute(side))),
      ).toBeLessThan(1.5);
    }
    const shown = [...page.querySelectorAll("text")].map((one) => one.textContent);
    expect(shown).toContain("2 units side by side");
  });
});
