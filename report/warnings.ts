/**
 * Warnings of many quantities as few lines: equal messages become one line that names them all,
 * `loss, |g|^2 (model=tanh, learningRate=0.5,0.8): message`.
 */
import { type Condition, printConditions } from "./condition.ts";
import { gather } from "./gather.ts";

export interface QuantityWarning {
  readonly name: string;
  readonly condition: Condition;
  readonly message: string;
}

/** The quantities of one message; conditions with the same names share a pair of parentheses. */
function printSubjects(warnings: readonly QuantityWarning[]): string {
  const sameCondition = gather(warnings, ({ condition }) => JSON.stringify(condition));
  const subjects = sameCondition.map((same) => ({
    condition: same[0]!.condition,
    names: [...new Set(same.map(({ name }) => name))].join(", "),
  }));
  return gather(subjects, ({ names }) => names)
    .map((alike) => {
      const conditions = printConditions(alike.map(({ condition }) => condition));
      return conditions === "" ? alike[0]!.names : `${alike[0]!.names} (${conditions})`;
    })
    .join("; ");
}

/** One line for each message, in the order in which they first appear. */
export const groupWarnings = (warnings: readonly QuantityWarning[]): string[] =>
  gather(warnings, ({ message }) => message).map(
    (same) => `${printSubjects(same)}: ${same[0]!.message}`,
  );
