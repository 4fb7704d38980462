/** Figures of card A3b: errors of the effective loss against η, and displacements on the device. */
import {
  type EpochLaw,
  type EpochProblem,
  effectiveDrift,
  epochSteps,
  meanEpochDisplacement,
} from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import type { Ladder } from "./orders.ts";

export function orderFigure(found: readonly Ladder[]): Figure {
  const shown = found.filter(({ errors }) => errors.every((error) => error !== 0));
  const label = ({ without }: Ladder): string =>
    without === null ? "all terms" : `without ${without}`;
  return {
    id: "orders",
    title: "Mean displacement of an epoch beside the effective loss",
    caption:
      "|exact mean − effective loss| over all orders of the batches. With all three terms the error is of order " +
      "η³; without one of them it is of order η², without the loss itself of order η. Lines have the predicted " +
      "orders and pass through the points of the smallest rate.",
    x: { label: "learning rate η", unit: "w²/loss", scale: "log" },
    y: { label: "|error|", unit: "w", scale: "log" },
    marks: [
      ...shown.map((one): Mark => {
        const [rate, error] = [one.rates.at(-1)!, Math.abs(one.errors.at(-1)!)];
        return {
          kind: "line",
          label: `order ${one.order}, ${label(one)}`,
          role: "theory",
          x: one.rates,
          y: one.rates.map((eta) => error * (eta / rate) ** one.order),
        };
      }),
      ...shown.map(
        (one): Mark => ({
          kind: "points",
          label: `${label(one)}, order ${one.limit.value.toFixed(3)}`,
          role: "measured",
          x: one.rates,
          y: one.errors.map(Math.abs),
        }),
      ),
    ],
  };
}

const LAWS: readonly EpochLaw[] = ["reshuffled", "distinct"];
/** Points of a theory curve. */
const POINTS = 24;

/** (mean displacement + ηM∇L)/η²: its limit is what the effective loss adds to the loss. */
export function deviceFigure(
  problem: EpochProblem,
  rates: readonly number[],
  measured: readonly Quantity[],
): Figure {
  const drift = effectiveDrift(problem, "reshuffled");
  const rest = (displacement: number, eta: number): number =>
    (displacement - eta * drift.loss) / eta ** 2;
  const highest = 1.1 * Math.max(...rates);
  const grid = Array.from({ length: POINTS }, (_, i) => (highest * (i + 1)) / POINTS);
  const marks = LAWS.flatMap((law): Mark[] => {
    const { covariance, gradient } = effectiveDrift(problem, law);
    const points = measured.filter(({ condition }) => condition.sampling === law);
    const at = points.map(({ condition }) => Number(condition.learningRate));
    return [
      {
        kind: "line",
        label: `exact, ${law}`,
        role: "theory",
        x: [0, ...grid],
        y: [
          covariance + gradient,
          ...grid.map((eta) => rest(meanEpochDisplacement(problem, eta, law), eta)),
        ],
      },
      {
        kind: "points",
        label: `device, ${law}`,
        role: "measured",
        x: at,
        y: points.map(({ estimate }, i) => rest(estimate.value, at[i]!)),
        standardError: points.map(({ estimate }, i) => estimate.standardError / at[i]! ** 2),
      },
    ];
  });
  return {
    id: "displacement",
    title: "What an epoch adds to the gradient's way",
    caption:
      `Mean displacement of epochs of ${epochSteps(problem)} steps from w = ${problem.w}, less −ηM∇L, over η². ` +
      "At η → 0 reshuffled epochs have −(M/4)∇{tr Σ_B − (M − 1)|∇L|²}, independent batches the second term " +
      "alone. Bars are one standard error.",
    x: { label: "learning rate η", unit: "w²/loss" },
    y: { label: "(⟨Δw⟩ + ηM∇L)/η²", unit: "loss²/w³" },
    marks,
  };
}
