/** Says once a run, before the first test, which adapter the GPU tests will use. */
import { platform } from "../engine/adapter/node.ts";

export default async function announce(): Promise<void> {
  const chosen = await platform.choose().catch((error: unknown) => String(error));
  const text =
    typeof chosen === "string"
      ? chosen
      : `${chosen.name}${chosen.software ? " (software)" : ""}: ${chosen.reason}`;
  process.stderr.write(`adapter: ${text}\n`);
}
