/**
 * Hyperparameters of a model's loss, such as the strength of label noise: declared with the model,
 * swept, set and recorded like those of an update rule.
 */
import { checkName, type Place } from "./declaration.ts";
import { ArgumentError } from "./errors.ts";
import { memberFault } from "./wgsl/identifiers.ts";

export interface SettingDefinition {
  readonly unit: string;
  readonly meaning: string;
  /** Value unless a sweep gives another. */
  readonly initial: number;
  /** Smallest and largest value allowed, themselves included; any finite number without them. */
  readonly least?: number;
  readonly most?: number;
}

export interface ModelSetting extends SettingDefinition {
  readonly name: string;
}

/** What is wrong with a value, or null. */
export function settingComplaint(
  { least = -Infinity, most = Infinity }: Pick<SettingDefinition, "least" | "most">,
  value: number,
): string | null {
  if (Number.isFinite(value) && value >= least && value <= most) return null;
  const bounds = [
    ...(least > -Infinity ? [`>= ${least}`] : []),
    ...(most < Infinity ? [`<= ${most}`] : []),
  ];
  return ["must be a finite number", bounds.join(" and ")].filter((part) => part !== "").join(" ");
}

/** Checks declared settings, in the order of declaration. */
export function modelSettings(
  place: Place,
  definitions: Readonly<Record<string, SettingDefinition>>,
): readonly ModelSetting[] {
  const settings = Object.entries(definitions).map(([name, definition]) => {
    checkName(place, "setting", name);
    const fault = memberFault(name);
    if (fault !== undefined) {
      throw new ArgumentError(
        `${place("setting", name)} is ${fault}; name it as hyperparameters are, e.g. labelNoise.`,
      );
    }
    const complaint = settingComplaint(definition, definition.initial);
    if (complaint !== null) {
      throw new ArgumentError(
        `${place("setting", name)} has the initial value ${definition.initial}, it ${complaint}.`,
      );
    }
    return Object.freeze({ ...definition, name });
  });
  return Object.freeze(settings);
}
