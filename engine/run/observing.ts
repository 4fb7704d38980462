/**
 * The host's side of observables: takes what the device summed and wrote, in float64, and makes the
 * Record. One `Observing` lives for one call of `observe`.
 */
import type { Model } from "../model.ts";
import { isFullData } from "../observe/fullData.ts";
import { momentsNames } from "../observe/moments.ts";
import type { MomentsRegion, ObservationPlan, SeriesRegion } from "../observe/observation.ts";
import { quantityName } from "../observe/quantity.ts";
import type {
  Axis,
  Field,
  MomentsRecord,
  ObservableRecord,
  SeriesRecord,
  SnapshotRecord,
} from "../record.ts";
import {
  type DisplacementHost,
  displacementHost,
  displacementRecord,
  type Observed,
} from "./displacementRecords.ts";
import { type EnsembleShape, ensembleAxes } from "./ensembleShape.ts";
import {
  type EntropyHost,
  entropyHosts,
  entropyRecord,
  takeEntropySums,
} from "./entropyRecords.ts";
import { type GridHost, gridHost, gridRecords, takeGroupSums } from "./gridRecords.ts";

interface SeriesHost {
  readonly region: SeriesRegion;
  readonly times: number;
  /** [quantity, lane, time] */
  readonly values: Float32Array<ArrayBuffer>;
}

interface MomentsHost {
  readonly region: MomentsRegion;
  /** [sum, lane] */
  readonly sums: Float64Array;
}

interface SnapshotHost {
  readonly name: string;
  readonly every: number;
  readonly states: Float32Array[];
  readonly steps: number[];
}

export class Observing {
  private readonly series: readonly SeriesHost[];
  private readonly moments: readonly MomentsHost[];
  private readonly snapshots: readonly SnapshotHost[];
  private readonly grids: GridHost;
  private readonly displacements: readonly DisplacementHost[];
  /** Since the origins of displacements began. */
  private readonly observed: Observed;
  private readonly entropies: readonly EntropyHost[];
  private readonly lanes: number;
  private readonly firstStep: number;
  private readonly model: Model;
  private readonly shape: EnsembleShape;
  private readonly reference: Float64Array;
  private readonly steps: number;

  constructor(options: {
    readonly plan: ObservationPlan;
    readonly model: Model;
    readonly shape: EnsembleShape;
    readonly firstStep: number;
    readonly steps: number;
    /** Content of the `observation` buffer, with the pilot means. */
    readonly reference: Float32Array;
    /** Step at which the origins of displacements began. */
    readonly began: number;
  }) {
    const { plan, shape, steps } = options;
    this.observed = { from: options.firstStep - options.began, steps };
    this.model = options.model;
    this.shape = shape;
    this.firstStep = options.firstStep;
    this.steps = steps;
    this.lanes = shape.conditions * shape.replicas;
    this.reference = Float64Array.from(options.reference);
    this.series = plan.series.map((region) => {
      const times = Math.ceil(steps / region.spec.every);
      return {
        region,
        times,
        values: new Float32Array(region.spec.of.length * this.lanes * times),
      };
    });
    this.moments = plan.moments.map((region) => ({
      region,
      sums: new Float64Array(region.layout.sums * this.lanes),
    }));
    this.grids = gridHost(plan, shape.conditions);
    this.displacements = plan.displacements.map((region) => displacementHost(region, this.lanes));
    this.entropies = entropyHosts(plan, this.lanes);
    this.snapshots = plan.snapshots.map(({ name, spec }) => ({
      name,
      every: spec.every,
      states: [],
      steps: [],
    }));
  }

  /** Records of a series that a window holds: first record's number, and how many. */
  private inWindow(every: number, first: number, steps: number): { from: number; count: number } {
    const from = Math.ceil(first / every);
    return { from, count: Math.ceil((first + steps) / every) - from };
  }

  /** Takes a chunk's `series` words of one window, [word, lane]. */
  takeSeries(
    words: Float32Array,
    firstLane: number,
    lanes: number,
    first: number,
    steps: number,
  ): void {
    for (const { region, times, values } of this.series) {
      const { from, count } = this.inWindow(region.spec.every, first, steps);
      let written = 0;
      region.spec.of.forEach((quantity, q) => {
        if (isFullData(quantityName(quantity))) return;
        const at = region.at + written * region.slots;
        written += 1;
        for (let slot = 0; slot < count; slot += 1) {
          const source = (at + slot) * lanes;
          let target = (q * this.lanes + firstLane) * times + from + slot;
          for (let lane = 0; lane < lanes; lane += 1) {
            values[target] = words[source + lane]!;
            target += times;
          }
        }
      });
    }
  }

  /** Adds a chunk's `moments` words, [word, lane]. */
  takeMoments(words: Float32Array, firstLane: number, lanes: number): void {
    const add = ({ at }: { readonly at: number }, sums: Float64Array): void => {
      for (let sum = 0; sum < sums.length / this.lanes; sum += 1) {
        const source = (at + sum) * lanes;
        const target = sum * this.lanes + firstLane;
        for (let lane = 0; lane < lanes; lane += 1) sums[target + lane]! += words[source + lane]!;
      }
    };
    for (const { region, sums } of this.moments) add(region, sums);
    for (const { region, sums } of this.displacements) add(region, sums);
    for (const host of this.entropies) {
      takeEntropySums(host, { words, firstLane, lanes, of: this.lanes });
    }
  }

  /** Adds a chunk's sums over groups of replicas. */
  takeGrids(words: Float32Array, firstLane: number, lanes: number): void {
    takeGroupSums(this.grids, this.shape, words, firstLane, lanes);
  }

  /** Takes full-data quantities, [quantity, lane], for each series that is due and asks for them. */
  takeFullData(rel: number, of: readonly string[], taken: Float64Array): void {
    for (const { region, times, values } of this.series) {
      if (rel % region.spec.every !== 0) continue;
      region.spec.of.forEach((quantity, q) => {
        const source = of.indexOf(quantityName(quantity));
        if (source < 0) return;
        const record = rel / region.spec.every;
        for (let lane = 0; lane < this.lanes; lane += 1) {
          values[(q * this.lanes + lane) * times + record] = taken[source * this.lanes + lane]!;
        }
      });
    }
  }

  /** Takes states, [condition, replica, coordinate]. */
  takeSnapshot(rel: number, state: Float32Array): void {
    for (const snapshot of this.snapshots) {
      if (rel % snapshot.every !== 0) continue;
      snapshot.states.push(state);
      snapshot.steps.push(this.firstStep + rel);
    }
  }

  /** The host must act before this step: full-data quantities, or a snapshot. */
  due(rel: number): { fullData: readonly string[]; snapshot: boolean } {
    const now = this.series.filter(({ region }) => rel % region.spec.every === 0);
    const names = now.flatMap(({ region }) => region.spec.of.map(quantityName));
    return {
      fullData: [...new Set(names.filter(isFullData))],
      snapshot: this.snapshots.some(({ every }) => rel % every === 0),
    };
  }

  /** The next step after `rel` at which the host must act, or `end`. */
  nextDue(rel: number, end: number): number {
    let next = end;
    const consider = (every: number): void => {
      next = Math.min(next, (Math.floor(rel / every) + 1) * every);
    };
    for (const { region } of this.series) {
      if (region.spec.of.some((q) => isFullData(quantityName(q)))) consider(region.spec.every);
    }
    for (const { every } of this.snapshots) consider(every);
    return next;
  }

  /** The observables' records. `frozen` holds the step a lane froze at, −1 otherwise. */
  records(frozen: Int32Array): Record<string, ObservableRecord> {
    const records: Record<string, ObservableRecord> = {};
    for (const host of this.series) records[host.region.name] = this.seriesRecord(host, frozen);
    for (const host of this.moments) records[host.region.name] = this.momentsRecord(host, frozen);
    for (const host of this.entropies) {
      const { shape, grids, steps } = this;
      records[host.region.name] = entropyRecord(host, { shape, grids, steps, frozen });
    }
    for (const host of this.snapshots) records[host.name] = this.snapshotRecord(host, frozen);
    const { coordinateNames } = this.model;
    for (const host of this.displacements) {
      const { name } = host.region;
      records[name] = displacementRecord(host, this.shape, coordinateNames, this.observed, frozen);
    }
    const all = { ...records, ...gridRecords(this.grids, this.shape, this.steps, frozen) };
    const { groupSize } = this.shape;
    if (groupSize === null) return all;
    return Object.fromEntries(
      Object.entries(all).map(([name, record]) => [name, { ...record, groupSize }]),
    );
  }

  private seriesRecord({ region, times, values }: SeriesHost, frozen: Int32Array): SeriesRecord {
    const { every, of } = region.spec;
    for (let lane = 0; lane < this.lanes; lane += 1) {
      if (frozen[lane]! < 0) continue;
      const from = Math.max(0, Math.ceil((frozen[lane]! - this.firstStep) / every));
      for (let q = 0; q < of.length; q += 1) {
        const row = (q * this.lanes + lane) * times;
        values.fill(Number.NaN, row + from, row + times);
      }
    }
    const quantities = of.map(quantityName);
    const steps = Float64Array.from({ length: times }, (_, t) => this.firstStep + t * every);
    return {
      kind: "series",
      quantities,
      every,
      steps,
      values: {
        axes: [
          { name: "quantity", length: quantities.length, values: quantities },
          ...ensembleAxes(this.shape),
          { name: "time", length: times, unit: "steps" },
        ],
        data: values,
        unit: "",
      },
    };
  }

  private momentsRecord({ region, sums }: MomentsHost, frozen: Int32Array): MomentsRecord {
    const { layout, spec } = region;
    const coordinates = momentsNames(layout);
    const size = coordinates.length;
    const lags = layout.lags.length;
    const counts = layout.lags.map(({ lag }) =>
      Math.max(0, Math.ceil((this.steps - lag) / spec.every)),
    );
    const first = new Float64Array(this.lanes * lags * size);
    const firstEnd = new Float64Array(this.lanes * lags * size);
    const second = new Float64Array(this.lanes * lags * size * size);
    for (let lane = 0; lane < this.lanes; lane += 1) {
      layout.lags.forEach((lag, l) => {
        // A frozen replica has no time average.
        const scale = frozen[lane]! >= 0 || counts[l] === 0 ? Number.NaN : 1 / counts[l]!;
        const sum = (entry: number): number => sums[entry * this.lanes + lane]! * scale;
        const row = (lane * lags + l) * size;
        for (let i = 0; i < size; i += 1) {
          first[row + i] = sum(lag.first + i);
          firstEnd[row + i] = sum(lag.firstEnd + i);
          for (let j = 0; j < size; j += 1) {
            const entry =
              lag.lag === 0 ? upperTriangle(Math.min(i, j), Math.max(i, j), size) : i * size + j;
            second[(row + i) * size + j] = sum(lag.second + entry);
          }
        }
      });
    }
    const names: Axis = { name: "coordinate", length: size, values: coordinates };
    const lagAxis: Axis = {
      name: "lag",
      length: lags,
      values: layout.lags.map(({ lag }) => lag),
      unit: "steps",
    };
    const field = (axes: readonly Axis[], data: Float64Array, unit: string): Field => ({
      axes,
      data,
      unit,
    });
    const [condition, replica] = ensembleAxes(this.shape);
    const reference = new Float64Array(this.shape.conditions * size);
    for (let c = 0; c < this.shape.conditions; c += 1) {
      for (let i = 0; i < size; i += 1) {
        reference[c * size + i] =
          this.reference[region.referenceAt + i * this.shape.conditions + c]!;
      }
    }
    return {
      kind: "moments",
      coordinates,
      every: spec.every,
      lags: layout.lags.map(({ lag }) => lag),
      counts,
      reference: field([condition, names], reference, "θ"),
      first: field([condition, replica, lagAxis, names], first, "θ"),
      firstEnd: field([condition, replica, lagAxis, names], firstEnd, "θ"),
      second: field(
        [condition, replica, lagAxis, names, { ...names, name: "coordinate'" }],
        second,
        "θ²",
      ),
    };
  }

  private snapshotRecord({ states, steps }: SnapshotHost, frozen: Int32Array): SnapshotRecord {
    const width = (states[0]?.length ?? 0) / this.lanes;
    const names = this.model.coordinateNames;
    const coordinates =
      width > names.length ? [...names, ...names.map((name) => `v.${name}`)] : [...names];
    const data = new Float32Array(states.length * this.lanes * coordinates.length);
    states.forEach((state, t) => {
      data.set(state, t * this.lanes * coordinates.length);
      for (let lane = 0; lane < this.lanes; lane += 1) {
        if (frozen[lane]! < 0 || steps[t]! < frozen[lane]!) continue;
        const at = (t * this.lanes + lane) * coordinates.length;
        data.fill(Number.NaN, at, at + coordinates.length);
      }
    });
    return {
      kind: "snapshot",
      steps: Float64Array.from(steps),
      coordinates,
      values: {
        axes: [
          { name: "time", length: states.length, unit: "steps" },
          ...ensembleAxes(this.shape),
          { name: "coordinate", length: coordinates.length, values: coordinates },
        ],
        data,
        unit: "θ",
      },
    };
  }
}

/** Position of (i, j), i ≤ j, in the upper triangle of an n × n matrix, row by row. */
const upperTriangle = (i: number, j: number, n: number): number =>
  i * n - (i * (i - 1)) / 2 + (j - i);
