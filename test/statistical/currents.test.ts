/**
 * Densities, currents and fits of linear processes on their known answers: z over 40 seeds must look
 * like N(0, 1) (spread 0.7 to 1.4, mean within 4/√40), and be zero where nothing flows.
 *
 * False alarms: every seed is fixed. Were they fresh, a mean beyond 4/√40 has probability 6e-5, a
 * spread beyond the bounds about 1e-3 for each quantity.
 */
import { describe, expect, test } from "vitest";
import {
  coarseGrainedProduction,
  currentField,
  densityField,
  type Estimate,
  fieldDistance,
  fieldSlope,
  ornsteinUhlenbeckFit,
  zScore,
} from "../../analysis/index.ts";
import type { GridAxisSpec } from "../../engine/observe/grid.ts";
import { cellAt } from "../../engine/observe/grid.ts";
import { referenceDensity, referenceFlux } from "../../engine/observe/referenceGrid.ts";
import type { DensityRecord, Field, FluxRecord } from "../../engine/record.ts";
import {
  gaussianCells,
  linearStep,
  ornsteinUhlenbeck,
  sampledOrnsteinUhlenbeck,
} from "../../models/theory/index.ts";
import { generator } from "../generator.ts";
import { type LinearProcess, linearTrajectory, momentsOf } from "../trajectories.ts";

const TIME_STEP = 0.15;
const SEEDS = 40;

/** A 2-D process in all its forms, sampled exactly. */
function prepared(drift: number[][], diffusion: number[][]) {
  const options = { drift, diffusion, timeStep: TIME_STEP, integrator: "exact" } as const;
  const step = linearStep(options);
  const process: LinearProcess = {
    F: step.drift.map((row, i) => row.map((x, j) => (i === j ? 1 : 0) - TIME_STEP * x)),
    Q: step.noise.map((row) => row.map((x) => TIME_STEP * x)),
    center: [0, 0],
  };
  const exact = sampledOrnsteinUhlenbeck(options);
  const S = exact.covariance;
  const axes = [0, 1].map((k) => {
    const reach = 2.2 * Math.sqrt(S[k]![k]!);
    return { of: ["x", "y"][k]!, from: -reach, to: reach, bins: 8 - k };
  }) as [GridAxisSpec, GridAxisSpec];
  const { density, firstMoments } = gaussianCells(S, axes);
  const cells = density.length;
  const current = Float64Array.from({ length: 2 * cells }, (_, n) => {
    const [a, b] = exact.circulation[Math.floor(n / cells)]!;
    return a! * firstMoments[n % cells]! + b! * firstMoments[cells + (n % cells)]!;
  });
  const whole = ornsteinUhlenbeck({ drift, diffusion });
  // D is diagonal here: Σ |j_k|²/(D_kk p) × volume.
  const volume = axes.reduce((product, { from, to, bins }) => (product * (to - from)) / bins, 1);
  const ofCells = current.reduce((sum, j, n) => {
    const k = Math.floor(n / cells);
    return sum + ((j * j) / (diffusion[k]![k]! * density[n % cells]!)) * volume;
  }, 0);
  return { process, exact, axes, density, current, whole, diffusion, ofCells };
}

const aniso = prepared(
  [
    [1, -2],
    [2, 1],
  ],
  [
    [1, 0],
    [0, 0.25],
  ],
);
/** Detailed balance with anisotropic noise: A D symmetric. */
const balanced = prepared(
  [
    [1, 0.3],
    [0.6, 2],
  ],
  [
    [0.5, 0],
    [0, 1],
  ],
);

type Prepared = typeof aniso;
type Path = number[][];

/** Paths of independent replicas; 8 of the 64 groups hold two, so that weights differ. */
function pathsOf({ process }: Prepared, seed: number, replicas = 72, length = 150): Path[] {
  const random = generator(seed);
  return Array.from({ length: replicas }, () => {
    const flat = linearTrajectory(process, random, length);
    return Array.from({ length }, (_, t) => [flat[2 * t]!, flat[2 * t + 1]!]);
  });
}

const fieldOf = (lengths: readonly number[], data: Float64Array): Field => ({
  axes: lengths.map((length, k) => ({ name: `axis ${k}`, length })),
  data,
  unit: "",
});

/** What the engine would record of these paths, path r in group r mod 64. */
function recordsOf(axes: Prepared["axes"], paths: readonly Path[], groups = 64) {
  const cells = axes[0].bins * axes[1].bins;
  const zeros = (...lengths: number[]) =>
    fieldOf([1, groups, ...lengths], new Float64Array(lengths.reduce((n, l) => n * l, groups)));
  const counts = zeros(cells);
  const outside = zeros();
  const visits = zeros(cells);
  const visitsOutside = zeros();
  const displacement = zeros(2, cells);
  const replicas = zeros();
  paths.forEach((path, r) => {
    const g = r % groups;
    const own = referenceDensity(axes, path);
    const flow = referenceFlux(axes, path);
    replicas.data[g]! += 1;
    outside.data[g]! += own.outside;
    visitsOutside.data[g]! += flow.visits[cells]!;
    for (let cell = 0; cell < cells; cell += 1) {
      counts.data[g * cells + cell]! += own.counts[cell]!;
      visits.data[g * cells + cell]! += flow.visits[cell]!;
      for (const k of [0, 1] as const) {
        displacement.data[(2 * g + k) * cells + cell]! += flow.displacement[k][cell]!;
      }
    }
  });
  const grid = axes.map(({ of, ...axis }) => ({ name: of as string, ...axis }));
  const shared = { grid, every: 1, replicas, frozen: zeros() };
  const density: DensityRecord = {
    ...{ kind: "density", ...shared, records: paths[0]!.length, counts, outside },
  };
  const flux: FluxRecord = {
    ...{ kind: "flux", ...shared, pairs: paths[0]!.length - 1 },
    ...{ visits, visitsOutside, displacement, displacementOutside: zeros(2) },
  };
  return { density, flux };
}

function expectHonest(name: string, z: readonly number[], spread: readonly [number, number]): void {
  const mean = z.reduce((sum, one) => sum + one, 0) / z.length;
  const variance = z.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (z.length - 1);
  expect(Math.abs(mean), `mean z of ${name}`).toBeLessThan(4 / Math.sqrt(z.length));
  expect(Math.sqrt(variance), `spread of z of ${name}`).toBeGreaterThan(spread[0]);
  expect(Math.sqrt(variance), `spread of z of ${name}`).toBeLessThan(spread[1]);
}

/** z of every quantity of a process, from one seed's paths. */
function scores(given: Prepared, paths: readonly Path[]): Record<string, number> {
  const records = recordsOf(given.axes, paths);
  const density = densityField(records.density);
  const current = currentField(records.flux, { timeStep: TIME_STEP });
  const flat = paths.map((path) => Float64Array.from(path.flat()));
  const choice = { i: "x", j: "y", timeStep: TIME_STEP };
  const fit = ornsteinUhlenbeckFit(momentsOf([flat], ["x", "y"], [0, 1], [0, 0]), choice);
  const { exact, whole } = given;
  const frequency =
    exact.areaRate[0]![1]! /
    (2 * Math.PI * Math.exp(exact.entropy - Math.log(2 * Math.PI * Math.E)));
  const all: Record<string, [Estimate, number]> = {
    "density slope": [fieldSlope(density, given.density), 1],
    "density distance": [fieldDistance(density, given.density), 0],
    entropyProduction: [fit.entropyProduction, whole.entropyProduction],
    pairEntropyProduction: [fit.pairEntropyProduction, exact.entropyProduction],
    cyclingFrequency: [
      fit.cyclingFrequency,
      // The fit's area is that of its continuous process.
      (frequency * whole.areaRate[0]![1]!) / exact.areaRate[0]![1]!,
    ],
  };
  if (exact.entropyProduction > 1e-9) {
    all["current slope"] = [fieldSlope(current, given.current), 1];
    all["current distance"] = [fieldDistance(current, given.current), 0];
    const { diffusion, ofCells } = given;
    all["cells' production"] = [
      coarseGrainedProduction(current, density, { diffusion, least: 0 }),
      ofCells,
    ];
  }
  return Object.fromEntries(
    Object.entries(all).map(([name, [estimate, value]]) => [name, zScore(estimate, value)]),
  );
}

test("a process with currents: every estimate's z is N(0, 1) over seeds", () => {
  const seeds = Array.from({ length: SEEDS }, (_, seed) => scores(aniso, pathsOf(aniso, seed)));
  for (const name of Object.keys(seeds[0]!)) {
    expectHonest(
      name,
      seeds.map((one) => one[name]!),
      [0.7, 1.4],
    );
  }
});

test("negative control: replicas that are copies of each other have spread beyond 1.4", () => {
  const seeds = Array.from({ length: SEEDS }, (_, seed) => {
    const paths = pathsOf(aniso, seed, 16);
    return scores(aniso, [...paths, ...paths, ...paths, ...paths]);
  });
  const z = seeds.map((one) => one["current slope"]!);
  expect(() => expectHonest("copies", z, [0.7, 1.4])).toThrow("spread of z of copies");
});

test("detailed balance: squares that vanish have honest errors", () => {
  expect(Math.abs(balanced.exact.areaRate[0]![1]!)).toBeLessThan(1e-12);
  const z = Array.from({ length: SEEDS }, (_, seed) => scores(balanced, pathsOf(balanced, seed)));
  for (const name of ["entropyProduction", "pairEntropyProduction"]) {
    const own = z.map((one) => one[name]!);
    expect(Math.max(...own.map(Math.abs)), name).toBeLessThan(4);
    const square = own.reduce((sum, one) => sum + one * one, 0) / own.length;
    // Wide: what the error takes for a signal is noise here. rms z is 0.5 for a χ² of one degree.
    expect(Math.sqrt(square), name).toBeGreaterThan(0.35);
  }
  expectHonest(
    "density slope",
    z.map((one) => one["density slope"]!),
    [0.7, 1.4],
  );
});

describe("the test of currents", () => {
  test("is silent in 95 % of equilibrium runs", () => {
    const runs = 100;
    let loud = 0;
    for (let seed = 0; seed < runs; seed += 1) {
      const paths = pathsOf(balanced, 1000 + seed, 64, 40);
      const { significance } = currentField(recordsOf(balanced.axes, paths).flux);
      if (significance.pValue <= 0.05) loud += 1;
    }
    // Binomial: 5 ± 2.2.
    expect(loud).toBeLessThanOrEqual(13);
    expect(loud).toBeGreaterThan(0);
  });

  test("hears currents, few groups refuse", () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const paths = pathsOf(aniso, seed);
      const { significance } = currentField(recordsOf(aniso.axes, paths).flux);
      expect(significance.pValue).toBe(0.001);
      expect(significance.statistic).toBeGreaterThan(2);
    }
    const few = currentField(recordsOf(aniso.axes, pathsOf(aniso, 1, 5)).flux).significance;
    expect(few.pValue).toBeNaN();
    expect(few.warnings).toEqual([
      "no significance: 5 groups of replicas are too few to tell; use 8 replicas or more",
    ]);
  });
});

describe("signs and rules of currents", () => {
  const paths = pathsOf(aniso, 3, 72, 400);
  const records = recordsOf(aniso.axes, paths);
  const current = currentField(records.flux, { timeStep: TIME_STEP });
  const agrees = (estimate: Estimate, value: number): boolean =>
    Math.abs(zScore(estimate, value)) <= 4;

  test("the midpoint rule gives p Ω x; reversed time gives its opposite", () => {
    expect(agrees(fieldSlope(current, aniso.current), 1)).toBe(true);
    const reversed = recordsOf(
      aniso.axes,
      paths.map((path) => path.toReversed()),
    );
    const backward = currentField(reversed.flux, { timeStep: TIME_STEP });
    backward.value.forEach((value, k) => {
      expect(Math.abs(value + current.value[k]!)).toBeLessThan(1e-12);
    });
    expect(agrees(fieldSlope(backward, aniso.current), 1)).toBe(false);
  });

  test("all of dx in the start cell gives p × drift, the gradient part included", () => {
    const { axes } = aniso;
    const cells = aniso.density.length;
    const displacement = new Float64Array(2 * 64 * cells);
    paths.forEach((path, r) => {
      const g = r % 64;
      for (let t = 1; t < path.length; t += 1) {
        const cell = cellAt(axes, path[t - 1]!);
        if (cell === cells) continue;
        for (const k of [0, 1]) {
          displacement[(2 * g + k) * cells + cell]! += path[t]![k]! - path[t - 1]![k]!;
        }
      }
    });
    const ito = currentField(
      { ...records.flux, displacement: { ...records.flux.displacement, data: displacement } },
      { timeStep: TIME_STEP },
    );
    expect(agrees(fieldDistance(ito, aniso.current), 0)).toBe(false);
    expect(agrees(fieldDistance(current, aniso.current), 0)).toBe(true);
  });

  test("densities integrate to the share inside", () => {
    const { value, standardError, n, grid } = densityField(records.density);
    const volume = grid.reduce((v, { from, to, bins }) => (v * (to - from)) / bins, 1);
    const outside = (records.density.outside.data as Float64Array).reduce((sum, c) => sum + c, 0);
    const share = 1 - outside / (72 * 400);
    expect(Math.abs(value.reduce((sum, p) => sum + p, 0) * volume - share)).toBeLessThan(1e-12);
    expect(n).toBe(64);
    expect(standardError.every((error) => error >= 0)).toBe(true);
  });
});

describe("refusals", () => {
  const { flux, density } = recordsOf(aniso.axes, pathsOf(aniso, 1, 9, 5));

  test("name what is missing", () => {
    expect(() => densityField(density, { condition: 1 })).toThrow("condition");
    const empty = { ...density.counts, data: density.counts.data.slice().fill(0) };
    const none = { ...density.outside, data: density.outside.data.slice().fill(0) };
    expect(() => densityField({ ...density, counts: empty, outside: none })).toThrow(
      "densityField: nothing was recorded; observe more steps.",
    );
    const field = currentField(flux);
    expect(() => fieldSlope(field, [1, 2])).toThrow("fieldSlope: 2 expected values for 112");
    expect(() => fieldSlope(field, new Float64Array(112))).toThrow("is zero or not finite");
  });

  test("frozen replicas and single groups are told", () => {
    const frozen = { ...flux.frozen, data: flux.frozen.data.slice() };
    frozen.data[3] = 1;
    expect(currentField({ ...flux, frozen }).warnings).toEqual([
      "1 of 9 replicas froze; they count up to their last step",
    ]);
    const one = recordsOf(aniso.axes, pathsOf(aniso, 1, 1, 50));
    const single = densityField(one.density);
    expect(single.standardError[0]).toBeNaN();
    expect(single.warnings).toEqual(["one group of replicas: no standard error"]);
  });

  test("a lag beyond a turn has no continuous process", () => {
    const flat = Array.from({ length: 20 }, (_, r) =>
      Float64Array.from(
        { length: 80 },
        (_, t) => (t % 4 < 2 ? 1 : -1) * (1 + 0.01 * r + 0.1 * (t % 3)),
      ),
    );
    const record = momentsOf([flat], ["x", "y"], [0, 1], [0, 0]);
    expect(() => ornsteinUhlenbeckFit(record, { i: "x", j: "y" })).toThrow(
      "is that of no continuous process; use a shorter lag.",
    );
  });
});
