/** The pictures of the fluctuation-dissipation experiments. */
import type { Figure } from "./experiment.ts";
import type { MatrixElement } from "./fdrRegressionMeasures.ts";

/** Left side against right side of the matrix form, element by element; equal on the diagonal. */
export function matrixFormFigure(elements: readonly MatrixElement[], caption: string): Figure {
  const x = elements.map(({ sides }) => sides.right.value);
  const low = Math.min(0, ...x);
  const high = Math.max(0, ...x);
  return {
    id: "matrix-form",
    title: "Fluctuation and dissipation, element by element",
    caption:
      `${caption} A picks the elements ${elements.map(({ name }) => `(${name})`).join(", ")} of the ` +
      "matrix form, δ = w − w*.",
    x: { label: "κ⟨vᵀA v⟩", unit: "loss" },
    y: { label: "⟨δᵀA G⟩", unit: "loss" },
    marks: [
      { kind: "line", label: "equal", role: "theory", x: [low, high], y: [low, high] },
      {
        kind: "points",
        label: "measured",
        role: "measured",
        x,
        y: elements.map(({ sides }) => sides.left.value),
        standardError: elements.map(({ sides }) => sides.left.standardError),
      },
    ],
  };
}
