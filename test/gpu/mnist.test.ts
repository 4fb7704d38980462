/**
 * The experiments on MNIST, on images made up for the test: ten patterns of 6 × 6 or 11 × 11 pixels
 * under noise, which small networks learn in a few epochs.
 *
 * Nothing here is random but the seeded run; what is compared is exact up to float32.
 */
import { describe, expect, test } from "vitest";
import { he, lecun, perBlock } from "../../engine/start/perBlock.ts";
import type { ExperimentResult, RunContext } from "../../experiments/experiment.ts";
import { classCharge } from "../../experiments/mnist/quantities.ts";
import type { TrainingSettings } from "../../experiments/mnist/settings.ts";
import { type Network, type Trained, train } from "../../experiments/mnist/training.ts";
import { mnistCnnOn } from "../../experiments/mnistCnn.ts";
import { mnistMlpOn } from "../../experiments/mnistMlp.ts";
import { mnist } from "../../models/mnist/mnist.ts";
import { mnistMlp } from "../../models/mnistClassifiers.ts";
import { describeWithDevice } from "../gpu.ts";
import { syntheticMnist } from "../idxFiles.ts";
import { perceptronLogits } from "../mnistLogits.ts";

const SIZE = 6;
const files = async () => syntheticMnist(SIZE, 240, 60);
const experiment = mnistMlpOn(files);
const small = { hidden: 6, replicas: 3, epochs: 3, batchSize: 12, samples: 240, testSamples: 60 };
const parameters = (settings: Readonly<Record<string, unknown>> = {}) =>
  experiment.parameters.parse({ ...small, ...settings });

const numberOf = ({ quantities }: ExperimentResult, name: string): number =>
  quantities.find((quantity) => quantity.name === name)!.estimate.value;

describeWithDevice("mnist", "software", (device) => {
  const context = (given: Partial<RunContext> = {}): RunContext => ({
    device: device(),
    seed: 3,
    quick: false,
    ...given,
  });

  describe("an ensemble of networks", () => {
    const model = mnistMlp({ hidden: small.hidden, image: [SIZE, SIZE] });
    const network: Network = {
      model,
      initial: perBlock({ W: he(), V: lecun() }),
      multiplyAdds: small.hidden * (SIZE ** 2 + 10),
      filters: { block: "W", shape: [SIZE, SIZE] },
    };
    const trained = async (settings: Partial<TrainingSettings>): Promise<Trained> =>
      train(network, mnist(await files()), parameters(settings), context());

    test("is evaluated as plain loops in float64 evaluate it", async () => {
      const { record, end, trainAccuracy } = await trained({ epochs: 1 });
      const { train: images, test: tests } = mnist(await files());
      for (let replica = 0; replica < small.replicas; replica += 1) {
        const { parameterCount: count } = model;
        const theta = end.data.subarray(replica * count, (replica + 1) * count);
        const plain = [tests, images].map((data) => perceptronLogits(data, theta, small.hidden));
        const [loss, accuracy] = [0, 1].map(
          (q) => record.test.values.data[q * small.replicas + replica]!,
        );
        expect(Math.abs(loss! / plain[0]!.loss - 1)).toBeLessThan(1e-5);
        expect(accuracy).toBeCloseTo(plain[0]!.accuracy, 9);
        expect(trainAccuracy[replica]).toBeCloseTo(plain[1]!.accuracy, 9);
        // Not all right, not chance: the comparison has something to see.
        expect(accuracy).toBeGreaterThan(0.2);
        expect(accuracy).toBeLessThan(1);
      }
    });

    test("keeps the sums over classes, which weight decay moves", async () => {
      const free = await trained({});
      const decayed = await trained({ weightDecay: 0.01 });
      const charge = ({ start, end }: Trained) => classCharge(model, start, end, 60);
      const { drift, rounding } = charge(free);
      expect(rounding).toBeLessThan(1e-4);
      expect(Math.max(...drift)).toBeLessThan(rounding);
      expect(Math.min(...charge(decayed).drift)).toBeGreaterThan(10 * rounding);
    });
  });

  test("is learned, and nothing is claimed away from the recipe", async () => {
    const result = await experiment.run(parameters({ epochs: 12 }), context());
    expect(numberOf(result, "test accuracy")).toBeGreaterThan(0.7);
    expect(numberOf(result, "train loss")).toBeLessThan(1);
    const least = numberOf(result, "least test accuracy");
    expect(least).toBeLessThanOrEqual(numberOf(result, "test accuracy"));
    const predicted = result.quantities.filter((quantity) => quantity.predicted !== null);
    expect(predicted.map(({ name }) => name)).toEqual(["drift of class sums"]);
    expect(result.warnings).toEqual([
      "nothing is claimed of the accuracy: hidden, epochs, batchSize, samples, testSamples are not " +
        "those of the recipe",
    ]);
    const { training, test: tested } = result.records["mnist-mlp"] as unknown as Trained["record"];
    expect([training.steps.length, tested.steps.length]).toEqual([12 * 20, 12]);
    expect([...tested.steps.subarray(0, 3)]).toEqual([20, 40, 60]);
    expect(result.figures.map(({ id }) => id)).toEqual([
      "training-loss",
      "test-accuracy",
      "digit-accuracy",
      "filters",
    ]);
  });

  test("cut short in any epoch, goes on to the same numbers", async () => {
    const whole = await experiment.run(parameters(), context());
    const abort = new AbortController();
    const handed: Uint8Array[] = [];
    const cut = experiment.run(
      parameters(),
      context({
        signal: abort.signal,
        onCheckpoint: (bytes) => {
          handed.push(bytes);
        },
        onProgress: ({ phase }) => {
          if (phase.startsWith("epoch 2 of 3")) abort.abort(new Error("cut"));
        },
      }),
    );
    await expect(cut).rejects.toThrow("cut");
    const phases = new Set<string>();
    const resumed = await experiment.run(
      parameters(),
      context({ resume: handed.at(-1)!, onProgress: ({ phase }) => phases.add(phase) }),
    );
    expect(resumed).toEqual(whole);
    expect(phases.has("epoch 1 of 3: observe")).toBe(false);
    expect(phases.has("epoch 3 of 3: observe")).toBe(true);
  });

  test("a convolution net learns as well", async () => {
    const convolutions = mnistCnnOn(async () => syntheticMnist(11, 240, 60));
    const p = { ...small, first: 2, second: 3, epochs: 8 };
    const result = await convolutions.run(convolutions.parameters.parse(p), context());
    expect(numberOf(result, "test accuracy")).toBeGreaterThan(0.6);
    expect(numberOf(result, "drift of class sums")).toBeLessThan(5e-6);
  });
});
