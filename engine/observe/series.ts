/**
 * Observable `series`: chosen numbers of every replica, every so many steps.
 *
 * The schedule writes one f32 a number, record and lane; the host takes a window of them at a time.
 * Cost: one store, plus a sum over the parameters for each of the dot products. A quantity over the
 * full data costs a pass over it, about as much as N/B steps (its loss), or several times that (its
 * derivatives).
 */
import { ArgumentError } from "../errors.ts";
import { isFullData } from "./fullData.ts";
import { type Quantity, type QuantityContext, quantityCode, quantityName } from "./quantity.ts";

export interface SeriesSpec {
  readonly kind: "series";
  readonly of: readonly Quantity[];
  readonly every: number;
}

/**
 * Records numbers over time, [quantity, condition, replica, time].
 *
 * @example series({ of: ["loss", "theta.theta"], every: 10 })
 */
export function series(options: {
  readonly of: Quantity | readonly Quantity[];
  readonly every?: number;
}): SeriesSpec {
  const of = (Array.isArray(options.of) ? options.of : [options.of]) as readonly Quantity[];
  const every = options.every ?? 1;
  if (of.length === 0) {
    throw new ArgumentError("series: `of` is empty; name at least one quantity, e.g. loss.");
  }
  requireEvery("series", every);
  return { kind: "series", of, every };
}

export function requireEvery(where: string, every: number): void {
  if (!Number.isInteger(every) || every < 1) {
    throw new ArgumentError(
      `${where}: every is ${every}, a number of SGD steps; use a whole number >= 1.`,
    );
  }
}

/** Quantities the schedule itself writes; those over the full data come from evaluation kernels. */
export const kernelQuantities = (spec: SeriesSpec): readonly Quantity[] =>
  spec.of.filter((quantity) => !isFullData(quantityName(quantity)));

/** Records of a series in a window of `steps` steps, at most. */
export const windowSlots = (every: number, steps: number): number => Math.ceil(steps / every) + 1;

/**
 * WGSL of the recording. `rel` is the step since observing began, `run.window_first` that of the
 * window's first step, `at` the region's offset in words per lane, `slots` its records.
 */
export function seriesCode(
  spec: SeriesSpec,
  label: string,
  at: number,
  slots: number,
  context: QuantityContext,
): string[] {
  const { every } = spec;
  const codes = kernelQuantities(spec).map((quantity, q) =>
    quantityCode(quantity, `${label}_${q}`, context),
  );
  const stores = codes.map(
    ({ value }, q) => `series[(${at + q * slots}u + slot) * run.lanes + lane] = ${value};`,
  );
  return [
    every === 1 ? "{" : `if (rel % ${every}u == 0u) {`,
    `  let slot = rel / ${every}u - (run.window_first + ${every - 1}u) / ${every}u;`,
    ...codes.flatMap(({ lines }) => lines.map((line) => `  ${line}`)),
    ...stores.map((line) => `  ${line}`),
    "}",
  ];
}
