/** The pictures of card A7: divergence against learning rate and against cost, measured over exact. */
import type { PosteriorMoments, PosteriorSampler, RegressionData } from "../../models/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { type ChainName, EXACT_ONLY, isFullBatch, isSimulated, titleOf } from "./chains.ts";
import { type ExactPoint, type ExactSettings, exactCurve } from "./exact.ts";
import { isResolved, type MeasuredDivergence } from "./quantities.ts";

interface Curve {
  readonly sampler: PosteriorSampler;
  readonly points: readonly ExactPoint[];
}

const RATE = { label: "learning rate η per gradient", unit: "θ²/loss", scale: "log" } as const;

/** A curve as far as larger steps make relaxation cheaper: beyond, it only turns back. */
const cheaper = ({ sampler, points }: Curve): Curve => {
  const end = points.findIndex(
    ({ law }, i) => i > 0 && law.relaxationRate < points[i - 1]!.law.relaxationRate,
  );
  return { sampler, points: end < 0 ? points : points.slice(0, end) };
};

/** Lines of all samplers; those that are simulated share a label, their points tell them apart. */
const theory = (
  curves: readonly Curve[],
  x: (point: ExactPoint, sampler: PosteriorSampler) => number,
): Mark[] =>
  curves.map(({ sampler, points }) => ({
    kind: "line",
    label: isSimulated(sampler) ? "exact" : `exact, ${titleOf(sampler)}`,
    role: "theory",
    x: points.map((point) => x(point, sampler)),
    y: points.map(({ law }) => law.kl),
  }));

const byName = (all: readonly MeasuredDivergence[], sampler: PosteriorSampler) =>
  all.filter(({ measured }) => measured.chain.name === sampler);

const measured = (
  samplers: readonly PosteriorSampler[],
  all: readonly MeasuredDivergence[],
  x: (one: MeasuredDivergence) => number,
): Mark[] =>
  samplers.filter(isSimulated).map((sampler) => {
    const points = byName(all, sampler).filter(({ estimate }) => estimate.value > 0);
    return {
      kind: "points",
      label: titleOf(sampler),
      role: "measured",
      x: points.map(x),
      y: points.map(({ estimate }) => estimate.value),
      standardError: points.map(({ estimate }) => estimate.standardError),
    };
  });

export function sgworldFigures(
  p: ExactSettings & { readonly replicas: number },
  posterior: RegressionData,
  all: readonly MeasuredDivergence[],
): Figure[] {
  const curves = p.samplers.map((sampler) => ({
    sampler,
    points: exactCurve(sampler, posterior, p),
  }));
  const samples = posterior.targets.length;
  const cost = ({ relaxationRate }: PosteriorMoments, name: PosteriorSampler | ChainName) =>
    (isFullBatch(name) ? samples : p.batchSize) / relaxationRate;
  const setting = `Batches of ${p.batchSize}, temperature ${p.temperature}`;
  const only = p.samplers.filter((sampler) => !isSimulated(sampler)).map((s) => EXACT_ONLY[s]);
  const unsimulated =
    only.length === 0 ? "" : ` Known as exact curves only, not simulated: ${only.join("; ")}.`;
  const kl = { label: "KL(sampled ‖ posterior)", unit: "nats", scale: "log" } as const;
  const figures: Figure[] = [
    {
      id: "kl",
      title: "Distance from the posterior against the learning rate",
      caption:
        `${setting}. KL of the stationary Gaussian at cycle ends; lines from the exact map of moments, ` +
        `points from ${p.replicas} replicas with one standard error. Powers: 2 for Euler's step, with ` +
        `and without batch noise, 4 for Heun and UBU with symmetric batches.${unsimulated}`,
      x: RATE,
      y: kl,
      marks: [
        ...theory(curves, ({ learningRate }) => learningRate),
        ...measured(p.samplers, all, ({ measured: { learningRate } }) => learningRate),
      ],
    },
    {
      id: "efficiency",
      title: "Distance from the posterior against cost",
      caption: `${setting}. Cost: gradients of single samples in a relaxation time of the slowest mean. Lines end where larger steps relax no faster.${unsimulated}`,
      x: { label: "gradients of single samples per relaxation time", scale: "log" },
      y: kl,
      marks: [
        ...theory(curves.map(cheaper), ({ law }, sampler) => cost(law, sampler)),
        ...measured(p.samplers, all, ({ measured: { chain } }) => cost(chain.exact, chain.name)),
      ],
    },
  ];
  const ratio = ratioFigure(p, all);
  return ratio === null ? figures : [...figures, ratio];
}

/** Measured over exact KL where it is resolved; neighbors stand a little apart. */
function ratioFigure(
  p: ExactSettings & { readonly replicas: number },
  all: readonly MeasuredDivergence[],
): Figure | null {
  const shown = all.filter((one) => one.measured.chain.asked && isResolved(one));
  if (shown.length === 0) return null;
  const samplers = p.samplers.filter(isSimulated);
  const apart = (k: number): number => 1.05 ** (k - (samplers.length - 1) / 2);
  const rates = shown.map(({ measured: { learningRate } }) => learningRate);
  return {
    id: "kl-ratio",
    title: "Measured over exact divergence",
    caption:
      `Where KL is at least 8 standard errors. ${p.replicas} replicas, sharpened by control variates; ` +
      "bars are one standard error; points of one learning rate are drawn side by side.",
    x: RATE,
    y: { label: "measured / exact KL" },
    marks: [
      {
        kind: "line",
        label: "exact",
        role: "theory",
        x: [Math.min(...rates) / 1.5, Math.max(...rates) * 1.5],
        y: [1, 1],
      },
      ...samplers.map((sampler, k): Mark => {
        const points = byName(shown, sampler);
        return {
          kind: "points",
          label: titleOf(sampler),
          role: "measured",
          x: points.map(({ measured: { learningRate } }) => learningRate * apart(k)),
          y: points.map(({ estimate, exact }) => estimate.value / exact),
          standardError: points.map(({ estimate, exact }) => estimate.standardError / exact),
        };
      }),
    ],
  };
}
