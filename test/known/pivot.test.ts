// Tables of quantities that repeat over conditions: nothing lost, nothing doubled, marks kept.
import { JSDOM } from "jsdom";
import { describe, expect, it } from "vitest";
import type { Quantity } from "../../experiments/experiment.ts";
import type { Condition } from "../../report/condition.ts";
import { pivot } from "../../report/pivot.ts";
import { quantitiesHtml } from "../../report/quantitiesHtml.ts";
import { judge, type ReportedQuantity } from "../../report/result.ts";
import { displayWidth } from "../../report/table.ts";
import { printQuantities } from "../../report/terminal.ts";
import { command, fakeExperiment, resultOf } from "./fakes.ts";

interface Measured {
  readonly standardError?: number;
  readonly unit?: string;
  readonly predicted?: number | null;
  readonly systematic?: number;
}

function quantity(name: string, condition: Condition, value: number, measured: Measured = {}) {
  const { standardError = 0.001, unit = "1", predicted = null, systematic = 0 } = measured;
  const estimate = { value, standardError, n: 64, method: "mean", warnings: [] };
  return { name, condition, estimate, unit, predicted, systematic } satisfies Quantity;
}

/** Loss (no prediction), ratio (1 everywhere), verdict (no error) at two models and three rates. */
const grid: Quantity[] = ["softmax", "tanh"].flatMap((model, m) =>
  [0.1, 0.3, 10].flatMap((learningRate, k) => {
    const condition = { model, learningRate };
    return [
      quantity("loss", condition, 0.4 + m + k / 100, { unit: "nats" }),
      // Off by 0, 3 and 6 standard errors; at tanh the bias allows even that.
      quantity("ratio", condition, 1 + 0.003 * k, { predicted: 1, systematic: 0.004 * m }),
      quantity("stationary", condition, k === 2 ? 0 : 1, { standardError: 0, unit: "1 = yes" }),
    ];
  }),
);

const print = (quantities: readonly Quantity[], width = 100): string =>
  printQuantities([{ owner: "", quantities: quantities.map(judge) }], width);

/** What the tables and the rest show, each as often as it is shown. */
const shown = ({ tables, rest }: ReturnType<typeof pivot>): ReportedQuantity[] => [
  ...tables.flatMap(({ columns }) =>
    columns.flatMap(({ cells }) => cells.filter((cell) => cell !== null)),
  ),
  ...rest,
];

describe("pivot", () => {
  it("makes one table for each value of the first name that differs", () => {
    const { tables, rest } = pivot(grid.map(judge));
    expect(rest).toEqual([]);
    expect(tables.map(({ shared }) => shared)).toEqual([{ model: "softmax" }, { model: "tanh" }]);
    for (const { keys, rows, columns } of tables) {
      expect([keys, rows]).toEqual([["learningRate"], [[0.1], [0.3], [10]]]);
      expect(columns.map(({ name, unit, predicted }) => [name, unit, predicted])).toEqual([
        ["loss", "nats", null],
        ["ratio", "1", 1],
        ["stationary", "1 = yes", null],
      ]);
    }
    expect(tables[1]!.columns[0]!.cells.map((cell) => cell!.estimate)).toEqual([1.4, 1.41, 1.42]);
  });

  const at = (condition: Condition): Quantity[] => [
    quantity("a", condition, 1),
    quantity("b", condition, 2),
  ];
  const cases: [string, Quantity[], tables: number, rest: number][] = [
    ["nothing", [], 0, 0],
    ["no conditions", at({}), 0, 2],
    ["one condition", at({ rate: 1 }), 0, 2],
    ["one quantity that repeats", grid.filter(({ name }) => name === "loss"), 0, 6],
    ["numbers only", [...at({ rate: 1, batch: 4 }), ...at({ rate: 2, batch: 4 })], 1, 0],
    ["names only", [...at({ model: "x" }), ...at({ model: "y" })], 1, 0],
    [
      "a quantity at one condition",
      [...at({ r: 1 }), ...at({ r: 2 }), quantity("c", { r: 1 }, 3)],
      1,
      1,
    ],
    ["a cell that is missing", [...at({ r: 1 }), ...at({ r: 2 }), ...at({ r: 3 }).slice(1)], 1, 0],
    ["two numbers for one cell", [...at({ r: 1 }), ...at({ r: 2 }), ...at({ r: 2 })], 0, 6],
    [
      "families of other keys",
      [...at({ r: 1 }), ...at({ r: 2 }), ...at({ s: 1 }), ...at({ s: 2 }), quantity("a", {}, 0)],
      2,
      1,
    ],
    ["keys in another order", [...at({ r: 1, s: 1 }), ...at({ s: 2, r: 1 })], 1, 0],
  ];
  it.each(cases)("shows every quantity once: %s", (_name, quantities, tables, rest) => {
    const judged = quantities.map(judge);
    const pivoted = pivot(judged);
    expect([pivoted.tables.length, pivoted.rest.length]).toEqual([tables, rest]);
    const seen = shown(pivoted);
    expect(seen.length).toBe(judged.length);
    expect(new Set(seen)).toEqual(new Set(judged));
    const onPage = new JSDOM(quantitiesHtml(judged)).window.document;
    const inCells = onPage.querySelectorAll(".pivot td[title]").length;
    expect(inCells).toBe(judged.length - rest);
  });

  it("keeps units of one name apart, and says what all rows share", () => {
    const [table] = pivot(
      [
        ...[1, 2].map((rate) => quantity("a", { rate, batch: 4 }, 1, { unit: "loss" })),
        ...[1, 2].map((rate) => quantity("a", { rate, batch: 4 }, 1, { unit: "nats" })),
      ].map(judge),
    ).tables;
    expect(table!.shared).toEqual({ batch: 4 });
    expect(table!.columns.map(({ unit }) => unit)).toEqual(["loss", "nats"]);
  });
});

describe("a pivot in a terminal", () => {
  it("has units and the common prediction in its head, marks and large z in its cells", () => {
    expect(print(grid)).toMatchInlineSnapshot(`
      "model=softmax

      learningRate  loss        ratio                  stationary
                    nats        predicted 1            1 = yes
      ────────────  ──────────  ─────────────────────  ──────────
       0.1          0.4000(10)  1.0000(10) ✓           1
       0.3          0.4100(10)  1.0030(10) ✓           1
      10            0.4200(10)  1.0060(10) ✗ (z +6.0)  0

      model=tanh

      learningRate  loss        ratio                                stationary
                    nats        predicted 1                          1 = yes
      ────────────  ──────────  ───────────────────────────────────  ──────────
       0.1          1.4000(10)  1.0000(10) ✓                         1
       0.3          1.4100(10)  1.0030(10) ✓                         1
      10            1.4200(10)  1.0060(10) ✓ (z +6.0, bias ≤ 0.004)  0
      "
    `);
  });

  it("puts predictions that differ beside their estimates", () => {
    const quantities = [1, 2].flatMap((rate) => [
      quantity("a", { rate }, rate, { predicted: rate }),
      quantity("b", { rate }, 5, { predicted: rate === 1 ? 5 : null }),
    ]);
    expect(print(quantities)).toMatchInlineSnapshot(`
      "rate  a             predicted  b
                                     predicted 5
      ────  ────────────  ─────────  ────────────
      1     1.0000(10) ✓  1          5.0000(10) ✓
      2     2.0000(10) ✓  2          5.0000(10)
      "
    `);
  });

  it("is broken into blocks that fit, each with the conditions", () => {
    // Columns take 12 and, with the gap, 12, 23 (tanh: 37), 12: 59 in all, 73 for tanh.
    const blocks: [width: number, softmax: number, tanh: number][] = [
      [49, 2, 3],
      [60, 1, 3],
      [61, 1, 2],
      [72, 1, 2],
      [73, 1, 1],
    ];
    for (const [width, softmax, tanh] of blocks) {
      const text = print(grid, width);
      const widest = Math.max(...text.split("\n").map(displayWidth));
      expect(widest, `width ${width}`).toBeLessThanOrEqual(width);
      const heads = text.split("model=tanh").map((half) => half.match(/^learningRate/gm)!.length);
      expect(heads, `width ${width}`).toEqual([softmax, tanh]);
      expect(text.match(/^ 0\.3 /gm)?.length).toBe(softmax + tanh);
    }
    // Narrower than any column: one column a block, and nothing is cut.
    const narrow = print(grid, 5);
    expect(narrow.match(/learningRate/g)?.length).toBe(6);
    expect(narrow).toContain("1.0060(10) ✓ (z +6.0, bias ≤ 0.004)");
  });

  it("follows the list of what does not repeat, in run and in validate", async () => {
    const result = resultOf({ learningRate: 0.1, offset: 0 } as never);
    const swept = fakeExperiment({
      id: "swept",
      run: async () => ({ ...result, quantities: [...result.quantities, ...grid] }),
    });
    const experiments = [swept, fakeExperiment()];
    const stdout = { write: (text: string) => lines.push(...text.split("\n")), columns: 60 };
    const lines: string[] = [];
    await command(["validate"], { experiments, io: { stdout } });
    const first = (start: string) => lines.findIndex((line) => line.startsWith(start));
    expect(first("quadratic")).toBeGreaterThan(first("swept"));
    expect(first("swept: model=softmax")).toBeGreaterThan(first("quadratic"));
    expect(first("swept: model=tanh")).toBeGreaterThan(first("swept: model=softmax"));
    expect(lines.slice(first("swept: ")).filter((line) => displayWidth(line) > 60)).toEqual([
      "7 of 8 predictions agree (|z| ≤ 4, plus the systematic bound)",
    ]);
    const { stdout: text } = await command(["run", "swept"], { experiments });
    expect(text).toContain("\nmodel=softmax\n");
    expect(text).toMatch(/^accuracy +0\.900\(10\)$/m);
  });
});

describe("a pivot on a page", () => {
  const page = new JSDOM(quantitiesHtml(grid.map(judge))).window.document;
  const cell = (table: number, row: number, column: number): Element =>
    page
      .querySelectorAll(".pivot tbody")
      [table]!.querySelectorAll("tr")
      [row]!.querySelectorAll("td")[column]!;

  it("scrolls in its own box, which the keyboard reaches and a reader hears the name of", () => {
    const boxes = [...page.querySelectorAll(".scroll.pivot")];
    expect(
      boxes.map((box) => [box.getAttribute("tabindex"), box.getAttribute("aria-label")]),
    ).toEqual([
      ["0", "model=softmax"],
      ["0", "model=tanh"],
    ]);
    const heads = [...boxes[0]!.querySelectorAll("thead th")].map((head) => head.textContent);
    expect(heads).toEqual(["learningRate", "lossnats", "ratiopredicted 1", "stationary1 = yes"]);
    expect(boxes[0]!.querySelector("tbody th")?.textContent).toBe("0.1");
  });

  it("marks agreement and disagreement, with z in the tooltip and, where large, below", () => {
    expect(cell(0, 0, 1).textContent).toBe("1.0000(10) ✓");
    expect(cell(0, 1, 1).getAttribute("title")).toBe(
      "ratio at model=softmax, learningRate=0.3: 1.0030(10); predicted 1; z = +3.0",
    );
    expect(cell(0, 1, 1).querySelector("span")?.className).toBe("doubtful");
    expect(cell(0, 2, 1).className).toContain("disagrees");
    expect(cell(0, 2, 1).textContent).toBe("1.0060(10) ✗z +6.0");
    expect(cell(1, 2, 1).className).not.toContain("disagrees");
    expect(cell(1, 2, 1).textContent).toBe("1.0060(10) ✓z +6.0, bias ≤ 0.004");
    expect(cell(1, 2, 1).getAttribute("title")).toMatch(/z = \+6\.0; bias ≤ 0\.004$/);
    expect(cell(0, 0, 0).getAttribute("title")).toBe(
      "loss at model=softmax, learningRate=0.1: 0.4000(10) nats",
    );
    expect(cell(0, 0, 2).textContent).toBe("1");
  });

  it("escapes names, conditions and units, also in tooltips", () => {
    const html = quantitiesHtml(
      ["<i>", "x"].flatMap((model) =>
        ['a"b', "<b>"].map((name) => judge(quantity(name, { model }, 1, { unit: "<u>" }))),
      ),
    );
    const escaped = new JSDOM(html).window.document;
    expect(escaped.querySelector("i, b, u")).toBeNull();
    expect(escaped.querySelector("td")?.getAttribute("title")).toBe(
      'a"b at model=<i>: 1.0000(10) <u>',
    );
  });
});
