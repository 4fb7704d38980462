/**
 * Fluctuation-dissipation relations of SGD with momentum, from accumulated moments of θ, v and G.
 *
 * v' = μv − (1 − ν)G, θ' = θ + ηv'. In a stationary state ⟨θ'θ'ᵀ⟩ = ⟨θθᵀ⟩ and ⟨θ'v'ᵀ⟩ = ⟨θvᵀ⟩ give
 *   ⟨θ_i G_j + G_i θ_j⟩ = η ((1 + μ)/(1 − ν)) ⟨v_i v_j⟩,
 * exactly, for every loss, noise and rate; ⟨G⟩ = 0 lets θ be measured from any constant c. Contracted
 * with a symmetric A: ⟨(θ−c)ᵀA G⟩ = κ⟨vᵀA v⟩, κ = (η/2)(1 + μ)/(1 − ν); A = 1 is FDR1.
 *
 * Source: S. Yaida, arXiv 1810.00004, eq. (FDR1) and (FDR2) for A = 1 and the Hessian; c and A are
 * derived here. Left out: Nesterov's step. Single trajectories: `telescoping.ts`.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { MomentsRecord } from "../engine/record.ts";
import { coordinateIndex, lagIndex, momentColumns } from "./coordinates.ts";
import type { Estimate } from "./estimate.ts";
import type { Rows } from "./lyapunov.ts";
import { ratioOfMeans } from "./ratio.ts";
import { replicaMean } from "./replicas.ts";

/** The hyperparameters of the update that the relations contain. */
export interface MomentumSettings {
  /** η > 0 */
  readonly learningRate: number;
  /** μ, default 0. */
  readonly momentum?: number;
  /** ν, default 0. */
  readonly dampening?: number;
}

export interface FluctuationChoice extends MomentumSettings {
  /** Names of θ's coordinates; `v.` and `g.` before each must be in the record too. Default: all. */
  readonly coordinates?: readonly string[];
  /** Index of the condition, default 0. */
  readonly condition?: number;
}

export interface MetricChoice extends FluctuationChoice {
  /**
   * c, [coordinate]; default 0. Fixed beforehand: a c estimated from the same record would correlate
   * with it. The error is least near ⟨θ⟩.
   */
  readonly center?: readonly number[];
  /** A, symmetric, [coordinate, coordinate]; default the identity. */
  readonly metric?: Rows;
}

/** Two sides that are equal in a stationary state. */
export interface FluctuationDissipation {
  readonly left: Estimate;
  readonly right: Estimate;
  /** left/right, paired replica by replica. */
  readonly ratio: Estimate;
  /** left − right, for sides whose mean may vanish. */
  readonly difference: Estimate;
}

/**
 * κ = (η/2)(1 + μ)/(1 − ν), in θ²/loss.
 * @throws ArgumentError unless η > 0, −1 < μ < 1 and ν < 1.
 */
export function dissipationFactor(settings: MomentumSettings): number {
  const { learningRate: eta, momentum: mu = 0, dampening: nu = 0 } = settings;
  if (!(eta > 0 && Math.abs(mu) < 1 && nu < 1)) {
    throw new ArgumentError(
      `dissipationFactor: learningRate ${eta}, momentum ${mu}, dampening ${nu} are no settings of ` +
        "SGD; give learningRate > 0, momentum in (-1, 1), dampening < 1.",
    );
  }
  return ((eta / 2) * (1 + mu)) / (1 - nu);
}

/**
 * ⟨(θ−c)ᵀA G⟩ beside κ⟨vᵀA v⟩: FDR1 (A = 1, c = 0 is the paper's O_L and O_R), its centered form, or
 * an element (i, j) of the matrix form (A_ij = A_ji = 1, else 0).
 *
 * Unit: loss, times that of A. Exact at any η in a stationary state; under laws with epochs, when
 * whole epochs are averaged. Error: scatter of the replicas' time averages. Not covered: a transient
 * left in the record, which adds the end-point terms of `telescopingResidual`.
 *
 * @throws ArgumentError when `v.` or `g.` of a coordinate or lag 0 is not in the record, or for
 *   shapes that do not fit; RefusalError when all replicas froze.
 * @see arXiv 1810.00004, FDR1; file head for c and A.
 * @example fluctuationDissipation(record.moments, { learningRate: 0.1, momentum: 0.9 }).ratio
 */
export function fluctuationDissipation(
  record: MomentsRecord,
  choice: MetricChoice,
): FluctuationDissipation {
  const where = "fluctuationDissipation";
  const kappa = dissipationFactor(choice);
  const { d, replicas, product } = phaseSpace(where, record, choice);
  const center = vector(where, "center", choice.center ?? new Array<number>(d).fill(0), d);
  const weights = entries(where, choice.metric ?? identity(d), d);
  const zero = new Array<number>(d).fill(0);
  const left = new Float64Array(replicas);
  const right = new Float64Array(replicas);
  for (let r = 0; r < replicas; r++) {
    for (const { i, j, weight } of weights) {
      left[r]! += weight * product(r, ["", i, center], ["g.", j, zero]);
      right[r]! += kappa * weight * product(r, ["v.", i, zero], ["v.", j, zero]);
    }
  }
  return sidesOf(left, right);
}

export interface QuadraticChoice extends FluctuationChoice {
  /** H of the loss that is descended, weight decay included, [coordinate, coordinate]. */
  readonly hessian: Rows;
  /** θ at which its gradient vanishes, [coordinate]. */
  readonly minimum: readonly number[];
}

/**
 * FDR2 of a quadratic loss: ⟨|∇f|²⟩ beside κ⟨vᵀH v⟩, with ∇f = H(θ − θ*) the full gradient.
 *
 * Exact at any η and momentum when the minibatch is independent of θ, so that E[G|θ] = ∇f. Batches
 * of an epoch remember which samples are left: there only `fluctuationDissipation` with metric H,
 * ⟨∇f·G⟩ = κ⟨vᵀH v⟩, is exact. Unit: (loss/θ)². Error and refusals as there.
 *
 * @see arXiv 1810.00004, FDR2 (leading order, which is all there is for a quadratic loss).
 */
export function quadraticDissipation(
  record: MomentsRecord,
  choice: QuadraticChoice,
): FluctuationDissipation {
  const where = "quadraticDissipation";
  const kappa = dissipationFactor(choice);
  const { d, replicas, product } = phaseSpace(where, record, choice);
  const minimum = vector(where, "minimum", choice.minimum, d);
  const curvature = entries(where, choice.hessian, d);
  const square = entries(where, squareOf(choice.hessian), d);
  const zero = new Array<number>(d).fill(0);
  const left = new Float64Array(replicas);
  const right = new Float64Array(replicas);
  for (let r = 0; r < replicas; r++) {
    for (const { i, j, weight } of square) {
      left[r]! += weight * product(r, ["", i, minimum], ["", j, minimum]);
    }
    for (const { i, j, weight } of curvature) {
      right[r]! += kappa * weight * product(r, ["v.", i, zero], ["v.", j, zero]);
    }
  }
  return sidesOf(left, right);
}

/** Estimates of both sides from one value of each per replica. */
export function sidesOf(left: Float64Array, right: Float64Array): FluctuationDissipation {
  return {
    left: replicaMean(left),
    right: replicaMean(right),
    ratio: ratioOfMeans(left, right),
    difference: replicaMean(left.map((value, r) => value - right[r]!)),
  };
}

/** One factor of a product: "" (θ), "v." or "g.", coordinate, and the point it is measured from. */
type Factor = readonly [prefix: "" | "v." | "g.", coordinate: number, origin: readonly number[]];

/** Second moments of a record with θ, v and G, about points of choice. */
export interface PhaseSpace {
  readonly d: number;
  readonly replicas: number;
  /** Names of the coordinates of θ. */
  readonly names: readonly string[];
  /** ⟨(z_i − a_i)(z_j − b_j)⟩ over the time of one replica; NaN when it froze. */
  readonly product: (replica: number, a: Factor, b: Factor) => number;
}

/**
 * `needed`: what each coordinate x must have beside it, its velocity v.x, its gradient g.x.
 * @throws ArgumentError when a coordinate or what it needs is not in the record.
 */
export function phaseSpace(
  where: string,
  record: MomentsRecord,
  { coordinates, condition = 0 }: Pick<FluctuationChoice, "coordinates" | "condition">,
  needed: readonly ("v." | "g.")[] = ["v.", "g."],
): PhaseSpace {
  const last = needed[needed.length - 1]!;
  const names =
    coordinates ?? record.coordinates.filter((name) => record.coordinates.includes(last + name));
  if (names.length === 0) {
    const observed = ["", ...needed].map((prefix) => `"${prefix}x"`).join(", ");
    throw new ArgumentError(
      `${where}: no coordinate x with its ${last === "g." ? "gradient g.x" : "velocity v.x"} in the ` +
        `record, which has ${record.coordinates.join(", ")}; observe moments({ of: [${observed}, …] }).`,
    );
  }
  const columns = momentColumns(where, record, condition, lagIndex(where, record, 0));
  const index = { "": [] as number[], "v.": [] as number[], "g.": [] as number[] };
  for (const name of names) {
    for (const prefix of ["", ...needed] as const) {
      index[prefix].push(coordinateIndex(where, record, `${prefix}${name}`));
    }
  }
  const product = (r: number, [pa, i, a]: Factor, [pb, j, b]: Factor): number => {
    const [za, zb] = [index[pa][i]!, index[pb][j]!];
    const [da, db] = [columns.reference(za) - a[i]!, columns.reference(zb) - b[j]!];
    return (
      columns.second(r, za, zb) + da * columns.first(r, zb) + db * columns.first(r, za) + da * db
    );
  };
  return { d: names.length, replicas: columns.replicas, names, product };
}

const identity = (d: number): number[][] =>
  Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)));

/** @throws ArgumentError unless there is one finite number for each coordinate. */
export function vector(where: string, name: string, values: readonly number[], d: number) {
  if (values.length === d && values.every(Number.isFinite)) return values;
  throw new ArgumentError(
    `${where}: ${name} is [${values.join(", ")}] for ${d} coordinates; give one finite number each.`,
  );
}

/** Entries of a symmetric matrix that are not zero. */
function entries(where: string, matrix: Rows, d: number) {
  const at = (i: number, j: number): number => matrix[i]?.[j] ?? Number.NaN;
  const found: { readonly i: number; readonly j: number; readonly weight: number }[] = [];
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      const weight = at(i, j);
      const skew = Math.abs(weight - at(j, i));
      if (!(skew <= 1e-9 * (Math.abs(at(i, i)) + Math.abs(at(j, j)) + Math.abs(weight)))) {
        throw new ArgumentError(
          `${where}: entry (${i}, ${j}) of the matrix is ${weight}, (${j}, ${i}) is ${at(j, i)}; ` +
            `give a finite symmetric matrix [${d}, ${d}].`,
        );
      }
      if (weight !== 0) found.push({ i, j, weight });
    }
  }
  return found;
}

const squareOf = (matrix: Rows): number[][] =>
  matrix.map((row) =>
    matrix.map((_, j) => row.reduce((sum, value, k) => sum + value * (matrix[k]?.[j] ?? 0), 0)),
  );
