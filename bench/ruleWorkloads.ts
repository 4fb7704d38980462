/**
 * What each update rule costs: w1 and w2 under every rule, each timed in turn with plain SGD.
 *
 * Learning rates are such that the loss falls; temperatures are small, since a noise's strength
 * changes nothing of its cost. Workloads run only when they, or their group `rules`, are named.
 */
import {
  adam,
  continuousSgd,
  heunLangevin,
  implicitSgd,
  langevin,
  sgd,
  sgworld,
  type UpdateRule,
  ubu,
  underdampedLangevin,
} from "../engine/index.ts";
import type { Workload } from "./workload.ts";

const COLD = { temperature: 1e-6 };

/** Rule by the end of the workload's name. */
const RULES: Readonly<Record<string, (batchSize: number) => UpdateRule>> = {
  momentum: (batchSize) => sgd({ learningRate: 0.01, batchSize, momentum: 0.8 }),
  noise: (batchSize) => sgd({ learningRate: 0.05, batchSize, gradientNoise: 1e-3 }),
  clip: (batchSize) => sgd({ learningRate: 0.05, batchSize, clipNorm: 1 }),
  adam: (batchSize) => adam({ learningRate: 1e-3, batchSize }),
  amsgrad: (batchSize) => adam({ learningRate: 1e-3, batchSize, amsgrad: true }),
  langevin: (batchSize) => langevin({ learningRate: 0.05, batchSize, ...COLD }),
  sgworld: (batchSize) => sgworld({ learningRate: 0.05, batchSize, ...COLD, noise: "epoch" }),
  heun: (batchSize) => heunLangevin({ learningRate: 0.05, batchSize, ...COLD }),
  baoab: (batchSize) => underdampedLangevin({ learningRate: 0.1, friction: 2, batchSize, ...COLD }),
  ubu: (batchSize) => ubu({ learningRate: 0.1, friction: 2, batchSize, ...COLD }),
  implicit: (batchSize) => implicitSgd({ learningRate: 0.05, batchSize }),
  // Every step reads the whole data set.
  diffusion: (batchSize) => continuousSgd({ learningRate: 0.05, batchSize, noiseModel: 3 }),
  sphere: (batchSize) => sgd({ learningRate: 0.05, batchSize }),
};

/** Every rule on a workload. */
export const ruleWorkloads = (workload: Workload): Workload[] =>
  Object.entries(RULES).map(([name, rule]) => {
    const update = rule(workload.batchSize);
    return {
      ...workload,
      id: `${workload.id}-${name}`,
      title: `${workload.id} under ${update.name}${name === update.name ? "" : ` (${name})`}`,
      extra: true,
      group: "rules",
      update,
      // The first law of a rule that is not defined for all of them.
      sampling:
        update.laws?.includes("withReplacement") === false ? update.laws[0]! : "withReplacement",
      ...(name === "sphere" && { spheres: { groups: "whole" as const } }),
    };
  });
