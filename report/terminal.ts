/**
 * Plain-text tables for a terminal: numbers in concise error notation, aligned on the point.
 */
import { cellNotation, commonPrediction, isFar } from "./cell.ts";
import { printCondition } from "./condition.ts";
import { comparableDigits, concise, plain, printNotation, printZ } from "./notation.ts";
import { type PivotColumn, type PivotTable, pivot } from "./pivot.ts";
import type { Report, ReportedQuantity } from "./result.ts";
import { type Column, printTable, printWrapped } from "./table.ts";

/** Columns of text where nobody says how wide the terminal is. */
export const DEFAULT_WIDTH = 100;

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

/** `1.044(31) ✓`, and z where it is large, with the bound on the bias where that allows it. */
function printCell(cell: ReportedQuantity | null): string {
  if (cell === null) return "";
  const bound = cell.agrees ? `, bias ≤ ${plain(cell.systematic, 2)}` : "";
  const far = isFar(cell) ? `(z ${printZ(cell.z)}${bound})` : "";
  return [printNotation(cellNotation(cell)), printMark(cell.agrees), far]
    .filter((part) => part !== "")
    .join(" ");
}

/** A column of estimates, and one of predictions where these differ from row to row. */
function pivotColumns(column: PivotColumn): Column[] {
  const common = commonPrediction(column);
  const title = [
    column.name,
    printUnit(column.unit),
    common === null ? "" : `predicted ${printNotation(common)}`,
  ].filter((line) => line !== "");
  const estimates: Column = {
    title: title.join("\n"),
    align: "point",
    cells: column.cells.map(printCell),
  };
  if (!column.predictionsDiffer) return [estimates];
  const cells = column.cells.map((cell) => (cell === null ? "" : printPrediction(cell)));
  return [estimates, { title: "predicted", align: "point", cells }];
}

/** A pivot in blocks no wider than `width`, under what its rows have in common. */
function printPivot({ shared, keys, rows, columns }: PivotTable, owner: string, width: number) {
  const heads = keys.map(
    (key, k): Column => ({
      title: key,
      align: rows.every((row) => typeof row[k] === "number") ? "point" : "left",
      cells: rows.map((row) => `${row[k]}`),
    }),
  );
  const title = [owner, printCondition(shared)].filter((part) => part !== "").join(": ");
  const table = printWrapped(heads, columns.map(pivotColumns), width);
  return title === "" ? table : `${title}\n\n${table}`;
}

/** Quantities of one experiment, or of several that are told apart by name. */
export interface OwnedQuantities {
  readonly owner: string;
  readonly quantities: readonly ReportedQuantity[];
}

/** Tables of all that was measured: one list, then a pivot for what repeats over conditions. */
export function printQuantities(results: readonly OwnedQuantities[], width: number): string {
  const pivots = results.map(({ owner, quantities }) => ({ owner, ...pivot(quantities) }));
  const owners = pivots.flatMap(({ owner, rest }) => rest.map(() => owner));
  const list = printTable([
    { title: "experiment", align: "left", cells: owners },
    ...quantityColumns(pivots.flatMap(({ rest }) => rest)),
  ]);
  const tables = pivots.flatMap(({ owner, tables }) =>
    tables.map((table) => printPivot(table, owner, width)),
  );
  return [list, ...tables].filter((text) => text !== "").join("\n");
}

/** `5 of 6 predictions agree`. */
export function printAgreement(quantities: readonly ReportedQuantity[]): string {
  const judged = quantities.filter(({ agrees }) => agrees !== null);
  const agreeing = judged.filter(({ agrees }) => agrees === true).length;
  if (judged.length === 0) return "no predictions to compare with";
  return `${agreeing} of ${judged.length} predictions agree (|z| ≤ 4, plus the systematic bound)`;
}

/** A result for a reader: tables no wider than `width` where they can be broken, warnings. */
export function printReport({ quantities, warnings }: Report, width = DEFAULT_WIDTH): string {
  const lines = warnings.map((warning) => `warning: ${warning}\n`).join("");
  const tables = printQuantities([{ owner: "", quantities }], width);
  return `${tables}\n${printAgreement(quantities)}\n${lines}`;
}
