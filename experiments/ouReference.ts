/**
 * Card E1: an Ornstein–Uhlenbeck process in the plane, sampled exactly, on which every estimator of
 * density, current and entropy production has a known answer, at any dt.
 *
 * dx = −A x dt + √(2D) dW as SGD: the loss detach(B x)·x has the gradient B x, B no Hessian, and noise
 * of covariance N/dt is added to it; with learning rate dt, x' = x − dt B x + N(0, dt N) is the
 * process seen every dt. Predictions are those of the states dt apart; what is fitted is of the
 * continuous process.
 */
import {
  areaRate,
  type CurrentField,
  covariance,
  currentField,
  densityField,
  type Estimate,
  faceCurrent,
  fieldDistance,
  fieldError,
  fieldSlope,
  type OrnsteinUhlenbeckFit,
  ornsteinUhlenbeckFit,
  scaled,
  stationaryEntropy,
} from "../analysis/index.ts";
import { fixed } from "../engine/initial.ts";
import { crossings } from "../engine/observe/crossings.ts";
import { density } from "../engine/observe/density.ts";
import { flux } from "../engine/observe/flux.ts";
import { moments } from "../engine/observe/moments.ts";
import { series } from "../engine/observe/series.ts";
import type { SeriesRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { RecordOf } from "../engine/run/ensemble.ts";
import { gaussianAt } from "../engine/start/gaussianAt.ts";
import { sgd } from "../engine/update/sgd.ts";
import { linearDrift } from "../models/linearDrift.ts";
import { comparable } from "./comparable.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { boundQuantities, boundsFigure } from "./ouReference/bounds.ts";
import { cellFigures } from "./ouReference/figures.ts";
import { type OuSettings, ouSettings } from "./ouReference/settings.ts";
import { type OuPlan, ouPlan } from "./ouReference/theory.ts";
import { divergenceWarnings, estimateOf } from "./outcome.ts";
import { Stages } from "./stages.ts";
import { F32_BLOCK_SUM } from "./systematic.ts";

const [X, Y] = ["x[0]", "x[1]"] as const;

function setup(p: OuSettings, { step, grid }: OuPlan) {
  const axes = [X, Y].map((of, k) => ({ of, ...grid[k]! }));
  return {
    ...linearDrift(step.drift),
    sampling: "fullBatch" as const,
    update: sgd({ learningRate: p.timeStep, gradientNoise: 1 }),
    noiseCovariance: step.noise.map((row) => row.map((entry) => entry / p.timeStep)),
    replicas: p.replicas,
    observables: {
      moments: moments({ lags: [1] }),
      density: density({ axes }),
      flux: flux({ axes }),
      crossings: crossings({ axes }),
    },
  };
}

type Records = RecordOf<ReturnType<typeof setup>["observables"]>;

/** The same process in replicas of their own, each state kept. */
const pathSetup = (p: OuSettings, plan: OuPlan) => ({
  ...setup(p, plan),
  replicas: { first: p.replicas, count: p.paths },
  observables: { path: series({ of: [X, Y] }) },
});

export const ouReference: Experiment<typeof ouSettings> = {
  id: "ou-reference",
  title: "Ornstein–Uhlenbeck process in the plane",
  card: "E1",
  sources: [
    "C. Godrèche, J.-M. Luck, J. Phys. A 52, 035002 (2019)",
    "Machine learning in and out of equilibrium, arXiv 2306.03521",
  ],
  summary:
    "A linear drift that is no gradient, with noise: the process whose density, current, area rate " +
    "and entropy production are all known. Density and midpoint current are counted on a grid and " +
    "compared cell by cell with what the sampled process has there; the area rate and entropy " +
    "production of the states are those at finite dt, the fitted ones those of the continuous " +
    "process. Bounds that know no model stand beside them: the best linear current, the cells, " +
    "nearest neighbors. Where A D is symmetric nothing flows, and nothing may be seen to flow.",
  parameters: ouSettings,
  quick: { replicas: 4000, steps: 600, paths: 1000, pathSteps: 200 },
  explain: (p) => {
    const { data, ...setting } = setup(p, ouPlan(p));
    return [{ ...setting, samples: data.samples }];
  },
  async run(p, context) {
    const plan = ouPlan(p);
    const { exact } = plan;
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p, plan),
      seed: context.seed,
      initial: exact ? gaussianAt({ covariance: exact.sampled.covariance }) : fixed(0),
    });
    const work = 400;
    const pathSteps = p.paths > 0 && exact ? p.burnIn + p.pathSteps : 0;
    const stages = await Stages.open(
      context,
      ((p.burnIn + plan.steps) * ensemble.lanes + pathSteps * p.paths) * work,
    );
    const { observed } = await stages.run({
      ...{ label: "process", ensemble, work },
      burnIn: p.burnIn,
      steps: plan.steps,
    });
    const path = pathSteps > 0 ? await keptPaths(p, plan, context, stages) : null;
    const fields = quantitiesOfFields(p, plan, observed);
    const bounds = exact ? boundQuantities(p, exact, fields, path) : [];
    const states = [...quantitiesOfStates(p, plan, observed), ...bounds];
    const all = [...states, ...fields.quantities];
    const { quantities, warnings } = comparable(all, { replicas: p.replicas });
    const caption =
      `${p.integrator === "exact" ? "Exactly sampled" : "Euler's scheme"} at dt = ${p.timeStep}, ` +
      `${p.replicas} replicas observed for ${plan.steps} steps.`;
    return {
      quantities,
      warnings: [
        ...plan.warnings,
        ...fields.warnings,
        ...warnings,
        ...(exact && !exact.canFit ? [NO_FIT] : []),
        ...divergenceWarnings(observed.run),
      ],
      figures: [
        comparison(quantities, caption),
        ...fields.figures,
        ...(exact ? boundsFigure(states, exact) : []),
      ],
      records: { process: observed },
    };
  },
};

async function keptPaths(
  p: OuSettings,
  plan: OuPlan,
  context: RunContext,
  stages: Stages,
): Promise<SeriesRecord> {
  await using ensemble = await createEnsemble(context.device, {
    ...pathSetup(p, plan),
    seed: context.seed,
    initial: gaussianAt({ covariance: plan.exact!.sampled.covariance }),
  });
  const { observed } = await stages.run({
    ...{ label: "paths", ensemble, work: 400 },
    burnIn: p.burnIn,
    steps: p.pathSteps,
  });
  return observed.path;
}

const NO_FIT =
  "the fit is of a process in continuous time: without prediction under Euler's scheme, where A " +
  "turns half a turn or more in dt, and where states dt apart hardly remember each other";

/** A quantity, whose prediction and systematic error relative to `size` may be left out. */
function quantity(
  name: string,
  estimator: () => Estimate,
  predicted: number | undefined,
  unit: string,
  size = 0,
): Quantity {
  const estimate = estimateOf(estimator);
  return {
    name,
    condition: {},
    estimate,
    unit,
    // States that no continuous process has leave nothing to compare.
    predicted: Number.isNaN(estimate.value) ? null : (predicted ?? null),
    // Sums of products in float32.
    systematic: F32_BLOCK_SUM * size,
  };
}

function quantitiesOfStates(p: OuSettings, { exact }: OuPlan, observed: Records): Quantity[] {
  const record = observed.moments;
  const { timeStep } = p;
  const sampled = exact?.sampled;
  const fitted = exact?.canFit ? exact.continuous : undefined;
  const S = sampled?.covariance;
  const deviation = [0, 1].map((k) => Math.sqrt(S?.[k]?.[k] ?? 0)) as [number, number];
  const area = (): Estimate => scaled(areaRate(record, { i: X, j: Y }), 1 / timeStep);
  const rate = sampled?.areaRate[0]?.[1];
  const linear = (of: (process: OrnsteinUhlenbeckFit) => Estimate) => () =>
    of(ornsteinUhlenbeckFit(record, { i: X, j: Y, timeStep }));
  const turns = fitted && fitted.areaRate[0]![1]! / (2 * Math.PI * rootDeterminant(S!));
  const pairs = [
    [X, X, 0, 0],
    [X, Y, 0, 1],
    [Y, Y, 1, 1],
  ] as const;
  return [
    ...pairs.map(([i, j, a, b]) =>
      quantity(
        `cov(${a + 1},${b + 1})`,
        () => covariance(record, { i, j }),
        S?.[a]?.[b],
        "x²",
        deviation[a]! * deviation[b]!,
      ),
    ),
    quantity("entropy", () => stationaryEntropy(record), sampled?.entropy, "nat", 1),
    quantity("area", area, rate, "x² per time", Math.abs(rate ?? 0)),
    quantity(
      "cyclingFrequency",
      linear((one) => one.cyclingFrequency),
      turns,
      "1/time",
      Math.abs(turns ?? 0),
    ),
    quantity(
      "entropyProduction",
      linear((one) => one.entropyProduction),
      fitted?.entropyProduction,
      "nat per time",
      fitted?.entropyProduction,
    ),
    quantity(
      "entropyProduction(pairs)",
      linear((one) => one.pairEntropyProduction),
      sampled?.entropyProduction,
      "nat per time",
      sampled?.entropyProduction,
    ),
    ...(exact?.flows
      ? [
          quantity(
            "entropyProduction(trajectory)",
            () => scaled(area(), exact.trajectoryFactor),
            exact.trajectoryFactor * rate!,
            "nat per time",
            Math.abs(exact.trajectoryFactor * rate!),
          ),
        ]
      : []),
  ];
}

const rootDeterminant = (S: readonly (readonly number[])[]): number =>
  Math.sqrt(S[0]![0]! * S[1]![1]! - S[0]![1]! * S[1]![0]!);

function quantitiesOfFields({ timeStep }: OuSettings, { exact }: OuPlan, observed: Records) {
  const density = densityField(observed.density);
  const current = currentField(observed.flux, { timeStep });
  const [p, j] = [density, current];
  const { warnings } = j.significance;
  const significance = quantitiesOfTest(j);
  const fields = { density, current, warnings };
  if (exact === null) return { ...fields, quantities: significance, figures: [] };
  const { density: expected, current: flow, drift, flows, naiveCurrent, faces } = exact;
  const through = faceCurrent(observed.crossings, { timeStep });
  const scale = flows ? flow : drift;
  const quantities = [
    quantity("densitySlope", () => fieldSlope(p, expected), 1, "1"),
    quantity("densityDistance", () => fieldDistance(p, expected), 0, "relative²"),
    quantity("densityError", () => fieldError(p, expected), undefined, "relative"),
    ...(flows
      ? [
          quantity("currentSlope", () => fieldSlope(j, flow), 1, "1"),
          quantity("currentSlope(faces)", () => fieldSlope(through, faces), 1, "1"),
          quantity("currentSlope / continuous", () => fieldSlope(j, naiveCurrent), undefined, "1"),
        ]
      : []),
    quantity("currentDistance", () => fieldDistance(j, flow, scale), 0, "relative²"),
    ...(flows
      ? [quantity("currentDistance(faces)", () => fieldDistance(through, faces), 0, "relative²")]
      : []),
    quantity("currentError", () => fieldError(j, flow, scale), undefined, "relative"),
    ...significance,
  ];
  return { ...fields, quantities, figures: cellFigures(p, j, exact) };
}

/** Does anything flow? The mean square of the current's cells, and how often signs alone reach it. */
function quantitiesOfTest({ significance, n }: CurrentField): Quantity[] {
  const { statistic, standardDeviation, pValue, draws } = significance;
  const rows = [
    ["currentStatistic", statistic, standardDeviation],
    ["currentSignificance", pValue, Math.sqrt((pValue * (1 - pValue)) / draws)],
  ] as const;
  return rows.map(([name, value, standardError]) => ({
    name,
    condition: {},
    estimate: {
      ...{ value, standardError, n, warnings: [] },
      method: `${draws} sign flips of ${n} groups of replicas`,
    },
    unit: "1",
    predicted: null,
    systematic: 0,
  }));
}
