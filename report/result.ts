/**
 * The result of one run as data: quantities judged against predictions, and its JSON.
 *
 * The JSON object is the contract scripts depend on; its keys are fixed, and tests hold them.
 */
import { zScore } from "../analysis/estimate.ts";
import type { ExperimentResult, Figure, Quantity } from "../experiments/experiment.ts";
import type { Condition } from "./condition.ts";
import { groupWarnings, type QuantityWarning } from "./warnings.ts";

/** Standard errors allowed between an estimate and its prediction. */
export const AGREEMENT_Z = 4;

/**
 * Standard errors at or below this share of their estimate are no statistical errors: they are
 * beneath the unit roundoff of float32, in which the engine computes.
 */
const RESOLUTION = 2 ** -24;

/** One row of a result, key by key as it stands in the JSON. */
export interface ReportedQuantity {
  readonly name: string;
  readonly condition: Condition;
  readonly estimate: number;
  readonly standardError: number;
  readonly unit: string;
  /** null where no theory is claimed; then `z` and `agrees` are null as well. */
  readonly predicted: number | null;
  readonly systematic: number;
  /**
   * (estimate − predicted) / standardError; null as well where there is no statistical error to
   * measure by: standardError <= 2⁻²⁴ |estimate| (a deterministic dynamics), or not a number.
   */
  readonly z: number | null;
  /** |estimate − predicted| <= 4 standardError + systematic. */
  readonly agrees: boolean | null;
}

/** What ran where: enough to repeat it. */
export interface ReportProvenance {
  readonly thermograd: string;
  readonly node: string;
  readonly platform: string;
  readonly adapter: string;
  readonly driver: string;
  /** The CPU did the work of a GPU. */
  readonly software: boolean;
  readonly source: string;
  readonly reason: string;
  /** ISO 8601, start of the run. */
  readonly date: string;
  /** The command that repeats the run. */
  readonly command: string;
}

export interface Report {
  readonly experiment: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly quantities: readonly ReportedQuantity[];
  readonly warnings: readonly string[];
  readonly figures: readonly Figure[];
  readonly provenance: ReportProvenance;
  /** Wall time of the run. */
  readonly seconds: number;
}

/** Whether an estimate has a statistical error that a difference can be measured by. */
export const hasStatisticalError = (estimate: number, standardError: number): boolean =>
  standardError > RESOLUTION * Math.abs(estimate);

/**
 * An estimate judged against its prediction: z and `agrees`, both null without a prediction.
 *
 * `agrees` is |estimate − predicted| <= 4 standardError + systematic, also where z is null for want
 * of a statistical error.
 */
export function judge(quantity: Quantity): ReportedQuantity {
  const { name, condition, estimate, unit, predicted, systematic } = quantity;
  const { value, standardError } = estimate;
  const row = { name, condition, estimate: value, standardError, unit, predicted, systematic };
  if (predicted === null) return { ...row, z: null, agrees: null };
  const agrees = Math.abs(value - predicted) <= AGREEMENT_Z * standardError + systematic;
  const z = hasStatisticalError(value, standardError) ? zScore(estimate, predicted) : null;
  return { ...row, z, agrees };
}

/** A result with its quantities judged and the warnings of its estimates gathered. */
export function assembleReport(
  result: ExperimentResult,
  run: Pick<Report, "experiment" | "parameters" | "seed" | "provenance" | "seconds">,
): Report {
  const fromEstimates = result.quantities.flatMap(({ name, condition, estimate }) =>
    estimate.warnings.map((message) => ({ name, condition, message })),
  );
  return {
    experiment: run.experiment,
    parameters: run.parameters,
    seed: run.seed,
    quantities: result.quantities.map(judge),
    warnings: [...result.warnings, ...groupWarnings(fromEstimates)],
    figures: result.figures,
    provenance: run.provenance,
    seconds: run.seconds,
  };
}

const isNonFinite = (value: unknown): boolean =>
  typeof value === "number" && !Number.isFinite(value);

function nonFiniteWarnings(report: Report): string[] {
  const lost: QuantityWarning[] = [];
  for (const quantity of report.quantities) {
    const { name, condition } = quantity;
    for (const key of ["estimate", "standardError", "predicted", "systematic", "z"] as const) {
      if (!isNonFinite(quantity[key])) continue;
      lost.push({ name, condition, message: `${key} is ${quantity[key]}, written as null` });
    }
  }
  const warnings = groupWarnings(lost);
  for (const figure of report.figures) {
    const lost = figure.marks
      .flatMap(({ x, y, standardError = [] }) => [...x, ...y, ...standardError])
      .filter(isNonFinite).length;
    if (lost > 0) {
      warnings.push(`figure ${figure.id}: ${lost} numbers are not finite, written as null`);
    }
  }
  return warnings;
}

/** The report as the JSON contract has it: plain data, no NaN, a warning for each number lost. */
export function jsonReport(report: Report): Report {
  const { experiment, parameters, seed, quantities, warnings, figures, provenance, seconds } =
    report;
  const all = [...warnings, ...nonFiniteWarnings(report)];
  const object = { experiment, parameters, seed, quantities, warnings: all, figures, provenance };
  return JSON.parse(printJson({ ...object, seconds })) as Report;
}

/** JSON text; what is not a finite number becomes null, as JSON has no word for it. */
export const printJson = (value: unknown, indent = 2): string =>
  JSON.stringify(value, (_key, item) => (isNonFinite(item) ? null : item), indent);
