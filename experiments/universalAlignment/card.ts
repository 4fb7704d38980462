/**
 * Card 2D's decisive contrast, at its own settings: SGD ends with an alignment of 0.99 or more, gradient
 * descent and decay with 0.90 or less. What is missing to that is 0.
 */
import type { Quantity } from "../experiment.ts";
import type { Method } from "./runs.ts";
import { type AlignmentSettings, alignmentSettings } from "./settings.ts";

/** Settings that the card fixes; replicas, probes and the flow's time may differ. */
const FIXED = [
  "singularValues",
  "viewValues",
  "dataSeed",
  "widthsA",
  "widthsB",
  "labelNoise",
  "gain",
  "learningRates",
  "phaseSteps",
  "weightDecay",
] as const;

function atCard(p: AlignmentSettings): boolean {
  const card = alignmentSettings.parse({});
  return FIXED.every((name) => `${p[name]}` === `${card[name]}`);
}

const HIGH = 0.99;
const LOW = 0.9;

/** From the alignments of A with B, after all phases of each method. */
export function contrastQuantities(p: AlignmentSettings, between: readonly Quantity[]): Quantity[] {
  if (!atCard(p)) return [];
  const quantity = (method: Method, side: string, excess: (alignment: number) => number) => {
    const { estimate } = between.filter(({ condition }) => condition.method === method).at(-1)!;
    const value = Math.max(0, excess(estimate.value));
    return {
      name: `CKA, A-B, at the end ${side}`,
      condition: { method },
      estimate: { ...estimate, value },
      unit: "1",
      predicted: Number.isFinite(value) ? 0 : null,
      systematic: 0,
    };
  };
  const above = (alignment: number): number => alignment - LOW;
  return [
    quantity("SGD", `below ${HIGH}`, (alignment) => HIGH - alignment),
    quantity("GD", `above ${LOW}`, above),
    quantity("GD + decay", `above ${LOW}`, above),
  ];
}
