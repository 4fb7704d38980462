/**
 * Joining Records: of one run, one stretch after the other; of shards, replicas beside replicas.
 */
import { ArgumentError } from "../errors.ts";
import type {
  DisplacementRecord,
  Field,
  MomentsRecord,
  ObservableRecord,
  RunInfo,
  SeriesRecord,
  SnapshotRecord,
} from "../record.ts";
import { entropyIdentity, entropyInTime, histogramsAdded } from "./mergeEntropy.ts";
import { gridsBeside, gridsInTime, isOnGrid } from "./mergeGrids.ts";

/** What `observe` returns: observables by name, and `run`. */
type AnyRecord = { readonly run: RunInfo };

const observablesOf = ({ run: _, ...observables }: AnyRecord): Record<string, ObservableRecord> =>
  observables;

const lengthOf = (field: Field, axis: string): number =>
  field.axes.find(({ name }) => name === axis)?.length ?? 1;

/** Joins along one axis: every block of `inner` elements of `a` is followed by that of `b`. */
function join(a: Field, b: Field, axis: string): Field {
  const position = a.axes.findIndex(({ name }) => name === axis);
  const inner = a.axes.slice(position + 1).reduce((n, { length }) => n * length, 1);
  const [la, lb] = [lengthOf(a, axis) * inner, lengthOf(b, axis) * inner];
  const data = new (a.data.constructor as Float64ArrayConstructor)(a.data.length + b.data.length);
  for (let i = 0, from = 0; from < data.length; i += 1, from += la + lb) {
    data.set(a.data.subarray(i * la, (i + 1) * la), from);
    data.set(b.data.subarray(i * lb, (i + 1) * lb), from + la);
  }
  const [first, second] = [a.axes[position]!, b.axes[position]!];
  const ticks = first.values && second.values && { values: [...first.values, ...second.values] };
  const merged = { ...first, length: first.length + second.length, ...ticks };
  return { ...a, axes: a.axes.map((old, i) => (i === position ? merged : old)), data };
}

const joinSteps = (a: Float64Array, b: Float64Array): Float64Array =>
  Float64Array.from([...a, ...b]);

/** Weighted mean along the lag axis: time averages of two stretches. */
function average(
  a: Field,
  b: Field,
  weightsA: readonly number[],
  weightsB: readonly number[],
): Field {
  const position = a.axes.findIndex(({ name }) => name === "lag");
  const inner = a.axes.slice(position + 1).reduce((n, { length }) => n * length, 1);
  const data = new Float64Array(a.data.length);
  for (let i = 0; i < data.length; i += 1) {
    const lag = Math.floor(i / inner) % weightsA.length;
    const [wa, wb] = [weightsA[lag]!, weightsB[lag]!];
    // A stretch shorter than the lag has no pairs and NaN in their place.
    if (wb === 0) data[i] = a.data[i]!;
    else if (wa === 0) data[i] = b.data[i]!;
    else data[i] = (wa * a.data[i]! + wb * b.data[i]!) / (wa + wb);
  }
  return { ...a, data };
}

function mergeMoments(a: MomentsRecord, b: MomentsRecord): MomentsRecord {
  const same = a.reference.data.every((value, i) => value === b.reference.data[i]);
  if (!same) {
    throw new ArgumentError(
      "merge: moments about different reference points; merge Records of one ensemble, or resume " +
        "from its checkpoint, which keeps the reference.",
    );
  }
  const mean = (key: "first" | "firstEnd" | "second"): Field =>
    average(a[key], b[key], a.counts, b.counts);
  return {
    ...a,
    counts: a.counts.map((count, i) => count + b.counts[i]!),
    first: mean("first"),
    firstEnd: mean("firstEnd"),
    second: mean("second"),
  };
}

function mergeDisplacements(a: DisplacementRecord, b: DisplacementRecord): DisplacementRecord {
  return {
    ...a,
    counts: a.counts.map((count, l) => count + b.counts[l]!),
    meanSquare: average(a.meanSquare, b.meanSquare, a.counts, b.counts),
    localSteps: a.localSteps + b.localSteps,
    local: average(a.local, b.local, [a.localSteps], [b.localSteps]),
  };
}

function mergeInTime(a: ObservableRecord, b: ObservableRecord): ObservableRecord {
  if (a.kind === "series" && b.kind === "series") {
    const merged: SeriesRecord = {
      ...a,
      steps: joinSteps(a.steps, b.steps),
      values: join(a.values, b.values, "time"),
    };
    return merged;
  }
  if (a.kind === "snapshot" && b.kind === "snapshot") {
    const merged: SnapshotRecord = {
      ...a,
      steps: joinSteps(a.steps, b.steps),
      values: join(a.values, b.values, "time"),
    };
    return merged;
  }
  if (a.kind === "moments" && b.kind === "moments") return mergeMoments(a, b);
  if (a.kind === "displacement" && b.kind === "displacement") return mergeDisplacements(a, b);
  if (isOnGrid(a) && isOnGrid(b) && a.kind === b.kind) return gridsInTime(a, b);
  if (a.kind === "entropyProduction" && b.kind === "entropyProduction") return entropyInTime(a, b);
  throw new ArgumentError(
    `merge: a ${a.kind} and a ${b.kind} of the same name; they cannot be joined.`,
  );
}

/** What two Records must share to be of one ensemble, in an order that tells the most first. */
function identity(record: AnyRecord): Readonly<Record<string, unknown>> {
  const { run } = record;
  const { seed, model, sampling, update } = run.provenance;
  const described = Object.entries(observablesOf(record)).map(([name, part]) => {
    if (part.kind === "series") return [name, part.kind, part.every, part.quantities];
    if (part.kind === "snapshot") return [name, part.kind, part.coordinates];
    if (isOnGrid(part)) return [name, part.kind, part.every, part.grid];
    if (part.kind === "displacement") {
      return [name, part.kind, part.lags, part.origins, part.spacing, part.coordinates];
    }
    if (part.kind === "entropyProduction") return [name, part.kind, ...entropyIdentity(part)];
    return [name, part.kind, part.every, part.lags, part.coordinates];
  });
  return {
    model,
    update,
    sampling,
    seed,
    conditions: run.conditions.length,
    groupSize: run.groupSize,
    observables: described,
  };
}

function checkSame(where: string, a: AnyRecord, b: AnyRecord): void {
  const [left, right] = [identity(a), identity(b)];
  for (const key of Object.keys(left)) {
    const [x, y] = [JSON.stringify(left[key]), JSON.stringify(right[key])];
    if (x === y) continue;
    throw new ArgumentError(
      `${where}: the Records are of different ensembles, ${key} is ${x} and ${y}; ` +
        "give Records of one ensemble.",
    );
  }
}

/**
 * The Record of two stretches of one run, `a` before `b`.
 *
 * Series and snapshots are joined in time, moments and displacements averaged with their counts as
 * weights, counts on grids added.
 * @throws ArgumentError when `b` does not begin where `a` ends, or they are of different ensembles.
 * @example const record = merge(await ensemble.observe({ steps }), await ensemble.observe({ steps }));
 */
export function merge<R extends AnyRecord>(a: R, b: R): R {
  if (a.run.firstStep + a.run.steps !== b.run.firstStep) {
    throw new ArgumentError(
      `merge: the second Record begins at step ${b.run.firstStep}, the first ends at ` +
        `${a.run.firstStep + a.run.steps}; give stretches that follow each other.`,
    );
  }
  checkSame("merge", a, b);
  if (a.run.replicas.first !== b.run.replicas.first) {
    throw new ArgumentError(
      `merge: replicas from ${a.run.replicas.first} and from ${b.run.replicas.first}; ` +
        "give Records of the same replicas, or join shards with mergeShards.",
    );
  }
  const others = observablesOf(b);
  const merged: Record<string, unknown> = {};
  for (const [name, record] of Object.entries(observablesOf(a))) {
    merged[name] = mergeInTime(record, others[name]!);
  }
  return {
    ...merged,
    run: {
      ...a.run,
      steps: a.run.steps + b.run.steps,
      frozen: a.run.frozen.map((step, lane) => (step >= 0 ? step : b.run.frozen[lane]!)),
      ...(b.run.unsolved && { unsolved: b.run.unsolved }),
    },
  } as unknown as R;
}

/**
 * The Record of two shards of one ensemble: the replicas of `a`, then those of `b`.
 *
 * Moments of `b` are taken about the reference point of `a`.
 * @throws ArgumentError when the shards cover different steps, do not follow each other, or are of
 * different ensembles.
 */
export function mergeShards<R extends AnyRecord>(a: R, b: R): R {
  const [ra, rb] = [a.run.replicas, b.run.replicas];
  if (
    ra.first + ra.count !== rb.first ||
    a.run.firstStep !== b.run.firstStep ||
    a.run.steps !== b.run.steps
  ) {
    throw new ArgumentError(
      `mergeShards: replicas ${ra.first}–${ra.first + ra.count - 1} over steps ${a.run.firstStep}+` +
        `${a.run.steps} and replicas ${rb.first}–${rb.first + rb.count - 1} over ${b.run.firstStep}+` +
        `${b.run.steps}; give shards of the same steps, the second beginning where the first ends.`,
    );
  }
  checkSame("mergeShards", a, b);
  const others = observablesOf(b);
  const merged: Record<string, unknown> = {};
  for (const [name, record] of Object.entries(observablesOf(a))) {
    merged[name] = besides(record, others[name]!);
  }
  const beside = (left: Int32Array, right: Int32Array): Int32Array =>
    replicasBeside(left, right, ra.count, rb.count);
  const lost = {
    frozen: beside(a.run.frozen, b.run.frozen),
    ...(a.run.unsolved && b.run.unsolved && { unsolved: beside(a.run.unsolved, b.run.unsolved) }),
  };
  const replicas = { first: ra.first, count: ra.count + rb.count };
  return { ...merged, run: { ...a.run, replicas, ...lost } } as unknown as R;
}

/** [condition, replica] of two shards, the replicas of the second after those of the first. */
function replicasBeside(a: Int32Array, b: Int32Array, countA: number, countB: number): Int32Array {
  const joined = new Int32Array(a.length + b.length);
  for (let c = 0; c * countA < a.length; c += 1) {
    const from = c * (countA + countB);
    joined.set(a.subarray(c * countA, (c + 1) * countA), from);
    joined.set(b.subarray(c * countB, (c + 1) * countB), from + countA);
  }
  return joined;
}

function besides(a: ObservableRecord, b: ObservableRecord): ObservableRecord {
  if (a.kind === "moments" && b.kind === "moments") {
    const c = recentered(b, a.reference);
    return {
      ...a,
      first: join(a.first, c.first, "replica"),
      firstEnd: join(a.firstEnd, c.firstEnd, "replica"),
      second: join(a.second, c.second, "replica"),
    };
  }
  if (
    (a.kind === "series" && b.kind === "series") ||
    (a.kind === "snapshot" && b.kind === "snapshot")
  ) {
    return { ...a, values: join(a.values, b.values, "replica") } as ObservableRecord;
  }
  if (a.kind === "displacement" && b.kind === "displacement") {
    const meanSquare = join(a.meanSquare, b.meanSquare, "replica");
    return { ...a, meanSquare, local: join(a.local, b.local, "replica") };
  }
  if (isOnGrid(a) && isOnGrid(b) && a.kind === b.kind) return gridsBeside(a, b);
  if (a.kind === "entropyProduction" && b.kind === "entropyProduction") {
    return {
      ...a,
      first: join(a.first, b.first, "replica"),
      second: join(a.second, b.second, "replica"),
      histograms: histogramsAdded(a, b),
    };
  }
  throw new ArgumentError(`mergeShards: a ${a.kind} and a ${b.kind} of the same name.`);
}

/**
 * The same moments about another reference point c' = c + s: with u = z − c, w = z' − c,
 * ⟨(u − s)_i (w − s)_j⟩ = ⟨u_i w_j⟩ − s_i ⟨w_j⟩ − ⟨u_i⟩ s_j + s_i s_j.
 */
export function recentered(record: MomentsRecord, reference: Field): MomentsRecord {
  const size = record.coordinates.length;
  const lags = record.lags.length;
  const replicas = lengthOf(record.first, "replica");
  const first = Float64Array.from(record.first.data);
  const firstEnd = Float64Array.from(record.firstEnd.data);
  const second = Float64Array.from(record.second.data);
  const rows = first.length / size;
  for (let row = 0; row < rows; row += 1) {
    const condition = Math.floor(row / (lags * replicas));
    const s = (i: number): number =>
      reference.data[condition * size + i]! - record.reference.data[condition * size + i]!;
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) {
        second[(row * size + i) * size + j]! +=
          s(i) * s(j) - s(i) * firstEnd[row * size + j]! - first[row * size + i]! * s(j);
      }
    }
    for (let i = 0; i < size; i += 1) {
      first[row * size + i]! -= s(i);
      firstEnd[row * size + i]! -= s(i);
    }
  }
  return {
    ...record,
    reference,
    first: { ...record.first, data: first },
    firstEnd: { ...record.firstEnd, data: firstEnd },
    second: { ...record.second, data: second },
  };
}
