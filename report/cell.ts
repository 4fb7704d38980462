/** What the cells and heads of a pivot say, for a terminal and for a page. */
import { comparableDigits, conciseNotation, type Notation, plainNotation } from "./notation.ts";
import type { PivotColumn } from "./pivot.ts";
import { AGREEMENT_Z, hasStatisticalError, type ReportedQuantity } from "./result.ts";

/** The estimate; without an error where it has no statistical one. */
export function cellNotation({ estimate, standardError }: ReportedQuantity): Notation {
  const isExact = standardError >= 0 && !hasStatisticalError(estimate, standardError);
  return isExact ? plainNotation(estimate) : conciseNotation(estimate, standardError);
}

/** The prediction of a whole column with the digits its smallest error asks for. */
export function commonPrediction({ predicted, cells }: PivotColumn): Notation | null {
  if (predicted === null) return null;
  const digits = cells.map((cell) =>
    cell === null ? 0 : comparableDigits(predicted, cell.standardError),
  );
  return plainNotation(predicted, Math.max(...digits));
}

/** Whether z is worth a place: beyond what agreement allows without a bound on the bias. */
export const isFar = ({ z }: ReportedQuantity): boolean => z !== null && Math.abs(z) > AGREEMENT_Z;
