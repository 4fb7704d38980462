/** Estimates of card C1: both relations, raw, centered and as a matrix, and the identity behind. */
import {
  type EndStates,
  type Estimate,
  type FluctuationDissipation,
  fluctuationDissipation,
  noEstimate,
  quadraticDissipation,
  telescopingError,
  withWarnings,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf, MAX_LEFT, startWarnings } from "../outcome.ts";
import type { FdrRegressionSettings, RegressionPrediction } from "./theory.ts";

export interface ObservedRegression {
  readonly record: MomentsRecord;
  /** States before and after the observed steps. */
  readonly start: EndStates;
  readonly end: EndStates;
  readonly burnIn: number;
  readonly steps: number;
}

/** One element of the matrix form: ⟨δᵀA G⟩ = κ⟨vᵀA v⟩ with A_ij = A_ji = 1, else 0; δ = w − w*. */
export interface MatrixElement {
  readonly name: string;
  readonly place: readonly [i: number, j: number];
  readonly sides: FluctuationDissipation;
}

/** Elements of the symmetric matrix form, each as the metric that picks it. */
const ELEMENTS = (
  [
    [0, 0],
    [0, 1],
    [1, 1],
  ] as const
).map(([i, j]) => {
  const metric = [0, 1].map((row) =>
    [0, 1].map((column) => ((row === i && column === j) || (row === j && column === i) ? 1 : 0)),
  );
  return { name: `${i},${j}`, place: [i, j] as const, metric };
});

/** Fewer steps may all have small gradients, beside which rounding is large. */
const LEAST_STEPS = 20;

/** Everything card C1 asks for, beside its predictions. */
export function measureRegression(
  p: FdrRegressionSettings,
  theory: RegressionPrediction,
  observed: ObservedRegression,
): { quantities: Quantity[]; elements: MatrixElement[] } {
  const { record, start, end, steps } = observed;
  const { learningRate, momentum, dampening } = p;
  const rate = { learningRate, momentum, dampening };
  const { hessian, minimum: center } = theory;
  const form = (choice: { metric?: typeof hessian; center: readonly number[] }) =>
    attempt(() => fluctuationDissipation(record, { ...rate, ...choice }));
  const sides = {
    raw: form({ center: center.map(() => 0) }),
    centered: form({ center }),
    alongHessian: form({ center, metric: hessian }),
    quadratic: attempt(() => quadraticDissipation(record, { ...rate, hessian, minimum: center })),
  };
  const elements = ELEMENTS.map(({ name, place, metric }) => ({
    name,
    place,
    sides: form({ center, metric }),
  }));
  const residual = estimateOf(() =>
    telescopingError(record, { ...rate, steps, start, end, center }),
  );
  return { quantities: quantitiesOf(theory, observed, sides, elements, residual), elements };
}

type Sides = Record<"raw" | "centered" | "alongHessian" | "quadratic", FluctuationDissipation>;

function quantitiesOf(
  theory: RegressionPrediction,
  { burnIn, steps }: ObservedRegression,
  { raw, centered, alongHessian, quadratic }: Sides,
  elements: readonly MatrixElement[],
  residual: Estimate,
): Quantity[] {
  const settled = theory.leftOfStart(burnIn) <= MAX_LEFT;
  const exact = settled ? theory.exact : null;
  const stationary = settled && theory.stationary;
  const exists = residual.n > 0 && theory.noisy && steps >= LEAST_STEPS;
  const rounding = theory.residual(steps);
  const right = Math.abs(centered.right.value);
  const bias = theory.bias(burnIn, right);
  const row = (
    name: string,
    estimate: Estimate,
    predicted: number | null | undefined,
    systematic: number,
    unit: string,
  ): Quantity => ({
    name,
    condition: {},
    estimate,
    unit,
    predicted: predicted ?? null,
    systematic: predicted == null ? 0 : systematic,
  });
  const side = (name: string, estimate: Estimate, predicted: number | undefined, unit: string) =>
    row(name, estimate, predicted, bias.centered * (predicted ?? 0), unit);
  const one = stationary ? 1 : null;
  return [
    row("OL", raw.left, exact?.left, bias.raw * right, "loss"),
    side("OR", raw.right, exact?.right, "loss"),
    row("FDR1 OL/OR", raw.ratio, one, bias.raw, "1"),
    row("FDR1 centered", centered.ratio, one, bias.centered, "1"),
    ...elements.map(({ name, place: [i, j], sides: { difference } }) => {
      const systematic = theory.elementBias(burnIn, i, j);
      return row(`FDR1 (${name})`, difference, stationary ? 0 : null, systematic, "loss");
    }),
    side("FDR2 lhs", quadratic.left, exact?.gradientSquare, "(loss/w)²"),
    side("FDR2 rhs", quadratic.right, exact?.dissipation, "(loss/w)²"),
    row("FDR2 lhs/rhs", quadratic.ratio, theory.independent ? one : null, bias.centered, "1"),
    row("FDR2 with G", alongHessian.ratio, one, bias.centered, "1"),
    // The identity needs no stationary state, but something to sum.
    row(
      "telescoping residual",
      residual,
      exists && rounding !== null ? 0 : null,
      rounding ?? 0,
      "1",
    ),
  ];
}

/** What the lengths of the run forbid to predict. */
export function lengthWarnings(theory: RegressionPrediction, burnIn: number, steps: number) {
  const warnings = theory.stationary ? startWarnings(burnIn, theory.leftOfStart(burnIn)) : [];
  if (steps < LEAST_STEPS) {
    warnings.push(
      `no prediction for the telescoping residual: ${steps} steps may have no gradient to compare ` +
        `rounding with; observe at least ${LEAST_STEPS}.`,
    );
  }
  return warnings;
}

/** The sides, or none with the refusal as a warning when every replica froze. */
function attempt(estimator: () => FluctuationDissipation): FluctuationDissipation {
  try {
    return estimator();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    const none = withWarnings(noEstimate("refused"), [error.message]);
    return { left: none, right: none, ratio: none, difference: none };
  }
}
