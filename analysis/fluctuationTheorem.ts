/**
 * Fluctuation theorems of entropy production along trajectories.
 *
 *   integral: ⟨e^{−σ}⟩ = 1,   detailed: p(σ)/p(−σ) = e^σ,   σ = Σ_n x_nᵀ Q (x_{n+1} − x_n)
 *
 * e^{−σ} − 1 is summed by expm1, and refused where the average is undersampled. The detailed theorem is
 * tested without fitting a histogram: in a bin of |σ| the number of positive events is compared with
 * the sum of e^{|σ|} over the negative ones, which the theorem makes equal however wide the bin.
 *
 * Source: U. Seifert, Rep. Prog. Phys. 75, 126001 (2012); for SGD arXiv 2306.03521. Left out: Q itself
 * (`models/theory/additiveNoise.ts`), Stratonovich sums (equal where tr of the current form is 0).
 */
import { ArgumentError } from "../engine/errors.ts";
import type { Axis, Field, MomentsRecord } from "../engine/record.ts";
import type { Estimate } from "./estimate.ts";
import type { Rows } from "./lyapunov.ts";
import { covariance, mean } from "./moments.ts";
import { refuse } from "./refusal.ts";

/** Coordinates of the records made here. */
export const SIGMA = "sigma";
export const DEVIATION = "exp(-sigma)-1";

/** Variance of σ above which a sample average of e^{−σ} is ruled by events that are not in it. */
const LARGEST_VARIANCE = 3;
/** Skewness that the average may have, in its own standard deviations, to have an error bar. */
const LARGEST_SKEWNESS = 0.5;

/**
 * σ_n = x_nᵀ Q (x_{n+1} − x_n) of a trajectory, [time − 1] from [coordinate][time].
 *
 * x are displacements from the stationary mean. Nats; float64 sums of what is given.
 * @throws ArgumentError when Q and the coordinates do not fit.
 */
export function stepEntropies(trajectory: readonly ArrayLike<number>[], form: Rows): Float64Array {
  const d = trajectory.length;
  if (form.length !== d || form.some((row) => row.length !== d)) {
    throw new ArgumentError(
      `stepEntropies: ${d} coordinates and a form of ${form.length} rows; give a [d, d] form.`,
    );
  }
  const sigma = new Float64Array(Math.max(0, (trajectory[0]?.length ?? 0) - 1));
  for (let i = 0; i < d; i += 1) {
    for (let j = 0; j < d; j += 1) {
      const [x, y, q] = [trajectory[i]!, trajectory[j]!, form[i]![j]!];
      for (let n = 0; n < sigma.length; n += 1) sigma[n]! += x[n]! * q * (y[n + 1]! - y[n]!);
    }
  }
  return sigma;
}

/** Sums of `length` values each, one stretch after the other; what does not fill one is left out. */
export function stretchSums(values: Float64Array, length: number): Float64Array {
  return Float64Array.from({ length: Math.floor(values.length / length) }, (_, k) => {
    let sum = 0;
    for (let n = k * length; n < (k + 1) * length; n += 1) sum += values[n]!;
    return sum;
  });
}

/**
 * Time averages of σ and e^{−σ} − 1 of every replica, as a record that merges like other moments.
 *
 * `sigmas(lane)` are a replica's events, equally many for all.
 */
export function fluctuationRecord(
  axes: readonly [condition: Axis, replica: Axis],
  sigmas: (lane: number) => Float64Array,
): MomentsRecord {
  const lanes = axes[0].length * axes[1].length;
  const first = new Float64Array(2 * lanes);
  const second = new Float64Array(4 * lanes);
  let count = 0;
  for (let lane = 0; lane < lanes; lane += 1) {
    const events = sigmas(lane);
    count = events.length;
    let [s, e, ss, se, ee] = [0, 0, 0, 0, 0];
    for (const sigma of events) {
      const deviation = Math.expm1(-sigma);
      s += sigma;
      e += deviation;
      ss += sigma * sigma;
      se += sigma * deviation;
      ee += deviation * deviation;
    }
    first.set([s / count, e / count], 2 * lane);
    second.set([ss / count, se / count, se / count, ee / count], 4 * lane);
  }
  const coordinates = [SIGMA, DEVIATION];
  const names: Axis = { name: "coordinate", length: 2, values: coordinates };
  const lag: Axis = { name: "lag", length: 1, values: [0], unit: "steps" };
  const field = (list: readonly Axis[], data: Float64Array): Field => ({
    axes: list,
    data,
    unit: "1",
  });
  return {
    kind: "moments",
    coordinates,
    every: 1,
    lags: [0],
    counts: [count],
    reference: field([axes[0], names], new Float64Array(2 * axes[0].length)),
    first: field([...axes, lag, names], first),
    firstEnd: field([...axes, lag, names], first),
    second: field([...axes, lag, names, { ...names, name: "coordinate'" }], second),
  };
}

export interface FluctuationChoice {
  /** Index of the condition, default 0. */
  readonly condition?: number;
}

/**
 * ⟨e^{−σ}⟩ of a record of `fluctuationRecord`, 1 by the integral theorem.
 *
 * Error: scatter of the replicas' time averages.
 *
 * @throws RefusalError<Estimate> when Var σ > 3, or when so few events of that variance leave the
 *   average too skew for an error bar (as for log-normal e^{−σ}): then the average is missing rare
 *   events that it mostly consists of.
 * @see Seifert (2012), section 3; C. Jarzynski, Phys. Rev. E 73, 046105 (2006) on rare events
 */
export function integralFluctuation(
  record: MomentsRecord,
  { condition = 0 }: FluctuationChoice = {},
): Estimate {
  const deviation = mean(record, { condition, i: DEVIATION });
  const estimate: Estimate = {
    ...deviation,
    value: 1 + deviation.value,
    method: `average of exp(-σ), ${deviation.method}`,
  };
  const variance = covariance(record, { condition, i: SIGMA, j: SIGMA }).value;
  const events = estimate.n * (record.counts[0] ?? 0);
  const spread = Math.expm1(variance);
  const skewness = ((spread + 3) * Math.sqrt(spread)) / Math.sqrt(events);
  if (variance <= LARGEST_VARIANCE && skewness <= LARGEST_SKEWNESS) return estimate;
  return refuse(
    `integralFluctuation: σ has the variance ${variance.toPrecision(3)} in ${events} events, so that the ` +
      "average of exp(-σ) consists of events too rare to be among them; take shorter stretches, or more " +
      "replicas.",
    estimate,
  );
}
