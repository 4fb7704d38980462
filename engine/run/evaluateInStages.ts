/**
 * Full-data quantities of models of any size: one pass in stages for all that is asked for, which share
 * what they have in common.
 *
 * Error, float32: of a mean of scalars about B roundings of the sum of magnitudes in a block of B ≈ √N
 * samples, blocks being added in float64; of ∇f see `plan/batched/passPlan.ts`.
 */
import type { TileKind } from "../execution.ts";
import type { Model } from "../model.ts";
import { decaySquare, isAlongVelocity, undecayedScalars } from "../observe/fullData.ts";
import { type PassPlan, type PassVector, planPass } from "../plan/batched/passPlan.ts";
import type { PlanLimits } from "../plan/ensemblePlan.ts";
import type { Dynamics } from "../update/dynamics.ts";
import type { RowLayout } from "../wgsl/row.ts";
import { openBatchedPass, type PassSource } from "./batchedPass.ts";
import { slicesOf } from "./dataPass.ts";

const GRADIENT_SQUARE = "fullGradientSquare";

export interface StagedEvaluation {
  /** Without draws. */
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly row: RowLayout;
  /** Quantities by name. */
  readonly of: readonly string[];
  /** Of matrix products; the device's best known unless given. */
  readonly tile?: TileKind | undefined;
}

type Square = readonly [PassVector, PassVector];

/** Squares of vectors that quantities need, each once. */
const squaresOf = (of: readonly string[]): PassVector[] => [
  ...new Set(
    of.flatMap((name): PassVector[] => {
      const decayed = decaySquare(name);
      return name === GRADIENT_SQUARE ? ["total"] : decayed ? [decayed] : [];
    }),
  ),
];

/** The plan of the pass over `samples` samples. */
export function evaluationPass(
  { model, dynamics, row, of, tile }: StagedEvaluation,
  samples: number,
  limits: PlanLimits,
): PassPlan {
  const scalars = of.filter((name) => name !== GRADIENT_SQUARE);
  return planPass({
    model,
    dynamics,
    row,
    samples,
    scalars: undecayedScalars(model, scalars),
    vector:
      scalars.length < of.length ? { blocks: model.gradients, decayed: "theta" as const } : null,
    products: squaresOf(of).map((vector): Square => [vector, vector]),
    direction: of.some(isAlongVelocity) ? 1 + dynamics.kept.indexOf("velocity") : null,
    limits,
    ...(tile !== undefined && { tile }),
  });
}

/** The quantities of every lane, [quantity, lane], float64. */
export async function evaluateInStages(
  source: PassSource,
  plan: PassPlan,
  of: readonly string[],
): Promise<Float64Array> {
  const { chunks, decay, replicas, samples } = source;
  const total = chunks.reduce((sum, { lanes }) => sum + lanes, 0);
  const values = new Float64Array(of.length * total);
  const squares = squaresOf(of);
  const pass = await openBatchedPass(source, plan);
  try {
    for (const slice of slicesOf(chunks, pass.widest)) {
      const { scalars, products } = await pass.run(slice);
      const square = (vector: PassVector, lane: number): number =>
        products[squares.indexOf(vector) * slice.lanes + lane]!;
      let scalar = 0;
      of.forEach((name, q) => {
        const row = name === GRADIENT_SQUARE ? -1 : scalar++;
        const decayed = decaySquare(name);
        for (let k = 0; k < slice.lanes; k += 1) {
          const lane = slice.chunk.firstLane + slice.first + k;
          const lambda = decay[Math.floor(lane / replicas)]!;
          const mean = row < 0 ? square("total", k) : scalars[row * slice.lanes + k]! / samples;
          // A square that λ = 0 multiplies may be infinite.
          const added = decayed && lambda !== 0 ? lambda * square(decayed, k) : 0;
          values[q * total + lane] = mean + added;
        }
      });
    }
  } finally {
    pass.destroy();
  }
  return values;
}
