/** What the toy of cards 1C and 1D may be told. */
import { z } from "zod";
import { learningRates, replicas } from "../parameters.ts";

export const toySettings = z.object({
  regime: z
    .enum(["both", "up", "op"])
    .default("both")
    .describe(
      "underparametrized (no x fits all samples), overparametrized (the pole does), or both",
    ),
  learningRatesUp: learningRates(
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.1, 0.16, 0.3, 0.5, 1, 2, 5],
    32,
    "the ladder of η of the underparametrized toy, in any order [1/loss]",
  ),
  learningRatesOp: learningRates(
    [0.1, 0.3, 0.5, 0.7, 0.9, 1, 1.02, 1.05, 1.1, 1.2, 1.3, 1.5, 1.6, 1.7, 2],
    32,
    "the ladder of η of the overparametrized toy, in any order [1/loss]",
  ),
  samples: z
    .number()
    .int()
    .min(3)
    .max(64)
    .default(3)
    .describe("directions of the underparametrized toy, at equal azimuths"),
  height: z
    .number()
    .min(0.01)
    .max(0.7)
    .default(0.2)
    .describe(
      "their component along the pole, beside 1 across it, before they are scaled to length 1; above √½ the " +
        "pole is not the minimum",
    ),
  angle: z
    .number()
    .min(1)
    .max(89)
    .default(30)
    .describe(
      "the two directions of the overparametrized toy are at ± this in the equator [degrees]",
    ),
  start: z
    .array(z.number())
    .length(3)
    .default([-0.8, 0.6, 0.1])
    .describe("x₀, scaled to length 1; not in the equator"),
  replicas: replicas(1000),
  steps: z
    .number()
    .int()
    .min(1)
    .max(2e6)
    .default(20_000)
    .describe("observed steps of each stationary state [steps]"),
  snapshots: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe(
      "states of each replica that entropy is taken from, at most, 4 relaxation times apart [states]",
    ),
  neighbors: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe("k of the nearest-neighbor entropy"),
});

export type ToySettings = z.infer<typeof toySettings>;
