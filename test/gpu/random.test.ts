/**
 * Random numbers on the device against the CPU twin: words and indices bit by bit, normals within
 * the error that `shaders/lib/normal.wgsl` states.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  below,
  laneKey,
  multiplyHigh,
  normalPair,
  threefry2x32,
  uniformOpen,
} from "../../engine/random.ts";
import { link } from "../../engine/wgsl/link.ts";
import { sources } from "../../shaders/node.ts";
import { testDevice } from "../gpu.ts";
import { mapWords, runKernel } from "../kernel.ts";
import { threefryVectors } from "../vectors.ts";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

/** Runs `main` text over u32 arrays `input` and `output`, one invocation for each output row. */
async function rows(main: string, imports: string[], input: Uint32Array, outputs: number) {
  const test = `
@group(0) @binding(0) var<storage, read_write> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
${main}
}
`;
  const { code } = link("test", { imports }, { ...sources, test });
  const buffers = [
    { binding: 0, data: input },
    { binding: 1, data: new Uint32Array(outputs) },
  ];
  const results = await runKernel(device, code, buffers, Math.ceil(outputs / 64));
  return new Uint32Array(results[1]!);
}

const randomWords = (count: number, seed: number) =>
  Uint32Array.from({ length: count }, (_, i) => threefry2x32([seed, 77], [i >> 1, 0])[i & 1]!);

const THREEFRY = `
  if (i * 2u >= arrayLength(&output)) { return; }
  let words = threefry2x32(vec2u(input[4u * i + 2u], input[4u * i + 3u]),
    vec2u(input[4u * i], input[4u * i + 1u]));
  output[2u * i] = words.x;
  output[2u * i + 1u] = words.y;`;

test("published threefry vectors", async () => {
  const vectors = threefryVectors().filter(({ rounds }) => rounds === 20);
  const input = Uint32Array.from(vectors.flatMap(({ counter, key }) => [...counter, ...key]));
  const words = await rows(THREEFRY, ["lib/threefry2x32"], input, 2 * vectors.length);
  expect([...words]).toEqual(vectors.flatMap(({ expected }) => [...expected]));
});

test("threefry words equal the twin's on 4096 random keys and counters", async () => {
  const input = randomWords(4 * 4096, 1);
  const words = await rows(THREEFRY, ["lib/threefry2x32"], input, 2 * 4096);
  const twin = Array.from({ length: 4096 }, (_, i) =>
    threefry2x32([input[4 * i + 2]!, input[4 * i + 3]!], [input[4 * i]!, input[4 * i + 1]!]),
  ).flat();
  expect([...words]).toEqual(twin);
});

test("lane keys equal the twin's", async () => {
  const main = `
  if (i * 2u >= arrayLength(&output)) { return; }
  let key = lane_key(input[0], STREAM_ORDER, i / 16u, i % 16u);
  output[2u * i] = key.x;
  output[2u * i + 1u] = key.y;`;
  const keys = await rows(main, ["lib/random"], Uint32Array.of(0xfedcba98), 512);
  const twin = Array.from({ length: 256 }, (_, i) => laneKey(0xfedcba98, 3, i >> 4, i & 15)).flat();
  expect([...keys]).toEqual(twin);
});

test("multiply_high is exact at the corners and at random", async () => {
  const corners = [0, 1, 0xffff, 0x10000, 0x10001, 0x7fffffff, 0x80000000, 0xffffffff];
  const pairs = corners.flatMap((a) => corners.flatMap((b) => [a, b]));
  const input = Uint32Array.from([...pairs, ...randomWords(4096, 2)]);
  const main = `
  if (i >= arrayLength(&output)) { return; }
  output[i] = multiply_high(input[2u * i], input[2u * i + 1u]);`;
  const products = await rows(main, ["lib/random"], input, input.length / 2);
  const twin = Array.from(products, (_, i) => multiplyHigh(input[2 * i]!, input[2 * i + 1]!));
  expect([...products]).toEqual(twin);
});

// The last range rejects nearly half of all words, so redraws of several attempts occur.
test.each([1, 2, 3, 10, 256, 1000, 60000, 2 ** 31 + 1, 2 ** 32 - 1])(
  "indices below %i equal the twin's, redraws included",
  async (range) => {
    const main = `
  if (i >= arrayLength(&output)) { return; }
  let key = vec2u(input[0], input[1]);
  let words = threefry2x32(key, vec2u(i >> 1u, 5u));
  let word = select(select(words.x, words.y, (i & 1u) == 1u), 0u, i >= 4096u);
  output[i] = below(word, input[2], key, i >> 1u, 5u, i & 1u);`;
    const input = Uint32Array.of(11, 13, range);
    // Rows from 4096 on are forced to word 0, the one that is rejected most often.
    const indices = await rows(main, ["lib/random"], input, 4200);
    const twin = Array.from(indices, (_, i) => {
      const component = i % 2 === 0 ? 0 : 1;
      const step = i >> 1;
      const word = i >= 4096 ? 0 : threefry2x32([11, 13], [step, 5])[component];
      return below(word, range, { key: [11, 13], step, draw: 5, component });
    });
    expect([...indices]).toEqual(twin);
    expect(Math.max(...indices)).toBeLessThan(range);
  },
);

test("uniform_open equals the twin's bit by bit", async () => {
  const words = Uint32Array.of(
    0,
    511,
    512,
    0x7fffffff,
    0xfffffdff,
    0xffffffff,
    ...randomWords(999, 3),
  );
  const kernel = { imports: ["lib/random"], expression: "bitcast<u32>(uniform_open(x))" };
  const uniform = new Float32Array((await mapWords(device, kernel, words)).buffer);
  expect([...uniform]).toEqual(Array.from(words, uniformOpen));
});

test("normal pairs differ from float64 by less than 3e-7 radius on 400 000 draws and in the tails", async () => {
  const edges = [0, 1, 2, 3, 2 ** 16, 3037000499, 3037000500, 2 ** 32 - 2 ** 8, 2 ** 32 - 1];
  const angles = [
    0,
    1,
    2 ** 29 - 1,
    2 ** 29,
    2 ** 30,
    2 ** 31,
    3 * 2 ** 30,
    2 ** 32 - 2 ** 29,
    2 ** 32 - 1,
  ];
  const corners = edges.flatMap((u) => angles.flatMap((angle) => [u, angle]));
  const random = randomWords(400_000, 4);
  // Small words are rare: shift every fourth pair's radius word into the tail.
  for (let i = 0; i < random.length; i += 8) random[i]! >>>= i % 32;
  for (let i = 2; i < random.length; i += 8) random[i] = ~(random[i]! >>> (i % 32)) >>> 0;
  const input = Uint32Array.from([...corners, ...random]);
  const main = `
  if (i * 2u >= arrayLength(&output)) { return; }
  let pair = normal_pair(vec2u(input[2u * i], input[2u * i + 1u]));
  output[2u * i] = bitcast<u32>(pair.x);
  output[2u * i + 1u] = bitcast<u32>(pair.y);`;
  const normals = new Float32Array((await rows(main, ["lib/normal"], input, input.length)).buffer);
  // In units of the radius: components are radius times a number of at most 1.
  let worst = 0;
  for (let i = 0; i < input.length; i += 2) {
    const [x, y] = normalPair([input[i]!, input[i + 1]!]);
    const error = Math.max(Math.abs(normals[i]! - x), Math.abs(normals[i + 1]! - y));
    worst = Math.max(worst, error / Math.hypot(x, y));
  }
  console.info(`normal_pair: worst |float32 - float64| / radius = ${worst.toExponential(2)}`);
  expect(worst).toBeLessThan(3e-7);
});
