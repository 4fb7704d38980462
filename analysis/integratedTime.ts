/**
 * Integrated autocorrelation time with Sokal's self-consistent window.
 *
 * Source: A. Sokal, Monte Carlo Methods in Statistical Mechanics (1997), section 3; error from
 * N. Madras and A. Sokal, J. Stat. Phys. 50, 109 (1988), section 4. The same word is used for ½ + Σρ
 * and for Σρ elsewhere: here τ = 1 + 2Σρ, so that n samples are worth n/τ independent ones.
 * One addition: momentum makes ρ oscillate, partial sums then dip and would close the window at
 * once, so the window also has to hold 5 times the memory 1 + 2Σ|ρ| (|ρ| above its noise only),
 * which is τ itself where ρ stays positive.
 */
import { autocovariance, commonMean } from "./autocovariance.ts";
import { type Estimate, withWarnings } from "./estimate.ts";
import { refuse } from "./refusal.ts";
import { replicaSeries, type SeriesChoice, type SeriesSource } from "./seriesSource.ts";

/** The window M is the first lag with M >= WINDOW max(τ(M), memory(M)). */
const WINDOW = 5;

export interface IntegratedTimeOptions extends SeriesChoice {
  /** Length that each replica's series must have, in τ (in memories if longer). Default 50. */
  readonly times?: number;
  /** Give a warning in place of a refusal. */
  readonly quiet?: boolean;
}

/**
 * τ = every · (1 + 2 Σ_{k=1..M} ρ(k)), in SGD steps, M the first lag with M >= 5 τ/every
 * (and 5 memories, see the file head).
 *
 * ρ is the autocovariance averaged over replicas about the common mean, divided by its value at
 * lag 0, so replicas that differ lengthen τ. T samples of a series are worth T·every/τ
 * independent ones.
 *
 * Error: statistical, τ √(2(2M+1)/n) with n samples in all. Not covered: the tail beyond the
 * window (relative e^{−5} for an exponential ρ), a bias −(2M+1)τ/n from the estimated mean, and
 * samples farther apart than τ (then τ ≈ every, and a warning says that it is not resolved).
 *
 * @throws RefusalError<Estimate> when the series is shorter than `times` τ, when the window does not
 *   close within it, or when nothing fluctuates; `quiet` turns the first two into warnings.
 * @see Sokal 1997, section 3, whose τ_int is half of this one.
 * @example integratedTime(record.loss) // Estimate in steps
 */
export function integratedTime(
  source: SeriesSource,
  { times = 50, quiet = false, ...choice }: IntegratedTimeOptions = {},
): Estimate {
  const { series, every, length, name, warnings } = replicaSeries("integratedTime", source, choice);
  const { tau, memory, window, closed } = windowedTime(series, commonMean(series));
  const where = `integratedTime(${name})`;
  const samples = series.length * length;
  const estimate: Estimate = {
    value: tau * every,
    standardError: Math.abs(tau) * every * Math.sqrt((2 * (2 * window + 1)) / samples),
    n: series.length,
    method: `1 + 2 sum of autocorrelations up to lag ${window * every}, ${series.length} replicas`,
    warnings: [...warnings, ...(memory < 2 && every > 1 ? [unresolved(every)] : [])],
  };
  if (Number.isNaN(tau)) {
    return refuse(
      `${where}: the series does not fluctuate, so τ is undefined; record a quantity that does.`,
      estimate,
    );
  }
  const steps = length * every;
  if (!closed) {
    return refuse(
      `${where}: in ${steps} steps the window M >= ${WINDOW} τ does not close (τ >= ` +
        `${tau.toPrecision(3)} samples of ${every} steps): longer correlations, a drift or ` +
        "replicas that stay apart; observe longer or check stationarity.",
      withWarnings(estimate, ["τ is a lower bound: the window did not close"]),
      quiet,
    );
  }
  if (length >= times * memory) return estimate;
  return refuse(shortRun(where, steps, memory * every, estimate, times), estimate, quiet);
}

const unresolved = (every: number) =>
  `τ is not resolved: samples are ${every} steps apart; record more often`;

function shortRun(
  where: string,
  steps: number,
  memory: number,
  { value, standardError }: Estimate,
  times: number,
): string {
  const oscillates = memory > 1.5 * Math.abs(value);
  const about = oscillates
    ? `the series oscillates and remembers 1 + 2 sum |ρ| ≈ ${memory.toPrecision(3)}`
    : `τ ≈ ${value.toPrecision(3)} ± ${standardError.toPrecision(2)}`;
  return (
    `${where}: ${steps} steps are ${(steps / memory).toPrecision(3)} ${oscillates ? "memories" : "τ"}, ` +
    `need ${times} (${about}); observe at least ${Math.ceil(times * memory)} steps.`
  );
}

export interface WindowedTime {
  /** 1 + 2 Σ ρ up to the window, in samples; NaN when the series is constant. */
  readonly tau: number;
  /** The larger of τ and 1 + 2 Σ |ρ|, in samples: how long the series remembers. */
  readonly memory: number;
  /** M, in samples. */
  readonly window: number;
  /** Whether M >= 5 memories was reached within the series. */
  readonly closed: boolean;
}

/** τ in samples about a given mean; lags are computed in growing ranges until the window closes. */
export function windowedTime(series: readonly ArrayLike<number>[], mean: number): WindowedTime {
  const length = series[0]!.length;
  for (let lags = Math.min(length, 64); ; lags = Math.min(length, 8 * lags)) {
    const found = sumToWindow(autocovariance(series, mean, lags), series.length * length);
    if (found.closed || Number.isNaN(found.tau) || lags === length) return found;
  }
}

function sumToWindow(covariance: Float64Array, samples: number): WindowedTime {
  const variance = covariance[0]!;
  if (!(variance > 0)) return { tau: Number.NaN, memory: Number.NaN, window: 0, closed: false };
  let tau = 1;
  let absolute = 1;
  let memory = 1;
  for (let lag = 1; lag < covariance.length; lag++) {
    const rho = covariance[lag]! / variance;
    tau += 2 * rho;
    // Bartlett: an estimate of a vanishing ρ has variance Σρ²/n <= (1 + 2Σ|ρ|)/n.
    if (Math.abs(rho) > 2 * Math.sqrt(absolute / samples)) absolute += 2 * Math.abs(rho);
    memory = Math.max(tau, absolute);
    if (lag >= WINDOW * memory) return { tau, memory, window: lag, closed: true };
  }
  return { tau, memory, window: covariance.length - 1, closed: false };
}
