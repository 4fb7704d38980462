/**
 * An ensemble of small networks, from creation to its state: everything a run needs but observing.
 *
 * Data and target are made of uniform numbers, sums and products alone, so that they are the same
 * bits in every JavaScript engine.
 */
import {
  createEnsemble,
  type Device,
  defineModel,
  describeTuning,
  fanIn,
  op,
  sgd,
  type TuningReport,
} from "../../../engine/index.ts";
import { mulberry32 } from "../../../models/mulberry.ts";

const INPUTS = 3;
const HIDDEN = 5;
const SAMPLES = 64;

const model = defineModel({
  name: "3-5-1 tanh network",
  params: { W: [HIDDEN, INPUTS], b: [HIDDEN], a: [HIDDEN], c: [] },
  sample: { x: [INPUTS], y: [] },
  loss: ({ W, b, a, c }, { x, y }) => {
    const hidden = op.tanh(op.add(op.matvec(W, x), b));
    return op.scale(op.square(op.sub(op.add(op.dot(a, hidden), c), y)), 0.5);
  },
});

/** y = x₀x₁ − x₂ with x uniform in [−1, 1]³. */
function dataset() {
  const uniform = mulberry32(7);
  const x = Float32Array.from({ length: SAMPLES * INPUTS }, () => 2 * uniform() - 1);
  const y = Float32Array.from(
    { length: SAMPLES },
    (_, i) => x[3 * i]! * x[3 * i + 1]! - x[3 * i + 2]!,
  );
  const fields = { x: { data: x, shape: [INPUTS] }, y: { data: y, shape: [] } };
  return { name: "product", samples: SAMPLES, fields };
}

export interface Trained {
  /** [replica, param] */
  readonly theta: Float32Array;
  readonly params: number;
}

export async function network(
  device: Device,
  { seed }: { readonly seed: number },
  onProgress: (steps: number) => void,
): Promise<Trained> {
  await using ensemble = await createEnsemble(device, {
    model,
    data: dataset(),
    update: sgd({ learningRate: 0.05, batchSize: 4, momentum: 0.5, weightDecay: 0.01 }),
    sampling: "withReplacement",
    replicas: 32,
    seed,
    initial: fanIn(),
    onDiverge: "throw",
    // Compared with another run: by rule, the same on both.
    execution: { tune: false },
  });
  await ensemble.advance({ steps: 200, onProgress: ({ steps }) => onProgress(steps) });
  const { theta } = await ensemble.state();
  return { theta: Float32Array.from(theta.data), params: model.parameterCount };
}

/** What the tuner says of a linear model, quick to compile: `y` from `x` of the same data. */
export function tuning(
  device: Device,
  { replicas }: { readonly replicas: number },
  _onProgress: (steps: number) => void,
): Promise<TuningReport> {
  const linear = defineModel({
    name: "linear",
    params: { w: [INPUTS] },
    sample: { x: [INPUTS], y: [] },
    loss: ({ w }, { x, y }) => op.square(op.sub(op.dot(w, x), y)),
  });
  const update = sgd({ learningRate: 0.05, batchSize: 4 });
  const execution = { schedule: "thread" } as const;
  const given = { model: linear, data: dataset(), update, replicas, execution };
  return describeTuning(device, { ...given, seed: 1 });
}
