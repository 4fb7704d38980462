/** What theory says of the Ornstein–Uhlenbeck reference: numbers, and fields on its grid. */
import { ArgumentError } from "../../engine/errors.ts";
import {
  areaVarianceRate,
  type CellAxis,
  gaussianCells,
  type LinearStep,
  linearFaceCurrent,
  linearStep,
  type OrnsteinUhlenbeck,
  ornsteinUhlenbeck,
  sampledOrnsteinUhlenbeck,
} from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import { type OuSettings, ouProcess } from "./settings.ts";

export interface OuTheory {
  /** Of the states that are seen, dt apart. */
  readonly sampled: OrnsteinUhlenbeck;
  /** Of the process in continuous time. */
  readonly continuous: OrnsteinUhlenbeck;
  /** Does anything flow? */
  readonly flows: boolean;
  /** Averages over the cells, exact at dt: [cell] and [component, cell]. */
  readonly density: Float64Array;
  readonly current: Float64Array;
  /** Through faces, by straight lines between states: [faces along x, then along y]. */
  readonly faces: Float64Array;
  /** p(x) Ω x of the continuous process at the cells' centers: what a textbook would compare with. */
  readonly naiveCurrent: Float64Array;
  /** p(x) A x averaged over the cells, the size of displacements where nothing flows. */
  readonly drift: Float64Array;
  /** Factor of the area rate in the entropy production ν·D⁻¹∘dx of a trajectory, ν = Ω x. */
  readonly trajectoryFactor: number;
  /** Eigenvalues of A turn by less than half a turn in dt, and leave something to fit. */
  readonly canFit: boolean;
}

export interface OuPlan {
  readonly step: LinearStep;
  readonly grid: readonly [CellAxis, CellAxis];
  /** Observed states of each replica. */
  readonly steps: number;
  readonly exact: OuTheory | null;
  readonly warnings: readonly string[];
}

/** Relative size below which a rate is the rounding of one that is zero. */
const ROUNDING = 1e-12;

/** Automatic steps. A fit's D is off by the states at the ends, 1/steps of all: hence the least. */
const [LEAST_STEPS, MOST_STEPS] = [4000, 40_000];

export function ouPlan(p: OuSettings): OuPlan {
  if (p.paths > 0 && p.neighborLag >= p.pathSteps) {
    throw new ArgumentError(
      `neighborLag: ${p.neighborLag} steps in paths of ${p.pathSteps} states; give less than pathSteps.`,
    );
  }
  const matrices = ouProcess(p);
  const options = { ...matrices, timeStep: p.timeStep, integrator: p.integrator };
  const step = linearStep(options);
  const { exact: states, warnings } = predictionOf(() => ({
    sampled: sampledOrnsteinUhlenbeck(options),
    continuous: ornsteinUhlenbeck(matrices),
  }));
  // Without a stationary state: what diffusion alone reaches in a unit of time.
  const variances = [0, 1].map(
    (k) => (states ? states.sampled.covariance : matrices.diffusion)[k]![k]!,
  );
  const grid = variances.map((variance): CellAxis => {
    const reach = p.reach * Math.sqrt(variance);
    return { from: -reach, to: reach, bins: p.bins };
  }) as unknown as [CellAxis, CellAxis];
  const exact = states && theoryOf(p, states, grid);
  const steps = p.steps === "auto" ? automaticSteps(p, exact) : p.steps;
  return { step, grid, steps, exact, warnings };
}

/** Steps that make the area rate's relative standard error `precision`, within the bounds. */
function automaticSteps(p: OuSettings, exact: OuTheory | null): number {
  if (!exact?.flows) return LEAST_STEPS;
  const area = exact.continuous.areaRate[0]![1]!;
  const rate = areaVarianceRate(ouProcess(p));
  const steps = rate / ((p.precision * area) ** 2 * p.replicas * p.timeStep);
  return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, Math.ceil(steps)));
}

function theoryOf(
  p: OuSettings,
  states: { sampled: OrnsteinUhlenbeck; continuous: OrnsteinUhlenbeck },
  grid: readonly [CellAxis, CellAxis],
): OuTheory {
  const { drift, diffusion } = ouProcess(p);
  const { timeStep, integrator } = p;
  const [[a11, a12], [a21, a22]] = drift;
  const size = Math.max(...drift.flat().map(Math.abs));
  const scale =
    size * Math.sqrt(states.continuous.covariance[0]![0]! * states.continuous.covariance[1]![1]!);
  const flows = Math.abs(states.continuous.areaRate[0]![1]!) > ROUNDING * scale;
  const sampled = flows ? states.sampled : still(states.sampled);
  const continuous = flows ? states.continuous : still(states.continuous);
  const { density, firstMoments } = gaussianCells(sampled.covariance, grid);
  const cells = density.length;
  const linear = (rows: readonly (readonly number[])[], moments: Float64Array): Float64Array =>
    Float64Array.from({ length: 2 * cells }, (_, n) => {
      const [a, b] = rows[Math.floor(n / cells)]!;
      return a! * moments[n % cells]! + b! * moments[cells + (n % cells)]!;
    });
  const determinant = diffusion[0][0] * diffusion[1][1] - diffusion[0][1] ** 2;
  const [[o11, o12], [o21, o22]] = continuous.circulation as [[number, number], [number, number]];
  // M = Ωᵀ D⁻¹, of which ½⟨(x + x')·M (x' − x)⟩ takes the antisymmetric part.
  const m12 = (-o11 * diffusion[0][1] + o21 * diffusion[0][0]) / determinant;
  const m21 = (o12 * diffusion[1][1] - o22 * diffusion[0][1]) / determinant;
  // Eigenvalues of A: mean ± √square.
  const mean = (a11 + a22) / 2;
  const square = ((a11 - a22) / 2) ** 2 + a12 * a21;
  const turn = Math.sqrt(Math.max(0, -square)) * p.timeStep;
  const decay = (mean + Math.sqrt(Math.max(0, square))) * p.timeStep;
  return {
    sampled,
    continuous,
    flows,
    density,
    current: linear(sampled.circulation, firstMoments),
    faces: linearFaceCurrent({ drift, diffusion, timeStep, integrator }, grid),
    naiveCurrent: linear(continuous.circulation, centers(continuous, grid)),
    drift: linear(drift, firstMoments),
    trajectoryFactor: m12 - m21,
    canFit: p.integrator === "exact" && turn < 0.9 * Math.PI && decay < 2,
  };
}

/** The same state with rates that are exactly zero. */
function still(state: OrnsteinUhlenbeck): OrnsteinUhlenbeck {
  const zeros = [
    [0, 0],
    [0, 0],
  ];
  return { ...state, circulation: zeros, areaRate: zeros, entropyProduction: 0 };
}

/** p x and p y at the cells' centers, [component, cell]. */
function centers(
  { covariance }: OrnsteinUhlenbeck,
  grid: readonly [CellAxis, CellAxis],
): Float64Array {
  const [x, y] = grid;
  const [[sxx, sxy], [, syy]] = covariance as [[number, number], [number, number]];
  const determinant = sxx * syy - sxy * sxy;
  const at = ({ from, to, bins }: CellAxis, k: number): number =>
    from + ((k + 0.5) * (to - from)) / bins;
  const cells = x.bins * y.bins;
  const moments = new Float64Array(2 * cells);
  for (let cell = 0; cell < cells; cell++) {
    const [u, v] = [at(x, Math.floor(cell / y.bins)), at(y, cell % y.bins)];
    const square = (syy * u * u - 2 * sxy * u * v + sxx * v * v) / determinant;
    const density = Math.exp(-square / 2) / (2 * Math.PI * Math.sqrt(determinant));
    moments[cell] = density * u;
    moments[cells + cell] = density * v;
  }
  return moments;
}
