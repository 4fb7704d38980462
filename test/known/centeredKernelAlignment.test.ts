/** Linear CKA: closed forms, invariances, the limit of independent layers, and what is refused. */
import { describe, expect, test } from "vitest";
import {
  type Activations,
  alignmentMatrix,
  centeredKernelAlignment,
} from "../../analysis/centeredKernelAlignment.ts";
import { RefusalError } from "../../engine/errors.ts";
import { generator } from "../generator.ts";

const layer = (
  probes: number,
  units: number,
  at: (i: number, k: number) => number,
): Activations => ({
  data: Float64Array.from({ length: probes * units }, (_, e) =>
    at(Math.floor(e / units), e % units),
  ),
  probes,
  units,
});

const random = (seed: number, probes: number, units: number): Activations => {
  const { normal } = generator(seed);
  return layer(probes, units, normal);
};

/** Orthogonal, centered columns cos(2π(k + 1)(i + ½)/n), each of square n/2, times a factor. */
const spectrum = (factors: readonly number[], probes = 64): Activations =>
  layer(
    probes,
    factors.length,
    (i, k) => factors[k]! * Math.cos((2 * Math.PI * (k + 1) * (i + 0.5)) / probes),
  );

describe("centeredKernelAlignment", () => {
  test("is Σλ²μ²/√(Σλ⁴ Σμ⁴) of layers with the same axes", () => {
    const [a, b] = [
      [3, 2, 1],
      [1, 1, 2],
    ];
    const sum = (of: (k: number) => number): number => of(0) + of(1) + of(2);
    const exact =
      sum((k) => (a![k]! * b![k]!) ** 2) /
      Math.sqrt(sum((k) => a![k]! ** 4) * sum((k) => b![k]! ** 4));
    expect(exact).toBeLessThan(0.5);
    expect(Math.abs(centeredKernelAlignment(spectrum(a!), spectrum(b!)) - exact)).toBeLessThan(
      1e-14,
    );
  });

  test("is 1 up to a rotation, a factor and a shift, and not up to a shear", () => {
    const x = random(1, 50, 3);
    const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    const turned = layer(50, 4, (i, k) => {
      const [a, b, z] = [0, 1, 2].map((j) => x.data[3 * i + j]!) as [number, number, number];
      return 5 + 0.2 * [c * a - s * z, b, s * a + c * z, 0][k]!;
    });
    expect(Math.abs(centeredKernelAlignment(x, turned) - 1)).toBeLessThan(1e-13);
    expect(Math.abs(centeredKernelAlignment(x, x) - 1)).toBeLessThan(1e-13);
    const y = random(2, 50, 4);
    const before = centeredKernelAlignment(y, x);
    expect(Math.abs(before - centeredKernelAlignment(y, turned))).toBeLessThan(1e-13);
    expect(Math.abs(before - centeredKernelAlignment(x, y))).toBeLessThan(1e-15);
    const sheared = layer(50, 3, (i, k) => x.data[3 * i + k]! * (k === 0 ? 4 : 1));
    expect(centeredKernelAlignment(x, sheared)).toBeLessThan(0.95);
  });

  test("of independent layers is about √(pq)/(n − 1)", () => {
    const mean = (probes: number): number => {
      let sum = 0;
      for (let s = 0; s < 40; s += 1) {
        sum += centeredKernelAlignment(random(2 * s + 1, probes, 2), random(2 * s + 2, probes, 3));
      }
      return sum / 40;
    };
    // Relative error of 40 pairs: the squares of 6 correlations scatter by √(2/(6·40)) = 0.09; the
    // denominators lower it by about (p + q + 2)/(2n).
    for (const probes of [30, 300]) {
      const limit = Math.sqrt(6) / (probes - 1);
      expect(Math.abs(mean(probes) / limit - 1), `${probes}`).toBeLessThan(4 * 0.09 + 4 / probes);
    }
    expect(
      alignmentMatrix(
        [random(1, 20, 3), random(2, 20, 3)],
        [random(3, 20, 3), random(4, 20, 3)],
      ).mean.warnings.join(),
    ).toMatch(/alignment of about 0\.16 on 20 probes/);
  });

  test("refuses dead layers, few probes, and few replicas; a frozen replica is left out", () => {
    const x = random(1, 20, 3);
    const dead = layer(20, 3, () => 0.1);
    expect(() => centeredKernelAlignment(x, dead)).toThrow(/the layer is constant/);
    expect(() => centeredKernelAlignment(x, random(1, 21, 3))).toThrow(/same probes/);
    expect(() => centeredKernelAlignment(random(1, 3, 3), random(2, 3, 3))).toThrow(/more probes/);
    expect(() => alignmentMatrix([x], [x])).toThrow(RefusalError);
    expect(() => alignmentMatrix([x, x, x])).toThrow(/3 replicas of a net/);
    const frozen = layer(20, 3, () => Number.NaN);
    const found = alignmentMatrix([x, frozen, random(5, 20, 3)], [x, random(6, 20, 3)]);
    expect(found.values[2]).toBeNaN();
    expect(found.mean.n).toBe(2);
    expect(found.mean.warnings.join()).toMatch(/1 of 5 replicas dropped/);
    expect(() => alignmentMatrix([x, frozen], [x, x])).toThrow(/1 replicas with finite values/);
  });
});
