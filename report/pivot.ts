/**
 * Quantities that repeat over conditions as tables: a row for a condition, a column for a quantity.
 *
 * Quantities belong together when their conditions have the same keys. Left as they are: a quantity
 * measured at one condition only, and one that repeats alone, whose list is a table already.
 */
import type { Condition } from "./condition.ts";
import { gather } from "./gather.ts";
import type { ReportedQuantity } from "./result.ts";

export interface PivotColumn {
  readonly name: string;
  readonly unit: string;
  /** The prediction of all rows that have one; null where there is none, or where they differ. */
  readonly predicted: number | null;
  /** Whether predictions differ from row to row and stand beside the estimates. */
  readonly predictionsDiffer: boolean;
  /** By row; null where the condition lacks the quantity. */
  readonly cells: readonly (ReportedQuantity | null)[];
}

export interface PivotTable {
  /** What all rows have in common, e.g. `{ model: "tanh" }`. */
  readonly shared: Condition;
  /** What tells the rows apart, e.g. `learningRate`. */
  readonly keys: readonly string[];
  /** Values of `keys`, row by row. */
  readonly rows: readonly (readonly (number | string)[])[];
  readonly columns: readonly PivotColumn[];
}

export interface Pivoted {
  readonly tables: readonly PivotTable[];
  /** Quantities that stand in no table, in their order. */
  readonly rest: readonly ReportedQuantity[];
}

/** Quantities of one name and different units are different columns. */
const columnKey = ({ name, unit }: ReportedQuantity): string => JSON.stringify([name, unit]);

const valuesOf = ({ condition }: ReportedQuantity, keys: readonly string[]): (number | string)[] =>
  keys.map((key) => condition[key]!);

const rowKey = (quantity: ReportedQuantity, keys: readonly string[]): string =>
  JSON.stringify(valuesOf(quantity, keys));

function layOutColumn(rows: readonly string[], same: ReportedQuantity[], keys: readonly string[]) {
  const byRow = new Map(same.map((quantity) => [rowKey(quantity, keys), quantity]));
  const predictions = new Set(same.map(({ predicted }) => predicted).filter((p) => p !== null));
  const [first] = predictions;
  const { name, unit } = same[0]!;
  return {
    name,
    unit,
    predicted: predictions.size === 1 ? first! : null,
    predictionsDiffer: predictions.size > 1,
    cells: rows.map((row) => byRow.get(row) ?? null),
  } satisfies PivotColumn;
}

/** One table of quantities whose conditions differ in `keys` only. */
function layOutTable(quantities: readonly ReportedQuantity[], keys: readonly string[]): PivotTable {
  const byRow = gather(quantities, (quantity) => rowKey(quantity, keys));
  const rows = byRow.map((same) => rowKey(same[0]!, keys));
  const shared = Object.entries(quantities[0]!.condition).filter(([key]) => !keys.includes(key));
  return {
    shared: Object.fromEntries(shared),
    keys,
    rows: byRow.map((same) => valuesOf(same[0]!, keys)),
    columns: gather(quantities, columnKey).map((same) => layOutColumn(rows, same, keys)),
  };
}

/** Tables of quantities whose conditions have the same keys: one for each value of a name. */
function layOutTables(quantities: readonly ReportedQuantity[]): PivotTable[] {
  const keys = Object.keys(quantities[0]!.condition);
  const values = (key: string) => new Set(quantities.map(({ condition }) => condition[key]!));
  const differing = keys.filter((key) => values(key).size > 1);
  const split = differing.find((key) =>
    [...values(key)].some((value) => typeof value === "string"),
  );
  if (split === undefined || differing.length === 1) return [layOutTable(quantities, differing)];
  const rowKeys = differing.filter((key) => key !== split);
  return gather(quantities, (quantity) => rowKey(quantity, [split])).map((same) =>
    layOutTable(same, rowKeys),
  );
}

/** The quantities of a family that a table can show; none where it would gain nothing. */
function repeating(family: readonly ReportedQuantity[]): ReportedQuantity[] {
  const keys = Object.keys(family[0]!.condition);
  const columns = gather(family, columnKey).filter((same) => same.length > 1);
  // Two numbers for one cell: a list shows both.
  const isAmbiguous = columns.some(
    (same) => new Set(same.map((quantity) => rowKey(quantity, keys))).size < same.length,
  );
  return columns.length < 2 || isAmbiguous ? [] : columns.flat();
}

/** The tables of `quantities`, and what stands in none. */
export function pivot(quantities: readonly ReportedQuantity[]): Pivoted {
  const families = gather(quantities, ({ condition }) => Object.keys(condition).sort().join("\n"));
  const repeated = families.map((family) => new Set(repeating(family)));
  return {
    tables: families.flatMap((family, i) => {
      const shown = family.filter((quantity) => repeated[i]!.has(quantity));
      return shown.length === 0 ? [] : layOutTables(shown);
    }),
    rest: quantities.filter((quantity) => !repeated.some((shown) => shown.has(quantity))),
  };
}
