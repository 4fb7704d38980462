/** `thermograd devices`: which adapters there are, and which one is used. */
import { printJson } from "../report/result.ts";
import { type Arguments, lastValue } from "./arguments.ts";
import { deviceOptions, EXIT, type Io } from "./io.ts";

export async function devices(given: Arguments, io: Io): Promise<number> {
  const description = await io.describeDevices(deviceOptions(io, lastValue(given, "adapter")));
  const text = typeof description === "string" ? description : printJson(description);
  io.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  return EXIT.ok;
}
