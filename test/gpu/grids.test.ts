/**
 * `density`, `flux` and `crossings` against their float64 twin: grids counted again from the paths of every
 * replica, bit by bit the same counts for every chunk, dispatch and shard.
 */
import { beforeAll, expect, test } from "vitest";
import { gaussian } from "../../engine/initial.ts";
import { crossings } from "../../engine/observe/crossings.ts";
import { density } from "../../engine/observe/density.ts";
import { flux } from "../../engine/observe/flux.ts";
import { cellAt, cellsOf, GROUPS, type GridAxisSpec } from "../../engine/observe/grid.ts";
import {
  referenceCrossings,
  referenceDensity,
  referenceFlux,
} from "../../engine/observe/referenceGrid.ts";
import { series } from "../../engine/observe/series.ts";
import { snapshot } from "../../engine/observe/snapshot.ts";
import type { CrossingsRecord, DensityRecord, FluxRecord } from "../../engine/record.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { merge, mergeShards } from "../../engine/run/merge.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";
import { twins } from "../twins.ts";

const model = linearRegression(1);
// More replicas than groups, and a first one that is not of group 0.
const REPLICAS = { first: 5, count: 150 };
const STEPS = 23;
const base = {
  model,
  data: sampleData(model, 12, 9),
  update: sgd({ learningRate: 0.05, momentum: 0.7, gradientNoise: 0.2 }),
  sampling: "reshuffled",
  sweep: { batchSize: [2, 3] },
  replicas: REPLICAS,
  seed: 0xabcdef,
  initial: gaussian({ standardDeviation: 0.5 }),
} satisfies EnsembleOptions;

const [w, b] = model.coordinateNames as [string, string];
const mix = { name: "mix", vector: [0.6, -0.8] };
/** Too small for all values: some fall outside on either side. */
const plane: readonly GridAxisSpec[] = [
  { of: w, from: -0.55, to: 0.6, bins: 4 },
  { of: mix, from: -0.5, to: 0.45, bins: 3 },
];
const line: readonly GridAxisSpec[] = [{ of: `v.${b}`, from: -0.6, to: 0.7, bins: 7 }];

const observables = {
  line: density({ axes: line, every: 3 }),
  flux: flux({ axes: plane }),
  plane: density({ axes: plane }),
  slow: flux({ axes: plane, every: 4 }),
  faces: crossings({ axes: plane }),
  slowFaces: crossings({ axes: plane, every: 4 }),
};

/** [record][axis] of one replica, from (θ, v) of every step. */
const pathOf = (
  states: readonly (readonly number[])[],
  axes: readonly GridAxisSpec[],
  every: number,
): number[][] =>
  states
    .filter((_, t) => t % every === 0)
    .map((state) =>
      axes.map(({ of }) =>
        typeof of === "string"
          ? state[[w, b, `v.${w}`, `v.${b}`].indexOf(of)]!
          : of.vector.reduce((sum, a, p) => sum + a * state[p]!, 0),
      ),
    );

/** Distance of a path from the nearest edge of a cell, in cells. */
const edgeDistance = (
  axes: readonly GridAxisSpec[],
  path: readonly (readonly number[])[],
): number =>
  Math.min(
    ...path.flatMap((point) =>
      axes.map(({ from, to, bins }, k) => {
        const place = ((point[k]! - from) * bins) / (to - from);
        return Math.abs(place - Math.round(place));
      }),
    ),
  );

/** Paths of all lanes, condition-major, by the float64 twin. */
type Paths = readonly (readonly (readonly number[])[])[];

const groupOf = (lane: number): number =>
  Math.floor(lane / REPLICAS.count) * GROUPS +
  ((REPLICAS.first + (lane % REPLICAS.count)) % GROUPS);

function expectDensity(record: DensityRecord, paths: Paths, axes: readonly GridAxisSpec[]): void {
  const cells = cellsOf(axes);
  const counts = new Float64Array(2 * GROUPS * cells);
  const outside = new Float64Array(2 * GROUPS);
  paths.forEach((states, lane) => {
    const path = pathOf(states, axes, record.every);
    // Farther than the device's rounding: of θ over these steps, times the cells in a unit.
    expect(edgeDistance(axes, path)).toBeGreaterThan(3e-6);
    const own = referenceDensity(axes, path);
    expect(path.length).toBe(record.records);
    own.counts.forEach((count, cell) => {
      counts[groupOf(lane) * cells + cell]! += count;
    });
    outside[groupOf(lane)]! += own.outside;
  });
  expect(record.counts.data).toEqual(counts);
  expect(record.outside.data).toEqual(outside);
}

function expectFlux(record: FluxRecord, paths: Paths): void {
  const cells = cellsOf(plane);
  const visits = new Float64Array(2 * GROUPS * cells);
  const displacement = new Float64Array(4 * GROUPS * cells);
  const outside = new Float64Array(4 * GROUPS);
  paths.forEach((states, lane) => {
    const path = pathOf(states, plane, record.every);
    expect(path.length).toBe(record.pairs + 1);
    const own = referenceFlux(plane, path);
    const group = groupOf(lane);
    for (let cell = 0; cell < cells; cell += 1) {
      visits[group * cells + cell]! += own.visits[cell]!;
      for (const k of [0, 1] as const) {
        displacement[(2 * group + k) * cells + cell]! += own.displacement[k][cell]!;
      }
    }
    for (const k of [0, 1] as const) outside[2 * group + k]! += own.displacement[k][cells]!;
  });
  expect(record.visits.data).toEqual(visits);
  // θ of the device is off by float32 roundings, 2e-5 at most (test/gpu/dynamics.test.ts).
  const close = (got: ArrayLike<number>, expected: Float64Array): number =>
    expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - got[i]!)), 0);
  expect(close(record.displacement.data, displacement)).toBeLessThan(1e-4);
  expect(close(record.displacementOutside.data, outside)).toBeLessThan(1e-4);
  expect(displacement.some((value) => Math.abs(value) > 0.1)).toBe(true);
}

function expectCrossings(record: CrossingsRecord, paths: Paths): void {
  const along = new Float64Array(2 * GROUPS * 15);
  const up = new Float64Array(2 * GROUPS * 16);
  const displacements = new Float64Array(2 * GROUPS);
  paths.forEach((states, lane) => {
    const path = pathOf(states, plane, record.every);
    expect(path.length).toBe(record.pairs + 1);
    const own = referenceCrossings(plane, path);
    const group = groupOf(lane);
    own.along.forEach((count, face) => {
      along[group * 15 + face]! += count;
    });
    own.up.forEach((count, face) => {
      up[group * 16 + face]! += count;
    });
    displacements[group]! += record.pairs;
  });
  expect(record.along.data).toEqual(along);
  expect(record.up.data).toEqual(up);
  expect(record.displacements.data).toEqual(displacements);
}

describeWithDevice("grids", "software", (device) => {
  const observe = async (
    execution: EnsembleOptions["execution"] = {},
    replicas = REPLICAS,
    calls: readonly number[] = [STEPS],
  ) => {
    await using ensemble = await createEnsemble(device(), {
      ...base,
      replicas,
      observables,
      execution: { ...execution },
    });
    let record = await ensemble.observe({ steps: calls[0]! });
    for (const steps of calls.slice(1)) record = merge(record, await ensemble.observe({ steps }));
    return record;
  };
  type Observed = Awaited<ReturnType<typeof observe>>;
  let whole: Observed;
  const paths: number[][][] = [];
  beforeAll(async () => {
    whole = await observe();
    const onStep = (
      lane: number,
      { theta, velocity }: { theta: Float64Array; velocity: Float64Array },
    ) => {
      paths[lane] ??= [];
      paths[lane].push([...theta, ...velocity]);
    };
    twins(base, { steps: STEPS, onStep });
  });

  test("counts are the twin's, on a line and in a plane", () => {
    expectDensity(whole.line, paths, line);
    expectDensity(whole.plane, paths, plane);
    expect(Math.min(...[0, 1].map((c) => whole.plane.outside.data[c * GROUPS]!))).toBeGreaterThan(
      0,
    );
  });

  test("displacements are the twin's, at both sampling times", () => {
    expectFlux(whole.flux, paths);
    expectFlux(whole.slow, paths);
  });

  test("crossings of faces are the twin's, at both sampling times", () => {
    expectCrossings(whole.faces, paths);
    expectCrossings(whole.slowFaces, paths);
    expect(whole.faces.along.data.some((count) => count < 0)).toBe(true);
    const { along } = whole.faces;
    const wrong = { ...along, data: along.data.map((count) => -count) };
    expect(() => expectCrossings({ ...whole.faces, along: wrong }, paths)).toThrow();
  });

  test("what flows into a cell is what is there at the end less at the start", () => {
    for (const condition of [0, 1]) {
      const total = (data: ArrayLike<number>, faces: number, face: number): number =>
        Array.from(
          { length: GROUPS },
          (_, g) => data[(condition * GROUPS + g) * faces + face]!,
        ).reduce((sum, count) => sum + count, 0);
      const lanes = paths.slice(condition * REPLICAS.count, (condition + 1) * REPLICAS.count);
      for (let i = 0; i < 4; i += 1) {
        for (let j = 0; j < 3; j += 1) {
          const { along, up } = whole.faces;
          const inward =
            total(along.data, 15, 3 * i + j) -
            total(along.data, 15, 3 * (i + 1) + j) +
            total(up.data, 16, 4 * i + j) -
            total(up.data, 16, 4 * i + j + 1);
          const there = lanes.reduce((sum, states) => {
            const path = pathOf(states, plane, 1);
            const isIn = (point: number[]) => (cellAt(plane, point) === 3 * i + j ? 1 : 0);
            return sum + isIn(path.at(-1)!) - isIn(path[0]!);
          }, 0);
          expect(inward, `cell ${i}, ${j}`).toBe(there);
        }
      }
    }
  });

  test("negative controls: wrong groups, and a displacement in the wrong cell, are seen", () => {
    const { counts } = whole.plane;
    const moved = { ...whole.plane, counts: { ...counts, data: counts.data.slice().reverse() } };
    expect(() => expectDensity(moved, paths, plane)).toThrow();
    const { displacement } = whole.flux;
    const shifted = displacement.data.slice();
    shifted[0]! += 0.2;
    shifted[1]! -= 0.2;
    const wrong = { ...whole.flux, displacement: { ...displacement, data: shifted } };
    expect(() => expectFlux(wrong, paths)).toThrow();
  });

  test("all that moves is counted: sums of displacements are end − start", () => {
    const cells = cellsOf(plane);
    for (const record of [whole.flux, whole.slow]) {
      for (const condition of [0, 1]) {
        for (const k of [0, 1]) {
          let sum = 0;
          for (let group = 0; group < GROUPS; group += 1) {
            const at = 2 * (condition * GROUPS + group) + k;
            sum += record.displacementOutside.data[at]!;
            for (let cell = 0; cell < cells; cell += 1) {
              sum += record.displacement.data[at * cells + cell]!;
            }
          }
          const ends = paths.slice(condition * REPLICAS.count, (condition + 1) * REPLICAS.count);
          const expected = ends.reduce((total, states) => {
            const path = pathOf(states, plane, record.every);
            return total + path.at(-1)![k]! - path[0]![k]!;
          }, 0);
          expect(Math.abs(sum - expected)).toBeLessThan(1e-3);
        }
      }
    }
  });

  test("axes, units and numbers of replicas", () => {
    const { counts, replicas, frozen, grid } = whole.plane;
    expect(counts.axes.map(({ name, length }) => [name, length])).toEqual([
      ["condition", 2],
      ["group", GROUPS],
      [w, 4],
      ["mix", 3],
    ]);
    expect(counts.axes[2]!.values![0]).toBeCloseTo(-0.55 + 1.15 / 8, 12);
    expect(grid[1]).toEqual({ name: "mix", from: -0.5, to: 0.45, bins: 3 });
    expect([...replicas.data].reduce((sum, n) => sum + n, 0)).toBe(2 * REPLICAS.count);
    // 5 … 154: groups 5 … 26 have a third replica.
    expect([...replicas.data.slice(0, 28)]).toEqual([
      ...[2, 2, 2, 2, 2],
      ...new Array<number>(22).fill(3),
      2,
    ]);
    expect(frozen.data.every((n) => n === 0)).toBe(true);
    expect(structuredClone(whole.flux)).toEqual(whole.flux);
  });

  test("do not depend on workgroups, dispatches and chunks", async () => {
    for (const execution of [
      { workgroup: 7 },
      { stepsPerDispatch: 5 },
      { lanesPerChunk: 41, stepsPerDispatch: 4 },
    ]) {
      const other = await observe(execution);
      expect(other.line.counts).toEqual(whole.line.counts);
      expect(other.plane).toEqual(whole.plane);
      expect(other.faces).toEqual(whole.faces);
      expect(other.flux.visits).toEqual(whole.flux.visits);
      // Displacements are float32 sums over the replicas of a group that are in a chunk.
      other.flux.displacement.data.forEach((value, i) => {
        expect(Math.abs(value - whole.flux.displacement.data[i]!)).toBeLessThan(2e-6);
      });
    }
  });

  test("shards add up to the whole", async () => {
    const parts = [
      await observe({}, { first: 5, count: 70 }),
      await observe({}, { first: 75, count: 1 }),
      await observe({}, { first: 76, count: 79 }),
    ];
    const merged = parts.reduce((one, next) => mergeShards(one, next));
    expect(merged.plane).toEqual(whole.plane);
    expect(merged.line).toEqual(whole.line);
    expect(merged.faces).toEqual(whole.faces);
    expect(merged.flux.visits).toEqual(whole.flux.visits);
    expect(merged.flux.replicas).toEqual(whole.flux.replicas);
  });

  test("stretches add up; no displacement is counted between two calls", async () => {
    // 12 is a multiple of every sampling time: the same records.
    const merged = await observe({}, REPLICAS, [12, STEPS - 12]);
    expect(merged.plane.counts).toEqual(whole.plane.counts);
    expect(merged.line).toEqual(whole.line);
    expect([merged.flux.pairs, whole.flux.pairs]).toEqual([STEPS - 2, STEPS - 1]);
    const ends = (record: FluxRecord): number =>
      [...record.visits.data, ...record.visitsOutside.data].reduce((sum, n) => sum + n, 0);
    expect(ends(merged.flux)).toBe(2 * REPLICAS.count * (STEPS - 2));
    expect(ends(whole.flux)).toBe(2 * REPLICAS.count * (STEPS - 1));
  });

  test("beside other observables, over several windows, under a stored order", async () => {
    const all = { ...observables, loss: series({ of: "loss" }), states: snapshot({ every: 5 }) };
    await using ensemble = await createEnsemble(device(), { ...base, observables: all });
    const record = await ensemble.observe({ steps: STEPS });
    expect(record.plane).toEqual(whole.plane);
    expect(record.flux).toEqual(whole.flux);
    expect(record.slowFaces).toEqual(whole.slowFaces);
  });
});
