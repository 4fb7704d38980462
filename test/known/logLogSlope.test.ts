/** Exponents of power laws: exact laws, the error of the weighted fit, and what is refused. */
import { describe, expect, it } from "vitest";
import { logLogSlope } from "../../analysis/logLogSlope.ts";
import { generator } from "../generator.ts";

describe("logLogSlope", () => {
  it("is the exponent of an exact law, with no error", () => {
    const { value, standardError, n } = logLogSlope([0.1, 1, 7], [0.003, 3, 3 * 343]);
    expect(Math.abs(value - 3)).toBeLessThan(1e-14);
    expect(standardError).toBeLessThan(1e-14);
    expect(n).toBe(3);
  });

  it("has the textbook error from scatter", () => {
    // X = −1, 0, 1 and Y = 0, 1, 0: slope 0, residuals −1/3, 2/3, −1/3, s² = 2/3, error √(s²/2).
    const { value, standardError } = logLogSlope([Math.exp(-1), 1, Math.E], [1, Math.E, 1]);
    expect(Math.abs(value)).toBeLessThan(1e-14);
    expect(Math.abs(standardError - Math.sqrt(1 / 3))).toBeLessThan(1e-14);
  });

  it("has honest errors with given standard errors, unequal ones, and halved ones are not", () => {
    // 400 fits: z has mean 0 and variance 1 at 4 of their errors; 1e-4 false alarms a fresh seed.
    // The bias of ln y, −s²/(2y²), is 5e-4 at most beside errors of the slope near 0.02.
    const x = [1, 2, 4, 8];
    const relative = [0.02, 0.01, 0.03, 0.01];
    const spread = (factor: number) => {
      let sum = 0;
      for (let seed = 1; seed <= 400; seed++) {
        const { normal } = generator(seed);
        const y = x.map((value, k) => value ** 1.5 * (1 + relative[k]! * normal()));
        const errors = x.map((value, k) => factor * relative[k]! * value ** 1.5);
        const { value, standardError } = logLogSlope(x, y, errors);
        sum += ((value - 1.5) / standardError) ** 2;
      }
      return Math.abs(sum / 400 - 1);
    };
    expect(spread(1)).toBeLessThan(4 * Math.sqrt(2 / 400));
    expect(spread(0.5)).toBeGreaterThan(4 * Math.sqrt(2 / 400));
  });

  it("refuses what has no line", () => {
    expect(() => logLogSlope([1, 2], [1, 2])).toThrow(/2 x, 2 y; give as many of each, at/);
    expect(() => logLogSlope([1, 2, 3], [1, 2, 0])).toThrow(/0 has no logarithm/);
    expect(() => logLogSlope([2, 2, 2], [1, 2, 3])).toThrow(/all 3 x are 2/);
    expect(() => logLogSlope([1, 2], [1, 2], [0.1])).toThrow(/1 errors; give as many/);
  });
});
