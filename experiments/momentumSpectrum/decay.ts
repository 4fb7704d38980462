/** The decay of one mode, read off its recorded path by the envelope of the recurrence. */
import type { SeriesRecord } from "../../engine/record.ts";
import {
  type HeavyBallOptions,
  type ModeState,
  type MomentumEnvelope,
  momentumEnvelope,
} from "../../models/index.ts";
import { stepRounding } from "../heavyBallRounding.ts";

export interface MeasuredDecay {
  readonly momentum: number;
  readonly curvature: number;
  /** Envelope at each step, 1 at the start; as far as the replica was alive. */
  readonly envelope: readonly number[];
  /** Geometric mean factor per step down to the threshold, or over the whole record. */
  readonly rate: number;
  readonly exactRate: number;
  readonly converges: boolean;
  /** First step with the envelope at or below the threshold; null if there is none. */
  readonly steps: number | null;
  /** Where ln E passes ln threshold between two steps; null if it does not. */
  readonly passage: number | null;
  /** ln threshold / ln rate. */
  readonly exactSteps: number;
  /** First step with |w| below the threshold: the naive measure. */
  readonly crossing: number | null;
  /** Bounds on what float32 does to `rate` and `passage`. */
  readonly rateRounding: number;
  readonly stepsRounding: number;
}

const orNull = (index: number): number | null => (index < 0 ? null : index);

export function measureDecay(
  mode: HeavyBallOptions,
  threshold: number,
  record: SeriesRecord,
  condition: number,
): MeasuredDecay {
  const { momentum, curvature } = mode;
  const theory = momentumEnvelope(mode);
  const { positions, displacements } = pathOf(record, condition, mode.learningRate);
  const envelope = positions.map((w, n) => theory.of(w, displacements[n]!));
  const steps = orNull(envelope.findIndex((value) => value <= threshold));
  const last = steps ?? envelope.length - 1;
  const rounding = largestRounding(mode, theory, last);
  const { rate: exactRate } = theory;
  const converges = exactRate < 1;
  // At rate 0 the first step ends it.
  const exactSteps = exactRate === 0 ? 1 : Math.log(threshold) / Math.log(exactRate);
  return {
    momentum,
    curvature,
    envelope,
    rate: last === 0 ? Number.NaN : envelope[last]! ** (1 / last),
    exactRate,
    converges,
    steps,
    passage: exactRate === 0 ? steps : passageOf(envelope, steps, threshold),
    exactSteps,
    crossing: orNull(positions.findIndex((w) => Math.abs(w) < threshold)),
    // Every factor E_{n+1}/E_n is the rate up to `rounding`, hence so is their geometric mean.
    rateRounding: rounding,
    // δ ln E = n · rounding/rate, over a slope of ln E of −ln rate.
    stepsRounding:
      exactRate === 0 || !converges
        ? 0
        : (exactSteps * rounding) / (exactRate * -Math.log(exactRate)),
  };
}

/** w_n and ηv_n of one condition up to where it froze. */
function pathOf(
  record: SeriesRecord,
  condition: number,
  learningRate: number,
): { positions: number[]; displacements: number[] } {
  const { axes, data } = record.values;
  const conditions = axes[1]!.length;
  const times = axes[3]!.length;
  const row = (quantity: number): number[] => {
    const at = (quantity * conditions + condition) * times;
    return Array.from(data.subarray(at, at + times));
  };
  const positions = row(0);
  const frozen = positions.findIndex((w) => !Number.isFinite(w));
  const alive = frozen < 0 ? times : frozen;
  return {
    positions: positions.slice(0, alive),
    displacements: row(1)
      .slice(0, alive)
      .map((v) => learningRate * v),
  };
}

/** ln E is a straight line in n, so the passage between two steps is found on it. */
function passageOf(
  envelope: readonly number[],
  steps: number | null,
  threshold: number,
): number | null {
  if (steps === null || steps === 0) return null;
  const before = Math.log(envelope[steps - 1]!);
  const after = Math.log(envelope[steps]!);
  return steps - 1 + (Math.log(threshold) - before) / (after - before);
}

/** Largest rounding of E in a step relative to E before it, along the exact path of `steps` steps. */
function largestRounding(mode: HeavyBallOptions, theory: MomentumEnvelope, steps: number): number {
  const { learningRate: eta, momentum, curvature } = mode;
  let state: ModeState = { position: 1, velocity: 0 };
  let envelope = 1;
  let largest = 0;
  for (let n = 0; n < steps; n += 1) {
    const velocity = momentum * state.velocity - curvature * state.position;
    const next = { position: state.position + eta * velocity, velocity };
    const error = stepRounding(mode, state, next);
    const inEnvelope = theory.error(error.position, error.displacement);
    if (envelope > 0) largest = Math.max(largest, inEnvelope / envelope);
    state = next;
    envelope *= theory.rate;
  }
  return largest;
}
