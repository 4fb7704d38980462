/** Charges of layer pairs: by hand, and along float64 trajectories, where symmetries decide. */
import { describe, expect, it } from "vitest";
import { fanIn } from "../../engine/initial.ts";
import { type ReferenceMoment, referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { type ChargeSetting, chargeLedger } from "../../experiments/exactCharges/ledger.ts";
import {
  type Activation,
  layerCharge,
  layerPair,
  layerPairData,
  layerPairSize,
} from "../../models/index.ts";

const SHAPE = { inputs: 5, hidden: 4, outputs: 3 };

it("is W1 W1ᵀ − W2ᵀ W2", () => {
  // W1 = [[1, 2], [3, 4]], W2 = [[5, 6]]: [[5, 11], [11, 25]] − [[25, 30], [30, 36]]
  const shape = { inputs: 2, hidden: 2, outputs: 1 };
  expect(layerPairSize(shape)).toBe(6);
  const charge = layerCharge(shape, [1, 2, 3, 4, 5, 6], new Float64Array(4));
  expect([...charge]).toEqual([-20, -19, -19, -11]);
});

/** Violations along 200 steps; `assumed` is what the bookkeeping is told. */
function violations(
  activation: Activation,
  weightDecay: number,
  assumed: Partial<ChargeSetting> = {},
) {
  const setting = { shape: SHAPE, learningRate: 0.01, weightDecay };
  const ledger = chargeLedger({ ...setting, ...assumed });
  const model = layerPair(SHAPE, activation);
  let before: ReferenceMoment | null = null;
  referenceTrajectory({
    model,
    data: layerPairData(SHAPE, 32),
    rule: sgd({ learningRate: 0.01, batchSize: 2, weightDecay }),
    sampling: "withReplacement",
    initial: fanIn()(model),
    lane: { seed: 3, condition: 0, replica: 0 },
    steps: 201,
    onStep: (moment) => {
      if (before) ledger.take(before.step, before.theta, before.gradient, moment.theta);
      before = { ...moment, theta: moment.theta.slice(), gradient: moment.gradient.slice() };
    },
  });
  return ledger.worst();
}

describe.each([0, 0.5])("charges at weight decay %f", (weightDecay) => {
  // Card 2B: 2e-15, 3e-15, 3e-15 measured, tolerance 1e-12; ReLU matrix not conserved.
  it("change by η² gᵀAg where the symmetry holds, and only there", () => {
    const [linear, relu, tanh] = (["linear", "relu", "tanh"] as const).map((activation) =>
      violations(activation, weightDecay),
    );
    expect(linear!.steps).toBe(200);
    expect(linear!.exact.matrix).toBeLessThan(1e-12);
    expect(linear!.exact.neuron).toBeLessThan(1e-12);
    expect(relu!.exact.neuron).toBeLessThan(1e-12);
    expect(relu!.exact.matrix).toBeGreaterThan(1e-4);
    expect(tanh!.exact.neuron).toBeGreaterThan(1e-4);
  });

  it("are not conserved, and a wrong rate or decay is seen", () => {
    expect(violations("linear", weightDecay).flow.matrix).toBeGreaterThan(1e-4);
    const rate = violations("linear", weightDecay, { learningRate: 0.011 });
    expect(rate.exact.matrix).toBeGreaterThan(1e-5);
    const decay = violations("linear", weightDecay, { weightDecay: weightDecay + 0.01 });
    expect(decay.exact.matrix).toBeGreaterThan(1e-6);
  });
});
