/**
 * Card A3b: the mean displacement of a reshuffled epoch from any point is that of an effective loss,
 *   −ηM ∇{L + (η/4) tr Σ_B − (η/4)(M − 1)|∇L|²} + O(η³).
 *
 * Without sampling: the epoch is averaged over all orders of its batches in float64, and each of the
 * three terms is left out in turn. On the device: one epoch of many replicas from the same point, with
 * reshuffled batches and with independent ones, which lack tr Σ_B.
 */
import { replicaMean } from "../analysis/index.ts";
import type { RunRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { type EpochLaw, epochSteps, meanEpochDisplacement } from "../models/theory/index.ts";
import { comparable } from "./comparable.ts";
import { deviceFigure, orderFigure } from "./epochDisplacement/figures.ts";
import { ladders, orderQuantities, sizeOf } from "./epochDisplacement/orders.ts";
import {
  checkDisplacement,
  type DisplacementSettings,
  displacementSettings,
  problemOf,
  setup,
} from "./epochDisplacement/settings.ts";
import type { Experiment, Quantity, RunContext } from "./experiment.ts";
import { divergenceWarnings, estimateOf } from "./outcome.ts";
import { ladder } from "./smallRateLimit.ts";
import { Stages } from "./stages.ts";
import { F32 } from "./systematic.ts";

const LAWS: readonly EpochLaw[] = ["reshuffled", "distinct"];
/** Operations of a step beside those of a sample. */
const WORK = 100;

const workOf = (p: DisplacementSettings): number => 40 * p.batchSize + WORK;

export const epochDisplacement: Experiment<typeof displacementSettings> = {
  id: "epoch-displacement",
  title: "Effective loss of an epoch, away from the minimum",
  card: "A3b",
  sources: ["Machine learning in and out of equilibrium, arXiv 2306.03521"],
  summary:
    "Six non-quadratic samples. The mean displacement of a reshuffled epoch, averaged exactly over all " +
    "orders of its batches, is that of L + (η/4) tr Σ_B − (η/4)(M − 1)|∇L|² up to η³; each term is needed. " +
    "Epochs of many replicas on the device have the exact mean; independent batches have no tr Σ_B.",
  parameters: displacementSettings,
  quick: { replicas: 8192 },
  explain: (p) =>
    LAWS.map((law) => {
      const { data, ...setting } = setup(p, law);
      return { ...setting, samples: data.samples };
    }),
  async run(p, context) {
    checkDisplacement(p);
    const problem = problemOf(p);
    const found = ladders(problem, ladder(p.learningRate, p.halvings));
    const orders = orderQuantities(problem, found);
    const steps = epochSteps(problem) + 1;
    const lanes = p.replicas * p.deviceRates.length;
    const stages = await Stages.open(context, LAWS.length * lanes * steps * workOf(p));
    const measured: Quantity[] = [];
    const records: Record<string, RunRecord> = {};
    const warnings: string[] = [];
    for (const [i, law] of LAWS.entries()) {
      await stages.pause();
      const { quantities, record } = await displacements(p, law, i * p.replicas, stages, context);
      measured.push(...quantities);
      records[law] = record;
      warnings.push(...divergenceWarnings(record.run).map((text) => `${law}: ${text}`));
    }
    const device = comparable(measured);
    return {
      quantities: [...orders.quantities, ...device.quantities],
      warnings: [...orders.warnings, ...warnings, ...device.warnings],
      figures: [orderFigure(found), deviceFigure(problem, p.deviceRates, measured)],
      records,
    };
  },
};

/**
 * Mean displacements on the device, at all rates.
 *
 * Systematic: each of M steps rounds u by 2⁻²⁴ of it, at most the sum of all pulls, ηMG with G the largest
 * mean of |parts of the gradient| in a batch, and its gradient by a few roundings of G: together below
 * 2⁻²⁴ ηMG(M + 8).
 */
async function displacements(
  p: DisplacementSettings,
  law: EpochLaw,
  first: number,
  stages: Stages,
  context: RunContext,
): Promise<{ quantities: Quantity[]; record: RunRecord }> {
  const problem = problemOf(p);
  const M = epochSteps(problem);
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, law),
    // Random numbers of their own for each law.
    replicas: { first, count: p.replicas },
    seed: context.seed,
  });
  // One step more than the epoch: values at step t are taken before update t.
  const stage = { label: law, ensemble, burnIn: 0, steps: M + 1, multiple: M + 1 };
  const { observed } = await stages.run({ ...stage, work: workOf(p) });
  const { data } = observed.ends.values;
  const G = sizeOf(problem) / p.batchSize;
  const quantities = p.deviceRates.map((learningRate, c): Quantity => {
    const ends = Float64Array.from(
      { length: p.replicas },
      (_, r) => data[2 * (c * p.replicas + r) + 1]!,
    );
    const exact = meanEpochDisplacement(problem, learningRate, law);
    const isLost = ends.some((value) => !Number.isFinite(value)) || !Number.isFinite(exact);
    return {
      name: "mean displacement of an epoch",
      condition: { sampling: law, learningRate },
      estimate: estimateOf(() => replicaMean(ends)),
      unit: "w",
      // Replicas that are left after a divergence are a selection.
      predicted: isLost ? null : exact,
      systematic: isLost ? 0 : F32 * learningRate * M * G * (M + 8),
    };
  });
  return { quantities, record: observed };
}
