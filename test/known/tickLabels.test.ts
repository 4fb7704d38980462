// Names on the x axis of a figure: all of them, inside the drawing, never over each other.
import { JSDOM } from "jsdom";
import { describe, expect, it } from "vitest";
import { comparison } from "../../experiments/comparison.ts";
import type { Quantity } from "../../experiments/experiment.ts";
import { layoutAxis, nameTicks } from "../../report/axis.ts";
import { drawFigure, FIGURE_WIDTH } from "../../report/figure.ts";
import { textWidth } from "../../report/legend.ts";
import { PAPER } from "../../report/theme.ts";
import { layoutTickLabels } from "../../report/tickLabels.ts";

const FRAME = { left: 60, right: 616, width: 640 };

const named = (names: readonly string[]) =>
  nameTicks(
    layoutAxis([0.5, names.length + 0.5], "linear", 7, 0.03),
    names.map((label, k) => ({ at: k + 1, label })),
  );

const quantity = (name: string, predicted: number | null = 2): Quantity => ({
  name,
  condition: {},
  estimate: { value: 2.1, standardError: 0.1, n: 64, method: "mean", warnings: [] },
  unit: "θ²",
  predicted,
  systematic: 0,
});

async function draw(names: readonly string[]): Promise<SVGSVGElement> {
  const figure = comparison(
    names.map((name) => quantity(name)),
    "",
  );
  const text = await drawFigure(figure, { theme: PAPER, title: true });
  const page = new new JSDOM("").window.DOMParser().parseFromString(text, "image/svg+xml");
  return page.documentElement as unknown as SVGSVGElement;
}

/** Plot leaves empty texts at ticks that are drawn without labels. */
const labelsOf = (svg: SVGSVGElement): Element[] =>
  [...svg.querySelectorAll('g[aria-label="x-axis tick label"] text')].filter(
    (text) => text.textContent !== "",
  );

describe("a comparison", () => {
  it("has the names of its quantities on the axis, each under its point, and no numbers", async () => {
    const names = ["var(theta)", "area", "cov(0,1)"];
    const svg = await draw(names);
    const labels = labelsOf(svg);
    expect(labels.map((label) => label.textContent)).toEqual(names);
    const points = [...svg.querySelectorAll('g[aria-description="measured"] circle')];
    const x = labels.map((label) => /translate\(([\d.]+)/.exec(label.getAttribute("transform")!)!);
    for (const [i, point] of points.entries()) {
      expect(Number(x[i]![1])).toBeCloseTo(Number(point.getAttribute("cx")), 6);
    }
    expect(labels[0]!.getAttribute("transform")).not.toContain("rotate");
  });

  it("leaves out what has no prediction, and does not list names in the caption", () => {
    const figure = comparison([quantity("a"), quantity("b", null), quantity("c")], "Caption.");
    expect(figure.x.ticks).toEqual([
      { at: 1, label: "a" },
      { at: 2, label: "c" },
    ]);
    expect(figure.caption).toMatch(/^Caption\. /);
  });

  it("slants names that are too long, and makes room for them", async () => {
    const names = Array.from({ length: 9 }, (_value, k) => `covariance of ${k} and ${k + 1}`);
    const [long, short] = [await draw(names), await draw(["a", "b"])];
    expect(labelsOf(long).map((label) => label.textContent)).toEqual(names);
    for (const label of labelsOf(long)) {
      expect(label.getAttribute("transform")).toContain("rotate(-35)");
    }
    const height = (svg: SVGSVGElement) => Number(svg.getAttribute("height"));
    const reach = textWidth(names[0]!, 12) * Math.sin((35 * Math.PI) / 180);
    expect(height(long) - height(short)).toBeCloseTo(reach, -1);
  });
});

describe("layoutTickLabels", () => {
  it("shrinks labels before it slants them", () => {
    const letters = (length: number) => Array.from({ length: 6 }, () => "n".repeat(length));
    const rows = [9, 12, 13, 20].map((length) => layoutTickLabels(named(letters(length)), FRAME));
    // A slot is 556 / (6 · 1.06) = 87 px; a label takes 0.6 · size px a letter and 8 px of space.
    expect(rows.map(({ fontSize, rotate }) => [fontSize, rotate])).toEqual([
      [12, 0],
      [10, 0],
      [10, 0],
      [12, -35],
    ]);
  });

  it("moves the frame so that the first slanted label is not cut", () => {
    const names = ["n".repeat(40), ...Array.from({ length: 7 }, () => "n")];
    const axis = named(names);
    const { extraLeft, rotate } = layoutTickLabels(axis, FRAME);
    expect(rotate).toBe(-35);
    const left = FRAME.left + extraLeft;
    const at = (1 - axis.domain[0]) / (axis.domain[1] - axis.domain[0]);
    const tick = left + at * (FRAME.right - left);
    const reach = textWidth(names[0]!, 12) * Math.cos((35 * Math.PI) / 180);
    expect(tick - reach).toBeGreaterThanOrEqual(-1);
    expect(extraLeft).toBeGreaterThan(0);
    expect(FIGURE_WIDTH).toBe(FRAME.width);
  });

  it("keeps numeric ticks as they are, and drops names outside of the domain", () => {
    expect(layoutTickLabels(layoutAxis([0, 100], "linear", 7, 0.03), FRAME).rotate).toBe(0);
    const axis = nameTicks(layoutAxis([1, 2], "linear", 7, 0), [
      { at: 1, label: "in" },
      { at: 3, label: "out" },
    ]);
    expect(axis.ticks.map(axis.format)).toEqual(["in"]);
  });
});
