/** A linear regression, small and quick, whose observables tests look at. */

import { gaussian } from "../engine/initial.ts";
import type { EnsembleOptions } from "../engine/run/options.ts";
import { sgd } from "../engine/update/sgd.ts";
import { linearRegression } from "./composites.ts";
import { sampleData } from "./parity.ts";

export const optionsFor = (inputs: number, momentum: number) => {
  const model = linearRegression(inputs);
  return {
    model,
    data: sampleData(model, 20, 4),
    update: sgd({ learningRate: 0.05, batchSize: 2, momentum }),
    sweep: { weightDecay: [0, 0.3] },
    replicas: 3,
    seed: 77,
    initial: gaussian({ standardDeviation: 0.3, mean: 5 }),
  } satisfies EnsembleOptions;
};
