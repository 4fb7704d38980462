/**
 * Card 4B: mean-field Langevin dynamics of N particles in many independent systems; laws of a particle
 * and of the mean of its system against exact ones, and the gap to the mean-field limit term by term.
 */
import type { Device } from "../engine/device.ts";
import { gaussian } from "../engine/initial.ts";
import { moments } from "../engine/observe/moments.ts";
import type { Observables } from "../engine/observe/observation.ts";
import { series } from "../engine/observe/series.ts";
import type { RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import type { RecordOf } from "../engine/run/ensemble.ts";
import { langevin } from "../engine/update/langevin.ts";
import { meanFieldParticle, noFields } from "../models/meanFieldParticle.ts";
import { meanFieldPath, meanFieldLangevin as theory } from "../models/theory/index.ts";
import { comparison } from "./comparison.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import {
  gapFigure,
  relaxationFigure,
  termsFigure,
  uniformFigure,
} from "./meanFieldLangevin/figures.ts";
import { momentEstimates, stationaryEstimates } from "./meanFieldLangevin/measures.ts";
import {
  type Measured,
  type MeasuredAt,
  startingQuantities,
  stationaryQuantities,
} from "./meanFieldLangevin/quantities.ts";
import {
  FEWEST_SYSTEMS,
  optionsOf,
  type Planned,
  parameters,
  plan,
  RECORDS,
  type Settings,
} from "./meanFieldLangevin/settings.ts";
import { divergenceWarnings, predictionOf } from "./outcome.ts";
import { Stages } from "./stages.ts";

/** Operations of a step: two to four normal numbers. */
const WORK = 250;

const startOf = (p: Settings) => ({ mean: p.startMean, standardDeviation: p.startDeviation });

const setup = (p: Settings, { learningRate, particles }: Planned) => ({
  model: meanFieldParticle,
  sampling: "fullBatch" as const,
  update: langevin({ learningRate, temperature: p.temperature }),
  sweep: {
    gradientNoise: p.gradientNoise,
    coupling: [p.coupling],
    confinement: [p.confinement],
    targetMean: [p.target],
  },
  groupSize: particles,
});

const observed = {
  stationary: (every: number) => ({ moments: moments({ of: ["x", "mean.x"], every }) }),
  starting: (every: number) => ({ x: series({ of: "x", every }) }),
};

/** Runs one plan; bounds far beyond where a stationary system can be. */
async function simulate<O extends Observables>(
  device: Device,
  p: Settings,
  run: Planned,
  { seed }: RunContext,
  stages: Stages,
  observables: O,
): Promise<RecordOf<O>> {
  const { exact } = predictionOf(() => theory(optionsOf(p, run, Math.max(...p.gradientNoise))));
  const size = Math.hypot(p.startMean, p.startDeviation, Math.sqrt(exact?.variance ?? 0), p.target);
  const force = (Math.abs(p.coupling) + p.confinement) * size + 1;
  await using ensemble = await createEnsemble(device, {
    ...setup(p, run),
    data: noFields,
    replicas: { first: run.first, count: p.systems * run.particles },
    seed,
    initial: gaussian(startOf(p)),
    observables,
    bounds: {
      theta: Math.min(1e18, Math.max(1e6, 1e4 * size)),
      loss: Math.min(1e37, Math.max(1e12, 1e8 * force * size)),
    },
  });
  const { label, burnIn, steps, every } = run;
  const { observed: record } = await stages.run({
    ...{ label, ensemble, burnIn, steps, work: WORK },
    multiple: every,
  });
  return record;
}

function stationaryMeasures(
  p: Settings,
  run: Planned,
  record: RecordOf<ReturnType<(typeof observed)["stationary"]>>,
): { measured: Measured[]; warnings: string[] } {
  const warnings: string[] = [];
  const measured = p.gradientNoise.map((noise, c): Measured => {
    const options = optionsOf(p, run, noise);
    const found = predictionOf(() => theory(options));
    warnings.push(...found.warnings.map((text) => `${run.label}: ${text}`));
    const estimates = stationaryEstimates(record.moments, c, run.particles);
    const { burnIn, steps } = run;
    return { options, exact: found.exact, estimates, burnIn, steps };
  });
  const frozen = divergenceWarnings(record.run).map((text) => `${run.label}: ${text}`);
  return { measured, warnings: [...new Set([...warnings, ...frozen])] };
}

/** Every record after the start itself. */
function startingMeasures(
  p: Settings,
  run: Planned,
  record: RecordOf<ReturnType<(typeof observed)["starting"]>>,
): MeasuredAt[] {
  return p.gradientNoise.flatMap((noise, condition) => {
    const options = optionsOf(p, run, noise);
    return Array.from({ length: RECORDS }, (_, k): MeasuredAt => {
      const time = k + 1;
      const step = time * run.every;
      const exact = meanFieldPath(options, startOf(p), step);
      const { particles } = run;
      const at = { condition, time, particles, origin: exact.mean };
      return { options, exact, step, record: time, estimates: momentEstimates(record.x, at) };
    });
  });
}

/** Of the records that figures show, those whose numbers are compared: an early and a late one. */
const COMPARED: readonly number[] = [RECORDS / 8, RECORDS / 2];

export const meanFieldLangevin: Experiment<typeof parameters> = {
  id: "mean-field-langevin",
  title: "Mean-field Langevin dynamics of N particles",
  card: "4B",
  sources: ["T. Suzuki, D. Wu, A. Nitanda, arXiv 2306.07221"],
  summary:
    "Particles that interact through their mean, in many independent systems of each size N, with " +
    "thermal and gradient noise. The laws of a particle and of the mean are compared with exact ones at " +
    "any N and step size, from a far start to the stationary state. The gap to the mean-field limit is the " +
    "sum of three terms, of 1/N, of the learning rate and of the gradient's noise, each measured.",
  parameters,
  quick: { systems: 256, precision: 0.01 },
  explain: (p) => [
    {
      ...setup(p, plan(p).stationary[0]!),
      replicas: p.systems * p.particles[0]!,
      samples: noFields.samples,
      observables: observed.stationary(1),
    },
  ],
  async run(p, context) {
    const { stationary, starting } = plan(p);
    const work = [...stationary, ...starting].reduce(
      (sum, { particles, burnIn, steps }) => sum + particles * (burnIn + steps),
      0,
    );
    const lanes = p.systems * p.gradientNoise.length;
    const stages = await Stages.open(context, work * lanes * WORK);
    const measured: Measured[] = [];
    const warnings: string[] = [];
    const records: Record<string, RunRecord> = {};
    for (const [i, run] of stationary.entries()) {
      const asked = observed.stationary(run.every);
      const record = await simulate(context.device, p, run, context, stages, asked);
      const found = stationaryMeasures(p, run, record);
      measured.push(...found.measured);
      warnings.push(...found.warnings);
      records[`stationary${i}`] = record;
    }
    const times: MeasuredAt[] = [];
    for (const [i, run] of starting.entries()) {
      const asked = observed.starting(run.every);
      const record = await simulate(context.device, p, run, context, stages, asked);
      times.push(...startingMeasures(p, run, record));
      records[`starting${i}`] = record;
    }
    const { doubts, ...found } = results(p, measured, times);
    return { ...found, warnings: [...doubts, ...warnings], records };
  },
};

const tooFew = ({ systems }: Settings): string =>
  `no comparison: ${systems} systems are too few for standard errors to be trusted to 4 of them; give ` +
  `${FEWEST_SYSTEMS} systems or more.`;

/** A comparison of Var(x) that allows for more than its sampling error. */
function bluntness({ name, estimate, systematic, condition }: Quantity): string[] {
  const { standardError } = estimate;
  if (name !== "Var(x)" || !(systematic > 4 * standardError) || standardError === 0) return [];
  const { particles, learningRate, gradientNoise } = condition;
  return [
    `N = ${particles}, learning rate ${learningRate}, noise ${gradientNoise}: the bias of Var(x) may be ` +
      `${systematic.toPrecision(2)}, more than its sampling error ${standardError.toPrecision(2)}; raise ` +
      "burnIn, or bring target nearer to 0 (float32).",
  ];
}

function results(p: Settings, measured: readonly Measured[], times: readonly MeasuredAt[]) {
  const { compared, limits } = stationaryQuantities(measured, startOf(p));
  const started = startingQuantities(times.filter(({ record }) => COMPARED.includes(record)));
  const isFew = p.systems < FEWEST_SYSTEMS;
  const told = (quantities: readonly Quantity[]): Quantity[] =>
    quantities.map((one) => (isFew ? { ...one, predicted: null } : one));
  const caption =
    `k = ${p.coupling}, r = ${p.confinement}, λ = ${p.temperature}; ${p.systems} systems of each N = ` +
    `${p.particles.join(", ")}, learning rates ${p.learningRates.join(", ")}, noise ` +
    `${p.gradientNoise.join(", ")} in order.`;
  return {
    quantities: [...told(compared), ...told(started), ...limits],
    doubts: [...(isFew ? [tooFew(p)] : compared.flatMap(bluntness))],
    figures: [
      gapFigure(measured),
      termsFigure(measured),
      relaxationFigure(times, startOf(p)),
      uniformFigure(times, startOf(p)),
      comparison(
        compared.filter(({ name }) => name === "Var(x)"),
        caption,
      ),
    ],
  };
}
