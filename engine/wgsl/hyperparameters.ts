/**
 * Hyperparameters in WGSL: a struct of one condition's values and its loader.
 *
 * They live in the storage buffer `hyper`, never in shader text, so that changing one compiles
 * nothing.
 */
import type { UpdateRule } from "../update/updateRule.ts";
import { memberName } from "./identifiers.ts";
import { structText } from "./layout.ts";

/** The struct of hyperparameters, one f32 each. */
export const hyperparameterStruct = (rule: UpdateRule): string =>
  structText(
    "Hyperparameters",
    Object.fromEntries(Object.keys(rule.hyperparameters).map((name) => [memberName(name), "f32"])),
  );

/** Their loader from `hyper`, [hyperparameter, condition]. */
export function hyperparameterLoader(rule: UpdateRule): string {
  const loads = Object.keys(rule.hyperparameters).map(
    (_, k) => `    hyper[${k}u * run.conditions + condition],`,
  );
  return [
    "fn hyperparameters(condition: u32) -> Hyperparameters {",
    "  return Hyperparameters(",
    ...loads,
    "  );",
    "}",
  ].join("\n");
}
