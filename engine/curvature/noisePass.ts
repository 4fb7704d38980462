/**
 * Two passes over the data for each slice of lanes: the mean of the samples' gradients, then the sums
 * of squares and products of what they differ from it.
 */
import { passesInStages } from "../plan/passRule.ts";
import { storage } from "../run/buffers.ts";
import { bindGroup, type Slice, WORKGROUP } from "../run/dataPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { type Kernel, kernel } from "../run/pipeline.ts";
import type { NoisePass } from "./noisePassResult.ts";
import { openStagedNoisePass } from "./noiseStages.ts";
import { gradientNoiseShader, gradientSumsShader, meanVectorsShader } from "./shaders.ts";
import { blocksOf, sliceUniform, widestOf } from "./slices.ts";

/** θ and a sample's gradient, where one invocation computes it. */
const VECTORS = 2;

/** For so many directions, 0 of them too. */
export const openNoisePass = (access: LaneAccess, directions: number): Promise<NoisePass> =>
  passesInStages(access.resolved.model, access.plan, VECTORS)
    ? openStagedNoisePass(access, directions)
    : openLaneNoisePass(access, directions);

async function openLaneNoisePass(access: LaneAccess, directions: number): Promise<NoisePass> {
  const { device, memory, resolved, settings } = access;
  const { gpu } = device;
  const params = resolved.model.parameterCount;
  const { samples } = resolved.data;
  const cut = blocksOf(samples);
  const outputs = 1 + (directions * (directions + 1)) / 2;
  const described = [gradientSumsShader, meanVectorsShader].map((of) => of(access));
  const kernels = await Promise.all(
    [...described, gradientNoiseShader(access, directions)].map(({ shader, bindings }) =>
      kernel(device, shader, [bindings], { WORKGROUP }),
    ),
  );
  const words = Math.max(params, outputs) * cut.blocks;
  const widest = widestOf(access, { vectors: 2, words });
  const run = sliceUniform(access, cut);
  const make = (label: string, count: number): GPUBuffer => storage(gpu, label, 4 * count * widest);
  const blockSums = make("gradient sums", params * cut.blocks);
  const means = make("gradient means", params);
  const along = make("directions", Math.max(1, directions * params));
  const scatter = make("gradient scatter", outputs * cut.blocks);
  const noDecay = storage(gpu, "no weight decay", new Float32Array(settings.length));
  const hyper = resolved.model.settings.length > 0 ? memory.hyper : null;
  const encode = (slice: Slice): void => {
    const { chunk, lanes } = slice;
    const { state } = chunk;
    const { data } = memory;
    const steps: readonly [Kernel, readonly (GPUBuffer | null)[], number][] = [
      [kernels[0]!, [run.buffer, state, data, blockSums, null, hyper], cut.blocks],
      [kernels[1]!, [run.buffer, noDecay, along, blockSums, means], params],
      [kernels[2]!, [run.buffer, state, data, means, along, hyper, scatter], cut.blocks],
    ];
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const [{ pipeline, layouts }, buffers, y] of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup(gpu, layouts[0]!, buffers));
      pass.dispatchWorkgroups(Math.ceil(lanes / WORKGROUP), y);
    }
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  };
  return {
    widest,
    run: async (slice, directionWords) => {
      const { lanes } = slice;
      gpu.queue.writeBuffer(along, 0, directionWords);
      run.set(slice);
      encode(slice);
      const [first, second] = await memory.readback.read([
        { buffer: means, offset: 0, size: 4 * params * lanes },
        { buffer: scatter, offset: 0, size: 4 * outputs * cut.blocks * lanes },
      ]);
      const sums = new Float64Array(outputs * lanes);
      new Float32Array(second!).forEach((part, at) => {
        const output = Math.floor(at / (cut.blocks * lanes));
        sums[output * lanes + (at % lanes)]! += part / samples;
      });
      return { means: new Float32Array(first!), sums };
    },
    destroy: () => {
      for (const buffer of [blockSums, means, along, scatter, noDecay, run.buffer]) {
        buffer.destroy();
      }
    },
  };
}
