/** Mean squares of the velocity beside the laws of small rates and of the noise at the states. */
import { type Estimate, polynomialIntercept } from "../../analysis/index.ts";
import type { Minimum } from "../../engine/minimize.ts";
import type { RunRecord, SnapshotRecord } from "../../engine/record.ts";
import { prototypeNetwork } from "../../models/prototypeNetwork.ts";
import { heavyBallMode } from "../../models/theory/index.ts";
import type { Quantity } from "../experiment.ts";
import { networkNoise, networkNoiseTrace, networkSmallRate } from "../fdrNetwork/smallRate.ts";
import { F32_BLOCK_SUM } from "../systematic.ts";
import type { Parameters, Setting } from "./settings.ts";

/**
 * Largest bound on the bias, relative: card B6's tolerance for noise that depends on the state. Beyond it
 * nothing is claimed.
 */
const TOLERANCE = 0.05;
/** Rates up to this change are extrapolated: beyond it the second order shows. */
const LINEAR_CHANGE = 0.1;

/** Theory of a setting. */
export interface Law {
  /** tr Σ/(1 − β²) at the minimum. */
  readonly smallRate: number;
  /** Σ σ_k/((1 − β)(1 + β − ηh_k/2)) over it: what finite steps of linear modes add. */
  readonly steps: number;
  /** Relative size of what noise adds that changes around the minimum. */
  readonly change: number;
}

export interface Measured extends Setting {
  /** ε = η/(1 − β) */
  readonly effectiveRate: number;
  /** ⟨|v|²⟩ */
  readonly estimate: Estimate;
  /** ⟨|v|²⟩(1 − β²)/⟨tr Σ⟩ at the replicas' own states. */
  readonly local: Estimate;
  readonly law: Law | null;
  readonly record: RunRecord;
  readonly warnings: readonly string[];
}

/** Law of a setting from the network's derivatives at the minimum, in float64. */
export function lawOf(p: Parameters, setting: Setting, minimum: Minimum): Law {
  const { learningRate, momentum } = setting;
  const found = networkSmallRate({ ...p, ...setting, dampening: 0 }, minimum);
  const modes = networkNoise(p, minimum).reduce((sum, noiseVariance, k) => {
    const curvature = minimum.eigenvalues[k]!;
    return (
      sum + heavyBallMode({ learningRate, momentum, curvature, noiseVariance }).velocityVariance
    );
  }, 0);
  const steepest = Math.max(...minimum.eigenvalues);
  return {
    smallRate: found.velocitySquare,
    steps: modes / found.velocitySquare,
    // The correction of the small-rate laws has the steps in it, as ε times the largest curvature.
    change: found.correction.noise - found.effectiveRate * steepest,
  };
}

/** tr Σ averaged over the recorded states of each replica, [replica]. */
export function localNoise(p: Parameters, { values }: SnapshotRecord): Float64Array {
  const [times, , replicas, coordinates] = values.axes.map(({ length }) => length) as [
    number,
    number,
    number,
    number,
  ];
  const trace = networkNoiseTrace(p);
  const size = prototypeNetwork().parameterCount;
  return Float64Array.from({ length: replicas }, (_, r) => {
    let sum = 0;
    for (let t = 0; t < times; t += 1) {
      // θ comes first, v after it.
      const at = (t * replicas + r) * coordinates;
      const theta = Float64Array.from(values.data.subarray(at, at + size));
      sum += theta.every(Number.isFinite) ? trace(theta) / times : Number.NaN;
    }
    return sum;
  });
}

/**
 * What the law of small rates leaves out of ⟨|v|²⟩, relative. `drift`: the noise at the replicas' states over
 * that at the minimum, less one, which is known. `steps`: finite steps of linear modes, whose curvature
 * changes like the noise does, so that what is predicted of them is no better than their size.
 */
function leftOut({ law, estimate, local }: Measured): { drift: number; steps: number } {
  if (law === null) return { drift: Number.NaN, steps: Number.NaN };
  const drift = estimate.value / (local.value * law.smallRate) - 1;
  return { drift, steps: Math.abs(law.steps - 1) * (1 + law.change) };
}

/** Is there a law here, and is what it leaves out small? */
function claimed(one: Measured): boolean {
  const { drift, steps } = leftOut(one);
  return Math.abs(drift) <= TOLERANCE && steps <= TOLERANCE;
}

export function quantitiesOf(one: Measured): { quantities: Quantity[]; warnings: string[] } {
  const { law, estimate, local, learningRate, momentum } = one;
  const condition = { learningRate, momentum };
  const { drift, steps } = leftOut(one);
  const quantity = (
    name: string,
    unit: string,
    of: Estimate,
    predicted: number | null,
    relative: number,
  ): Quantity => ({
    name,
    condition,
    estimate: of,
    unit,
    predicted,
    systematic:
      predicted === null ? 0 : (Math.min(relative, TOLERANCE) + F32_BLOCK_SUM) * predicted,
  });
  const value = law !== null && claimed(one) ? law.smallRate * law.steps : null;
  return {
    quantities: [
      quantity("|v|^2", "(θ/η)²", estimate, value, Math.abs(drift) + steps),
      quantity(
        "|v|^2 (1 - beta²)/tr Σ at the states",
        "1",
        local,
        law !== null && steps <= TOLERANCE && Number.isFinite(drift) ? law.steps : null,
        steps,
      ),
    ],
    warnings: Number.isFinite(drift) && value === null ? [doubt(one)] : [],
  };
}

function doubt(one: Measured): string {
  const { drift, steps } = leftOut(one);
  const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`;
  const why =
    steps > TOLERANCE
      ? `finite steps add about ${percent(steps)} to it`
      : `the noise at the replicas' states is ${percent(drift)} off that at the minimum`;
  return (
    `no prediction of |v|^2 at learning rate ${one.learningRate}, momentum ${one.momentum}: ${why}, more ` +
    `than ${percent(TOLERANCE)}; lower learningRates.`
  );
}

/** ⟨|v|²⟩ of settings of one momentum, linear in ε at small rates, at ε = 0. */
export function extrapolated(all: readonly Measured[]): Quantity[] {
  const usable = all.filter((one) => claimed(one) && one.law!.change <= LINEAR_CHANGE);
  if (usable.length < 2) return [];
  const { momentum } = usable[0]!;
  const law = usable[0]!.law!.smallRate;
  // What the line leaves out is of second order, c² ε ε': four times the product of the two largest
  // corrections, as momentum 0.9 has it at ε = 0.1 and 0.2, where it is twice.
  const [a, b] = usable
    .map(({ law }) => law!.change + Math.abs(law!.steps - 1))
    .sort((s, t) => t - s) as [number, number];
  return [
    {
      name: "|v|^2, extrapolated",
      condition: { learningRate: "0", momentum },
      estimate: polynomialIntercept(
        usable.map(({ effectiveRate }) => effectiveRate),
        usable.map(({ estimate }) => estimate),
        1,
      ),
      unit: "(θ/η)²",
      predicted: law,
      systematic: (Math.min(4 * a * b, TOLERANCE) + F32_BLOCK_SUM) * law,
    },
  ];
}
