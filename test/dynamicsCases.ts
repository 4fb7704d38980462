/**
 * Update rules, rates and additions to the gradient that every schedule has to take, each with a change
 * of it that a comparison with the float64 twin must see.
 *
 * Small steps of dynamics that is not chaotic: `test/gpu/dynamics.test.ts` says how near the twin a
 * device comes.
 */
import { gaussian } from "../engine/initial.ts";
import type { Model } from "../engine/model.ts";
import { cosine } from "../engine/rate/cosine.ts";
import type { EnsembleOptions } from "../engine/run/options.ts";
import { adam } from "../engine/update/adam.ts";
import { continuousSgd } from "../engine/update/continuousSgd.ts";
import { heunLangevin } from "../engine/update/heunLangevin.ts";
import { implicitSgd } from "../engine/update/implicitSgd.ts";
import { langevin } from "../engine/update/langevin.ts";
import { sgd } from "../engine/update/sgd.ts";
import { sgworld } from "../engine/update/sgworld.ts";
import { ubu } from "../engine/update/ubu.ts";
import { underdampedLangevin } from "../engine/update/underdampedLangevin.ts";
import { sampleData } from "./parity.ts";

/** What is tried, and a change of it that must be seen. */
export interface Case {
  readonly change: Partial<EnsembleOptions>;
  readonly wrong: Partial<EnsembleOptions>;
}

export const CASES: Readonly<Record<string, Case>> = {
  langevin: {
    change: { update: langevin({ batchSize: 4 }), sweep: { temperature: [0.5, 0, 2] } },
    wrong: { update: langevin({ batchSize: 4 }), sweep: { temperature: [0.501, 0, 2] } },
  },
  adam: {
    change: {
      update: adam({ batchSize: 4 }),
      sweep: { amsgrad: [0, 1], decoupledDecay: [0, 0.5] },
    },
    wrong: {
      update: adam({ batchSize: 4, beta2: 0.9991 }),
      sweep: { amsgrad: [0, 1], decoupledDecay: [0, 0.5] },
    },
  },
  "adam with the displacement": {
    change: { update: adam({ batchSize: 4, beta1: 0, amsgrad: true }), keepVelocity: true },
    wrong: { update: adam({ batchSize: 4, beta1: 0.001, amsgrad: true }), keepVelocity: true },
  },
  "underdamped Langevin": {
    change: {
      update: underdampedLangevin({ batchSize: 4 }),
      sweep: { friction: [0.1, 5], temperature: [0, 0.5] },
    },
    wrong: {
      update: underdampedLangevin({ batchSize: 4 }),
      sweep: { friction: [0.1, 5.05], temperature: [0, 0.5] },
    },
  },
  "UBU, symmetric batches": {
    change: {
      update: ubu({ batchSize: 4 }),
      sampling: "symmetric",
      // γh/4 on both sides of where the series for x − tanh x ends.
      sweep: { friction: [0.1, 5, 40], temperature: [0, 0.5] },
    },
    wrong: {
      update: ubu({ batchSize: 4 }),
      sampling: "symmetric",
      sweep: { friction: [0.1, 5.05, 40], temperature: [0, 0.5] },
    },
  },
  "SGWORLD, noise at every step": {
    change: { update: sgworld({ batchSize: 4, temperature: 0.5 }), sampling: "reshuffled" },
    wrong: { update: sgworld({ batchSize: 4, temperature: 0.501 }), sampling: "reshuffled" },
  },
  "SGWORLD, noise around an epoch": {
    change: {
      update: sgworld({ noise: "epoch", temperature: 0.5 }),
      sampling: "reshuffled",
      sweep: { batchSize: [4, 24] },
    },
    wrong: {
      update: sgworld({ noise: "epoch", temperature: 0.501 }),
      sampling: "reshuffled",
      sweep: { batchSize: [4, 24] },
    },
  },
  "Heun's Langevin": {
    change: {
      update: heunLangevin({ batchSize: 4 }),
      sampling: "symmetric",
      sweep: { temperature: [0.5, 0], gradientNoise: [0, 0.2], clipNorm: [0, 0.3] },
    },
    // One gradient a step.
    wrong: {
      update: langevin({ batchSize: 4 }),
      sampling: "symmetric",
      sweep: { temperature: [0.5, 0], gradientNoise: [0, 0.2], clipNorm: [0, 0.3] },
    },
  },
  "Heun's Langevin, cooled, with a displacement": {
    change: {
      update: heunLangevin({ batchSize: 4, temperature: 0.5 }),
      sampling: "distinct",
      rate: cosine({ annealSteps: 40 }),
      keepVelocity: true,
    },
    wrong: {
      update: heunLangevin({ batchSize: 4, temperature: 0.501 }),
      sampling: "distinct",
      rate: cosine({ annealSteps: 40 }),
      keepVelocity: true,
    },
  },
  "implicit SGD": {
    change: {
      update: implicitSgd({ batchSize: 4 }),
      sampling: "distinct",
      sweep: { learningRate: [0.05, 0.5], gradientNoise: [0, 0.2] },
    },
    wrong: {
      update: implicitSgd({ batchSize: 4 }),
      sampling: "distinct",
      sweep: { learningRate: [0.05, 0.501], gradientNoise: [0, 0.2] },
    },
  },
  "cosine rate": {
    change: { rate: cosine({ annealSteps: 40 }), sweep: { finalFactor: [0, 0.1] } },
    wrong: { rate: cosine({ annealSteps: 41 }), sweep: { finalFactor: [0, 0.1] } },
  },
  "clipped gradient": {
    change: { sweep: { clipNorm: [0, 0.3], gradientNoise: [0, 0.2], momentum: [0, 0.9] } },
    wrong: { sweep: { clipNorm: [0, 0.301], gradientNoise: [0, 0.2], momentum: [0, 0.9] } },
  },
};

/** Additions that need the number of parameters. */
export const SHAPED: Readonly<Record<string, (model: Model) => Case>> = {
  "noise of given covariance": ({ parameterCount: n }) => {
    const covariance = (scale: number): number[][] =>
      Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (_, j) => (i === j ? scale : 0) + Math.cos(i) * Math.cos(j)),
      );
    const sweep = { gradientNoise: [0.3, 1] };
    return {
      change: { noiseCovariance: covariance(0.5), sweep },
      wrong: { noiseCovariance: covariance(0.51), sweep },
    };
  },
  "noise models of SGD": ({ parameterCount: n }) => {
    const covariance = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => (i === j ? 0.3 : 0.1)),
    );
    const made = (timeStep: number): Partial<EnsembleOptions> => ({
      update: continuousSgd({ batchSize: 4 }),
      noiseCovariance: covariance,
      sampling: "distinct",
      sweep: { noiseModel: [0, 1, 2, 3], timeStep: [1, timeStep] },
    });
    return { change: made(0.3), wrong: made(0.301) };
  },
  "implicit learning-rate matrix": ({ params, parameterCount: n }) => {
    const { name, size } = params[0]!;
    const scales = (factor: number): number[] =>
      Array.from({ length: size }, (_, i) => (factor * i) / size);
    const update = implicitSgd({ learningRate: 0.3, batchSize: 4, gradientNoise: 0.2 });
    const noiseCovariance = Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, j) => (i === j ? 1 : 0.4)),
    );
    return {
      change: { update, rateScale: { [name]: scales(1) }, noiseCovariance },
      wrong: { update, rateScale: { [name]: scales(1.01) }, noiseCovariance },
    };
  },
  "learning-rate matrix of a corrected step": ({ params }) => {
    const { name, size } = params[0]!;
    const scales = Array.from({ length: size }, (_, i) => 0.5 + i / 7);
    const update = heunLangevin({ learningRate: 0.05, batchSize: 4, temperature: 0.1 });
    return {
      change: { update, rateScale: { [name]: scales } },
      wrong: { update, rateScale: { [name]: scales.map((x) => 1.01 * x) } },
    };
  },
  "learning-rate matrix": ({ params }) => {
    const { name, size } = params[0]!;
    const scales = Array.from({ length: size }, (_, i) => 0.5 + i / 7);
    const update = langevin({ learningRate: 0.05, batchSize: 4, temperature: 0.1 });
    return {
      change: { update, rateScale: { [name]: scales } },
      wrong: { update, rateScale: { [name]: scales.map((x) => 1.01 * x) } },
    };
  },
  "a sphere and free parameters": ({ params }) => {
    const sweep = { gradientNoise: [0, 0.3] };
    const spheres = (radius: number) => ({ groups: [[params[0]!.name]], radius });
    return {
      change: { spheres: spheres(0.7), sweep },
      wrong: { spheres: spheres(0.701), sweep },
    };
  },
  "a sphere under a noise model of SGD": ({ params }) => {
    const update = (noiseModel: number) =>
      continuousSgd({ batchSize: 4, noiseModel, timeStep: 0.5 });
    const more = {
      sampling: "distinct" as const,
      spheres: { groups: [params.map(({ name }) => name)] },
      sweep: { weightDecay: [0] },
    };
    return { change: { update: update(3), ...more }, wrong: { update: update(2), ...more } };
  },
  "spheres with noise and rates of their own": ({ params }) => {
    const [first, ...others] = params.map(({ name }) => name);
    const groups =
      others.length > 1 ? [[first!, others[1]!], [others[0]!]] : [[first!, others[0]!]];
    const update = (temperature: number) =>
      langevin({ learningRate: 0.05, batchSize: 4, temperature });
    const more = {
      spheres: { groups, radius: 1.3 },
      rateScale: { [first!]: 0.6 },
      keepVelocity: true,
      sweep: { learningRate: [0.05, 0], weightDecay: [0] },
    };
    return {
      change: { update: update(0.1), ...more },
      wrong: { update: update(0.1003), ...more },
    };
  },
};

/** An ensemble of four conditions (six where a case sweeps more), three replicas each. */
export const dynamicsOptions = (
  model: Model,
  change: Partial<EnsembleOptions>,
): EnsembleOptions => ({
  model,
  data: sampleData(model, 24, 3),
  update: sgd({ learningRate: 0.05, batchSize: 4 }),
  replicas: 3,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4, mean: 0.1 }),
  ...change,
  sweep: { learningRate: [0.05, 0.02], weightDecay: [0, 0.1], ...change.sweep },
});
