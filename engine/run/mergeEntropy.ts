/** Joining Records of entropy production: averages by their counts, histograms added. */
import type { EntropyHistogram, EntropyProductionRecord, Field } from "../record.ts";
import { added } from "./mergeGrids.ts";

/** What two Records must share to be joined. */
export const entropyIdentity = (record: EntropyProductionRecord): unknown[] => [
  record.every,
  record.coordinates,
  record.windows,
  [...record.center.data],
  [...record.form.data],
  Object.values(record.histograms).map(({ window, width, positive }) => [
    window,
    [...width.data],
    positive.axes.at(-1)!.length,
  ]),
];

export const histogramsAdded = (
  a: EntropyProductionRecord,
  b: EntropyProductionRecord,
): Record<string, EntropyHistogram> =>
  Object.fromEntries(
    Object.entries(a.histograms).map(([name, one]) => {
      const other = b.histograms[name]!;
      const counts = Object.fromEntries(
        (["positive", "negative", "weighted", "beyond"] as const).map((kind) => [
          kind,
          added(one[kind], other[kind]),
        ]),
      );
      return [name, { ...one, ...counts }];
    }),
  );

/** Two stretches of one run, `a` before `b`. No event is counted between them. */
export function entropyInTime(
  a: EntropyProductionRecord,
  b: EntropyProductionRecord,
): EntropyProductionRecord {
  const average = (left: Field, right: Field): Field => {
    const inner = left.axes.slice(3).reduce((product, { length }) => product * length, 1);
    const data = new Float64Array(left.data.length);
    for (let i = 0; i < data.length; i += 1) {
      const window = Math.floor(i / inner) % a.windows.length;
      const [wa, wb] = [a.counts[window]!, b.counts[window]!];
      // A stretch without an event has NaN in its place.
      if (wb === 0) data[i] = left.data[i]!;
      else if (wa === 0) data[i] = right.data[i]!;
      else data[i] = (wa * left.data[i]! + wb * right.data[i]!) / (wa + wb);
    }
    return { ...left, data };
  };
  return {
    ...a,
    counts: a.counts.map((count, w) => count + b.counts[w]!),
    first: average(a.first, b.first),
    second: average(a.second, b.second),
    histograms: histogramsAdded(a, b),
  };
}
