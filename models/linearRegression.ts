/** Linear regression l = (x·w − y)²/2, the model of card A1. */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";

/** Parameters `w` [inputs], sample fields `x` [inputs] and `y` []. */
export const linearRegression = (inputs: number): Model =>
  defineModel({
    name: "linear-regression",
    params: { w: [inputs] },
    sample: { x: [inputs], y: [] },
    loss: ({ w }, { x, y }) => op.scale(op.square(op.sub(op.dot(x, w), y)), 0.5),
  });
