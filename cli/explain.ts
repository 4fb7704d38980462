/** `thermograd explain`: graph, gradient, candidates, plan with reasons, and WGSL of a model. */
import { ArgumentError } from "../engine/errors.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { EXIT, type Io } from "./io.ts";
import { suggest } from "./nearest.ts";
import { readExecution } from "./schedule.ts";
import { createSession } from "./session.ts";

export async function explain(given: Arguments, io: Io): Promise<number> {
  const name = given.positionals[0]!;
  const explainer = await io.explain();
  if (!explainer.names.includes(name)) {
    const all = `there are ${explainer.names.join(", ")}.`;
    throw new ArgumentError(
      `explain: there is no experiment or model "${name}"; ${suggest(name, explainer.names, all)}`,
    );
  }
  const setting = readExecution("explain", given);
  const session = createSession(io, lastValue(given, "adapter"));
  const measuring = async () => {
    const device = await session.device();
    // Kernels may take long to compile, and nothing else is heard meanwhile.
    io.stderr.write("measuring candidates, once; --no-measure leaves it out\n");
    return device;
  };
  const openDevice = given.switches.has("no-measure") ? null : measuring;
  try {
    const text = await explainer.explain(name, { setting, openDevice });
    io.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  } finally {
    await session.close();
  }
  return EXIT.ok;
}
