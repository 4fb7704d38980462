/**
 * The networks of `test/networks.ts` on the device against float64: 20 steps of SGD with momentum, and
 * Hessian-vector products. Sampling laws: `schedules.test.ts`.
 *
 * Errors are |a − b|₂/|b|₂ of θ and v for each replica; bound 5e-5, of which rounding takes about 1e-6.
 */
import { expect, test } from "vitest";
import { hessianProducts } from "../../engine/curvature/hessianProducts.ts";
import { gaussian } from "../../engine/initial.ts";
import { referenceFullData } from "../../engine/referenceFullData.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import type { SamplingLaw } from "../../engine/sampling.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { describeWithDevice } from "../gpu.ts";
import { cnn, mlp, NETWORKS, type Network, scaleInvariant } from "../networks.ts";
import { relativeError } from "../parity.ts";
import { stateError, twins } from "../twins.ts";

const BOUND = 5e-5;
const STEPS = 20;

const options = (
  { model, data }: Network,
  sampling: SamplingLaw,
  learningRate = 0.05,
): EnsembleOptions => ({
  model,
  data,
  update: sgd({ learningRate, momentum: 0.5, ...(sampling !== "fullBatch" && { batchSize: 4 }) }),
  sampling,
  replicas: 2,
  seed: 0xfeed,
  initial: gaussian({ standardDeviation: 0.4 }),
});

describeWithDevice("networks", "software", (device) => {
  const stateAfter = async (given: EnsembleOptions, unroll?: number) => {
    const execution = unroll === undefined ? {} : { execution: { unroll } };
    await using ensemble = await createEnsemble(device(), { ...given, ...execution });
    await ensemble.advance({ steps: STEPS });
    return ensemble.state();
  };

  test.each([
    ["loops kept", 0],
    ["as by default", undefined],
  ] as const)("%s", async (_name, unroll) => {
    for (const network of Object.values(NETWORKS)) {
      const given = options(network, "withReplacement");
      const error = stateError(await stateAfter(given, unroll), twins(given, { steps: STEPS }));
      expect(error, network.model.name).toBeLessThanOrEqual(BOUND);
    }
  });

  test("Hessian-vector products: second derivatives of windows and norms", async () => {
    for (const network of [cnn, scaleInvariant]) {
      const { model, data } = network;
      const n = model.parameterCount;
      const given = { ...options(network, "withReplacement"), execution: { unroll: 64 } };
      await using ensemble = await createEnsemble(device(), given);
      const direction = Array.from({ length: n }, (_, p) => Math.sin(3 * p + 1));
      const products = await hessianProducts(ensemble, { directions: [direction] });
      const { theta } = await ensemble.state();
      const exact = referenceFullData(model, data, 0);
      for (let lane = 0; lane < 2; lane += 1) {
        const at = Float64Array.from({ length: n }, (_, p) => theta.data[lane * n + p]!);
        const expected = exact.curvature(at, Float64Array.from(direction));
        const actual = products.data.subarray(lane * n, (lane + 1) * n);
        expect(relativeError(actual, expected), model.name).toBeLessThanOrEqual(BOUND);
      }
    }
  });

  test("negative control: a rate off by 1 in 1000 is seen", async () => {
    for (const network of [mlp, scaleInvariant]) {
      const state = await stateAfter(options(network, "withReplacement"), 64);
      const wrong = options(network, "withReplacement", 0.05005);
      expect(stateError(state, twins(wrong, { steps: STEPS }))).toBeGreaterThan(BOUND);
    }
  });
});
