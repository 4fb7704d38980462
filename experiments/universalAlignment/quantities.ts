/** Quantities of card 2D: alignments after each phase, the balance of the layers, the entropic flow. */
import {
  type AlignmentMatrix,
  alignmentMatrix,
  type Estimate,
  replicaMean,
} from "../../analysis/index.ts";
import { RefusalError } from "../../engine/errors.ts";
import { linearAlignment } from "../../models/theory/index.ts";
import { exactly } from "../exactly.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { entropicFlow, flowBound } from "./entropicFlow.ts";
import { activations, balanceResiduals, type Probes } from "./layers.ts";
import { alignmentAfter, leading, type NetPrediction } from "./predictions.ts";
import { type Course, METHODS, type Method, type States } from "./runs.ts";
import { type AlignmentSettings, NETS, type NetName, netOf } from "./settings.ts";

export type Courses = Readonly<Record<NetName, Readonly<Record<Method, Course>>>>;
export type Predictions = Readonly<Record<NetName, NetPrediction>>;

/** Card 2D: alignment of 0.99 or more at the end; what is open by more is not predicted. */
const CARD = 0.01;
/** Replicas of each net that the flow is solved for. */
const FLOW_REPLICAS = 8;

/** A matrix, or the refusal's words and its estimate. */
export function alignments(make: () => AlignmentMatrix): {
  matrix: AlignmentMatrix | null;
  estimate: Estimate;
} {
  try {
    const matrix = make();
    return { matrix, estimate: matrix.mean };
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    return {
      matrix: null,
      estimate: estimateOf(() => {
        throw error;
      }),
    };
  }
}

const isWhole = ({ theta }: States): boolean =>
  theta.every((one) => one.every((value) => Number.isFinite(value)));

/** CKA of nets A and B after each phase (phase 0: at the start), layer by layer and method by method. */
export function betweenNets(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  predictions: Predictions | null,
): Quantity[] {
  const phases = [0, ...p.learningRates.map((_, k) => k + 1)];
  const layers = p.widthsA.map((_, layer) => layer);
  return METHODS.flatMap((method) =>
    layers.flatMap((layer) =>
      phases
        .filter((phase) => phase > 0 || method === "SGD")
        .map((phase): Quantity => {
          const [a, b] = NETS.map((net) => courses[net][method].ends[phase]!) as [States, States];
          const { estimate } = alignments(() =>
            alignmentMatrix(
              activations(netOf(p, "A"), a, layer, probes),
              activations(netOf(p, "B"), b, layer, probes),
            ),
          );
          const claim =
            predictions && method === "SGD" && phase > 0 && isWhole(a) && isWhole(b)
              ? alignmentAfter(predictions.A, predictions.B, phase - 1)
              : null;
          return alignmentQuantity("A-B", estimate, claim, {
            method: phase === 0 ? "start" : method,
            ...(layers.length > 1 && { layer: layer + 1 }),
            phase,
          });
        }),
    ),
  );
}

function alignmentQuantity(
  pairs: string,
  estimate: Estimate,
  claim: { readonly value: number; readonly systematic: number } | null,
  condition: Quantity["condition"],
): Quantity {
  const isClaimed = claim !== null && claim.systematic <= CARD;
  return {
    name: `CKA, ${pairs}`,
    condition,
    estimate,
    unit: "1",
    predicted: isClaimed ? claim.value : null,
    systematic: isClaimed ? claim.systematic : 0,
  };
}

/** Replicas of one net among themselves, at the end of SGD. */
export function withinNets(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  predictions: Predictions | null,
): Quantity[] {
  const phase = p.learningRates.length;
  return NETS.map((net) => {
    const states = courses[net].SGD.ends[phase]!;
    const { estimate } = alignments(() =>
      alignmentMatrix(activations(netOf(p, net), states, 0, probes)),
    );
    const own = predictions?.[net];
    const claim = own && isWhole(states) ? alignmentAfter(own, own, phase - 1) : null;
    return alignmentQuantity(`${net}-${net}`, estimate, claim, { method: "SGD", phase });
  });
}

/** Mean squared imbalance of the two layers at the end of each method. */
export function balances(
  p: AlignmentSettings,
  courses: Courses,
  predictions: Predictions,
): Quantity[] {
  const phase = p.learningRates.length;
  return METHODS.flatMap((method) =>
    NETS.map((net): Quantity => {
      const states = courses[net][method].ends[phase]!;
      const { fluctuations, beyond, left, balanced } = predictions[net];
      const { value: exact, open } = leading(fluctuations.residual, beyond, phase - 1);
      const size = balanced.W1.mmul(balanced.inputs).mmul(balanced.W1.transpose()).norm();
      // The same orders beyond the leading one, and what is left of a start of the size of the layer.
      const systematic = open + left[phase - 1]! * (size / balanced.inputTrace) ** 2;
      const isClaimed = method === "SGD" && isWhole(states) && systematic <= exact;
      return {
        name: "balance residual²",
        condition: { method, net },
        estimate: estimateOf(() => replicaMean(balanceResiduals(netOf(p, net), states))),
        unit: "1",
        predicted: isClaimed ? exact : null,
        systematic: isClaimed ? systematic : 0,
      };
    }),
  );
}

/** CKA after the entropic flow, mean over pairs of a few replicas. @throws ArgumentError where it is too stiff. */
export async function flowQuantity(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  predictions: Predictions,
  pause: () => Promise<void>,
): Promise<Quantity> {
  const ends = [];
  for (const net of NETS) {
    const from = courses[net].GD.ends.at(-1)!.theta.filter((one) => one.every(Number.isFinite));
    const own = [];
    for (const theta of from.slice(0, FLOW_REPLICAS)) {
      await pause();
      own.push(entropicFlow(p, netOf(p, net), theta));
    }
    ends.push(own);
  }
  const [first, second] = ends;
  let sum = 0;
  for (const a of first!) {
    for (const b of second!) sum += linearAlignment(a.layer, b.layer, probes.covariance);
  }
  const pairs = first!.length * second!.length;
  const loss = Math.max(...ends.flat().map((end) => end.loss));
  const bound = NETS.reduce(
    (total, net) => total + flowBound(p, predictions[net].balanced, loss),
    0,
  );
  const isClaimed = pairs > 0 && bound <= CARD;
  return {
    name: "CKA, A-B, entropic flow",
    condition: {},
    estimate: exactly(sum / pairs, `float64, mean over ${pairs} pairs`, first!.length),
    unit: "1",
    predicted: isClaimed ? 1 : null,
    systematic: isClaimed ? bound : 0,
  };
}
