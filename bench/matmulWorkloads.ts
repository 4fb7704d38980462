/**
 * Batches of matrix products: squares, and the shapes of an MLP 784-64-10 and of a small convolution.
 *
 * The first letter of an order is of A, the second of B: N lies along k in A and along n in B, T across.
 */
import type { MatmulWorkload } from "./workload.ts";

type Order = MatmulWorkload["matmul"]["order"];

const matmul = (
  id: string,
  [m, n, k]: readonly [number, number, number],
  matrices: number,
  order: Order,
): MatmulWorkload => ({
  id: `matmul-${id}`,
  title: `${matrices} products ${order} of [${m}, ${k}] and [${k}, ${n}]`,
  extra: true,
  group: "matmul",
  matmul: { m, n, k, matrices, order },
});

const square = (size: number, matrices: number, order: Order = "NN"): MatmulWorkload =>
  matmul(
    `${size}x${matrices}${order === "NN" ? "" : `-${order.toLowerCase()}`}`,
    [size, size, size],
    matrices,
    order,
  );

const REPLICAS = 16;

/** In the order of the table; all run as `bench matmul`. */
export const matmulWorkloads: readonly MatmulWorkload[] = [
  ...[1, 16, 256].map((matrices) => square(64, matrices)),
  ...[16, 256].map((matrices) => square(128, matrices)),
  ...[1, 16, 64].map((matrices) => square(256, matrices)),
  ...(["NT", "TN", "TT"] as const).map((order) => square(256, 16, order)),
  ...[1, 16].map((matrices) => square(512, matrices)),
  ...[1, 4].map((matrices) => square(1024, matrices)),
  matmul("mlp-forward", [64, 32, 784], REPLICAS, "NT"),
  matmul("mlp-gradient", [64, 784, 32], REPLICAS, "TN"),
  matmul("mlp-head", [10, 32, 64], REPLICAS, "NN"),
  matmul("convolution", [16, 144 * 32, 9 * 8], REPLICAS, "NN"),
];
