/** Two factors next to v = 0 (card 3A, D = 1): the rate at which ln v grows or falls, exact in η. */
import { replicaMean, scaled } from "../../analysis/index.ts";
import type { RunRecord, SeriesRecord } from "../../engine/record.ts";
import { collapseRate } from "../../models/theory/index.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { F32 } from "../systematic.ts";
import type { LabelNoiseParameters } from "./theory.ts";

/** u at the start: e^±37 of it are still float32 numbers, and far below any u of interest. */
export const START = 1e-20;
/** |ln(u/START)| that no replica may pass, and deviations that are kept from there. */
const ROOM = 30;
const DEVIATIONS = 7;
const MOST = 2000;

const stepOf = (p: LabelNoiseParameters, learningRate: number) => ({
  learningRate,
  slope: p.slope,
  noise: p.labelNoise,
  noiseLaw: p.noiseLaw,
});

/** Size of a step of ln u: |ln(1 + 2η(k ± 3s))| at the most. */
const spread = (p: LabelNoiseParameters, rate: number): number =>
  Math.max(
    ...[-3, 3].map((z) =>
      Math.abs(Math.log(Math.abs(1 + 2 * rate * (p.slope + z * p.labelNoise)))),
    ),
  );

/** Steps after which the fastest condition is still within `ROOM`: drift n + 7 spread √n. */
export function collapseSteps(p: LabelNoiseParameters): number {
  const steps = p.learningRates.map((rate) => {
    const drift = Math.abs(collapseRate(stepOf(p, rate))) / 2;
    const diffusion = (DEVIATIONS * spread(p, rate)) / 3;
    // Smaller root of drift n + diffusion √n = ROOM.
    const root = (2 * ROOM) / (diffusion + Math.sqrt(diffusion ** 2 + 4 * drift * ROOM));
    return Math.floor(root ** 2);
  });
  return Math.max(1, Math.min(MOST, ...steps));
}

/** (ln|v| at the end − ln|v| at the start)/(η steps): d ln v/dt in time η·steps. */
export function collapseQuantities(
  p: LabelNoiseParameters,
  record: RunRecord,
  steps: number,
): Quantity[] {
  const { values } = record.factors as SeriesRecord;
  const times = values.axes[3]!.length;
  const conditions = p.learningRates.length;
  return p.learningRates.map((learningRate, c): Quantity => {
    const growth = Float64Array.from({ length: p.replicas }, (_, r) => {
      let sum = 0;
      for (let k = 0; k < 2; k += 1) {
        const at = ((k * conditions + c) * p.replicas + r) * times;
        sum += Math.log(Math.abs(values.data[at + times - 1]! / values.data[at]!));
      }
      return sum;
    });
    const exact = collapseRate(stepOf(p, learningRate));
    return {
      name: "d ln v/dt at v = 0",
      condition: { learningRate },
      estimate: scaled(
        estimateOf(() => replicaMean(growth)),
        1 / (learningRate * steps),
      ),
      unit: "1/(η steps)",
      predicted: exact / learningRate,
      // Each step rounds either factor by a unit roundoff at most, twice.
      systematic: (4 * F32) / learningRate,
    };
  });
}
