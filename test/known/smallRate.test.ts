/**
 * Laws of small rates against the exact stationary moments of one heavy-ball mode (card B1), which
 * they must approach linearly in the rate, at any momentum and dampening.
 */
import { describe, expect, test } from "vitest";
import { heavyBallMode } from "../../models/theory/heavyBallMode.ts";
import { type SmallRateOptions, smallRate } from "../../models/theory/smallRate.ts";

const noChange = () => ({ noise: 0, curved: 0 });
const options = (change: Partial<SmallRateOptions> = {}): SmallRateOptions => ({
  learningRate: 0.01,
  momentum: 0.9,
  dampening: 0,
  curvature: [1.3, 0.4],
  noise: [0.7, 0.2],
  change: noChange,
  burnIn: 1000,
  ...change,
});

describe("small rates", () => {
  test.each([0, 0.5, 0.9])("approach the exact mode at momentum %d", (momentum) => {
    const [h, sigma] = [1.3, 0.7];
    const errors = [0.02, 0.01].map((learningRate) => {
      const law = smallRate(options({ learningRate, momentum, curvature: [h], noise: [sigma] }));
      const setting = { learningRate, momentum, curvature: h, weightDecay: 0 };
      const exact = heavyBallMode({ ...setting, noiseVariance: sigma });
      const square = h ** 2 * exact.positionVariance;
      const relative = Math.abs(law.gradientSquare / square - 1);
      expect(Math.abs(law.velocitySquare / exact.velocityVariance - 1)).toBeLessThanOrEqual(
        law.correction.noise,
      );
      expect(relative).toBeLessThanOrEqual(law.correction.curved);
      // Negative control: another noise by 20 % is not within the correction at this rate.
      const wrong = smallRate(
        options({ learningRate, momentum: 0, curvature: [h], noise: [0.84] }),
      );
      if (momentum === 0) {
        expect(wrong.gradientSquare / square - 1).toBeGreaterThan(wrong.correction.curved);
      }
      return relative;
    });
    expect(errors[0]! / errors[1]!).toBeCloseTo(2, 1);
  });

  test("dampening is a smaller rate with a smaller velocity", () => {
    const whole = smallRate(options());
    const half = smallRate(options({ dampening: 0.5 }));
    const slower = smallRate(options({ learningRate: 0.005 }));
    expect(half.gradientSquare).toBeCloseTo(slower.gradientSquare, 12);
    expect(half.velocitySquare).toBeCloseTo(0.25 * whole.velocitySquare, 12);
  });

  test("the correction counts the steps' size and twice the change over the cloud", () => {
    let seen: readonly number[] = [];
    const law = smallRate(
      options({
        change: (variance) => {
          seen = variance;
          return { noise: -0.03, curved: 0.02 };
        },
      }),
    );
    // ε = 0.1, s = εσ/2h
    expect(law.effectiveRate).toBeCloseTo(0.1, 12);
    expect(seen[0]).toBeCloseTo((0.1 * 0.7) / 2.6, 12);
    expect(law.correction.noise).toBeCloseTo(0.13 + 0.06, 12);
    expect(law.correction.curved).toBeCloseTo(0.13 + 0.04, 12);
  });

  test("what relaxes is counted by its weight in the gradient", () => {
    expect(smallRate(options({ burnIn: 0 })).transient).toBe(1);
    const law = smallRate(options({ burnIn: 20 }));
    const [fast, slow] = [0.91 * Math.exp(-2 * 0.13 * 20), 0.08 * Math.exp(-2 * 0.04 * 20)];
    expect(law.transient).toBeCloseTo((fast + slow) / 0.99, 12);
  });

  test("refusals", () => {
    expect(() => smallRate(options({ learningRate: 2.93 }))).toThrow(
      "smallRate: the minimum, of largest curvature 1.300, is unstable at learningRate 2.93; " +
        "use less than 2.923.",
    );
    expect(() => smallRate(options({ curvature: [1, -0.1] }))).toThrow("least curvature is -0.10");
    expect(() => smallRate(options({ noise: [0, 0] }))).toThrow("there is no gradient noise");
  });
});
