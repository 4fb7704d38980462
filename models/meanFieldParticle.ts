/** A particle that is drawn to where the mean of all is not yet: the interacting model of card 4B. */
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";

/**
 * l = k (mean − m) x + ½ r x² at fixed mean: ∂l/∂x = k (mean − m) + r x.
 *
 * The force of L[ρ] = ½k(⟨x⟩ − m)² + ½r⟨x²⟩ on one of its particles, −∂/∂x of the functional
 * derivative. Settings `coupling` k, `confinement` r, `targetMean` m; noise is added by the update rule.
 */
export const meanFieldParticle: Model = defineModel({
  name: "mean-field-particle",
  params: { x: [] },
  sample: {},
  settings: {
    coupling: { unit: "loss/x²", meaning: "k, force on all for each unit of the mean", initial: 2 },
    confinement: { unit: "loss/x²", meaning: "r, force on a particle to 0", initial: 0.5 },
    targetMean: { unit: "x", meaning: "m, where the coupling wants the mean", initial: 1 },
  },
  loss: ({ x }, _sample, { settings: { coupling, confinement, targetMean }, mean }) => {
    const pull = op.mul(coupling, op.sub(mean.x, targetMean));
    const spring = op.scale(op.mul(confinement, x), 0.5);
    return op.mul(op.add(pull, spring), x);
  },
});

/** Its single sample, without fields. */
export const noFields: Dataset = {
  name: "no data",
  samples: 1,
  fields: {},
  origin: "the model reads no sample",
};
