/**
 * Cards E4, E5, E6 and 1E: entropy estimators on samples whose entropy is known, and the entropy of a
 * run's iterates beside that of independent replicas.
 *
 * Samples are normal numbers of the device and functions of them. What is compared is the bias of each
 * estimator with its expectation, by quadrature or in closed form.
 */

import { entropyFigures } from "./entropyEstimators/figures.ts";
import { knownTasks, knownWork, measureKnown } from "./entropyEstimators/known.ts";
import { chainSetup, measurePaths, pathWork, ratesOf } from "./entropyEstimators/paths.ts";
import { allQuantities } from "./entropyEstimators/quantities.ts";
import { check, parameters } from "./entropyEstimators/settings.ts";
import type { Experiment } from "./experiment.ts";
import { Stages } from "./stages.ts";

export const entropyEstimators: Experiment<typeof parameters> = {
  id: "entropy-estimators",
  title: "Entropy estimators on known answers",
  card: "E4, E5, E6, 1E",
  sources: [
    "L. F. Kozachenko, N. N. Leonenko, Probl. Inf. Transm. 23, 95 (1987)",
    "T. W. Anderson, An Introduction to Multivariate Statistical Analysis (2003), ch. 7",
    "S. Delattre, N. Fournier, arXiv 1602.07440",
    "SGD as free energy minimization, arXiv 2505.23489",
  ],
  summary:
    "Nearest-neighbor entropies of Gaussians in one to many dimensions and of laws that are not " +
    "Gaussian, log-determinants, a histogram: the bias of each against its exact expectation, and refusals " +
    "where an estimator is beyond its reach. Then the graph entropy of consecutive iterates of SGD, which is " +
    "not that of the stationary state unless the run is many relaxation times long.",
  parameters,
  quick: {
    dimensions: [1, 2, 5],
    sizes: [500, 2000],
    covarianceDimensions: [7, 20],
    covarianceSizes: [50, 60],
    covarianceRepeats: 40,
    lawSize: 1000,
    learningRates: [0.01, 0.1, 0.5],
    iterates: 500,
    graphNeighbors: 20,
  },
  explain: (p) => {
    const { data, ...setting } = chainSetup(p, p.learningRates[0] ?? 0.1);
    return [{ ...setting, replicas: p.repeats, samples: data.samples }];
  },
  async run(p, context) {
    check(p);
    const tasks = knownTasks(p);
    const { rates, warnings } = ratesOf(p);
    const stages = await Stages.open(context, knownWork(tasks) + pathWork(p, rates));
    const known = await measureKnown(tasks, context, stages);
    const { results, records } = await measurePaths(p, rates, context, stages, known.next);
    const { quantities, warnings: found } = allQuantities(p, known.misses, results);
    return {
      quantities,
      warnings: [...new Set([...warnings, ...known.warnings, ...found])],
      figures: entropyFigures(p, quantities, results),
      records,
    };
  },
};
