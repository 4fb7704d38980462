/**
 * The command line: finds the command, reads its arguments, turns errors into exit codes.
 *
 * stdout carries the answer and nothing else; 0 done, 1 a prediction disagrees, 2 bad input (one
 * sentence), 70 a bug of ours (with its stack), 130 interrupted.
 */
import { ArgumentError, ThermogradError } from "../engine/errors.ts";
import { VERSION } from "../engine/version.ts";
import { type Command, readArguments } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import { findExperiment } from "./findExperiment.ts";
import { printCommandHelp, printExperimentHelp, printOverview } from "./help.ts";
import { EXIT, type Io, widthOf } from "./io.ts";
import { suggest } from "./nearest.ts";

const WIDEST = 100;

function findCommand(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = [...COMMANDS.map((command) => command.name), "help"];
  const remedy = suggest(name, names, `there are ${names.join(", ")}.`);
  throw new ArgumentError(`thermograd: there is no command "${name}"; ${remedy}`);
}

const helpWidth = (io: Io): number => Math.min(WIDEST, widthOf(io));

function help(rest: readonly string[], io: Io): number {
  const name = rest.find((word) => !word.startsWith("-"));
  const text =
    name === undefined || name === "help"
      ? printOverview(COMMANDS, helpWidth(io))
      : printCommandHelp(findCommand(name), helpWidth(io));
  io.stdout.write(text);
  return EXIT.ok;
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    io.stderr.write(printOverview(COMMANDS, helpWidth(io)));
    return EXIT.badInput;
  }
  if (name === "help" || name === "--help" || name === "-h") return help(rest, io);
  if (name === "--version" || name === "-v") {
    io.stdout.write(`${VERSION}\n`);
    return EXIT.ok;
  }
  const command = findCommand(name);
  const given = readArguments(command, rest);
  if (given.switches.has("help")) {
    const id = given.positionals[0];
    const text =
      command.name === "run" && id !== undefined
        ? await printExperimentHelp(
            findExperiment("run", id, await io.experiments()),
            helpWidth(io),
          )
        : printCommandHelp(command, helpWidth(io));
    io.stdout.write(text);
    return EXIT.ok;
  }
  const run = await command.load();
  return run(given, io);
}

/** Runs one command line, e.g. `["run", "quadratic", "--json"]`; resolves with the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    if (error instanceof ThermogradError) {
      io.stderr.write(`${error.message}\n`);
      return EXIT.badInput;
    }
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.stderr.write(`${stack}\nThis is a bug in thermograd ${VERSION}, not in your input.\n`);
    return EXIT.bug;
  }
}
