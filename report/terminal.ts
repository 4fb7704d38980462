/**
 * Plain-text tables for a terminal: numbers in concise error notation, aligned on the point.
 */
import { printCondition } from "./condition.ts";
import { comparableDigits, concise, plain, printZ } from "./notation.ts";
import type { Report, ReportedQuantity } from "./result.ts";

export type Alignment = "left" | "right" | "point";

export interface Column {
  readonly title: string;
  readonly align: Alignment;
  readonly cells: readonly string[];
}

/** Columns a terminal gives to a text; combining marks take none. */
export const displayWidth = (text: string): number => [...text.replace(/\p{M}/gu, "")].length;

const pad = (text: string, width: number): string =>
  " ".repeat(Math.max(0, width - displayWidth(text)));

/** Cells padded so that their decimal points (or the ends of their integers) stand in line. */
function alignPoints(cells: readonly string[]): string[] {
  const integerPart = (cell: string): string => /^[−+-]?(\d+|∞|NaN)/.exec(cell)?.[0] ?? "";
  const widest = Math.max(0, ...cells.map((cell) => displayWidth(integerPart(cell))));
  return cells.map((cell) => (cell === "" ? "" : pad(integerPart(cell), widest) + cell));
}

function layOutColumn({ title, align, cells }: Column): string[] {
  const body = align === "point" ? alignPoints(cells) : cells;
  const width = Math.max(displayWidth(title), ...body.map(displayWidth));
  return [title, ...body].map((cell) =>
    align === "right" ? pad(cell, width) + cell : cell + pad(cell, width),
  );
}

/**
 * A table of columns of one length: titles, a rule, rows, two spaces between columns.
 *
 * Columns whose cells are all empty are left out.
 */
export function printTable(columns: readonly Column[]): string {
  const shown = columns.filter(({ cells }) => cells.some((cell) => cell !== ""));
  const laidOut = shown.map(layOutColumn);
  const lines = (laidOut[0] ?? []).map((_cell, row) =>
    laidOut
      .map((column) => column[row])
      .join("  ")
      .trimEnd(),
  );
  if (lines.length === 0) return "";
  const rule = laidOut.map((column) => "─".repeat(displayWidth(column[0]!))).join("  ");
  return `${[lines[0], rule, ...lines.slice(1)].join("\n")}\n`;
}

/** ✓, ✗, or nothing where no theory is claimed. */
export const printMark = (agrees: boolean | null): string =>
  agrees === null ? "" : agrees ? "✓" : "✗";

/** A prediction with the digits its estimate asks for; empty where none is claimed. */
export const printPrediction = ({ predicted, standardError }: ReportedQuantity): string =>
  predicted === null ? "" : plain(predicted, comparableDigits(predicted, standardError));

/** z, a dash where the estimate has no statistical error, nothing without a prediction. */
export const printQuantityZ = ({ predicted, z }: ReportedQuantity): string =>
  predicted !== null && z === null ? "—" : printZ(z);

const printUnit = (unit: string): string => (unit === "1" ? "" : unit);

/** Columns of a table of quantities: name, condition, estimate, unit, predicted, z, mark. */
export const quantityColumns = (quantities: readonly ReportedQuantity[]): Column[] => [
  { title: "quantity", align: "left", cells: quantities.map(({ name }) => name) },
  {
    title: "condition",
    align: "left",
    cells: quantities.map(({ condition }) => printCondition(condition)),
  },
  {
    title: "estimate",
    align: "point",
    cells: quantities.map(({ estimate, standardError }) => concise(estimate, standardError)),
  },
  { title: "unit", align: "left", cells: quantities.map(({ unit }) => printUnit(unit)) },
  { title: "predicted", align: "point", cells: quantities.map(printPrediction) },
  { title: "z", align: "right", cells: quantities.map(printQuantityZ) },
  { title: "agrees", align: "left", cells: quantities.map(({ agrees }) => printMark(agrees)) },
];

/** `5 of 6 predictions agree`. */
export function printAgreement(quantities: readonly ReportedQuantity[]): string {
  const judged = quantities.filter(({ agrees }) => agrees !== null);
  const agreeing = judged.filter(({ agrees }) => agrees === true).length;
  if (judged.length === 0) return "no predictions to compare with";
  return `${agreeing} of ${judged.length} predictions agree (|z| ≤ 4, plus the systematic bound)`;
}

/** A result for a reader: table, agreement, warnings. */
export function printReport(report: Report): string {
  const warnings = report.warnings.map((warning) => `warning: ${warning}\n`).join("");
  const table = printTable(quantityColumns(report.quantities));
  return `${table}\n${printAgreement(report.quantities)}\n${warnings}`;
}
