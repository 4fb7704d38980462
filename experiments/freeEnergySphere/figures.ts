/** Figures of card 1F that have both regimes: signal-to-noise ratio, loss against the critical rate. */
import { signalBounds } from "../../models/theory/index.ts";
import type { Figure } from "../experiment.ts";
import { ETA, line, measured, type Point } from "../pole/figures.ts";
import type { PoleRung } from "../pole/quantities.ts";
import type { MeasuredFall } from "./fall.ts";

export function sphereSignalFigure(
  rungs: readonly PoleRung[],
  falls: readonly MeasuredFall[],
): Figure {
  const exact = rungs.flatMap(({ run, exact }): Point[] =>
    exact ? [[run.learningRate, Math.sqrt(exact.signalSquare)]] : [],
  );
  const rates = falls.map(({ run }) => run.learningRate);
  const bounds = falls.length > 0 ? signalBounds(falls[0]!.run.frame) : [];
  return {
    id: "signal-to-noise",
    title: "Signal-to-noise ratio of the minibatch gradient",
    caption:
      "|∇L|/√E|g − ∇L|² of a state, over all samples. Underparametrized, rms: falls as √η. Overparametrized, " +
      "mean: within bounds next to the minimum, whatever the rate.",
    x: ETA,
    y: { label: "signal-to-noise ratio", scale: "log" },
    marks: [
      ...(exact.length > 1 ? [line("UP exact", exact)] : []),
      ...bounds.map((value) =>
        line("OP bounds", [
          [Math.min(...rates), value],
          [Math.max(...rates), value],
        ]),
      ),
      ...(rungs.length > 0
        ? [
            measured(
              "UP",
              rungs.map(({ run, signal }) => ({ ...signal, x: run.learningRate })),
            ),
          ]
        : []),
      ...(falls.length > 0
        ? [
            measured(
              "OP",
              falls.map(({ run, signal }) => ({ ...signal, x: run.learningRate })),
            ),
          ]
        : []),
    ],
  };
}

/** Losses below it are shown at it: they are zero for all that float32 can say. */
const FLOOR = 1e-16;

export const sphereLossFigure = (falls: readonly MeasuredFall[]): Figure => ({
  id: "overparametrized-loss",
  title: "Overparametrized: mean loss against the learning rate",
  caption:
    `Below the critical learning rate, 1, the loss vanishes; what is below ${FLOOR} is drawn there. Bars are ` +
    "one standard error.",
  x: { label: "learning rate", unit: "1/loss" },
  y: { label: "mean loss U", unit: "loss", scale: "log" },
  marks: [
    line("critical rate", [
      [1, FLOOR],
      [1, 1],
    ]),
    measured(
      "measured",
      falls.map(({ run, loss }) => ({
        x: run.learningRate,
        value: Math.max(FLOOR, loss.value),
        standardError: loss.value < FLOOR ? 0 : loss.standardError,
      })),
    ),
  ],
});
