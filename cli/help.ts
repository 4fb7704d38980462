/** Help texts, made from the table of commands and from an experiment's schema. */
import type { Experiment } from "../experiments/experiment.ts";
import { type Command, optionsOf } from "./arguments.ts";

/** Two columns; the second is wrapped under itself. */
function printPairs(pairs: readonly (readonly [string, string])[], width: number): string {
  const left = Math.max(...pairs.map(([term]) => term.length)) + 4;
  return pairs
    .map(([term, text]) => {
      const lines = wrap(text, Math.max(30, width - left));
      return `  ${term.padEnd(left - 2)}${lines.join(`\n${" ".repeat(left)}`)}\n`;
    })
    .join("");
}

/** Text broken at spaces into lines of at most `width` columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const commandLine = ({ name, usage }: Command): string =>
  `thermograd ${name}${usage === "" ? "" : ` ${usage}`}`;

/** `thermograd --help`. */
export function printOverview(commands: readonly Command[], width: number): string {
  const pairs = commands.map((command) => [command.name, command.summary] as const);
  return `thermograd: thousands of SGD replicas on WebGPU, and the statistical physics of their
stationary state with error bars.

Usage
${commands.map((command) => `  ${commandLine(command)}\n`).join("")}
Commands
${printPairs([...pairs, ["help", "this, or the help of a command: thermograd help run"]], width)}
Exit codes: 0 done, 1 a prediction disagrees (validate), 2 bad input, 70 a bug, 130 interrupted.
`;
}

/** `thermograd help <command>`. */
export function printCommandHelp(command: Command, width: number): string {
  const options = Object.entries(optionsOf(command)).map(
    ([name, { value, description }]) =>
      [`--${name}${value === undefined ? "" : ` <${value}>`}`, description] as const,
  );
  const details = command.details === "" ? "" : `\n${command.details}\n`;
  const heading = `${commandLine(command)}\n\n${command.summary}\n${details}`;
  return `${heading}\nOptions\n${printPairs(options, width)}`;
}

/** `thermograd run <experiment> --help`. */
export async function printExperimentHelp(experiment: Experiment, width: number): Promise<string> {
  const { parameterSchemas, printAllowed, printValue } = await import("./parameters.ts");
  const pairs = Object.entries(parameterSchemas(experiment)).map(([name, schema]) => {
    const quick = (experiment.quick as Record<string, unknown>)[name];
    const cheaper = quick === undefined ? "" : ` (quick: ${printValue(quick)})`;
    const description = schema.description === undefined ? "" : `${schema.description}; `;
    return [
      `${name}=${printValue(schema.default)}`,
      `${description}${printAllowed(schema)}${cheaper}`,
    ] as const;
  });
  const sources = experiment.sources.join("; ");
  const parameters = pairs.length === 0 ? "  none\n" : printPairs(pairs, width);
  return `thermograd run ${experiment.id}: ${experiment.title}
card ${experiment.card}${sources === "" ? "" : `; ${sources}`}

${wrap(experiment.summary, width).join("\n")}

Parameters, with their defaults (change with --set name=value)
${parameters}`;
}
