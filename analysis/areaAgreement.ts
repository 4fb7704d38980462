/**
 * The whole area matrix beside one of theory: every plane's area rate, and how well the matrices agree.
 *
 *   correlation = Σ A C/√(Σ A² Σ C²),  slope = Σ A C/Σ C²   over the planes i < j
 *
 * about zero, since the entries' sign is a matter of the order of coordinates.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { lagIndex, momentColumns } from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import { jackknife } from "./jackknife.ts";
import type { Rows } from "./lyapunov.ts";
import { areaRate } from "./moments.ts";

export interface AreaAgreementChoice {
  readonly condition?: number;
  /** In SGD steps, default 1. */
  readonly lag?: number;
}

export interface AreaAgreement {
  /** Planes i < j, row by row: area rates, and the theory's entries of one lag divided by it. */
  readonly planes: readonly {
    readonly i: number;
    readonly j: number;
    readonly area: Estimate;
    readonly expected: number;
  }[];
  readonly correlation: Estimate;
  readonly slope: Estimate;
}

/**
 * Area rates of all planes of a record against `current`, the antisymmetric area matrix per step.
 *
 * Error: bias-corrected jackknife over replicas, which takes out the noise that would lower the
 * correlation, to leading order in 1/R.
 *
 * @throws ArgumentError when the matrix does not fit the coordinates or is zero; as `areaRate` does.
 * @see arXiv 2306.03521 for the area matrix as the current of a Gaussian state
 */
export function areaAgreement(
  record: MomentsRecord,
  current: Rows,
  { condition = 0, lag = 1 }: AreaAgreementChoice = {},
): AreaAgreement {
  const size = record.coordinates.length;
  if (current.length !== size || current.some((row) => row.length !== size)) {
    throw new ArgumentError(
      `areaAgreement: a matrix of ${current.length} rows for ${size} coordinates; give one of ` +
        `[${size}, ${size}].`,
    );
  }
  const pairs = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size - i - 1 }, (_, k) => [i, i + 1 + k] as const),
  ).flat();
  const expected = pairs.map(([i, j]) => current[i]![j]!);
  const power = expected.reduce((sum, c) => sum + c * c, 0);
  if (!(power > 0)) {
    throw new ArgumentError(
      "areaAgreement: the matrix is zero, so nothing correlates with it; test areas against 0.",
    );
  }
  const samples = areaColumns(record, pairs, condition, lag);
  const project = (m: Float64Array): { along: number; square: number } => {
    let [along, square] = [0, 0];
    pairs.forEach(([i, j], k) => {
      const [first, end] = [pairs.length, pairs.length + size];
      const about = m[first + i]! * m[end + j]! - m[first + j]! * m[end + i]!;
      const area = (m[k]! - about) / (2 * lag);
      along += area * expected[k]!;
      square += area * area;
    });
    return { along, square };
  };
  const estimate = (f: (found: ReturnType<typeof project>) => number): Estimate =>
    jackknife(samples, (m) => f(project(m)), { biasCorrected: true });
  return {
    planes: pairs.map(([i, j], k) => ({
      ...{ i, j, expected: expected[k]! },
      area: areaRate(record, { condition, lag, i, j }),
    })),
    correlation: estimate(({ along, square }) => along / Math.sqrt(square * power)),
    slope: estimate(({ along }) => along / power),
  };
}

/** Per replica: twice the areas about the reference point, then first moments of origins and of ends. */
function areaColumns(
  record: MomentsRecord,
  pairs: readonly (readonly [number, number])[],
  condition: number,
  lag: number,
) {
  const columns = momentColumns(
    "areaAgreement",
    record,
    condition,
    lagIndex("areaAgreement", record, lag),
  );
  const size = record.coordinates.length;
  const { replicas } = columns;
  const k = pairs.length + 2 * size;
  const data = new Float64Array(replicas * k);
  for (let r = 0; r < replicas; r += 1) {
    const own = [
      ...pairs.map(([i, j]) => columns.second(r, i, j) - columns.second(r, j, i)),
      ...Array.from({ length: size }, (_, i) => columns.first(r, i)),
      ...Array.from({ length: size }, (_, i) => columns.firstEnd(r, i)),
    ];
    data.set(own, r * k);
  }
  return { data, replicas, k };
}
