/**
 * Areas, currents through faces and the best current of a linear process: closed forms, card E2, what
 * cannot accumulate, a direct simulation.
 */
import { describe, expect, test } from "vitest";
import {
  areaVarianceRate,
  linearFaceCurrent,
  linearStep,
  linearUncertaintyBound,
  ornsteinUhlenbeck,
} from "../../models/theory/index.ts";
import { generator } from "../generator.ts";
import { relativeError } from "../parity.ts";

const rotation = [
  [1, -2],
  [2, 1],
];
const ISO = {
  drift: rotation,
  diffusion: [
    [1, 0],
    [0, 1],
  ],
};
const ANISO = {
  drift: rotation,
  diffusion: [
    [1, 0],
    [0, 0.25],
  ],
};

describe("areaVarianceRate", () => {
  const isotropic = (k: number, w: number, D: number) => ({
    drift: [
      [k, -w],
      [w, k],
    ],
    diffusion: [
      [D, 0],
      [0, D],
    ],
  });

  test("an isotropic process: D²/k + D² w²/k³", () => {
    // Area at rate −w r²/2 + ½ r (noise along the circle): variance D S of the noise, S = D/k, and
    // w²/4 times the integral of the covariance of r², 4 S² e^{−2k|t|}.
    for (const [k, w, D] of [
      [1, 2, 1],
      [0.5, -1, 3],
      [2, 0, 0.7],
    ] as const) {
      const exact = D ** 2 / k + (D ** 2 * w ** 2) / k ** 3;
      expect(areaVarianceRate(isotropic(k, w, D))).toBeCloseTo(exact, 10);
    }
  });

  test("is that of a simulated area", () => {
    const options = {
      drift: [
        [1.5, 2.2],
        [-0.4, 0.8],
      ],
      diffusion: [
        [1, 0.3],
        [0.3, 0.5],
      ],
    };
    const dt = 0.02;
    const [duration, replicas] = [60, 1500];
    const { drift: B, noise } = linearStep({ ...options, timeStep: dt, integrator: "exact" });
    const S = ornsteinUhlenbeck(options).covariance;
    const { normal } = generator(5);
    const scaledNoise = noise.map((row) => row.map((entry) => entry * dt));
    const [root, start] = [scaledNoise, S].map((rows) => lowerFactor(rows as never)) as [
      Lower,
      Lower,
    ];
    const draw = ([a, b, c]: Lower): [number, number] => {
      const [u, v] = [normal(), normal()];
      return [a * u, b * u + c * v];
    };
    const areas = Float64Array.from({ length: replicas }, () => {
      let [x, y] = draw(start);
      let area = 0;
      for (let step = 0; step < duration / dt; step++) {
        const [u, v] = draw(root);
        const dx = u - dt * (B[0]![0]! * x + B[0]![1]! * y);
        const dy = v - dt * (B[1]![0]! * x + B[1]![1]! * y);
        area += 0.5 * (x * dy - y * dx);
        x += dx;
        y += dy;
      }
      return area;
    });
    const mean = areas.reduce((sum, area) => sum + area, 0) / replicas;
    const variance = areas.reduce((sum, area) => sum + (area - mean) ** 2, 0) / (replicas - 1);
    // Ends are worth one relaxation time (1/1.1) of 60; the error of a variance is √(2/n).
    const ratio = variance / (duration * areaVarianceRate(options));
    expect(Math.abs(ratio - 1)).toBeLessThan(4 * Math.sqrt(2 / replicas) + 1 / 60);
    // Negative control: the noise's part alone, ½(S11 D22 + S22 D11 − 2 S12 D12).
    const noiseAlone = 0.5 * (S[0]![0]! * 0.5 + S[1]![1]! - 2 * S[0]![1]! * 0.3);
    expect(variance / (duration * noiseAlone)).toBeGreaterThan(1.5);
  });
});

type Lower = readonly [number, number, number];

/** Lower factor l11, l21, l22 of a 2 × 2 covariance. */
function lowerFactor([[a, b], [, d]]: [[number, number], [number, number]]): Lower {
  const first = Math.sqrt(a);
  return [first, b / first, Math.sqrt(d - (b * b) / a)];
}

describe("linearUncertaintyBound", () => {
  const iso = ISO;
  const bound = (window: number, timeStep = 0.01) =>
    linearUncertaintyBound({ ...iso, timeStep, integrator: "exact" }, window);

  test("card E2: measured 7.71(9), 5.73, 4.28, 2.40 over .01, .1, .25, 1", () => {
    [1, 10, 25, 100].forEach((window, k) => {
      const [measured, error] = [
        [7.71, 0.09],
        [5.73, 0.03],
        [4.28, 0.03],
        [2.4, 0.02],
      ][k]!;
      expect(Math.abs(bound(window) - measured!)).toBeLessThan(4 * error!);
    });
  });

  test("rises to the entropy production as the window shrinks, linearly", () => {
    const missing = [1e-3, 1e-4].map((timeStep) => 8 - bound(1, timeStep));
    expect(missing[0]! / missing[1]!).toBeCloseTo(10, 1);
    expect(missing[1]!).toBeGreaterThan(0);
  });

  test("a current of one direction less says less", () => {
    // The area alone: 2 ⟨J⟩²/(τ Var J) at long times is 2 a²/(its variance rate).
    const area = ornsteinUhlenbeck(iso).areaRate[0]![1]!;
    expect(bound(4000, 0.02)).toBeCloseTo((2 * area ** 2) / areaVarianceRate(iso), 1);
  });
});

describe("linearFaceCurrent", () => {
  const aniso = ANISO;
  const axes = [
    { from: -2, to: 1.5, bins: 7 },
    { from: -1, to: 2, bins: 5 },
  ] as const;
  const currentAt = (timeStep: number) =>
    linearFaceCurrent({ ...aniso, timeStep, integrator: "exact" }, axes);

  test.each([0.01, 0.3])("nothing accumulates in a cell, dt = %f", (timeStep) => {
    const faces = currentAt(timeStep);
    const [x, y] = [0.5, 0.6];
    const largest = Math.max(...faces.map(Math.abs));
    for (let i = 0; i < 7; i++) {
      for (let j = 0; j < 5; j++) {
        const inward =
          y * (faces[5 * i + j]! - faces[5 * (i + 1) + j]!) +
          x * (faces[40 + 6 * i + j]! - faces[40 + 6 * i + j + 1]!);
        expect(Math.abs(inward)).toBeLessThan(1e-12 * largest);
      }
    }
  });

  test("tends to p(x) Omega x, averaged over a face", () => {
    const { covariance, circulation } = ornsteinUhlenbeck(aniso);
    const [[a, b], [, d]] = covariance as [[number, number], [number, number]];
    const determinant = a * d - b * b;
    const faces = currentAt(1e-6);
    // The face of x = -0.5 (the third) between y = 0.2 and 0.8, by a fine midpoint sum.
    const [x, points] = [-0.5, 4000];
    let sum = 0;
    for (let k = 0; k < points; k++) {
      const y = 0.2 + (0.6 * (k + 0.5)) / points;
      const square = (d * x * x - 2 * b * x * y + a * y * y) / determinant;
      const p = Math.exp(-square / 2) / (2 * Math.PI * Math.sqrt(determinant));
      sum += (p * (circulation[0]![0]! * x + circulation[0]![1]! * y)) / points;
    }
    expect(relativeError([faces[5 * 3 + 2]!], [sum])).toBeLessThan(1e-5);
  });
});
