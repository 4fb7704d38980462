/** Conditions of quantities as text. */
import { gather } from "./gather.ts";

/** The hyperparameters of a condition by name. */
export type Condition = Readonly<Record<string, number | string>>;

/** `learningRate=0.1, batchSize=8`; empty for no condition. */
export const printCondition = (condition: Condition): string =>
  Object.entries(condition)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");

/**
 * Several conditions, the values of the last key listed where all else is equal:
 * `model=tanh, learningRate=0.1,0.3; model=softmax, learningRate=0.3`.
 */
export function printConditions(conditions: readonly Condition[]): string {
  const allButLast = (condition: Condition): string => {
    const entries = Object.entries(condition);
    return JSON.stringify([entries.slice(0, -1), entries.at(-1)?.[0]]);
  };
  return gather(conditions, allButLast)
    .map((alike) => {
      const values = alike.slice(1).map((condition) => Object.values(condition).at(-1));
      return [printCondition(alike[0]!), ...values].join(",");
    })
    .filter((text) => text !== "")
    .join("; ");
}
