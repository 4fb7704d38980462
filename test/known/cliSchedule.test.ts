/** `--schedule`: it reaches every command's device, and what is wrong with it is told. */
import { describe, expect, it } from "vitest";
import type { Io } from "../../cli/io.ts";
import { LimitError } from "../../engine/errors.ts";
import { command, FAKE_DEVICE, failing } from "./fakes.ts";

describe("--schedule", () => {
  it("gives --schedule to the device of run, validate and bench, and repeats it", async () => {
    const asked: unknown[] = [];
    const openDevice: Io["openDevice"] = async (options) => {
      asked.push(options.execution);
      return FAKE_DEVICE;
    };
    const forced = ["--schedule", "batched"];
    const ran = await command(["run", "quadratic", "--json", ...forced], { io: { openDevice } });
    expect(JSON.parse(ran.stdout).provenance.command).toBe(
      "thermograd run quadratic --seed 1 --schedule batched",
    );
    await command(["validate", "quadratic", ...forced], { io: { openDevice } });
    await command(["bench", ...forced], { io: { openDevice } });
    await command(["run", "quadratic"], { io: { openDevice } });
    const batched = { schedule: "batched" };
    expect(asked).toEqual([batched, batched, batched, undefined]);
  });

  it("refuses a --schedule that is none, with the near one", async () => {
    for (const name of ["run", "validate"]) {
      const { code, stderr } = await command([name, "quadratic", "--schedule", "threads"]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${name}: --schedule threads is no schedule; did you mean thread?`);
    }
    const { code, stderr } = await command(["bench", "--schedule", "gpu"]);
    expect(code).toBe(2);
    expect(stderr).toContain("there are thread, workgroup, batched.");
  });

  it("exits with 2 where a forced schedule cannot fit", async () => {
    const message = "thread schedule: wide has 3000 parameters; leave schedule out";
    const stage = { experiments: [failing(new LimitError(message))] };
    const { code, stderr } = await command(["run", "failing", "--schedule", "thread"], stage);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
