/**
 * One full-batch step on the device and in float64: loss and gradient of a model at the same θ.
 *
 * The device's gradient is (θ₀ − θ₁)/η of one step without momentum. η = 2¹⁰ is exact and makes
 * ηG outweigh θ₀, so that the difference carries G to about 2⁻²³ relative.
 */
import type { Device } from "../engine/device.ts";
import { gaussian } from "../engine/initial.ts";
import type { Model } from "../engine/model.ts";
import { series } from "../engine/observe/series.ts";
import { compileReference } from "../engine/reference.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import type { DataSource } from "../engine/wgsl/row.ts";
import { mulberry32, gaussian as normal } from "../models/mulberry.ts";

/** |a − b| / |b| with the Euclidean norm; |a| where b is zero. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`relativeError: ${a.length} against ${b.length}`);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i += 1) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / (norm === 0 ? 1 : norm));
}

/** Normal numbers (times `scale`) that float32 holds, and labels 0, 1, …, for a model's fields. */
export function sampleData(model: Model, samples: number, seed: number, scale = 1): DataSource {
  const uniform = mulberry32(seed);
  const fields = model.fields.map(({ name, shape, size, labels }) => {
    const data = Array.from({ length: samples * size }, (_, i) =>
      labels > 0 ? (i * 7 + 1) % labels : Math.fround(scale * normal(uniform)),
    );
    return [name, { data, shape }] as const;
  });
  return { name: "test", samples, fields: Object.fromEntries(fields) };
}

export interface LossAndGradient {
  /** θ at which they are taken, [replica][param]. */
  readonly theta: readonly Float64Array[];
  /** Mean loss, [replica]: of the step, and (if asked for) of the evaluation kernel. */
  readonly loss: readonly number[];
  readonly evaluated: readonly number[] | null;
  /** [replica][param] */
  readonly gradient: readonly Float64Array[];
}

const LEARNING_RATE = 1024;
const REPLICAS = 3;

export async function onDevice(
  device: Device,
  model: Model,
  data: DataSource,
  unroll: number,
  evaluate = false,
): Promise<LossAndGradient> {
  await using ensemble = await createEnsemble(device, {
    model,
    data,
    update: sgd({ learningRate: LEARNING_RATE }),
    sampling: "fullBatch",
    replicas: REPLICAS,
    seed: 5,
    initial: gaussian({ standardDeviation: 0.7 }),
    observables: { loss: series({ of: "loss" }) },
    execution: { unroll },
  });
  const rows = async (): Promise<Float64Array[]> => {
    const { theta } = await ensemble.state();
    const count = model.parameterCount;
    return Array.from({ length: REPLICAS }, (_, r) =>
      Float64Array.from(theta.data.subarray(r * count, (r + 1) * count)),
    );
  };
  const before = await rows();
  const evaluated = evaluate ? await ensemble.evaluate({ of: ["loss"] }) : null;
  const record = await ensemble.observe({ steps: 1 });
  const after = await rows();
  return {
    theta: before,
    loss: [...record.loss.values.data],
    evaluated: evaluated && [...evaluated.data],
    gradient: before.map((theta, r) => theta.map((t, p) => (t - after[r]![p]!) / LEARNING_RATE)),
  };
}

export interface ReferenceGradient {
  readonly loss: number;
  /** Mean of |l_b|: the scale of the loss' rounding error. */
  readonly scale: number;
  /** ∂/∂block, in the order of `model.params`. */
  readonly blocks: readonly Float64Array[];
}

export function inFloat64(model: Model, data: DataSource, theta: Float64Array): ReferenceGradient {
  const run = compileReference([model.loss, ...model.gradients]);
  const params = Object.fromEntries(
    model.params.map(({ name, offset, size }) => [name, theta.subarray(offset, offset + size)]),
  );
  const blocks = model.params.map(({ size }) => new Float64Array(size));
  let loss = 0;
  let scale = 0;
  for (let i = 0; i < data.samples; i += 1) {
    const sample = Object.fromEntries(
      model.fields.map(({ name, size }) => [
        name,
        Float64Array.from({ length: size }, (_, k) => data.fields[name]!.data[i * size + k]!),
      ]),
    );
    const [value, ...gradients] = run({ params, sample });
    loss += value![0]! / data.samples;
    scale += Math.abs(value![0]!) / data.samples;
    gradients.forEach((gradient, k) => {
      for (let p = 0; p < gradient.length; p += 1) blocks[k]![p]! += gradient[p]! / data.samples;
    });
  }
  return { loss, scale, blocks };
}

/**
 * Largest errors of a device result: of the loss, |l − r| / ⟨|l_b|⟩, and of the gradient blocks,
 * |g − r|₂ / |r|₂ for each block (|g|₂ where r is zero), with the block's name.
 */
export function parityErrors(
  model: Model,
  data: DataSource,
  device: LossAndGradient,
): { loss: number; evaluated: number; gradient: number; block: string } {
  const worst = { loss: 0, evaluated: 0, gradient: 0, block: "" };
  device.theta.forEach((theta, r) => {
    const reference = inFloat64(model, data, theta);
    const off = (loss: number): number => Math.abs(loss - reference.loss) / reference.scale;
    worst.loss = Math.max(worst.loss, off(device.loss[r]!));
    if (device.evaluated) worst.evaluated = Math.max(worst.evaluated, off(device.evaluated[r]!));
    model.params.forEach(({ name, offset, size }, k) => {
      const block = device.gradient[r]!.subarray(offset, offset + size);
      const error = relativeError(block, reference.blocks[k]!);
      // NaN must not pass.
      if (!(error <= worst.gradient)) Object.assign(worst, { gradient: error, block: name });
    });
  });
  return worst;
}
