/**
 * Energy, entropy and temperatures of synthetic ladders: exact values within errors, and errors that
 * are those of repetition.
 *
 * Two conditions of independent Gaussians, U = ½ Σ h z², repeated 300 times with 200 replicas each:
 * mean z² of a score must be 1 within 4 √(2/300) (the Gaussian entropy's bias and the ratio's, both
 * O(1/R), are below 0.1 errors). Seeds fixed; false alarm of a fresh seed about 1 in 2000.
 */
import { describe, expect, test } from "vitest";
import {
  gaussianLadderPoint,
  type LadderPoint,
  nearestNeighborLadderPoint,
} from "../../analysis/ladderPoint.ts";
import { nearestNeighborEntropy } from "../../analysis/nearestNeighborEntropy.ts";
import {
  equipartitionTemperature,
  finiteDifferenceTemperature,
} from "../../analysis/temperature.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import { type Generator, generator } from "../generator.ts";

const CURVATURES = [0.5, 2];
const REPLICAS = 200;
const HALF_LN_2PIE = Math.log(2 * Math.PI * Math.E) / 2;

/** One state a replica, Var z_i = T/h_i about a mean of 0, and its moments about another point. */
function draw(T: number, { normal }: Generator) {
  const reference = [0.3, -0.2];
  const data = Float64Array.from(
    { length: 2 * REPLICAS },
    (_, k) => Math.sqrt(T / CURVATURES[k % 2]!) * normal(),
  );
  const axes = [
    { name: "condition", length: 1 },
    { name: "replica", length: REPLICAS },
  ];
  const field = (values: Float64Array) => ({ axes, data: values, unit: "θ" });
  const first = data.map((x, k) => x - reference[k % 2]!);
  const second = new Float64Array(4 * REPLICAS);
  for (let r = 0; r < REPLICAS; r++) {
    for (const a of [0, 1]) {
      for (const b of [0, 1]) second[4 * r + 2 * a + b] = first[2 * r + a]! * first[2 * r + b]!;
    }
  }
  const record: MomentsRecord = {
    kind: "moments",
    coordinates: ["z[0]", "z[1]"],
    every: 1,
    lags: [0],
    counts: [1],
    reference: field(Float64Array.from(reference)),
    first: field(first),
    firstEnd: field(first),
    second: field(second),
  };
  const energies = Float64Array.from(
    { length: REPLICAS },
    (_, r) => (CURVATURES[0]! * data[2 * r]! ** 2 + CURVATURES[1]! * data[2 * r + 1]! ** 2) / 2,
  );
  return { record, energies, samples: { data, replicas: REPLICAS, k: 2 } };
}
type Drawn = ReturnType<typeof draw>;

const gaussian = ({ energies, record }: Drawn): LadderPoint =>
  gaussianLadderPoint(energies, record);
const neighbors = ({ energies, samples }: Drawn): LadderPoint =>
  nearestNeighborLadderPoint(energies, nearestNeighborEntropy(samples));

/** U = T, S = ½ Σ ln(2πe T/h); ΔU/ΔS = (T_b − T_a)/ln(T_b/T_a), d = 2. */
const [COLD, HOT] = [1, 4];
const EXACT = (HOT - COLD) / Math.log(HOT / COLD);

describe.each([
  ["Gaussian", gaussian],
  ["nearest-neighbor", neighbors],
] as const)("%s ladder", (_name, pointOf) => {
  const { normal, uniform } = generator(42);
  const temperatures = Array.from({ length: 300 }, () =>
    finiteDifferenceTemperature(
      pointOf(draw(COLD, { normal, uniform })),
      pointOf(draw(HOT, { normal, uniform })),
    ),
  );
  const square = (exact: number, errorFactor = 1): number =>
    temperatures.reduce(
      (sum, { value, standardError }) =>
        sum + ((value - exact) / (errorFactor * standardError)) ** 2 / temperatures.length,
      0,
    );
  const allowed = 4 * Math.sqrt(2 / 300);

  test("T1 scatters about the exact value as its error says", () => {
    expect(Math.abs(square(EXACT) - 1)).toBeLessThan(allowed);
  });

  test("negative controls: another temperature, errors a third off", () => {
    expect(Math.abs(square(1.1 * EXACT) - 1)).toBeGreaterThan(allowed);
    expect(Math.abs(square(EXACT, 1.33) - 1)).toBeGreaterThan(allowed);
  });
});

describe("one ladder point", () => {
  const drawn = draw(2, generator(7));

  test("Gaussian: U = T and S, within errors; their errors are correlated as theory says", () => {
    const { energy, entropy, covariance } = gaussian(drawn);
    const S = 2 * HALF_LN_2PIE + Math.log(2) - Math.log(CURVATURES[0]! * CURVATURES[1]!) / 2;
    expect(Math.abs(energy.value - 2)).toBeLessThan(4 * energy.standardError);
    expect(Math.abs(entropy.value - S)).toBeLessThan(4 * entropy.standardError);
    expect(Math.abs(entropy.value - S - 0.5)).toBeGreaterThan(4 * entropy.standardError);
    // For a canonical Gaussian δU = T δS to first order: correlation 1 but for O(1/R) and the mean.
    const correlation = covariance / (energy.standardError * entropy.standardError);
    expect(correlation).toBeGreaterThan(0.97);
    expect(correlation).toBeLessThanOrEqual(1);
  });

  test("equipartition gives T in every direction", () => {
    const { value, standardError } = equipartitionTemperature(drawn.record, {
      curvatures: CURVATURES,
    });
    expect(Math.abs(value - 2)).toBeLessThan(4 * standardError);
    expect(Math.abs(value - 3.5)).toBeGreaterThan(4 * standardError);
    expect(() => equipartitionTemperature(drawn.record, { curvatures: [1] })).toThrow(
      "1 curvatures",
    );
  });

  test("refuses energies of other replicas", () => {
    const few = drawn.energies.subarray(0, 100);
    expect(() => gaussianLadderPoint(few, drawn.record)).toThrow("100 energies and moments of 200");
    const entropy = nearestNeighborEntropy(drawn.samples);
    expect(() => nearestNeighborLadderPoint(few, entropy)).toThrow(
      "100 energies, the entropy is of",
    );
  });
});
