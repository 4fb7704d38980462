/** The free kinetic flow and the divergence of Gaussians against textbook formulas. */
import { describe, expect, it } from "vitest";
import { freeLangevin, gaussianDivergence } from "../../models/theory/index.ts";

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value - expected), `${value} for ${expected}`).toBeLessThan(
    relative * Math.abs(expected),
  );

describe("freeLangevin", () => {
  const pieces = (time: number, friction: number, T: number) => {
    const {
      drift,
      decay,
      velocityNoise: a,
      sharedNoise: c,
      positionNoise: s,
    } = freeLangevin(time, friction, T);
    return { drift, decay, vv: a * a, xv: a * c, xx: c * c + s * s };
  };

  it("is the covariance of the textbook, 2u − 3 + 4e⁻ᵘ − e⁻²ᵘ", () => {
    for (const u of [0.09, 0.11, 1, 7]) {
      const { vv, xv, xx } = pieces(u / 3, 3, 0.4);
      close(vv, 0.4 * (1 - Math.exp(-2 * u)), 1e-12);
      close(xv, (0.4 / 3) * (1 - Math.exp(-u)) ** 2, 1e-12);
      close(xx, (0.4 / 9) * (2 * u - 3 + 4 * Math.exp(-u) - Math.exp(-2 * u)), 1e-10);
    }
  });

  it("keeps its digits for short times: ⟨x²⟩ → (2/3)γT t³, a quarter of it beside v", () => {
    const { positionNoise } = freeLangevin(1e-6, 2, 0.5);
    // σ_x² = (2T/γ²)(u³/12)(1 − u²/10 + …) = γT t³/6
    close(positionNoise ** 2, (2 * 0.5 * 1e-18) / 6, 1e-11);
    close(pieces(1e-6, 2, 0.5).xx, (2 / 3) * 2 * 0.5 * 1e-18, 1e-5);
  });

  it("composes: two flows of t are one of 2t", () => {
    const one = pieces(0.04, 1.3, 1);
    const two = pieces(0.08, 1.3, 1);
    const { drift: b, decay: e } = one;
    close(two.xx, one.xx + 2 * b * one.xv + b * b * one.vv + one.xx, 1e-12);
    close(two.xv, e * (one.xv + b * one.vv) + one.xv, 1e-12);
  });
});

describe("gaussianDivergence", () => {
  it("is the scalar formula, and sees differences of 1e-10", () => {
    const kl = gaussianDivergence(
      { mean: [1.5], covariance: [[2]] },
      { mean: [1], precision: [[0.25]] },
    );
    close(kl, 0.5 * (0.5 - 1 - Math.log(0.5) + 0.25 * 0.25), 1e-14);
    const near = gaussianDivergence(
      { mean: [0], covariance: [[1 + 2 ** -33]] },
      { mean: [0], precision: [[1]] },
    );
    close(near, 2 ** -66 / 4, 1e-5);
  });

  it("refuses what is no Gaussian", () => {
    const square = ([a, b, c, d]: number[]) => [
      [a!, b!],
      [c!, d!],
    ];
    const target = { mean: [0, 0], precision: square([1, 0, 0, 1]) };
    const flat = { mean: [0, 0], covariance: square([1, 1, 1, 1]) };
    expect(() => gaussianDivergence(flat, target)).toThrow(/covariance is not positive definite/);
    expect(() =>
      gaussianDivergence({ mean: [0], covariance: [[1]] }, { mean: [0], precision: [[-1]] }),
    ).toThrow(/precision is not positive definite/);
    expect(() => gaussianDivergence({ mean: [0], covariance: [[1]] }, target)).toThrow(
      /means of 1 and 2 components/,
    );
  });
});
