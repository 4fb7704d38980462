/**
 * Minibatch indices drawn on the device equal the CPU twin's, index by index, for every law, over
 * several epochs, lanes and conditions, for any division of the steps into dispatches.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  batchIndices,
  SAMPLING_LAWS,
  SAMPLING_SHADERS,
  type SamplingLaw,
  storesOrder,
} from "../../engine/sampling.ts";
import { link } from "../../engine/wgsl/link.ts";
import { sources } from "../../shaders/node.ts";
import { testDevice } from "../gpu.ts";
import { type KernelBuffer, runKernel } from "../kernel.ts";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

const SEED = 0x9e3779b9;
const CONDITIONS = 2;
const REPLICAS = 35;
const FIRST_REPLICA = 1000;
const LANES = CONDITIONS * REPLICAS;

const KERNEL = `
struct Run { seed: u32, first_step: u32, steps: u32, batch: u32, rebuild: u32 }
@group(0) @binding(0) var<storage, read_write> run: Run;
@group(0) @binding(1) var<storage, read_write> indices: array<u32>; // [step, b, lane]
const LANES: u32 = ${LANES}u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let lane = id.x;
  if (lane >= LANES) { return; }
  let condition = lane / ${REPLICAS}u;
  let replica = ${FIRST_REPLICA}u + lane % ${REPLICAS}u;
  var minibatch = minibatch_open(run.seed, condition, replica, lane, LANES);
  for (var t = 0u; t < run.steps; t++) {
    let rebuild = run.rebuild == 1u && t == 0u;
    minibatch_begin(&minibatch, run.first_step + t, run.batch, rebuild);
    for (var b = 0u; b < run.batch; b++) {
      indices[(t * run.batch + b) * LANES + lane] = minibatch_sample(&minibatch, b);
    }
  }
}
`;

interface Piece {
  readonly firstStep: number;
  readonly steps: number;
  readonly rebuild: boolean;
}

/** Indices [step, b, lane] of one dispatch; `order` is read and, if stored, updated. */
async function drawOnDevice(
  law: SamplingLaw,
  samples: number,
  batch: number,
  piece: Piece,
  order: Uint32Array,
) {
  const params = { SAMPLES: `${samples}u`, MAX_BATCH: `${batch}u` };
  const options = { params, imports: [SAMPLING_SHADERS[law]] };
  const { code } = link("test", options, { ...sources, test: KERNEL });
  const run = [SEED, piece.firstStep, piece.steps, batch, piece.rebuild ? 1 : 0];
  const buffers: KernelBuffer[] = [
    { binding: 0, data: Uint32Array.from(run) },
    { binding: 1, data: new Uint32Array(piece.steps * batch * LANES) },
  ];
  if (storesOrder(law)) buffers.push({ group: 1, binding: 2, data: order });
  const results = await runKernel(device, code, buffers, Math.ceil(LANES / 64));
  if (storesOrder(law)) order.set(new Uint32Array(results[2]!));
  return [...new Uint32Array(results[1]!)];
}

function drawByTwin(
  law: SamplingLaw,
  samples: number,
  batch: number,
  first: number,
  steps: number,
) {
  const indices = new Uint32Array(steps * batch * LANES);
  for (let lane = 0; lane < LANES; lane++) {
    const condition = Math.floor(lane / REPLICAS);
    const replica = FIRST_REPLICA + (lane % REPLICAS);
    for (let t = 0; t < steps; t++) {
      const twin = batchIndices(law, { seed: SEED, condition, replica }, first + t, samples, batch);
      twin.forEach((sample, b) => {
        indices[(t * batch + b) * LANES + lane] = sample;
      });
    }
  }
  return [...indices];
}

/** [samples, batch]; the third leaves samples over, the others test ends of the range. */
const SIZES: [number, number][] = [
  [12, 4],
  [12, 3],
  [13, 4],
  [7, 1],
  [5, 5],
  [1, 1],
  [2, 1],
];
const GARBAGE = 12345;

describe.each(SAMPLING_LAWS)("%s", (law) => {
  const sizes = SIZES.map(([n, m]) => [n, law === "fullBatch" ? n : m] as const);

  test.each(sizes)("equals the twin from step 0, N = %i, m = %i", async (samples, batch) => {
    const steps = 4 * Math.floor(samples / batch) + 3;
    const order = new Uint32Array(samples * LANES).fill(GARBAGE);
    const piece = { firstStep: 0, steps, rebuild: false };
    const indices = await drawOnDevice(law, samples, batch, piece, order);
    expect(indices).toEqual(drawByTwin(law, samples, batch, 0, steps));
  });

  test("resumes in the middle of an epoch when told to rebuild", async () => {
    const [samples, batch] = law === "fullBatch" ? [12, 12] : [12, 3];
    const order = new Uint32Array(samples * LANES).fill(GARBAGE);
    const piece = { firstStep: 1_000_006, steps: 9, rebuild: true };
    const indices = await drawOnDevice(law, samples, batch, piece, order);
    expect(indices).toEqual(drawByTwin(law, samples, batch, 1_000_006, 9));
  });

  test("steps cut into dispatches give the same indices, the order carried over", async () => {
    const [samples, batch] = law === "fullBatch" ? [12, 12] : [12, 3];
    const order = new Uint32Array(samples * LANES).fill(GARBAGE);
    const indices: number[] = [];
    for (const [firstStep, steps] of [
      [0, 2],
      [2, 1],
      [3, 6],
      [9, 5],
    ] as const) {
      const piece = { firstStep, steps, rebuild: false };
      indices.push(...(await drawOnDevice(law, samples, batch, piece, order)));
    }
    expect(indices).toEqual(drawByTwin(law, samples, batch, 0, 14));
  });
});

test("negative control: a stored order that is not rebuilt is seen", async () => {
  const order = new Uint32Array(12 * LANES).fill(GARBAGE);
  const piece = { firstStep: 6, steps: 1, rebuild: false };
  const indices = await drawOnDevice("reshuffled", 12, 3, piece, order);
  expect(indices).not.toEqual(drawByTwin("reshuffled", 12, 3, 6, 1));
});

test("negative control: lanes, conditions and steps draw differently", () => {
  const draw = (condition: number, replica: number, step: number) =>
    [...batchIndices("withReplacement", { seed: 1, condition, replica }, step, 1000, 8)].join();
  const all = [draw(0, 0, 0), draw(1, 0, 0), draw(0, 1, 0), draw(0, 0, 1)];
  expect(new Set(all).size).toBe(4);
});
