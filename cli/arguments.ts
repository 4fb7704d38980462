/**
 * Arguments of a command, read by `node:util` parseArgs and checked against the command's options.
 *
 * parseArgs runs without `strict`: its own messages name no remedy, ours do.
 */
import { parseArgs } from "node:util";
import { ArgumentError } from "../engine/errors.ts";
import type { Io } from "./io.ts";
import { suggest } from "./nearest.ts";

export interface Option {
  /** Placeholder of the value, e.g. `name=value`; absent for a switch. */
  readonly value?: string;
  readonly multiple?: boolean;
  readonly description: string;
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** Switches given. */
  readonly switches: ReadonlySet<string>;
  /** Values given, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

export type CommandRun = (given: Arguments, io: Io) => Promise<number>;

export interface Command {
  readonly name: string;
  /** After the name, e.g. `<experiment> [--json]`. */
  readonly usage: string;
  readonly summary: string;
  /** Further paragraphs of its help. */
  readonly details: string;
  readonly positionals: { readonly name: string; readonly min: number; readonly max: number };
  readonly options: Readonly<Record<string, Option>>;
  readonly load: () => Promise<CommandRun>;
}

/** The last value given for an option. */
export const lastValue = (given: Arguments, name: string): string | undefined =>
  given.values.get(name)?.at(-1);

const HELP: Option = { description: "print this help" };

/** All options of a command, `--help` included. */
export const optionsOf = (command: Command): Readonly<Record<string, Option>> => ({
  ...command.options,
  help: HELP,
});

type Token = Extract<
  NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number],
  { kind: "option" }
>;

function checkOption(command: Command, token: Token): Option {
  const options = optionsOf(command);
  const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (option === undefined) {
    const names = Object.keys(options).map((name) => `--${name}`);
    const remedy = suggest(token.rawName, names, `it takes ${names.join(", ")}.`);
    throw new ArgumentError(`${command.name}: there is no option ${token.rawName}; ${remedy}`);
  }
  const isMissing =
    token.value === undefined || (!token.inlineValue && token.value.startsWith("--"));
  if (option.value !== undefined && isMissing) {
    throw new ArgumentError(
      `${command.name}: --${token.name} needs a value; write --${token.name} <${option.value}>.`,
    );
  }
  if (option.value === undefined && token.value !== undefined) {
    throw new ArgumentError(
      `${command.name}: --${token.name} takes no value, got "${token.value}"; ` +
        `write --${token.name} alone.`,
    );
  }
  return option;
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const { name, min, max } = command.positionals;
  if (positionals.length < min) {
    throw new ArgumentError(
      `${command.name}: needs <${name}>; write thermograd ${command.name} ${command.usage}`,
    );
  }
  if (positionals.length > max) {
    const takes = max === 0 ? "no arguments" : `one <${name}>`;
    throw new ArgumentError(
      `${command.name}: takes ${takes}, got "${positionals[max]}" as well; ` +
        `write thermograd ${command.name} ${command.usage}`,
    );
  }
}

/**
 * Reads the arguments behind a command's name.
 *
 * @throws ArgumentError naming the argument and what would be right.
 */
export function readArguments(command: Command, argv: readonly string[]): Arguments {
  const options = Object.fromEntries(
    Object.entries(optionsOf(command)).map(([name, option]) => [
      name,
      { type: option.value === undefined ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options: { ...options, help: { type: "boolean", short: "h" } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const switches = new Set<string>();
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (checkOption(command, token).value === undefined) switches.add(token.name);
    else values.set(token.name, [...(values.get(token.name) ?? []), token.value!]);
  }
  for (const [name, list] of values) {
    if (command.options[name]?.multiple === true || list.length === 1) continue;
    throw new ArgumentError(
      `${command.name}: --${name} was given ${list.length} times; give it once.`,
    );
  }
  if (!switches.has("help")) checkPositionals(command, positionals);
  return { positionals, switches, values };
}
