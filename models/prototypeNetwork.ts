/**
 * Four noisy prototypes in 16 dimensions and a small tanh network that tells them apart (cards A6
 * and C3): a stand-in for a digit classifier whose 172 parameters allow exact Hessians.
 *
 * Data: mulberry32 with seed 7, x = 0.6 prototype + standard normal noise, class i mod 4. The start
 * has its own stream, seed 11: 0.5 times normal numbers in the order of θ.
 */
import type { Node } from "../engine/graph.ts";
import { defineModel, type Model } from "../engine/model.ts";
import { op } from "../engine/ops/index.ts";
import type { Dataset } from "./dataset.ts";
import { gaussian, mulberry32 } from "./mulberry.ts";

const INPUTS = 16;
const HIDDEN = 8;
const CLASSES = 4;
const SAMPLES = 256;

/** Logits W2 tanh(W1 x + b1) + b2, cross-entropy; no weight decay in the loss. 172 parameters. */
export function prototypeNetwork(): Model {
  type Params = Readonly<Record<"W1" | "b1" | "W2" | "b2", Node>>;
  const logits = ({ W1, b1, W2, b2 }: Params, x: Node): Node =>
    op.add(op.matvec(W2, op.tanh(op.add(op.matvec(W1, x), b1))), b2);
  return defineModel({
    name: "prototype-network",
    params: { W1: [HIDDEN, INPUTS], b1: [HIDDEN], W2: [CLASSES, HIDDEN], b2: [CLASSES] },
    sample: { x: [INPUTS], label: { labels: CLASSES } },
    loss: (theta, { x, label }) => op.softmaxCrossEntropy(logits(theta, x), label),
  });
}

/** 256 samples: `x` [16] and `label`, a class of 4. */
export function prototypes(): Dataset {
  const uniform = mulberry32(7);
  const normals = (count: number): Float64Array =>
    Float64Array.from({ length: count }, () => gaussian(uniform));
  const centers = normals(CLASSES * INPUTS);
  const label = Float64Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
  const x = normals(SAMPLES * INPUTS).map((noise, k) => {
    const center = label[Math.floor(k / INPUTS)]! * INPUTS + (k % INPUTS);
    return 0.6 * centers[center]! + noise;
  });
  return {
    name: "prototypes",
    samples: SAMPLES,
    fields: {
      x: { data: x, shape: [INPUTS] },
      label: { data: label, shape: [], labels: CLASSES },
    },
    origin: "mulberry32 seed 7: 4 prototypes, x = 0.6 prototype + N(0, 1), class i mod 4",
  };
}

/** Where the descent to the common start of all replicas begins, [param]. */
export function prototypeNetworkStart(): Float64Array {
  const uniform = mulberry32(11);
  const { parameterCount } = prototypeNetwork();
  return Float64Array.from({ length: parameterCount }, () => 0.5 * gaussian(uniform));
}
