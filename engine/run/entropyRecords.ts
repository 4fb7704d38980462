/**
 * The host's side of entropy production: the sums of every replica, added over windows in float64, the
 * histograms of groups of replicas, and the Record made of them.
 */
import { ENTROPY_SUMS, histogramWords } from "../observe/entropyProduction.ts";
import type { EntropyRegion, ObservationPlan } from "../observe/observation.ts";
import { quantityName } from "../observe/quantity.ts";
import type { Axis, EntropyHistogram, EntropyProductionRecord, Field } from "../record.ts";
import { type EnsembleShape, ensembleAxes } from "./ensembleShape.ts";
import { type GridHost, taken } from "./gridRecords.ts";

export interface EntropyHost {
  readonly region: EntropyRegion;
  /** [sum, lane] */
  readonly sums: Float64Array;
}

export const entropyHosts = ({ entropies }: ObservationPlan, lanes: number): EntropyHost[] =>
  entropies.map((region) => ({ region, sums: new Float64Array(region.layout.sums * lanes) }));

/** Adds a chunk's words, [word, lane]; `of` is the number of all lanes. */
export function takeEntropySums(
  { region, sums }: EntropyHost,
  chunk: {
    readonly words: Float32Array;
    readonly firstLane: number;
    readonly lanes: number;
    readonly of: number;
  },
): void {
  const { words, firstLane, lanes, of } = chunk;
  for (let sum = 0; sum < region.layout.sums; sum += 1) {
    const source = (region.at + sum) * lanes;
    const target = sum * of + firstLane;
    for (let lane = 0; lane < lanes; lane += 1) sums[target + lane]! += words[source + lane]!;
  }
}

interface Observed {
  readonly shape: EnsembleShape;
  readonly grids: GridHost;
  readonly steps: number;
  /** Step a lane froze at, −1 if it did not. */
  readonly frozen: Int32Array;
}

/** Statistics of an event: the rows and columns of `first` and `second`. */
const STATISTICS = ["sigma", "exp(-sigma)-1"];

export function entropyRecord(host: EntropyHost, observed: Observed): EntropyProductionRecord {
  const { spec, layout } = host.region;
  const { shape, steps } = observed;
  const { every, windows } = spec;
  const sigmas = Math.max(0, Math.ceil(steps / every) - 1);
  const counts = windows.map((window) => Math.floor(sigmas / window));
  const condition = ensembleAxes(shape)[0];
  const coordinate: Axis = {
    name: "coordinate",
    length: layout.coordinates.length,
    values: layout.coordinates.map(quantityName),
  };
  const field = (axes: readonly Axis[], values: readonly number[], unit: string): Field => ({
    axes: [condition, ...axes],
    data: Float64Array.from(values),
    unit,
  });
  return {
    kind: "entropyProduction",
    coordinates: layout.coordinates.map(quantityName),
    every,
    center: field([coordinate], layout.center.flat(), "θ"),
    form: field([coordinate, { ...coordinate, name: "coordinate'" }], layout.form.flat(2), "θ⁻²"),
    windows,
    counts,
    ...averages(host, observed, counts),
    histograms: histograms(host, observed, condition),
  };
}

function averages(
  { region, sums }: EntropyHost,
  { shape, frozen }: Observed,
  counts: readonly number[],
): Pick<EntropyProductionRecord, "first" | "second"> {
  const { windows } = region.spec;
  const lanes = shape.conditions * shape.replicas;
  const first = new Float64Array(lanes * windows.length * 2);
  const second = new Float64Array(lanes * windows.length * 4);
  for (let lane = 0; lane < lanes; lane += 1) {
    windows.forEach((_, w) => {
      // A frozen replica has no time average.
      const scale = frozen[lane]! >= 0 || counts[w] === 0 ? Number.NaN : 1 / counts[w]!;
      const of = (k: number): number => sums[(ENTROPY_SUMS * w + k) * lanes + lane]! * scale;
      const row = lane * windows.length + w;
      first.set([of(0), of(2)], 2 * row);
      second.set([of(1), of(4), of(4), of(3)], 4 * row);
    });
  }
  const statistic: Axis = { name: "statistic", length: 2, values: STATISTICS };
  const axes: Axis[] = [
    ...ensembleAxes(shape),
    { name: "window", length: windows.length, values: windows },
    statistic,
  ];
  return {
    first: { axes, data: first, unit: "1" },
    second: { axes: [...axes, { ...statistic, name: "statistic'" }], data: second, unit: "1" },
  };
}

function histograms(
  { region }: EntropyHost,
  { shape, grids }: Observed,
  condition: Axis,
): Record<string, EntropyHistogram> {
  const { spec, layout } = region;
  let at = region.binsAt;
  return Object.fromEntries(
    spec.histograms.map((histogram, h) => {
      const { window, bins } = histogram;
      const from = { at };
      at += histogramWords(histogram);
      const bin: Axis = { name: "bin", length: bins };
      const take = (kind: number): Field =>
        taken(grids, shape, from, (i) => kind * bins + i, [bin], "");
      const record: EntropyHistogram = {
        window,
        width: { axes: [condition], data: Float64Array.from(layout.widths[h]!), unit: "nats" },
        positive: take(0),
        negative: take(1),
        weighted: take(2),
        beyond: taken(grids, shape, from, () => 3 * bins, [], ""),
      };
      return [`window${window}`, record];
    }),
  );
}
