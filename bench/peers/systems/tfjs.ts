/**
 * The peer tfjs: replicas batched by hand along a leading axis, `tf.grads`, `tf.gather`.
 *
 * tfjs has no vmap; it draws random indices on the host. `TFJS_BACKEND` is webgpu or wasm.
 */
import { createRequire } from "node:module";
import type { Tensor } from "@tensorflow/tfjs";
import { type Sizes, weightsOf } from "../problem.ts";
import { timeSystem } from "./clock.ts";
import { packageVersion } from "./packageVersion.ts";
import { installWebGpu } from "./webgpu.ts";

// It prints notices on stdout, where the result goes.
for (const name of ["log", "info", "warn"] as const) console[name] = () => undefined;

const backend = process.env.TFJS_BACKEND === "webgpu" ? "webgpu" : "wasm";
const adapter = backend === "webgpu" ? await installWebGpu() : undefined;

// CommonJS: its ES modules do not load in Node.
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs") as typeof import("@tensorflow/tfjs");
if (backend === "webgpu") {
  require("@tensorflow/tfjs-backend-webgpu");
} else {
  const name = "@tensorflow/tfjs-backend-wasm";
  const wasm = require(name) as typeof import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(require.resolve(name).replace(/dist.*/, "dist/"));
}

/** Sum over replicas of each one's mean loss, whose gradients are the replicas' own. */
function lossOf({ replicas, batchSize, hidden, loss }: Sizes, x: Tensor, y: Tensor) {
  const square = (z: Tensor): Tensor =>
    tf.sum(tf.square(tf.sub(tf.reshape(z, [replicas, batchSize]), y)));
  return (W: Tensor, b?: Tensor, A?: Tensor, c?: Tensor): Tensor => {
    if (hidden === 0) return tf.div(square(tf.matMul(x, W)), batchSize);
    const inner = tf.add(tf.matMul(x, W), b!);
    const h = loss === "square" ? tf.tanh(inner) : tf.relu(inner);
    const z = tf.add(tf.matMul(h, A!), c!);
    const sum = loss === "square" ? square(z) : tf.neg(tf.sum(tf.mul(tf.logSoftmax(z), y)));
    return tf.div(sum, batchSize);
  };
}

await timeSystem(async ({ sizes, x, y, theta }) => {
  const { replicas, samples, batchSize, inputs, hidden, outputs, learningRate, loss } = sizes;
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} here.`);
  await tf.ready();
  const isClassifier = loss === "crossEntropy";
  const data = tf.tensor2d(x, [samples, inputs]);
  const targets = isClassifier
    ? tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(y), "int32"), outputs), "float32")
    : tf.tensor1d(y);
  const { W, b, A, c } = weightsOf(sizes, theta);
  let params: Tensor[] =
    hidden === 0
      ? [tf.tensor(W, [replicas, inputs, 1])]
      : [
          tf.tensor(W, [replicas, inputs, hidden]),
          tf.tensor(b, [replicas, 1, hidden]),
          tf.tensor(A, [replicas, hidden, outputs]),
          tf.tensor(c, [replicas, 1, outputs]),
        ];
  const step = (): void => {
    const before = params;
    params = tf.tidy(() => {
      const indices = tf.randomUniform([replicas * batchSize], 0, samples, "int32") as Tensor;
      const index = tf.reshape(indices, [
        replicas * batchSize,
      ]) as import("@tensorflow/tfjs").Tensor1D;
      const xb = tf.reshape(tf.gather(data, index), [replicas, batchSize, inputs]);
      const width = isClassifier ? [outputs] : [];
      const yb = tf.reshape(tf.gather(targets, index), [replicas, batchSize, ...width]);
      const gradients = tf.grads(lossOf(sizes, xb, yb) as (...p: Tensor[]) => Tensor)(params);
      return params.map((one, i) => tf.sub(one, tf.mul(gradients[i]!, learningRate)));
    });
    for (const one of before) one.dispose();
  };
  return {
    version: packageVersion("@tensorflow/tfjs"),
    ...(adapter !== undefined && { adapter }),
    take: (steps) => {
      for (let t = 0; t < steps; t += 1) step();
    },
    wait: async () => {
      await params.at(-1)!.data();
    },
    read: async () => {
      const parts = await Promise.all(params.map((one) => one.data()));
      return Float32Array.from(parts.flatMap((part) => Array.from(part)));
    },
    mostSteps: isClassifier ? 5 : 20,
  };
});
