// Figures, tables and the page of a report: what must be in them, and what must not.
import { JSDOM } from "jsdom";
import { describe, expect, it } from "vitest";
import { noEstimate } from "../../analysis/estimate.ts";
import type { Figure } from "../../experiments/experiment.ts";
import type { Condition } from "../../report/condition.ts";
import { drawFigure, omission } from "../../report/figure.ts";
import { printHtml } from "../../report/html.ts";
import { escapeHtml } from "../../report/markup.ts";
import { quantitiesHtml } from "../../report/quantitiesHtml.ts";
import { assembleReport, jsonReport, judge, type Report } from "../../report/result.ts";
import { printReport } from "../../report/terminal.ts";
import { INLINE, PAPER } from "../../report/theme.ts";
import { groupWarnings } from "../../report/warnings.ts";
import { FIGURE, resultOf } from "./fakes.ts";

const DEFAULTS = {
  learningRate: 0.1,
  batchSizes: [8, 16],
  steps: 1000,
  law: "distinct" as const,
  centered: true,
  offset: 0,
};

const PROVENANCE = {
  thermograd: "0.1.0",
  node: "v20",
  platform: "linux x64",
  adapter: "Fake <adapter>",
  driver: "fake",
  software: true,
  source: "system",
  reason: "the only one",
  date: "2026-01-01T00:00:00.000Z",
  command: "thermograd run quadratic --set 'law=a & b'",
};

const reportOf = (result = resultOf(DEFAULTS)): Report =>
  assembleReport(result, {
    experiment: "quadratic",
    parameters: DEFAULTS,
    seed: 7,
    provenance: PROVENANCE,
    seconds: 1.5,
  });

/** The SVG parsed as XML, which also proves it well-formed. */
async function draw(figure: Figure, theme = PAPER): Promise<Document> {
  const text = await drawFigure(figure, { theme, title: true });
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
  return new new JSDOM("").window.DOMParser().parseFromString(text, "image/svg+xml");
}

const texts = (svg: Document): string[] =>
  [...svg.querySelectorAll("text")].map((text) => text.textContent ?? "");

const group = (svg: Document, description: string): Element[] => [
  ...svg.querySelectorAll(`g[aria-description="${description}"]`),
];

describe("drawFigure", () => {
  it("writes title, axis labels with units, legend and log ticks", async () => {
    const shown = texts(await draw(FIGURE));
    expect(shown).toEqual(
      expect.arrayContaining([
        "Variance against learning rate",
        "learning rate (θ²/loss)",
        "variance (θ²)",
        "batch size 8",
        "Lyapunov",
        "0.01",
        "0.1",
        "10⁻³",
      ]),
    );
  });

  it("draws a point and an error bar for each value, over the theory line", async () => {
    const svg = await draw(FIGURE);
    expect(group(svg, "error bars")[0]?.querySelectorAll("line").length).toBe(3);
    const points = group(svg, "measured")[0]!;
    expect(points.children.length).toBe(3);
    const theory = group(svg, "theory")[0]!;
    expect(theory.querySelectorAll("path").length).toBe(1);
    const follows = theory.compareDocumentPosition(points) & 4; // DOCUMENT_POSITION_FOLLOWING
    expect(follows).toBe(4);
  });

  it("places values where the log axes say", async () => {
    const svg = await draw(FIGURE);
    const circles = [...group(svg, "measured")[0]!.querySelectorAll("circle")];
    const x = circles.map((circle) => Number(circle.getAttribute("cx")));
    // 0.01, 0.1, 1 are equally spaced on a log axis.
    expect(x[2]! - x[1]!).toBeCloseTo(x[1]! - x[0]!, 6);
    const y = circles.map((circle) => Number(circle.getAttribute("cy")));
    const decade = (y[0]! - y[2]!) / Math.log10(1.05e-2 / 1.1e-4);
    expect(y[0]! - y[1]!).toBeCloseTo(decade * Math.log10(0.9e-3 / 1.1e-4), 6);
  });

  it("draws a band for a line with errors, and breaks the line at gaps", async () => {
    const y = [1, 2, Number.NaN, 3, 4];
    const figure: Figure = {
      ...FIGURE,
      x: { label: "step" },
      y: { label: "loss" },
      marks: [
        {
          kind: "line",
          label: "a",
          role: "measured",
          x: [0, 1, 2, 3, 4],
          y,
          standardError: y.map(() => 0.1),
        },
      ],
    };
    const svg = await draw(figure);
    expect(group(svg, "error band")[0]?.querySelectorAll("path").length).toBe(1);
    const path = group(svg, "measured")[0]!.querySelector("path")!.getAttribute("d")!;
    expect(path.match(/M/g)?.length).toBe(2);
    expect(omission(figure)).toBe("1 point is not drawn: not finite.");
  });

  it("leaves out what a log axis cannot show, cuts bars at the frame, and says so", async () => {
    const marks = [
      {
        kind: "points",
        label: "a",
        role: "measured",
        x: [1, 10, 100],
        y: [0.5, -1, 2],
        standardError: [3, 1, 0.1],
      },
    ] as const;
    const figure: Figure = { ...FIGURE, marks };
    const svg = await draw(figure);
    expect(group(svg, "measured")[0]!.children.length).toBe(2);
    const bars = [...group(svg, "error bars")[0]!.querySelectorAll("line")];
    const height = Number(svg.documentElement.getAttribute("height"));
    for (const bar of bars) {
      for (const end of ["y1", "y2"]) {
        expect(Number(bar.getAttribute(end))).toBeLessThan(height - 40);
      }
    }
    expect(omission(figure)).toBe(
      "1 point is not drawn: not finite, or not positive on a log axis.",
    );
    expect(omission(FIGURE)).toBeNull();
  });

  it("shades a plane's cells in proportion, and draws its arrows where they point", async () => {
    const plane = {
      x: [0, 1, 2],
      y: [0, 10, 20, 30],
      shade: [0, 1, 2, 4, Number.NaN, 3],
      // The second is half the longest, counted in cells; the last is too short to see.
      arrows: { x: [0, 1, 0, -2, 0, 0], y: [0, 0, 0, 0, 10, 0.1] },
    };
    const figure = { ...FIGURE, marks: [], plane };
    const svg = await draw({ ...figure, x: { label: "x" }, y: { label: "y" } });
    const cells = group(svg, "shaded cells").flatMap((g) => [...g.querySelectorAll("rect")]);
    const shades = cells.map((cell) => Number(cell.getAttribute("fill-opacity")));
    expect(shades.map((shade) => shade / Math.max(...shades))).toEqual([0.25, 0.5, 1, 0.75]);
    const paths = group(svg, "arrows").flatMap((g) => [...g.querySelectorAll("path")]);
    const steps = paths.map((path) => {
      const [x1, y1, x2, y2] = path
        .getAttribute("d")!
        .match(/-?[\d.]+/g)!
        .map(Number) as [number, number, number, number];
      return [x2 - x1, y1 - y2];
    });
    const width = Number(cells[0]!.getAttribute("width"));
    const height = Number(cells[0]!.getAttribute("height"));
    const expected = [
      [width / 2, 0],
      [-width, 0],
      [0, height / 2],
    ];
    expect(steps).toHaveLength(3);
    for (const [k, [dx, dy]] of expected.entries()) {
      expect(Math.abs(steps[k]![0]! - dx!)).toBeLessThan(0.01);
      expect(Math.abs(steps[k]![1]! - dy!)).toBeLessThan(0.01);
    }
    // The plane fills the frame.
    expect(texts(svg)).toEqual(expect.arrayContaining(["0", "30"]));
  });

  it("draws axes even when there is nothing to show", async () => {
    expect(texts(await draw({ ...FIGURE, marks: [] }))).toContain("variance (θ²)");
  });

  it("has a ground of its own on disk, and the page's variables inline", async () => {
    const paper = await drawFigure(FIGURE, { theme: PAPER, title: true });
    expect(paper).toContain('fill="#ffffff"');
    expect(paper).not.toContain("var(");
    const inline = await drawFigure(FIGURE, { theme: INLINE, title: false });
    expect(inline).toContain("var(--series-0)");
    expect(inline).not.toContain("#ffffff");
    expect(inline).not.toContain("Variance against learning rate</text>");
  });

  it("tells twenty series apart by color, symbol or dash", async () => {
    const marks = Array.from({ length: 20 }, (_value, i) => ({
      kind: "points" as const,
      label: `series ${i}`,
      role: "measured" as const,
      x: [1, 2],
      y: [i + 1, i + 2],
    }));
    const svg = await draw({ ...FIGURE, marks });
    const keys = [...svg.querySelectorAll('g[aria-label="legend"] path')].map(
      (path) => `${path.getAttribute("d")} ${path.getAttribute("fill")}`,
    );
    expect(new Set(keys).size).toBe(20);
  });
});

describe("judge", () => {
  const quantity = resultOf(DEFAULTS).quantities[0]!;
  const shifted = (by: number) => {
    const estimate = { ...quantity.estimate, value: quantity.estimate.value + by };
    return judge({ ...quantity, estimate });
  };
  it("agrees up to 4 standard errors plus the systematic bound, and not beyond", () => {
    expect(shifted(4e-4 + 0.9e-5).agrees).toBe(true);
    expect(shifted(4e-4 + 1.1e-5).agrees).toBe(false);
    expect(shifted(-3e-4).z).toBeCloseTo(-3, 9);
  });
  it("has no z where the error is below what float32 resolves, but still a verdict", () => {
    const value = 3;
    const exact = (standardError: number, by: number) =>
      judge({
        ...quantity,
        estimate: { ...quantity.estimate, value, standardError },
        predicted: value - by,
      });
    expect(exact(0, 0.9e-5)).toMatchObject({ z: null, agrees: true });
    expect(exact(0, 1.1e-5)).toMatchObject({ z: null, agrees: false });
    expect(exact(value * 2 ** -24, 0)).toMatchObject({ z: null, agrees: true });
    expect(exact(value * 2 ** -23, 0)).toMatchObject({ z: 0, agrees: true });
    // 1e-14 would be 10⁹ standard errors of a deterministic dynamics: no statistics at all.
    expect(exact(1e-23, 1e-14)).toMatchObject({ z: null, agrees: true });
    const negative = { ...quantity.estimate, value: -value, standardError: 1e-12 };
    expect(judge({ ...quantity, estimate: negative, predicted: -value }).z).toBeNull();
    const zero = { ...quantity.estimate, value: 0, standardError: 1e-30 };
    expect(judge({ ...quantity, estimate: zero, predicted: 2e-30 }).z).toBeCloseTo(-2, 9);
  });
  it("does not take NaN for agreement, and claims nothing without a prediction", () => {
    expect(shifted(Number.NaN).agrees).toBe(false);
    expect(judge({ ...quantity, predicted: null })).toMatchObject({ z: null, agrees: null });
  });
});

describe("jsonReport", () => {
  it("turns what is not finite into null and says so", () => {
    const result = resultOf({ ...DEFAULTS, offset: Number.NaN });
    const marks = [{ ...FIGURE.marks[1]!, y: [1, Infinity, 2] }];
    const json = jsonReport(reportOf({ ...result, figures: [{ ...FIGURE, marks }] }));
    expect(json.quantities[0]).toMatchObject({ estimate: null, z: null, agrees: false });
    expect(json.warnings).toContain(
      "variance (learningRate=0.1): estimate is NaN, written as null",
    );
    expect(json.warnings).toContain(
      "figure variance-against-rate: 1 numbers are not finite, written as null",
    );
    expect(json.figures[0]?.marks[0]?.y).toEqual([1, null, 2]);
  });
});

describe("warnings", () => {
  const lost = (name: string, condition: Condition, message = "no replica is left") => ({
    name,
    condition,
    message,
  });
  it("with one message are one line that names all quantities and conditions", () => {
    const warnings = [
      lost("loss", { model: "tanh", rate: 1 }),
      lost("|g|^2", { model: "tanh", rate: 1 }),
      lost("loss", { model: "tanh", rate: 2 }),
      lost("|g|^2", { model: "tanh", rate: 2 }),
      lost("loss", { model: "softmax", rate: 2 }),
      lost("area", {}),
      lost("loss", { model: "tanh", rate: 2 }, "something else"),
    ];
    expect(groupWarnings(warnings)).toEqual([
      "loss, |g|^2 (model=tanh, rate=1,2); loss (model=softmax, rate=2); area: no replica is left",
      "loss (model=tanh, rate=2): something else",
    ]);
    expect(groupWarnings([])).toEqual([]);
  });
  it("of a report, and of numbers lost in JSON, are grouped", () => {
    const result = resultOf(DEFAULTS);
    const quantities = ["a", "b"].map((name) => ({
      ...result.quantities[0]!,
      name,
      estimate: { ...noEstimate("mean"), warnings: ["refused"] },
    }));
    expect(jsonReport(reportOf({ ...result, quantities })).warnings).toEqual([
      "a, b (learningRate=0.1): refused",
      "a, b (learningRate=0.1): estimate is NaN, written as null",
      "a, b (learningRate=0.1): standardError is NaN, written as null",
    ]);
  });
});

describe("printReport", () => {
  it("is a table with agreement and warnings below", () => {
    const result = resultOf({ ...DEFAULTS, offset: 0.1 });
    expect(printReport(reportOf(result))).toMatchInlineSnapshot(`
      "quantity  condition         estimate     unit  predicted      z  agrees
      ────────  ────────────────  ───────────  ────  ─────────  ─────  ──────
      variance  learningRate=0.1  0.11000(10)  θ²    0.01       +1000  ✗
      accuracy                    0.900(10)

      0 of 1 predictions agree (|z| ≤ 4, plus the systematic bound)
      warning: variance (learningRate=0.1): shifted on purpose
      "
    `);
  });
});

describe("a deterministic quantity", () => {
  const { quantities, ...result } = resultOf(DEFAULTS);
  const exact = { ...quantities[0]!, estimate: { ...quantities[0]!.estimate, standardError: 0 } };
  const report = reportOf({ ...result, quantities: [exact] });
  it("has a dash for z in the tables, null in JSON, and its verdict in both", async () => {
    expect(printReport(report)).toMatch(/0\.01\(0\) +θ² +0\.01 +— +✓/);
    expect(jsonReport(report).quantities[0]).toMatchObject({ z: null, agrees: true });
    expect(jsonReport(report).warnings).toEqual([]);
    const subject = { title: "", card: "", sources: [], summary: "", descriptions: {} };
    const page = new JSDOM(await printHtml(report, subject)).window.document;
    const cells = [...page.querySelector("tbody")!.querySelectorAll("td")];
    expect(cells.slice(-2).map((cell) => cell.textContent)).toEqual(["—", "✓ agrees"]);
  });
  it("has no column of conditions on the page where there are none", async () => {
    const heads = (condition: Condition) => {
      const html = quantitiesHtml([judge({ ...exact, condition })]);
      return [...new JSDOM(html).window.document.querySelectorAll("th")].map(
        (th) => th.textContent,
      );
    };
    expect(heads({})).toEqual(["quantity", "estimate", "unit", "predicted", "bias ≤", "z", ""]);
    expect(heads({ rate: 1 })[1]).toBe("condition");
  });
});

describe("printHtml", () => {
  const subject = {
    title: "A <script>alert(1)</script> title",
    card: "B1",
    sources: ['arXiv "2107.09133"'],
    summary: "H & C",
    descriptions: { learningRate: "η < 2/λ" },
  };

  it("stands alone: no script, no link, nothing fetched", async () => {
    const html = await printHtml(reportOf(), subject);
    expect(html).not.toMatch(/<script|<link|<img|<iframe|@import|src=|href=|url\(/i);
    const addresses = html.match(/https?:\/\/[^"'\s<]*/g) ?? [];
    // Names of XML namespaces are not fetched.
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  });

  it("escapes what comes from outside", async () => {
    const html = await printHtml(reportOf(), subject);
    const page = new JSDOM(html).window.document;
    expect(page.querySelector("h1")?.textContent).toBe(subject.title);
    expect(page.querySelector("script")).toBeNull();
    expect(page.querySelector("pre")?.textContent).toBe(PROVENANCE.command);
    expect(page.body.textContent).toContain("Fake <adapter>");
    expect(escapeHtml(`<&>"'`)).toBe("&lt;&amp;&gt;&quot;&#39;");
  });

  it("shows quantities, figures, parameters, warnings and provenance", async () => {
    const result = resultOf({ ...DEFAULTS, offset: 0.1 });
    const page = new JSDOM(await printHtml(reportOf(result), subject)).window.document;
    const cells = [...page.querySelectorAll("tbody")[0]!.querySelectorAll("tr")].map((row) =>
      [...row.querySelectorAll("td")].map((cell) => cell.textContent),
    );
    expect(cells[0]).toEqual([
      "variance",
      "learningRate=0.1",
      "0.11000(10)",
      "θ²",
      "0.01",
      "1×10−5",
      "+1000",
      "✗ disagrees",
    ]);
    expect(cells[1]).toEqual(["accuracy", "", "0.900(10)", "", "–", "", "–", " –"]);
    expect(page.querySelectorAll("figure svg").length).toBe(1);
    expect(page.querySelector("figcaption")?.textContent).toContain("A fake <figure>.");
    expect(page.body.textContent).toContain("η < 2/λ");
    expect(page.querySelector(".warnings")?.textContent).toContain("shifted on purpose");
    expect(page.body.textContent).toContain("(software: runs on the CPU)");
  });
});
