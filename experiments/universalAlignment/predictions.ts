/** What SGD's alignment and balance must be after each phase, and how far leading order may be off. */
import { EigenvalueDecomposition, type Matrix } from "ml-matrix";
import {
  alignmentFluctuations,
  type FluctuationParts,
  type Fluctuations,
  noiseBalanced,
  type RatePhase,
  type TwoLayers,
} from "../../models/theory/index.ts";
import { type AlignmentSettings, type NetName, netOf, phasesOf } from "./settings.ts";

/** Theory of one net after each phase. */
export interface NetPrediction {
  readonly balanced: TwoLayers;
  readonly fluctuations: Fluctuations;
  /** Shares of the leading order that orders beyond it may have, [phase]. */
  readonly beyond: FluctuationParts;
  /** Bound on what is left of the start in 1 − CKA, [phase]. */
  readonly left: readonly number[];
}

/**
 * Relative size of the next order in η.
 *
 * The covariance of a linear least-squares mode with batches of one is ησ²/(1 − ηκ) instead of ησ², κ the
 * mean square of the outputs' derivatives, E|h|² + |W2|² E|z|² at most for a mode that both layers share.
 */
const nextOrder = ({ W1, W2, inputs, inputTrace }: TwoLayers, learningRate: number): number =>
  learningRate * (W1.mmul(inputs).mmul(W1.transpose()).trace() + W2.norm() ** 2 * inputTrace);

/**
 * Of the charge: its kicks are of second order in variances of gradients, its relaxation of first, both
 * drawn from layers that fluctuate themselves: four times that share. Kicks of earlier phases are
 * remembered, so that of all rates so far the largest share counts, less what was forgotten since.
 */
function beyondLeading(
  net: TwoLayers,
  { relaxation }: Fluctuations,
  phases: readonly RatePhase[],
): FluctuationParts {
  const curved = phases.map(({ learningRate }) => nextOrder(net, learningRate));
  let remembered = 0;
  const charge = phases.map(({ learningRate, steps }, k) => {
    remembered *= Math.exp(-2 * relaxation * learningRate ** 2 * steps);
    remembered = Math.max(remembered, 4 * curved[k]!);
    return remembered;
  });
  return { curved, charge };
}

/**
 * What is left of the start. 1 − CKA is at most 1, quadratic in the distance, and forgets it at twice each
 * rate: the slowest charge over η² steps, the least curvature over η steps (of this phase, beside what the
 * phase before left), and hidden directions without an output, whose |h|² decays at 4 tr Σ_ε λ, λ the least
 * eigenvalue of Σ_z.
 */
function leftovers(
  net: TwoLayers,
  { relaxation, curvature, deficit }: Fluctuations,
  phases: readonly RatePhase[],
): number[] {
  const least = Math.min(...new EigenvalueDecomposition(net.inputs).realEigenvalues);
  let slow = 0;
  let before = 1;
  return phases.map(({ learningRate, steps }, k) => {
    slow += learningRate ** 2 * steps;
    const fast = before * Math.exp(-2 * learningRate * steps * curvature);
    const charge = Math.exp(-2 * slow * Math.min(relaxation, 4 * net.noiseTrace * least));
    before = Math.min(1, deficit.curved[k]! + deficit.charge[k]! + charge + fast);
    return charge + fast;
  });
}

/** Theory of a net of one hidden layer. */
export function predict(p: AlignmentSettings, name: NetName, probes: Matrix): NetPrediction {
  const phases = phasesOf(p);
  const balanced = noiseBalanced(netOf(p, name), p.labelNoise);
  const fluctuations = alignmentFluctuations(balanced, phases, probes);
  return {
    balanced,
    fluctuations,
    beyond: beyondLeading(balanced, fluctuations, phases),
    left: leftovers(balanced, fluctuations, phases),
  };
}

export interface Predicted {
  readonly value: number;
  readonly systematic: number;
}

/** A leading-order mean after phase k, and what orders beyond it may add. */
export function leading(
  parts: FluctuationParts,
  beyond: FluctuationParts,
  k: number,
): { value: number; open: number } {
  return {
    value: parts.curved[k]! + parts.charge[k]!,
    open: parts.curved[k]! * beyond.curved[k]! + parts.charge[k]! * beyond.charge[k]!,
  };
}

/** CKA between replicas of two nets (or of one, twice) after phase k. */
export function alignmentAfter(a: NetPrediction, b: NetPrediction, k: number): Predicted {
  const deficits = [a, b].map(({ fluctuations, beyond }) =>
    leading(fluctuations.deficit, beyond, k),
  );
  const deficit = deficits[0]!.value + deficits[1]!.value;
  const open = deficits[0]!.open + deficits[1]!.open;
  // 1 − CKA is quadratic up to its own square, of fluctuations with fourth moments 3 of a normal law.
  return { value: 1 - deficit, systematic: open + 3 * deficit ** 2 + a.left[k]! + b.left[k]! };
}
