/** The linked kernels of `shaders/curvature/` for a model, and how their groups are bound. */
import { sources } from "#shaders";
import { DATA_PASS, type SettingSource, settingSlots } from "../run/dataPass.ts";
import { fullGradientShaders } from "../run/fullGradient.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import type { BindingKind } from "../run/pipeline.ts";
import { structText } from "../wgsl/layout.ts";
import { type LinkedShader, link } from "../wgsl/link.ts";
import {
  blockOffsets,
  hessianVectorFunction,
  lossGradientFunction,
} from "../wgsl/sampleFunction.ts";
import { withoutDraws } from "../withoutDraws.ts";
import { PROBE_RUN } from "./probes.ts";

/** Parameters whose products one invocation of `inner_products` adds. */
export const GROUP = 32;

/** Second derivatives have several times the code of the loss: their longer loops are kept. */
const UNROLL = 64;

const READ: BindingKind = "read-only-storage";

const run = { code: structText("Run", DATA_PASS) };

const source = ({ resolved, plan }: LaneAccess): SettingSource => ({
  rule: resolved.rule,
  interaction: plan.interaction,
});

/** Hyperparameters are bound where the model's settings are read. */
const hyper = ({ resolved }: LaneAccess): BindingKind | null =>
  resolved.model.settings.length > 0 ? READ : null;

/** A kernel with the layout of its one group. */
export interface Described {
  readonly shader: LinkedShader;
  readonly bindings: readonly (BindingKind | null)[];
}

const params = ({ resolved: { model } }: LaneAccess) => ({ PARAMS: `${model.parameterCount}u` });

/** run, state, data, directions, sums, hyperparameters */
export function hessianProductsShader(access: LaneAccess): Described {
  const model = withoutDraws(access.resolved.model);
  const { row, unroll } = access.plan;
  const product = hessianVectorFunction(model, row, { unroll: Math.min(unroll, UNROLL) });
  const call = "hessian_vector(sample, &theta, &direction, &product, h);";
  const shader = link(
    "curvature/hessian_products",
    {
      params: { ...params(access), ROW: `${row.vectors}u` },
      slots: {
        run,
        hessian_vector: {
          ...product,
          code: [...blockOffsets(model), product.code].join("\n"),
        },
        ...settingSlots(model, source(access), call),
      },
    },
    sources,
  );
  return { shader, bindings: ["uniform", READ, READ, READ, "storage", hyper(access)] };
}

/** run, state, data, sums, nothing, hyperparameters */
export function gradientSumsShader(access: LaneAccess): Described {
  const { row, unroll } = access.plan;
  const model = withoutDraws(access.resolved.model);
  const { sums: shader } = fullGradientShaders(model, row, unroll, source(access));
  return { shader, bindings: ["uniform", READ, READ, "storage", null, hyper(access)] };
}

/** run, decay, directions, sums, means */
export const meanVectorsShader = (access: LaneAccess): Described => ({
  shader: link("curvature/mean_vectors", { params: params(access), slots: { run } }, sources),
  bindings: ["uniform", READ, READ, READ, "storage"],
});

/** run, directions, means, products */
export const innerProductsShader = (access: LaneAccess): Described => ({
  shader: link(
    "curvature/inner_products",
    { params: { ...params(access), GROUP: `${GROUP}u` }, slots: { run } },
    sources,
  ),
  bindings: ["uniform", READ, READ, "storage"],
});

/** run, directions */
export const rademacherShader = (access: LaneAccess): Described => ({
  shader: link(
    "curvature/rademacher",
    { params: params(access), slots: { run: { code: structText("Run", PROBE_RUN) } } },
    sources,
  ),
  bindings: ["uniform", "storage"],
});

/** run, state, data, means, directions, hyperparameters, sums */
export function gradientNoiseShader(access: LaneAccess, directions: number): Described {
  const { row, unroll } = access.plan;
  const { model } = access.resolved;
  const call = "_ = loss_gradient(sample, &theta, &gradient, h);";
  const shader = link(
    "curvature/gradient_noise",
    {
      params: { ...params(access), ROW: `${row.vectors}u`, DIRECTIONS: `${directions}u` },
      slots: {
        run,
        loss_gradient: lossGradientFunction(model, row, { unroll }),
        ...settingSlots(model, source(access), call),
      },
    },
    sources,
  );
  return { shader, bindings: ["uniform", READ, READ, READ, READ, hyper(access), "storage"] };
}
