/** Solutions of differential equations with closed forms, the order of their error, and what is refused. */
import { describe, expect, test } from "vitest";
import { integrate, type VectorField } from "../../models/theory/dormandPrince.ts";

const oscillator: VectorField = (y, out) => {
  out[0] = y[1]!;
  out[1] = -y[0]!;
};
const logistic: VectorField = (y, out) => {
  out[0] = y[0]! * (1 - y[0]!);
};

describe("integrate", () => {
  test("turns an oscillator, forward and backward", () => {
    for (const time of [0.3, 20, -7]) {
      const [x, v] = integrate(oscillator, [1, 0], time, { tolerance: 1e-13 });
      expect(Math.abs(x! - Math.cos(time)), `${time}`).toBeLessThan(2e-12);
      expect(Math.abs(v! + Math.sin(time)), `${time}`).toBeLessThan(2e-12);
    }
    expect([...integrate(oscillator, [2, 3], 0)]).toEqual([2, 3]);
  });

  test("follows the logistic curve, with errors that go with the tolerance", () => {
    const exact = 1 / (1 + 9 * Math.exp(-3));
    const error = (tolerance: number): number =>
      Math.abs(integrate(logistic, [0.1], 3, { tolerance })[0]! - exact);
    expect(error(1e-13)).toBeLessThan(1e-12);
    expect(error(1e-6)).toBeLessThan(1e-5);
    expect(error(1e-6)).toBeGreaterThan(1e-10);
  });

  test("is of fifth order: halved steps lower the error 32 times", () => {
    // One step of length h, accepted whatever its error: local error of order h⁶.
    const error = (h: number): number =>
      Math.abs(integrate(oscillator, [1, 0], h, { tolerance: 1 })[0]! - Math.cos(h));
    const order = Math.log2(error(0.2) / error(0.1));
    expect(order).toBeGreaterThan(5.7);
  });

  test("gives up where the solution does not exist", () => {
    const square: VectorField = (y, out) => {
      out[0] = y[0]! ** 2;
    };
    expect(Math.abs(integrate(square, [1], 0.9)[0]! / 10 - 1)).toBeLessThan(1e-9);
    expect(() => integrate(square, [1], 1.1)).toThrow(/of 1\.10 reached in 20000 steps/);
  });
});
