/** One experiment on MNIST from files to figures, whatever the network. */
import type { z } from "zod";
import { type MnistFiles, mnist } from "../../models/mnist/mnist.ts";
import type { ExperimentResult, RunContext } from "../experiment.ts";
import { divergenceWarnings } from "../outcome.ts";
import { accuracyFigure, digitFigure, type Filters, filterFigure, lossFigure } from "./figures.ts";
import { quantitiesOf } from "./quantities.ts";
import type { TrainingSettings } from "./settings.ts";
import { type Network, type Trained, train } from "./training.ts";

export interface MnistTask {
  readonly read: () => Promise<MnistFiles>;
  /** The experiment's parameters: their defaults are the recipe. */
  readonly parameters: z.ZodObject;
  /** Test accuracy that every replica reaches by the recipe. */
  readonly least: number;
  /** The network for images of so many pixels, [row, column]. */
  readonly network: (image: readonly [number, number]) => Network;
}

/** Names of settings that are not the recipe's; more or fewer replicas are. */
function changed(p: TrainingSettings, parameters: z.ZodObject): string[] {
  const recipe = parameters.parse({}) as Readonly<Record<string, unknown>>;
  const given = p as Readonly<Record<string, unknown>>;
  return Object.keys(recipe).filter((name) => name !== "replicas" && given[name] !== recipe[name]);
}

/** Those of the first replica after the last step. */
function filtersOf({ model, filters }: Network, { end }: Trained): Filters {
  const [rows, columns] = filters.shape;
  const { offset, size } = model.params.find(({ name }) => name === filters.block)!;
  const weights = end.data.subarray(offset, offset + size);
  return { weights, units: size / (rows * columns), rows, columns };
}

export async function mnistRun(
  p: TrainingSettings,
  context: RunContext,
  { read, parameters, least, network }: MnistTask,
): Promise<ExperimentResult> {
  const { samples, testSamples } = p;
  const data = mnist(await read(), { samples, testSamples });
  const own = network(data.image);
  const trained = await train(own, data, p, context);
  const others = changed(p, parameters);
  const claim = { accuracy: least, applies: others.length === 0 };
  const { record } = trained;
  return {
    quantities: quantitiesOf(own.model, trained, p, claim),
    warnings: [
      ...(claim.applies
        ? []
        : [`nothing is claimed of the accuracy: ${others.join(", ")} are not those of the recipe`]),
      ...divergenceWarnings(record.run),
    ],
    figures: [
      lossFigure(trained),
      accuracyFigure(trained, claim),
      digitFigure(trained),
      filterFigure(filtersOf(own, trained)),
    ],
    records: { [own.model.name]: record },
  };
}
