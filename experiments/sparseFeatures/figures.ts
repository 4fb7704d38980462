/** Figures of card 4A: sparsity against the learning rate, sorted |β|, loss over time. */
import { type Estimate, replicaMean } from "../../analysis/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import type { RateMeasures, Sparsity } from "./measures.ts";
import { lengthsOf, type SparseSettings } from "./settings.ts";

export interface Compared {
  readonly sgd: readonly RateMeasures[];
  readonly descent: RateMeasures;
}

const meanOf = ({ sparsity }: RateMeasures, measure: keyof Sparsity): Estimate =>
  estimateOf(() => replicaMean(sparsity[measure]));

/** SGD at its rates, and gradient descent at its own. */
function against({ sgd, descent }: Compared, measure: keyof Sparsity): Mark[] {
  const points = (label: string, rates: readonly RateMeasures[]): Mark => {
    const shown = rates
      .map((one) => ({ rate: one.rate, ...meanOf(one, measure) }))
      .filter(({ value }) => Number.isFinite(value))
      .sort((a, b) => a.rate - b.rate);
    return {
      kind: "points",
      label,
      role: "measured",
      x: shown.map(({ rate }) => rate),
      y: shown.map(({ value }) => value),
      standardError: shown.map(({ standardError }) => standardError),
    };
  };
  return [points("SGD", sgd), points("gradient descent", [descent])];
}

const sets = ({ dataSeeds, inputs, samples, teachers }: SparseSettings): string =>
  `${dataSeeds} data sets of ${samples} samples in ${inputs} dimensions, ${teachers} of them in the teacher`;

export function sparsityFigures(p: SparseSettings, compared: Compared): Figure[] {
  const figure = (
    id: string,
    title: string,
    measure: keyof Sparsity,
    label: string,
    unit?: string,
  ): Figure => ({
    id,
    title,
    caption: `Means of ${sets(p)}, without those that diverged. Bars are one standard error over data sets.`,
    x: { label: "learning rate γ", unit: "θ²/loss" },
    y: { label, ...(unit !== undefined && { unit }) },
    marks: against(compared, measure),
  });
  return [
    figure(
      "nonzero",
      "Elements of β that are not zero",
      "nonzero",
      `elements above ${p.threshold}`,
    ),
    figure("l1", "L1 norm of β", "l1", "Σ|β|", "β"),
  ];
}

export function magnitudeFigure(p: SparseSettings, { sgd, descent }: Compared): Figure {
  const x = Array.from({ length: p.inputs }, (_, i) => i + 1);
  const line = (label: string, role: Mark["role"], { magnitudes }: RateMeasures): Mark => ({
    kind: "line",
    label,
    role,
    x,
    y: [...magnitudes],
  });
  return {
    id: "magnitudes",
    title: "Elements of β in falling order",
    caption: `Mean of the largest, second largest, … |β| over ${sets(p)}, without those that diverged.`,
    x: { label: "rank" },
    y: { label: "|β|", unit: "β", scale: "log" },
    marks: [
      ...sgd
        .filter(({ magnitudes }) => magnitudes[0]! > 0)
        .map((one) => line(`γ = ${one.rate}`, "measured", one)),
      line(`gradient descent, γ = ${descent.rate}`, "theory", descent),
      {
        kind: "line",
        label: "threshold",
        role: "theory",
        x: [1, p.inputs],
        y: [p.threshold, p.threshold],
      },
    ],
  };
}

/** Losses below it are rounding of float32 residuals. */
const ROUNDING = 1e-16;

export function lossFigure(p: SparseSettings, { sgd }: Compared): Figure {
  const { every, decay } = lengthsOf(p);
  return {
    id: "loss",
    title: "Training loss",
    caption:
      `Median over ${sets(p)} that did not diverge. After ${decay} steps rates above ${p.decayAbove} are ` +
      `divided by ${p.decayFactor}; the plateau before is noise, which makes β sparse. Losses below ` +
      `${ROUNDING.toExponential()} are drawn there.`,
    x: { label: "step" },
    y: { label: "training loss", unit: "β²", scale: "log" },
    marks: sgd
      .filter(({ sparsity }) => sparsity.diverged.includes(0))
      .map(({ rate, losses, sparsity }) => ({
        kind: "line",
        label: `γ = ${rate}`,
        role: "measured",
        x: losses.map((_, t) => t * every),
        y: losses.map((at) => {
          const kept = at.filter((_, s) => sparsity.diverged[s] === 0).sort();
          return Math.max(ROUNDING, kept[Math.floor(kept.length / 2)]!);
        }),
      })),
  };
}
