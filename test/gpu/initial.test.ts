/** Initial states as the device gets them, and a momentum ensemble that starts stationary. */
import { expect, test } from "vitest";
import { covariance } from "../../analysis/index.ts";
import {
  byCondition,
  createEnsemble,
  type EnsembleOptions,
  fixed,
  fromState,
  gaussian,
  gaussianAt,
  moments,
  sgd,
  snapshot,
} from "../../engine/index.ts";
import { quadraticMode } from "../../models/quadraticMode.ts";
import { heavyBallMode } from "../../models/theory/index.ts";
import { describeWithDevice } from "../gpu.ts";
import { optionsFor } from "../observed.ts";
import { stateError, twins } from "../twins.ts";

/** Relative, of θ and v after a few steps in float32: a few unit roundoffs a step, and a factor 10. */
const BOUND = 2e-5;

const joint = gaussianAt({
  mean: [1, 2, 3, -1, -2, -3],
  covariance: [0, 1, 2, 3, 4, 5].map((i) => [0, 1, 2, 3, 4, 5].map((j) => (i === j ? 0.5 : 0.1))),
});
/** Two conditions, three parameters, velocities. */
const given: EnsembleOptions = { ...optionsFor(2, 0.5), initial: joint };

describeWithDevice("initial states on the device", "software", (device) => {
  const begin = async (options: EnsembleOptions) => {
    await using ensemble = await createEnsemble(device(), options);
    return ensemble.state();
  };

  test("are the twin's, velocities included, before and after steps", async () => {
    const own = byCondition([joint, fixed([7, 8, 9], 0.5)]);
    for (const initial of [joint, own, gaussian({ standardDeviation: 1 })]) {
      for (const commonNoise of [false, true]) {
        const options = { ...given, initial, commonNoise };
        expect(stateError(await begin(options), twins(options, { steps: 0 }))).toBeLessThan(1e-6);
        await using ensemble = await createEnsemble(device(), options);
        await ensemble.advance({ steps: 5 });
        const error = stateError(await ensemble.state(), twins(options, { steps: 5 }));
        expect(error).toBeLessThanOrEqual(BOUND);
      }
    }
  });

  test("common noise: the same draws in all conditions, chunks and shards change nothing", async () => {
    const half = (data: ArrayLike<number>, c: number) => Array.from(data).slice(9 * c, 9 * c + 9);
    const apart = await begin(given);
    const common = await begin({ ...given, commonNoise: true });
    for (const name of ["theta", "velocity"] as const) {
      expect(half(common[name]!.data, 1)).toEqual(half(common[name]!.data, 0));
      expect(half(common[name]!.data, 0)).toEqual(half(apart[name]!.data, 0));
      expect(half(apart[name]!.data, 1)).not.toEqual(half(apart[name]!.data, 0));
    }
    expect(await begin({ ...given, execution: { lanesPerChunk: 64 } })).toEqual(apart);
    const shard = await begin({ ...given, replicas: { first: 1, count: 2 } });
    expect([...shard.velocity!.data.slice(0, 6)]).toEqual([...apart.velocity!.data.slice(3, 9)]);
  });

  test("fromState takes another run's states, bitwise", async () => {
    const options = { ...given, observables: { states: snapshot({ every: 4 }) } };
    await using ensemble = await createEnsemble(device(), options);
    const record = await ensemble.observe({ steps: 5 });
    const end = await ensemble.state();
    const next = await begin({ ...given, seed: 1, initial: fromState(end) });
    expect(next.theta).toEqual(end.theta);
    expect(next.velocity).toEqual(end.velocity);
    const earlier = await begin({
      ...given,
      initial: fromState(record.states, { step: 4, condition: 1 }),
    });
    // step 4 of 0, 4; condition 1 of 2; three replicas of six coordinates
    const at = record.states.values.data.slice((2 + 1) * 3 * 6, (2 + 1) * 3 * 6 + 3);
    expect([...earlier.theta.data.slice(0, 3)]).toEqual([...at]);
    expect([...earlier.theta.data.slice(9, 12)]).toEqual([...at]);
  });

  /**
   * Card B1's mode, 20 000 replicas, moments of the first step only: exact stationary values if and only
   * if (θ₀, v₀) was drawn from the joint Gaussian. Three scores, |z| < 4: false alarm 1 in 5000.
   */
  const firstMoments = async (initial: EnsembleOptions["initial"]) => {
    const mode = { learningRate: 0.1, momentum: 0.9 };
    await using ensemble = await createEnsemble(device(), {
      ...quadraticMode(1),
      sampling: "fullBatch",
      update: sgd({ ...mode, gradientNoise: 0.5 }),
      replicas: 20_000,
      seed: 3,
      ...(initial && { initial }),
      observables: { moments: moments({ lags: [1] }) },
    });
    await ensemble.advance({ steps: 1 });
    const record = await ensemble.observe({ steps: 2 });
    const exact = heavyBallMode({ ...mode, curvature: 1, noiseVariance: 0.25 });
    const score = (i: string, j: string, expected: number) => {
      const { value, standardError } = covariance(record.moments, { i, j });
      return Math.abs(value - expected) / standardError;
    };
    const [x, v] = ["theta", "v.theta"];
    return Math.max(
      score(x, x, exact.positionVariance),
      score(x, v, exact.covariance),
      score(v, v, exact.velocityVariance),
    );
  };
  const stationary = heavyBallMode({
    learningRate: 0.1,
    momentum: 0.9,
    curvature: 1,
    noiseVariance: 0.25,
  });
  const start = (cross: number) =>
    gaussianAt({
      covariance: [
        [stationary.positionVariance, cross],
        [cross, stationary.velocityVariance],
      ],
    });

  test("a momentum ensemble starts exactly stationary", async () => {
    expect(await firstMoments(start(stationary.covariance))).toBeLessThan(4);
  });

  test("negative control: without the covariance of θ and v it does not", async () => {
    expect(await firstMoments(start(0))).toBeGreaterThan(4);
  });
});
