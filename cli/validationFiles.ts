/**
 * The files of `validate --out`: validation.md for readers, validation.json for programs.
 *
 * What is there already of experiments that are not run now stays, with its own date and command: an
 * hour's validation can be made in parts, and goes on after Ctrl-C.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ArgumentError } from "../engine/errors.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { printJson } from "../report/result.ts";
import { printValidationPage, type Validated } from "../report/validationPage.ts";
import { writeWhole } from "./files.ts";

const FILE = "validation.json";

const number = z.number().nullable();

/** What is read again; other keys are kept as they are. */
const quantity = z.looseObject({
  name: z.string(),
  condition: z.record(z.string(), z.union([z.number(), z.string()])),
  estimate: number,
  standardError: number,
  unit: z.string(),
  predicted: number,
  systematic: number,
  z: number,
  agrees: z.boolean().nullable(),
});

const schema = z.object({
  experiments: z.array(
    z.object({
      experiment: z.string(),
      title: z.string(),
      card: z.string(),
      error: z.string().nullable(),
      run: z
        .object({
          provenance: z.looseObject({
            command: z.string(),
            adapter: z.string(),
            driver: z.string(),
            date: z.string(),
          }),
          seconds: z.number(),
          warnings: z.array(z.string()),
          quantities: z.array(quantity),
        })
        .nullable(),
    }),
  ),
});

/**
 * What `directory` holds of earlier validations; nothing where there is no file.
 *
 * @throws ArgumentError for a file that is no validation.
 */
export async function readValidated(directory: string): Promise<Validated[]> {
  const path = join(directory, FILE);
  try {
    const text = await readFile(path, "utf8");
    return schema.parse(JSON.parse(text)).experiments as unknown as Validated[];
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw new ArgumentError(
      `--out ${directory}: ${FILE} there is no file of validate; move it, or give another directory.`,
    );
  }
}

/** Earlier results with `now` in their place, in the order of the known experiments. */
export function mergeValidated(
  earlier: readonly Validated[],
  now: readonly Validated[],
  experiments: readonly Experiment[],
): Validated[] {
  const latest = new Map([...earlier, ...now].map((one) => [one.experiment, one]));
  return experiments.flatMap(({ id }) => latest.get(id) ?? []);
}

/** Writes both files, whole or not at all. */
export async function writeValidated(
  directory: string,
  validated: readonly Validated[],
): Promise<void> {
  await writeWhole(
    new Map([
      [join(directory, FILE), `${printJson({ experiments: validated })}\n`],
      [join(directory, "validation.md"), printValidationPage(validated)],
    ]),
  );
}
