// Concise error notation, rounded by the rule of the Particle Data Group: three leading digits of
// the error 100-354 keep two digits, 355-949 one, 950-999 round up to 1000 with two.
import { describe, expect, it } from "vitest";
import { layoutAxis, linearTicks } from "../../report/axis.ts";
import {
  comparableDigits,
  concise,
  plain,
  printDuration,
  printZ,
  siPrefixed,
} from "../../report/notation.ts";
import { printTable } from "../../report/table.ts";
import { thinLine } from "../../report/thinning.ts";

describe("concise", () => {
  it.each([
    [0.128431, 0.0000904, "0.12843(9)"],
    // The PDG's own examples: 0.827 ± 0.119 gives 0.83 ± 0.12, 0.827 ± 0.367 gives 0.8 ± 0.4.
    [0.827, 0.119, "0.83(12)"],
    [0.827, 0.367, "0.8(4)"],
    [0.5, 0.0354, "0.500(35)"],
    [0.5, 0.0355, "0.50(4)"],
    [0.5, 0.00949, "0.500(9)"],
    [0.5, 0.0095, "0.500(10)"],
    [0.5, 0.00996, "0.500(10)"],
    [12.34, 1.5, "12.3(15)"],
    [12.34, 4.4, "12(4)"],
    [1234, 56, "1230(60)"],
    [1234, 23, "1234(23)"],
    [-3.21e-7, 4.1e-8, "-3.2(4)e-7"],
    [1.2e-9, 1e-12, "1.2000(10)e-9"],
    [123456789, 1234, "1.234568(12)e8"],
    [0.0012843, 0.0000091, "0.001284(9)"],
  ])("%d ± %d is %s", (value, error, text) => expect(concise(value, error)).toBe(text));

  it.each([
    ["zero with an error", 0, 0.05, "0.00(5)"],
    ["error beyond the value", 0.0012, 0.05, "0.00(5)"],
    ["a negative value that rounds to zero has no sign", -0.0012, 0.05, "0.00(5)"],
    ["an error that sets the power of ten", 1e-9, 1e-5, "0.0(10)e-5"],
    ["an error of hundreds", 3, 456, "0(500)"],
    ["no error", 0.5, 0, "0.5(0)"],
    ["zero without error", 0, 0, "0(0)"],
    ["unknown error", 0.5, Number.NaN, "0.5(?)"],
    ["infinite error", 0.5, Infinity, "0.5(?)"],
    ["negative error", 0.5, -1, "0.5(?)"],
    ["no value", Number.NaN, 0.1, "NaN"],
    ["infinite value", -Infinity, 0.1, "-∞"],
  ])("%s", (_name, value, error, text) => expect(concise(value, error)).toBe(text));
});

describe("other numbers", () => {
  it("drops trailing zeros and moves to powers of ten outside [1e-3, 1e6)", () => {
    expect([0.5, 1e-3, 9.99e-4, 999999, 1e6, -0].map((x) => plain(x))).toEqual([
      "0.5",
      "0.001",
      "9.99e-4",
      "999999",
      "1e6",
      "0",
    ]);
    expect(plain(999999.9)).toBe("1e6");
  });
  it("gives a prediction two digits beyond the error's first", () => {
    // 0.128431234 ± 9e-8 is known to its seventh decimal; two more are shown: 8 digits.
    expect(plain(0.128431234, comparableDigits(0.128431234, 9e-8))).toBe("0.128431234");
    expect(plain(0.128431234, comparableDigits(0.128431234, 9e-3))).toBe("0.128431");
  });
  it("prints z with its sign", () => {
    expect([1.24, -3, 1234.5, -2e7, 0, -0.01, Infinity, null].map(printZ)).toEqual([
      "+1.2",
      "-3.0",
      "+1235",
      "-2e7",
      "+0.0",
      "+0.0",
      "+∞",
      "",
    ]);
  });
  it("prints rates and durations", () => {
    expect([0, 12.34, 999.9, 12.3e6, 4.56e9].map(siPrefixed)).toEqual([
      "0",
      "12.3",
      "1 k",
      "12.3 M",
      "4.56 G",
    ]);
    expect([0.04, 9.97, 59.7, 200, 7500].map(printDuration)).toEqual([
      "0.0 s",
      "10 s",
      "1 min 0 s",
      "3 min 20 s",
      "2 h 05 min",
    ]);
  });
  it("aligns a table on the decimal points and drops empty columns", () => {
    const table = printTable([
      { title: "name", align: "left", cells: ["σ²", "rate"] },
      { title: "unit", align: "left", cells: ["", ""] },
      { title: "value", align: "point", cells: ["12.5(4)", "-0.123(5)"] },
    ]);
    expect(table.split("\n")).toEqual([
      "name  value",
      "────  ─────────",
      "σ²    12.5(4)",
      "rate  -0.123(5)",
      "",
    ]);
  });
});

describe("ticks", () => {
  it("are multiples of 1, 2, 5 inside the domain", () => {
    expect(linearTicks(0.01, 0.15, 7)).toEqual([0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14]);
    expect(linearTicks(-3, 7, 5)).toEqual([-2, 0, 2, 4, 6]);
  });
  it("are decades on a long log axis, never more than asked for", () => {
    const axis = layoutAxis([1e-12, 1e3], "log", 6, 0);
    expect(axis.ticks.length).toBeLessThanOrEqual(6);
    for (const tick of axis.ticks) expect(Number.isInteger(Math.log10(tick))).toBe(true);
    expect(axis.ticks.map(axis.format)).toContain("10⁻¹²");
  });
  it("have different labels, however narrow the domain", () => {
    for (const [low, high] of [
      [1, 1.0003],
      [3e-9, 4e-9],
      [1e7, 1.2e7],
      [-2e-5, 3e-5],
    ] as const) {
      const axis = layoutAxis([low, high], "linear", 6, 0);
      expect(axis.ticks.length).toBeGreaterThan(2);
      expect(new Set(axis.ticks.map(axis.format)).size).toBe(axis.ticks.length);
    }
  });
  it("survive one value, no value, and values a log axis cannot show", () => {
    expect(layoutAxis([2], "linear", 6, 0.05).domain).toEqual([1, 3]);
    expect(layoutAxis([], "linear", 6, 0).domain).toEqual([0, 1]);
    expect(layoutAxis([0, -1, Number.NaN], "log", 6, 0).domain).toEqual([1, 10]);
  });
});

describe("thinLine", () => {
  const n = 100_000;
  const positions = Array.from({ length: n }, (_value, i) => i / n);
  it("keeps every column's extremes, the ends, and gaps", () => {
    const y = positions.map((x) => Math.sin(40 * x));
    y[31_234] = 5;
    y[50_000] = Number.NaN;
    const kept = thinLine(positions, y);
    expect(kept.length).toBeLessThan(2500);
    for (const index of [0, 31_234, 50_000, n - 1]) expect(kept).toContain(index);
    expect([...kept].sort((a, b) => a - b)).toEqual(kept);
  });
  it("leaves short lines whole", () => expect(thinLine([0, 1], [3, 4])).toEqual([0, 1]));
});
