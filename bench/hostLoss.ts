/**
 * The mean loss of an ensemble on the host, in float64, from its weights: what a workload is judged by
 * before it is timed.
 *
 * The device's own evaluation is not asked, so that a kernel that is wrong in training and in
 * evaluation alike does not pass, and models that are too large for it can be judged. Only the first
 * replicas and samples are looked at, as many as take about a second.
 */
import type { DataSource, Model } from "../engine/index.ts";
import { compileReference } from "../engine/reference.ts";

const REPLICAS = 8;
const MOST_SAMPLES = 64;
const LEAST_SAMPLES = 8;
/** Weights read, summed over replicas and samples. */
const WORK = 1.6e7;

/** Mean over the first replicas and samples; theta is [replica, parameter]. */
export function hostLoss(
  model: Model,
  data: DataSource,
  theta: Float32Array | Float64Array,
): number {
  const count = model.parameterCount;
  const replicas = Math.min(REPLICAS, theta.length / count);
  const affordable = Math.floor(WORK / (replicas * count));
  const wanted = Math.max(LEAST_SAMPLES, Math.min(MOST_SAMPLES, affordable));
  const samples = Math.min(wanted, data.samples);
  const run = compileReference([model.loss]);
  const drawn = Array.from({ length: samples }, (_, i) =>
    Object.fromEntries(
      Object.entries(data.fields).map(([name, { data: values, shape }]) => {
        const width = shape.reduce((product, length) => product * length, 1);
        return [name, Float64Array.from({ length: width }, (_v, k) => values[i * width + k]!)];
      }),
    ),
  );
  let sum = 0;
  for (let r = 0; r < replicas; r += 1) {
    const params = Object.fromEntries(
      model.params.map(({ name, offset, size }) => {
        const first = r * count + offset;
        return [name, Float64Array.from(theta.subarray(first, first + size))];
      }),
    );
    for (const sample of drawn) sum += run({ params, sample })[0]![0]!;
  }
  return sum / (replicas * samples);
}
