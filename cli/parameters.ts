/**
 * `--set name=value` read by an experiment's zod schema.
 *
 * The schema's JSON Schema says how to read the text (number, switch, list) and what is allowed;
 * zod decides. Values that fail become one sentence with the parameter, what was given and what
 * would be right.
 */
import { z } from "zod";
import { ArgumentError, invariant } from "../engine/errors.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { suggest } from "./nearest.ts";

/** The part of JSON Schema that zod writes for parameters. */
export interface ParameterSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly items?: ParameterSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly ParameterSchema[];
}

export type Parameters = Readonly<Record<string, unknown>>;

/** An experiment's parameters as JSON Schema. */
export const jsonSchema = (experiment: Experiment): Record<string, unknown> =>
  z.toJSONSchema(experiment.parameters, { io: "input", unrepresentable: "any" });

export const parameterSchemas = (experiment: Experiment): Record<string, ParameterSchema> =>
  (jsonSchema(experiment).properties ?? {}) as Record<string, ParameterSchema>;

const typesOf = ({ type }: ParameterSchema): readonly string[] =>
  type === undefined ? [] : typeof type === "string" ? [type] : type;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function readAs(text: string, type: string, schema: ParameterSchema): unknown {
  if (type === "array") {
    const items = text.trim() === "" ? [] : text.split(",");
    return items.map((item) => readText(item.trim(), schema.items ?? {}));
  }
  if ((type === "number" || type === "integer") && NUMBER.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (type === "null" && text === "null") return null;
  return text;
}

/** Text as the value the schema asks for; text that does not fit stays text, for zod to refuse. */
export function readText(text: string, schema: ParameterSchema): unknown {
  if (schema.anyOf !== undefined) {
    for (const option of schema.anyOf) {
      const value = readText(text, option);
      if (value !== text) return value;
    }
    return text;
  }
  const fixed = (schema.enum ?? [schema.const]).find((value) => String(value) === text);
  if (fixed !== undefined) return fixed;
  for (const type of typesOf(schema)) {
    const value = readAs(text, type, schema);
    if (value !== text) return value;
  }
  return text;
}

/** A value as `--set` takes it. */
export function printValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(printValue).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function printRange(schema: ParameterSchema): string {
  const bounds: string[] = [];
  const isSafe = (bound: number) => Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  if (schema.exclusiveMinimum !== undefined) bounds.push(`> ${schema.exclusiveMinimum}`);
  if (schema.minimum !== undefined && isSafe(schema.minimum)) bounds.push(`>= ${schema.minimum}`);
  if (schema.exclusiveMaximum !== undefined) bounds.push(`< ${schema.exclusiveMaximum}`);
  if (schema.maximum !== undefined && isSafe(schema.maximum)) bounds.push(`<= ${schema.maximum}`);
  if (schema.multipleOf !== undefined) bounds.push(`a multiple of ${schema.multipleOf}`);
  return bounds.length === 0 ? "" : ` ${bounds.join(" and ")}`;
}

function printLength({ minItems, maxItems }: ParameterSchema): string {
  if (minItems !== undefined && minItems === maxItems) return ` (exactly ${minItems} of them)`;
  const bounds = [
    ...(minItems === undefined ? [] : [`at least ${minItems}`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems}`]),
  ];
  return bounds.length === 0 ? "" : ` (${bounds.join(", ")} of them)`;
}

function printType(type: string, schema: ParameterSchema): string {
  if (type === "number") return `a number${printRange(schema)}`;
  if (type === "integer") return `an integer${printRange(schema)}`;
  if (type === "boolean") return "true or false";
  if (type === "array") {
    return `a comma-separated list, each ${printAllowed(schema.items ?? {})}${printLength(schema)}`;
  }
  return type === "string" ? "text" : type;
}

/** What a parameter takes, in words: `a number > 0`, `one of distinct, reshuffled`. */
export function printAllowed(schema: ParameterSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(printAllowed).join(" or ");
  if (schema.enum !== undefined) return `one of ${schema.enum.map(String).join(", ")}`;
  if (schema.const !== undefined) return String(schema.const);
  const types = typesOf(schema);
  return types.length === 0 ? "a value" : types.map((type) => printType(type, schema)).join(" or ");
}

/** `name=value` in two; the name must be one of the experiment's. */
function readSetting(experiment: Experiment, setting: string): { name: string; text: string } {
  const schemas = parameterSchemas(experiment);
  const names = Object.keys(schemas);
  const equals = setting.indexOf("=");
  if (equals <= 0) {
    const example = names[0] === undefined ? "" : `, e.g. --set ${printExample(schemas, names[0])}`;
    throw new ArgumentError(`--set ${setting}: needs the form name=value; write both${example}.`);
  }
  const name = setting.slice(0, equals);
  if (!names.includes(name)) {
    const all =
      names.length === 0 ? "it has none; leave --set out." : `it has ${names.join(", ")}.`;
    throw new ArgumentError(
      `--set ${setting}: ${experiment.id} has no parameter "${name}"; ${suggest(name, names, all)}`,
    );
  }
  return { name, text: setting.slice(equals + 1) };
}

const printExample = (schemas: Record<string, ParameterSchema>, name: string): string =>
  `${name}=${printValue(schemas[name]?.default)}`;

/** zod's first objection as one sentence with a remedy. */
function objection(
  experiment: Experiment,
  issue: z.core.$ZodIssue,
  settings: ReadonlyMap<string, string>,
): string {
  const name = String(issue.path[0] ?? "");
  const schemas = parameterSchemas(experiment);
  const given = settings.get(name);
  const schema = schemas[name];
  if (given === undefined || schema === undefined) {
    const set = [...settings].map(([key, text]) => `--set ${key}=${text}`).join(" ");
    const where = schema === undefined ? "" : `${name}: `;
    const remedy = schema === undefined ? "" : ` or set ${name} as well`;
    return `${set}: ${where}${issue.message}; change what is set${remedy}.`;
  }
  const remedy = `the default is --set ${printExample(schemas, name)}.`;
  if (issue.code === "custom") return `--set ${name}=${given}: ${issue.message}; ${remedy}`;
  const fact = `${name} must be ${printAllowed(schema)}, got "${given}"`;
  return `--set ${name}=${given}: ${fact}; ${remedy}`;
}

/** Parameters without any `--set`: the defaults, with the quick values in place where asked. */
export function defaultParameters(experiment: Experiment, quick: boolean): Parameters {
  return experiment.parameters.parse(quick ? { ...experiment.quick } : {});
}

/**
 * All parameters of a run: defaults, then `base` (the quick values, or those of the run that is
 * resumed), then `--set`.
 *
 * @throws ArgumentError for an unknown name or a value the schema refuses.
 */
export function resolveParameters(
  experiment: Experiment,
  settings: readonly string[],
  base: Parameters,
): Parameters {
  const schemas = parameterSchemas(experiment);
  const texts = new Map<string, string>();
  for (const setting of settings) {
    const { name, text } = readSetting(experiment, setting);
    texts.set(name, text);
  }
  const set = Object.fromEntries(
    [...texts].map(([name, text]) => [name, readText(text, schemas[name]!)]),
  );
  const parsed = experiment.parameters.safeParse({ ...base, ...set });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  invariant(issue !== undefined && texts.size > 0, `${experiment.id}: ${parsed.error.message}`);
  throw new ArgumentError(objection(experiment, issue, texts));
}
