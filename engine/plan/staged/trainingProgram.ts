/** The staged program of a minibatch: sums over it of the loss and of its gradient. */
import type { Model } from "../../model.ts";
import { sampleSums } from "./sampleSums.ts";
import { type StagedProgram, stagedProgram } from "./stagedProgram.ts";

/** The output that is Σ_b of the loss. */
export const LOSS = "loss";

/** The output that is Σ_b ∂loss/∂block. */
export const gradientOf = (block: string): string => `gradient.${block}`;

export function trainingProgram({ loss, gradients, params }: Model): StagedProgram {
  const [lossSum, ...gradientSums] = sampleSums([loss, ...gradients]);
  return stagedProgram({
    [LOSS]: lossSum!,
    ...Object.fromEntries(params.map(({ name }, i) => [gradientOf(name), gradientSums[i]!])),
  });
}
