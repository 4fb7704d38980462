/** The pictures of the charges: their drift against the exact sum, and what is left step by step. */

import type { Figure, Mark } from "../experiment.ts";
import { CHARGES, type Charge } from "./ledger.ts";
import type { ActivationLedgers } from "./runs.ts";
import type { ChargeSettings } from "./settings.ts";

const steps = (values: readonly number[]): number[] => values.map((_, step) => step);

const NAMES: Readonly<Record<Charge, { title: string; element: string }>> = {
  neuron: {
    title: "Drift of a neuron charge",
    element: "|u_1|² − |w_1|² of the first hidden unit",
  },
  matrix: {
    title: "Drift of the matrix charge off its diagonal",
    element: "(W1 W1ᵀ − W2ᵀ W2)_12",
  },
};

/** Drift of one element of each charge in replica 0, measured and summed. */
export const chargeFigures = (p: ChargeSettings, ledgers: readonly ActivationLedgers[]): Figure[] =>
  CHARGES.map((charge) => ({
    id: `drift-${charge}`,
    title: NAMES[charge].title,
    caption:
      `${NAMES[charge].element} minus its start, one replica on the device, learning rate ` +
      `${p.learningRate}, weight decay ${p.weightDecay}. Dark lines are the exact sum of η² gᵀAg along the ` +
      "same steps: where the symmetry is missing they part from the measured charge.",
    x: { label: "SGD step" },
    y: { label: "charge − start", unit: "θ²" },
    marks: [
      ...ledgers.map(({ activation, curves }): Mark => {
        const { measured } = curves[charge];
        return {
          kind: "line",
          label: activation,
          role: "measured",
          x: steps(measured),
          y: measured.map((q) => q - measured[0]!),
        };
      }),
      ...ledgers.map(({ activation, curves }): Mark => {
        const { exact } = curves[charge];
        return {
          kind: "line",
          label: `exact sum, ${activation}`,
          role: "theory",
          x: steps(exact),
          y: exact.map((q) => q - exact[0]!),
        };
      }),
    ],
  }));

/** |dQ − η² gᵀAg| at each step, largest over replicas and elements, with the bounds on rounding. */
export function violationFigure(
  p: ChargeSettings,
  ledgers: readonly ActivationLedgers[],
  bounds: Readonly<Record<"float64" | "device", number>>,
): Figure {
  const curve = (label: string, values: readonly number[]): Mark => {
    const shown = steps(values).filter((step) => values[step]! > 0);
    return {
      kind: "line",
      label,
      role: "measured",
      x: shown,
      y: shown.map((step) => values[step]!),
    };
  };
  const level = (arithmetic: "float64" | "device"): Mark => ({
    kind: "line",
    label: `bound, ${arithmetic}`,
    role: "theory",
    x: [0, p.steps],
    y: [bounds[arithmetic], bounds[arithmetic]],
  });
  const of = (name: string): ActivationLedgers =>
    ledgers.find(({ activation }) => activation === name)!;
  return {
    id: "violation",
    title: "What is left beside η² gᵀAg",
    caption:
      "Largest |dQ − η² gᵀAg| of each step relative to (|θ| + η|G|)², over elements and replicas. Charges of " +
      "a symmetry leave rounding, the matrix charge of ReLU units leaves much more.",
    x: { label: "SGD step" },
    y: { label: "violation", unit: "|θ|²", scale: "log" },
    marks: [
      curve("linear, matrix, device", of("linear").device.perStep.matrix),
      curve("ReLU, neuron, device", of("relu").device.perStep.neuron),
      curve("linear, matrix, float64", of("linear").float64.perStep.matrix),
      curve("ReLU, neuron, float64", of("relu").float64.perStep.neuron),
      curve("ReLU, matrix, device", of("relu").device.perStep.matrix),
      level("device"),
      level("float64"),
    ],
  };
}
