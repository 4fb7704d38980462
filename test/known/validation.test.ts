// `validate --out`: the evidence as a page and as JSON, kept experiment by experiment.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { command, failing, fakeExperiment, resultOf } from "./fakes.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "thermograd-validation-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const page = () => readFileSync(join(cwd, "evidence", "validation.md"), "utf8");
const data = () => JSON.parse(readFileSync(join(cwd, "evidence", "validation.json"), "utf8"));

const good = fakeExperiment();
const off = (id: string) =>
  fakeExperiment({ id, run: async () => resultOf({ learningRate: 0.1, offset: 1 } as never) });

const validate = (words: readonly string[], experiments: Parameters<typeof command>[1] = {}) =>
  command(["validate", ...words, "--out", "evidence"], { ...experiments, io: { cwd } });

describe("validate --out", () => {
  it("has claim, card, prediction, estimate, error, z, adapter, date and command", async () => {
    const experiments = [good, off("bad"), failing(new Error("oops | oops"))];
    expect((await validate(["--seed", "3"], { experiments })).code).toBe(1);
    const text = page();
    expect(text).toContain(
      "1 of 2 predictions of 3 experiments agree. 1 of the experiments failed.",
    );
    expect(text).toMatch(/\| \[quadratic\]\(#quadratic\) \| .+ \| 1 of 1 \| /);
    expect(text).toContain("`thermograd run quadratic --seed 3`, Fake adapter, fake 1.0, 20");
    expect(text).toMatch(
      /\| variance \| learningRate=0\.1 \| θ² \| 0\.01 \| 0\.01\S* \| \S+ \| \S+ \| \S+ \| yes \|/,
    );
    expect(text).toMatch(/\| variance \| .+ \| \*\*no\*\* \|/);
    expect(text).toContain("failed: oops \\| oops");
    expect(text).toContain("1 more quantit");
    // A table's rows have as many cells as its head.
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    const widths = rows.map((row) => row.match(/(?<!\\)\|/g)!.length);
    expect(new Set(widths)).toEqual(new Set([8, 10]));
    expect(data().experiments.map(({ error }: { error: unknown }) => error)).toEqual([
      null,
      null,
      "oops | oops",
    ]);
  });

  it("shows names and messages as they are, not as Markdown", async () => {
    const result = async () => resultOf({ learningRate: 0.1, offset: 0 } as never);
    const marked = fakeExperiment({
      run: async () => {
        const { quantities, ...rest } = await result();
        const names = quantities.map((one) => ({ ...one, name: "<exp(-sigma)> of a*b*c" }));
        return { ...rest, quantities: names, warnings: ["<sigma> is ~1 to ~2"] };
      },
    });
    await validate([], { experiments: [marked] });
    expect(page()).toContain("| \\<exp(-sigma)> of a\\*b\\*c |");
    expect(page()).toContain("- \\<sigma> is \\~1 to \\~2");
  });

  it("runs an experiment that is named twice once", async () => {
    const { stdout } = await validate(["quadratic", "quadratic"], { experiments: [good] });
    expect(stdout).toContain("1 of 1 predictions agree");
  });

  it("refuses before it runs where the file cannot be read, and an empty directory", async () => {
    mkdirSync(join(cwd, "evidence", "validation.json"), { recursive: true });
    const { code, stderr } = await validate([], { experiments: [good] });
    expect(code).toBe(2);
    expect(stderr).toContain("validation.json there is no file of validate");
    const empty = await command(["validate", "--out", ""], { experiments: [good], io: { cwd } });
    expect(empty.stderr).toContain("--out: is empty");
  });

  it("keeps what stands there of experiments that are not run, in their order", async () => {
    const experiments = [good, off("bad")];
    await validate(["bad", "--seed", "1"], { experiments });
    await validate(["quadratic", "--seed", "2"], { experiments });
    const text = page();
    expect(text.indexOf("## quadratic")).toBeLessThan(text.indexOf("## bad"));
    expect(text).toContain("run quadratic --seed 2`");
    expect(text).toContain("run bad --seed 1`");
    await validate(["bad", "--seed", "5"], { experiments });
    expect(page()).toContain("run bad --seed 5`");
    expect(page()).not.toContain("run bad --seed 1`");
  });

  it("loses nothing that finished before Ctrl-C, and says how to go on", async () => {
    let fire = () => {};
    const interrupted = fakeExperiment({
      id: "second",
      run: async () => {
        fire();
        throw new DOMException("stopped", "AbortError");
      },
    });
    const { code, stdout, stderr } = await command(["validate", "--quick", "--out", "evidence"], {
      experiments: [good, interrupted, off("third")],
      io: { cwd },
      onStart: (interrupt) => {
        fire = interrupt;
      },
    });
    expect(code).toBe(130);
    expect(stdout).toContain("1 of 1 predictions agree");
    expect(stderr).toContain(
      "stopped after 1 of 3; go on with thermograd validate second third --out evidence --quick",
    );
    expect(data().experiments).toHaveLength(1);
  });

  it("does not overwrite a file that is not its own", async () => {
    await validate([], { experiments: [good] });
    writeFileSync(join(cwd, "evidence", "validation.json"), '{"experiments": 3}');
    const { code, stderr } = await validate([], { experiments: [good] });
    expect(code).toBe(2);
    expect(stderr).toMatch(/validation\.json there is no file of validate; move it/);
    expect(readFileSync(join(cwd, "evidence", "validation.json"), "utf8")).toBe(
      '{"experiments": 3}',
    );
  });
});
