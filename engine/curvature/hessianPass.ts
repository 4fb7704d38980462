/**
 * Products with the Hessian of f = L + (λ/2)|θ|² at every replica's θ, slice by slice.
 *
 * A pass over the data is N products ∇²l_i d for each lane and direction. Error, float32: about B + N/B
 * roundings of each component, B ≈ √N, so about 10⁻⁶ of Σ|∇²l_i d|/N.
 */
import { passesInStages } from "../plan/passRule.ts";
import { storage, uniform } from "../run/buffers.ts";
import { bindGroup, type Slice, WORKGROUP } from "../run/dataPass.ts";
import type { LaneAccess } from "../run/laneAccess.ts";
import { type Kernel, kernel } from "../run/pipeline.ts";
import { structBytes } from "../wgsl/layout.ts";
import type { HessianPass } from "./hessianProductsPass.ts";
import { openStagedHessianPass } from "./hessianStages.ts";
import { PROBE_RUN, SIGNS } from "./probes.ts";
import {
  type Described,
  GROUP,
  hessianProductsShader,
  innerProductsShader,
  meanVectorsShader,
  rademacherShader,
} from "./shaders.ts";
import { blocksOf, decayWords, sliceUniform, widestOf } from "./slices.ts";

const compiled = ({ device }: LaneAccess, { shader, bindings }: Described): Promise<Kernel> =>
  kernel(device, shader, [bindings], { WORKGROUP });

/** θ, d and H d of a lane, where one invocation computes all of them. */
const VECTORS = 3;

/** For `directions` directions at a time. */
export const openHessianPass = (access: LaneAccess, directions: number): Promise<HessianPass> =>
  passesInStages(access.resolved.model, access.plan, VECTORS)
    ? openStagedHessianPass(access, directions)
    : openLaneHessianPass(access, directions);

async function openLaneHessianPass(access: LaneAccess, directions: number): Promise<HessianPass> {
  const { device, memory, resolved } = access;
  const { gpu } = device;
  const params = resolved.model.parameterCount;
  const cut = blocksOf(resolved.data.samples);
  const [sample, mean, inner, signs] = await Promise.all(
    [hessianProductsShader, meanVectorsShader, innerProductsShader, rademacherShader].map(
      (described) => compiled(access, described(access)),
    ),
  );
  const words = directions * params;
  const widest = widestOf(access, { vectors: directions, words: words * cut.blocks });
  const groups = Math.ceil(params / GROUP);
  const run = sliceUniform(access, cut);
  const probeRun = uniform(gpu, "probes", 48);
  const make = (label: string, count: number): GPUBuffer => storage(gpu, label, 4 * count * widest);
  const [along, sums, means] = [
    make("directions", words),
    make("products of blocks", words * cut.blocks),
    make("products", words),
  ];
  const scalars = make("inner products", directions * groups);
  const decay = storage(gpu, "weight decay", decayWords(access));
  const hyper = resolved.model.settings.length > 0 ? memory.hyper : null;

  const encode = (
    pass: GPUComputePassEncoder,
    { pipeline, layouts }: Kernel,
    buffers: readonly (GPUBuffer | null)[],
    [lanes, y]: readonly [lanes: number, y: number],
  ): void => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup(gpu, layouts[0]!, buffers));
    pass.dispatchWorkgroups(Math.ceil(lanes / WORKGROUP), y, directions);
  };
  const multiply = (slice: Slice, then?: (pass: GPUComputePassEncoder) => void): void => {
    run.set(slice);
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const { chunk, lanes } = slice;
    const data = [run.buffer, chunk.state, memory.data, along, sums, hyper];
    encode(pass, sample!, data, [lanes, cut.blocks]);
    encode(pass, mean!, [run.buffer, decay, along, sums, means], [lanes, params]);
    then?.(pass);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  };
  const read = async (buffer: GPUBuffer, count: number): Promise<Float32Array> => {
    const [bytes] = await memory.readback.read([{ buffer, offset: 0, size: 4 * count }]);
    return new Float32Array(bytes!);
  };
  const draw = ({ chunk, first, lanes }: Slice, firstProbe: number): void => {
    const values = {
      first_lane: first,
      lanes,
      global_lane: chunk.firstLane,
      replicas: resolved.replicas.count,
      first_replica: resolved.replicas.first,
      seed: resolved.seed,
      step: access.step,
      first_probe: firstProbe,
      common_noise: resolved.commonNoise ? 1 : 0,
    };
    gpu.queue.writeBuffer(probeRun, 0, structBytes(PROBE_RUN, values));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass, signs!, [probeRun, along], [lanes, Math.ceil(params / SIGNS)]);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  };
  const forms = async (slice: Slice): Promise<Float64Array> => {
    const { lanes } = slice;
    multiply(slice, (pass) =>
      encode(pass, inner!, [run.buffer, along, means, scalars], [lanes, groups]),
    );
    const parts = await read(scalars, directions * groups * lanes);
    const totals = new Float64Array(directions * lanes);
    parts.forEach((part, at) => {
      const direction = Math.floor(at / (groups * lanes));
      totals[direction * lanes + (at % lanes)]! += part;
    });
    return totals;
  };
  return {
    widest,
    write: (words) => gpu.queue.writeBuffer(along, 0, words),
    draw,
    products: (slice) => {
      multiply(slice);
      return read(means, words * slice.lanes);
    },
    forms,
    destroy: () => {
      for (const buffer of [along, sums, means, scalars, decay, run.buffer, probeRun]) {
        buffer.destroy();
      }
    },
  };
}
