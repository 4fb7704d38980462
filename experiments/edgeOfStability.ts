/**
 * Card 4C: gradient descent at the edge of stability and beyond, on ½(uw − 1)²: where float32 and
 * float64 follow the same trajectory, and where only their distributions agree.
 *
 * From u = w the dynamics is the cubic map u' = (1 + η)u − ηu³ (models/theory/balancedMap.ts). Lyapunov
 * exponents of the map in float64 and of the ensemble on the device, from the same starts.
 */
import { type Estimate, replicaMean } from "../analysis/index.ts";
import { comparable } from "./comparable.ts";
import { bifurcationFigure, exponentFigure, partingFigure } from "./edgeOfStability/figures.ts";
import {
  type Averaged,
  type DeviceOrbits,
  deviceOrbits,
  type ExactOrbits,
  exactOrbits,
  type OrbitAverages,
  orbitWork,
  setup,
} from "./edgeOfStability/orbits.ts";
import { exponentPrediction } from "./edgeOfStability/predictions.ts";
import {
  checkStarts,
  EARLY_WINDOW,
  type EdgeSettings,
  edgeSettings,
  longWindow,
} from "./edgeOfStability/settings.ts";
import { coalescedMean, type DistinctStates } from "./edgeOfStability/states.ts";
import { type Parting, partings } from "./edgeOfStability/trajectories.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { estimateOf } from "./outcome.ts";
import { Stages } from "./stages.ts";
import { F32 } from "./systematic.ts";

/** Unit roundoff of float64. */
const F64 = 2 ** -53;
/** Bound on the distance of trajectories beyond which a claim would be empty. */
const EMPTY = 1e-2;

export const edgeOfStability: Experiment<typeof edgeSettings> = {
  id: "edge-of-stability",
  title: "Numerical sensitivity at the edge of stability",
  card: "4C",
  sources: [
    "arXiv 2206.02001 for the question; the map is derived in models/theory/balancedMap.ts",
  ],
  summary:
    "Gradient descent on ½(uw − 1)² from many balanced starts. Lyapunov exponents against closed " +
    "forms at the minimum, on the two-cycle and at the Chebyshev point η = 2; trajectories of the device " +
    "against float64 where the exponent is negative, distributions where it is positive.",
  parameters: edgeSettings,
  quick: { replicas: 200 },
  explain: (p) => {
    const { data, ...setting } = setup(p);
    return [{ ...setting, samples: data.samples }];
  },
  async run(p, context) {
    checkStarts(p);
    const window = longWindow(p);
    const work = orbitWork(p, window) + orbitWork(p, EARLY_WINDOW);
    const stages = await Stages.open(context, work);
    const early = await deviceOrbits(p, EARLY_WINDOW, stages, context);
    const device = await deviceOrbits(p, window, stages, context);
    const { partings: found, record } = await partings(p, stages, context);
    const rows: Row[] = [];
    for (const [c, eta] of p.learningRates.entries()) {
      await stages.pause();
      const exact = exactOrbits(p, window, eta, context.seed);
      const row = rowOf(p, eta, exact, device.averages[c]!, device.states[c]!);
      const compared =
        row.verdict === "chaotic"
          ? distributionQuantities(
              eta,
              exactOrbits(p, EARLY_WINDOW, eta, context.seed),
              early.averages[c]!,
              early.states[c]!,
            )
          : [];
      const path = partingQuantities(eta, found[c]!, row.verdict);
      rows.push({ ...row, quantities: [...row.quantities, ...compared, ...path] });
    }
    const all = comparable(
      rows.flatMap(({ quantities }) => quantities),
      { replicas: p.replicas },
    );
    return {
      quantities: all.quantities,
      warnings: [
        ...all.warnings,
        ...rows.flatMap(({ warnings }) => warnings),
        ...escapeWarnings(p, rows),
        ...coalescenceWarnings(rows),
        ...frozenWarnings(found),
        ...imbalanceWarnings(device),
      ],
      figures: [
        exponentFigure(
          p,
          rows.map((row) => row.device),
        ),
        await bifurcationFigure(p, stages, context),
        partingFigure(p, found),
      ],
      records: { orbits: device.record, early: early.record, path: record },
    };
  },
};

interface Row {
  readonly eta: number;
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly verdict: Verdict;
  /** The device's exponent; null where no replica is left. */
  readonly device: Estimate | null;
  readonly states: DistinctStates;
  /** Orbits that left, by arithmetic. */
  readonly lost: Readonly<Record<"float64" | "device", number>>;
}

const escaped = (values: Float64Array): number =>
  values.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);

function rowOf(
  p: EdgeSettings,
  eta: number,
  exact: ExactOrbits,
  device: OrbitAverages,
  states: DistinctStates,
): Row {
  const lost = { float64: escaped(exact.product), device: escaped(device.product) };
  const inFloat64 = exponentOf(exact.everyStep, replicaMean);
  // An exponent of −∞ has no mean, and is as stable as can be.
  const verdict = exact.everyStep.includes(-Infinity) ? "stable" : chaos(inFloat64);
  const onDevice = exponentOf(device.exponent, (values) =>
    verdict === "chaotic" ? coalescedMean(values, "exponent", states) : replicaMean(values),
  );
  const exponents = [
    exponentQuantity(p, eta, "float64", inFloat64, lost.float64),
    exponentQuantity(p, eta, "device", onDevice, lost.device),
  ];
  return {
    eta,
    quantities: exponents.flatMap(({ quantities }) => quantities),
    warnings: [...new Set(exponents.flatMap(({ warnings }) => warnings))],
    verdict,
    device: onDevice,
    states,
    lost,
  };
}

/** Null where no orbit is left, or one met a slope of exactly 0. */
const exponentOf = (
  values: Float64Array,
  mean: (values: Float64Array) => Estimate,
): Estimate | null => {
  if (values.includes(-Infinity) || !values.some(Number.isFinite)) return null;
  const estimate = estimateOf(() => mean(values));
  // Orbits on the same cycle differ by rounding, which is no sampling error.
  const isExact = estimate.standardError <= F32 * Math.abs(estimate.value);
  return isExact ? { ...estimate, standardError: 0 } : estimate;
};

function escapeWarnings(p: EdgeSettings, rows: readonly Row[]): string[] {
  const list = rows.flatMap(({ eta, lost }) =>
    lost.float64 + lost.device === 0
      ? []
      : [`η = ${eta} (float64 ${lost.float64}, device ${lost.device} of ${p.replicas})`],
  );
  return list.length === 0
    ? []
    : [
        `orbits escaped at ${list.join(", ")}; nothing is predicted for those that are left, which are a ` +
          "selection: they stay bounded up to η = 2 for starts below √(1 + 2/η), but at η = 2 rounding " +
          "can lead out",
      ];
}

/** Replicas that are fewer than they seem. */
function coalescenceWarnings(rows: readonly Row[]): string[] {
  const list = rows
    .filter(({ verdict, states }) => verdict === "chaotic" && states.records > 0)
    .filter(({ states: { records, effective } }) => effective < 0.5 * records)
    .map(
      ({ eta, states: { records, effective } }) =>
        `${Math.round(effective)} of ${records} at η = ${eta}`,
    );
  return list.length === 0
    ? []
    : [
        `orbits in float32 run into each other: distinct states among the device's records are ` +
          `${list.join(", ")}; its error bars are those of the distinct states, not of the replicas`,
      ];
}

const frozenWarnings = (found: readonly Parting[]): string[] => {
  const list = found.filter(({ frozen }) => frozen >= 0);
  if (list.length === 0) return [];
  const where = list.map(({ learningRate, frozen }) => `η = ${learningRate} (step ${frozen})`);
  return [`the compared trajectory left the bounds at ${where.join(", ")} and is not compared`];
};

type Verdict = "chaotic" | "stable" | "undecided";

/** By the sign of the exponent, where it is known from its error. */
function chaos(exponent: Estimate | null): Verdict {
  if (exponent === null) return "undecided";
  const error = 4 * exponent.standardError;
  if (exponent.value > error) return "chaotic";
  return exponent.value < -error ? "stable" : "undecided";
}

function exponentQuantity(
  p: EdgeSettings,
  eta: number,
  arithmetic: "float64" | "device",
  estimate: Estimate | null,
  lost: number,
): { quantities: Quantity[]; warnings: string[] } {
  const unit = arithmetic === "device" ? F32 : F64;
  const { value, systematic, warning } = exponentPrediction(p, eta, unit);
  const warnings = warning === null ? [] : [warning];
  if (estimate === null) return { quantities: [], warnings };
  // Where trajectories meet, replicas scatter by rounding and by what is left of their starts: the bound.
  const isBounded = value !== null && estimate.standardError <= systematic;
  const quantity = {
    name: `exponent, ${arithmetic}`,
    condition: { learningRate: eta },
    estimate: isBounded ? { ...estimate, standardError: 0 } : estimate,
    unit: "per step",
    predicted: lost === 0 ? value : null,
    systematic,
  };
  return { quantities: [quantity], warnings };
}

/** Device minus float64: two independent means, as chaos makes them. */
function distributionQuantities(
  eta: number,
  exact: ExactOrbits,
  device: OrbitAverages,
  states: DistinctStates,
): Quantity[] {
  // Those that are left after an escape are a selection.
  if (escaped(exact.product) + escaped(device.product) > 0) return [];
  const difference = (name: string, key: Averaged, unit: string): Quantity => {
    const a = estimateOf(() => coalescedMean(device[key], key, states));
    const b = estimateOf(() => replicaMean(exact[key]));
    return {
      name: `${name}, device - float64`,
      condition: { learningRate: eta },
      estimate: {
        value: a.value - b.value,
        standardError: Math.hypot(a.standardError, b.standardError),
        n: a.n,
        method: `${a.method}; minus float64, ${b.method}`,
        warnings: [],
      },
      unit,
      predicted: 0,
      systematic: 0,
    };
  };
  return [
    difference("exponent", "exponent", "per step"),
    difference("<uw>", "product", "θ²"),
    difference("<(uw)²>", "square", "θ⁴"),
  ];
}

function partingQuantities(eta: number, parting: Parting, verdict: Verdict): Quantity[] {
  const { distance, bound, apart, frozen } = parting;
  if (frozen >= 0 || distance.length === 0) return [];
  const claimed = verdict === "stable" && bound < EMPTY;
  const quantity = (name: string, value: number, unit: string, claim: boolean): Quantity => ({
    name,
    condition: { learningRate: eta },
    estimate: exactly(value, "one deterministic trajectory"),
    unit,
    predicted: claim ? 0 : null,
    systematic: claim ? bound : 0,
  });
  const largest = distance.reduce((most, value) => Math.max(most, value), 0);
  const quantities = [quantity("largest |uw device - uw float64|", largest, "θ²", claimed)];
  if (apart !== null) quantities.push(quantity("step of parting by 0.1", apart, "steps", false));
  return quantities;
}

const imbalanceWarnings = ({ imbalance }: DeviceOrbits): string[] =>
  imbalance > 0
    ? [
        `u and w came apart by ${imbalance.toPrecision(2)} on the device: its kernel rounds them ` +
          "differently, and the exponent is that of the one-dimensional map only to that order",
      ]
    : [];
