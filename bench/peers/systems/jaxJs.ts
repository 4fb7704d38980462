/**
 * The peer jax-js: `vmap(grad(loss))` over replicas inside one `jit`, as its users would write it.
 *
 * Minibatches are drawn on the device (its randint takes a remainder). `JAX_JS_DEVICE` is webgpu or wasm.
 * Arrays are consumed by operations; `.ref` keeps one.
 */
import * as jax from "@jax-js/jax";
import { type Sizes, weightsOf } from "../problem.ts";
import { timeSystem } from "./clock.ts";
import { packageVersion } from "./packageVersion.ts";
import { defineNavigator, installWebGpu } from "./webgpu.ts";

const { numpy: np, random, nn, jit, grad, vmap } = jax;
type JaxArray = jax.numpy.Array;

const backend = process.env.JAX_JS_DEVICE === "webgpu" ? "webgpu" : "wasm";

/** Loss of one replica's minibatch: parameters, x [sample, input], y [sample] or one-hot. */
function lossOf({ batchSize, hidden, loss }: Sizes) {
  return (p: JaxArray[], x: JaxArray, y: JaxArray): JaxArray => {
    if (hidden === 0) return np.mean(np.square(np.dot(x, p[0]!).sub(y)));
    const inner = np.dot(x, p[0]!).add(p[1]!);
    const h = loss === "square" ? np.tanh(inner) : nn.relu(inner);
    const z = np.dot(h, p[2]!).add(p[3]!);
    if (loss === "square") return np.mean(np.square(z.reshape([batchSize]).sub(y)));
    return np.mean(np.sum(nn.logSoftmax(z, -1).mul(y), -1)).mul(-1);
  };
}

await timeSystem(async ({ sizes, x, y, theta }) => {
  const { replicas, samples, batchSize, inputs, hidden, outputs, learningRate, loss } = sizes;
  const adapter = backend === "webgpu" ? await installWebGpu() : undefined;
  if (backend === "wasm") defineNavigator({});
  const available = await jax.init(backend);
  if (!available.includes(backend)) throw new Error(`jax-js has no ${backend} here.`);
  jax.defaultDevice(backend);

  const isClassifier = loss === "crossEntropy";
  const data = np.array(x as Float32Array<ArrayBuffer>).reshape([samples, inputs]);
  const targets = isClassifier
    ? nn.oneHot(np.array(Int32Array.from(y), { dtype: np.int32 }), outputs)
    : np.array(y as Float32Array<ArrayBuffer>);
  const { W, b, A, c } = weightsOf(sizes, theta);
  const array = (values: Float32Array, shape: number[]): JaxArray =>
    np.array(values.slice() as Float32Array<ArrayBuffer>).reshape(shape);
  let params =
    hidden === 0
      ? [array(W, [replicas, inputs])]
      : [
          array(W, [replicas, inputs, hidden]),
          array(b, [replicas, hidden]),
          array(A, [replicas, hidden, outputs]),
          array(c, [replicas, outputs]),
        ];
  const gradient = vmap(grad(lossOf(sizes)));
  const step = jit((key: JaxArray, p: JaxArray[], xs: JaxArray, ys: JaxArray) => {
    const keys = random.split(key, 2);
    const next = keys.ref.slice(0);
    const shape = [replicas * batchSize];
    const indices = random.randint(keys.slice(1), { shape, minval: 0, maxval: samples });
    const xb = np.take(xs, indices.ref, 0).reshape([replicas, batchSize, inputs]);
    const taken = np.take(ys, indices, 0);
    const yb = taken.reshape([replicas, batchSize, ...(isClassifier ? [outputs] : [])]);
    const g = gradient(
      p.map((one) => one.ref),
      xb,
      yb,
    ) as JaxArray[];
    return [next, p.map((one, i) => one.sub(g[i]!.mul(learningRate)))] as [JaxArray, JaxArray[]];
  });
  let key = random.key(42) as JaxArray;
  return {
    version: packageVersion("@jax-js/jax"),
    ...(adapter !== undefined && { adapter }),
    take: (steps) => {
      for (let t = 0; t < steps; t += 1) {
        [key, params] = step(key, params, data.ref, targets.ref) as [JaxArray, JaxArray[]];
      }
    },
    wait: async () => {
      await params.at(-1)!.ref.data();
    },
    read: async () => {
      const parts = await Promise.all(params.map((one) => one.ref.data()));
      return Float32Array.from(parts.flatMap((part) => Array.from(part as Float32Array)));
    },
    mostSteps: isClassifier ? 5 : 20,
  };
});
