/**
 * Card 4A: the noise of SGD at large learning rates makes a diagonal linear network sparse.
 *
 * β = u ∘ v is trained on fewer samples than dimensions, on many data sets at each rate, and by gradient
 * descent. Fewer elements are not zero and the L1 norm is smaller, the larger the rate was before it
 * decayed. What is exact: each step multiplies u_i² − v_i² by 1 − γ²r²x_i².
 */

import { fixed } from "../engine/initial.ts";
import type { RunRecord } from "../engine/record.ts";
import { comparable } from "./comparable.ts";
import type { Experiment } from "./experiment.ts";
import { lossFigure, magnitudeFigure, sparsityFigures } from "./sparseFeatures/figures.ts";
import { identity } from "./sparseFeatures/identity.ts";
import { measuresOf } from "./sparseFeatures/measures.ts";
import {
  contrastQuantities,
  differenceQuantities,
  rateQuantities,
  survivalWarnings,
} from "./sparseFeatures/quantities.ts";
import { setup, start, tasksOf, totalWork, trained } from "./sparseFeatures/runs.ts";
import { checkSparse, sparseSettings } from "./sparseFeatures/settings.ts";
import { Stages } from "./stages.ts";

export const sparseFeatures: Experiment<typeof sparseSettings> = {
  id: "sparse-features",
  title: "Large learning rates find sparse features",
  card: "4A",
  sources: [
    "M. Andriushchenko, A. Varre, L. Pillaud-Vivien, N. Flammarion, SGD with large step sizes learns sparse features, arXiv 2210.05337",
  ],
  summary:
    "Elementwise products of two vectors fitted to few samples of a sparse teacher, by SGD at several " +
    "learning rates which decay after half of the steps, and by gradient descent. Elements that are not " +
    "zero and the L1 norm fall as the rate grows; test losses differ by less than their scatter over " +
    "data sets. Each step shrinks u² − v² by a factor that is known exactly.",
  parameters: sparseSettings,
  quick: { dataSeeds: 30 },
  explain: (p) => [
    {
      ...setup(p, "SGD"),
      replicas: 1,
      initial: fixed(start(p)),
      samples: p.samples,
    },
  ],
  async run(p, context) {
    checkSparse(p);
    const tasks = tasksOf(p, context.seed);
    const stages = await Stages.open(context, totalWork(p));
    const exact = await identity(p, tasks[0]!, stages, context);
    const byNoise = await trained(p, "SGD", tasks, stages, context);
    const byDescent = await trained(p, "gradient descent", tasks, stages, context);
    const sgd = [];
    for (const c of p.learningRates.keys()) {
      await stages.pause();
      sgd.push(measuresOf(p, byNoise, tasks, c));
    }
    const descent = measuresOf(p, byDescent, tasks, 0);
    const differences = differenceQuantities(p, sgd);
    const measured = comparable([
      ...sgd.flatMap((one) => rateQuantities(p, "SGD", one)),
      ...rateQuantities(p, "gradient descent", descent),
      ...contrastQuantities(p, sgd),
    ]);
    const records: Record<string, RunRecord> = {
      identity: exact.record,
      sgd: { states: byNoise.states, run: byNoise.run },
      gradientDescent: { states: byDescent.states, run: byDescent.run },
    };
    return {
      quantities: [...exact.quantities, ...measured.quantities, ...differences.quantities],
      warnings: [
        ...measured.warnings,
        ...differences.warnings,
        ...survivalWarnings(p, [...sgd, descent]),
      ],
      figures: [
        ...sparsityFigures(p, { sgd, descent }),
        magnitudeFigure(p, { sgd, descent }),
        lossFigure(p, { sgd, descent }),
      ],
      records,
    };
  },
};
