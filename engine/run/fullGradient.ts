/**
 * |∇f|² of every replica, f = (1/N) Σ l_i + (λ/2)|θ|²: vectors are summed over the data on the
 * device, and only their squared lengths come back.
 *
 * Error, float32: about (B + N/B) roundings of each component, B samples in a block (B ≈ √N): a
 * component much smaller than 10⁻⁶ of the samples' gradients is noise.
 */
import { sources } from "#shaders";
import type { Model } from "../model.ts";
import { structText } from "../wgsl/layout.ts";
import { type LinkedShader, link } from "../wgsl/link.ts";
import type { RowLayout } from "../wgsl/row.ts";
import { lossGradientFunction } from "../wgsl/sampleFunction.ts";
import { storage } from "./buffers.ts";
import {
  bindGroup,
  DATA_PASS,
  type DataPass,
  passOver,
  type SettingSource,
  settingSlots,
  WORKGROUP,
  widestSlice,
} from "./dataPass.ts";
import { kernel } from "./pipeline.ts";

/** Samples in a block, at least. */
const LEAST_BLOCK = 64;
/** Parameters whose squares one invocation adds. */
const GROUP = 32;
/** Sample gradients of one dispatch, at most. */
const WORK = 1 << 17;
/** Bytes of the blocks' sums, at most (but for a single lane). */
const SUM_BYTES = 1 << 25;

export interface FullGradientShaders {
  readonly sums: LinkedShader;
  readonly squares: LinkedShader;
}

/** Kernels for a model without draws. */
export function fullGradientShaders(
  model: Model,
  row: RowLayout,
  unroll: number,
  source: SettingSource,
): FullGradientShaders {
  const run = { code: structText("Run", DATA_PASS) };
  const PARAMS = `${model.parameterCount}u`;
  return {
    sums: link(
      "schedules/full_gradient",
      {
        params: { PARAMS, ROW: `${row.vectors}u` },
        slots: {
          run,
          loss_gradient: lossGradientFunction(model, row, { unroll }),
          ...settingSlots(model, source, "_ = loss_gradient(sample, &theta, &gradient, h);"),
        },
      },
      sources,
    ),
    squares: link(
      "schedules/full_gradient_square",
      { params: { PARAMS, GROUP: `${GROUP}u` }, slots: { run } },
      sources,
    ),
  };
}

/** |∇f|² at the present θ, [lane]. */
export async function fullGradientSquares(
  pass: DataPass,
  shaders: FullGradientShaders,
  params: number,
): Promise<Float64Array> {
  const { device, samples, chunks } = pass;
  const { gpu } = device;
  const overrides = { WORKGROUP };
  const first = await kernel(
    device,
    shaders.sums,
    [
      [
        "uniform",
        "read-only-storage",
        "read-only-storage",
        "storage",
        null,
        pass.hyper && "read-only-storage",
      ],
    ],
    overrides,
  );
  const second = await kernel(
    device,
    shaders.squares,
    [["uniform", "read-only-storage", "read-only-storage", "read-only-storage", "storage"]],
    overrides,
  );
  const block = Math.max(LEAST_BLOCK, Math.ceil(Math.sqrt(samples)));
  const blocks = Math.ceil(samples / block);
  const laneBytes = 4 * params * blocks;
  const widest = Math.min(
    widestSlice(WORK, samples),
    Math.max(1, Math.floor(SUM_BYTES / laneBytes)),
    Math.max(...chunks.map(({ lanes }) => lanes)),
  );
  const groups = Math.ceil(params / GROUP);
  const sums = storage(gpu, "gradient sums", laneBytes * widest);
  const squares = storage(gpu, "gradient squares", 4 * groups * widest);
  const result = new Float64Array(chunks.reduce((sum, { lanes }) => sum + lanes, 0));
  await passOver(pass, {
    block,
    widest,
    words: groups,
    result: squares,
    encode: (compute, { chunk, lanes }, run) => {
      const workgroups = Math.ceil(lanes / WORKGROUP);
      compute.setPipeline(first.pipeline);
      compute.setBindGroup(
        0,
        bindGroup(gpu, first.layouts[0]!, [run, chunk.state, pass.data, sums, null, pass.hyper]),
      );
      compute.dispatchWorkgroups(workgroups, blocks);
      compute.setPipeline(second.pipeline);
      compute.setBindGroup(
        0,
        bindGroup(gpu, second.layouts[0]!, [run, chunk.state, pass.decay, sums, squares]),
      );
      compute.dispatchWorkgroups(workgroups, groups);
    },
    take: (words, slice) => {
      words.forEach((word, k) => {
        result[slice.chunk.firstLane + slice.first + (k % slice.lanes)]! += word;
      });
    },
  });
  sums.destroy();
  squares.destroy();
  return result;
}
