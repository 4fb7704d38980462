/** Settings of card B5: hyperparameters of the same limiting dynamics, their moments and run lengths. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { type HeavyBallMode, heavyBallMode } from "../../models/theory/index.ts";
import { predictionOf } from "../outcome.ts";
import {
  duration,
  durations,
  learningRate,
  refuseRepeats,
  replicas,
  weightDecay,
} from "../parameters.ts";

export const parameters = z.object({
  learningRate: learningRate(0.1),
  momentum: z.number().min(0).lt(1).default(0.9).describe("β, share of the velocity kept [1]"),
  batchSize: z.number().positive().default(16).describe("S, divides the noise variance [samples]"),
  annealing: z
    .array(z.number().positive())
    .min(1)
    .max(12)
    .default([1, 0.5, 0.25])
    .describe("α: batch S/α, with η and β of the same dynamics; 1 is the setting itself [1]"),
  curvature: z.number().positive().default(1).describe("ρ, Hessian eigenvalue [loss/θ²]"),
  weightDecay: weightDecay(0),
  noise: z
    .number()
    .positive()
    .default(1)
    .describe("σ, one sample's gradient noise has variance σ²ρ [loss^½]"),
  replicas: replicas(20_000),
  steps: duration("observed steps of each setting"),
  burnIn: duration("steps before observing"),
});

export type Parameters = z.infer<typeof parameters>;

/** A setting of the same limiting dynamics. */
export interface Member {
  readonly annealing: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly batchSize: number;
  /** σ²ρ/S', variance of the gradient noise of a step. */
  readonly noiseVariance: number;
}

export function memberOf(p: Parameters, annealing: number): Member {
  const square = 1 - annealing * (1 - p.momentum ** 2);
  if (square < 0) {
    throw new ArgumentError(
      `annealing: ${annealing} asks for a momentum whose square is ${square.toPrecision(3)}; give at most ` +
        `1/(1 - momentum²) = ${(1 / (1 - p.momentum ** 2)).toPrecision(4)}.`,
    );
  }
  const momentum = Math.sqrt(square);
  const batchSize = p.batchSize / annealing;
  return {
    annealing,
    learningRate: (p.learningRate * (1 + p.momentum)) / (1 + momentum),
    momentum,
    batchSize,
    noiseVariance: (p.noise ** 2 * p.curvature) / batchSize,
  };
}

/** Var θ and Var v of the continuous theory: the same for all members. */
export function continuous(p: Parameters, member: Member) {
  const { learningRate: eta, momentum: beta, noiseVariance } = member;
  const k = p.curvature + p.weightDecay;
  return {
    position: (eta * noiseVariance) / (2 * (1 - beta) * k),
    velocity: noiseVariance / (1 - beta ** 2),
  };
}

export interface Planned {
  readonly member: Member;
  readonly exact: HeavyBallMode | null;
  readonly warnings: readonly string[];
  readonly relaxation: number;
  readonly burnIn: number;
  readonly steps: number;
}

export function plan(p: Parameters): Planned[] {
  refuseRepeats("annealing", p.annealing);
  return p.annealing.map((alpha) => {
    const member = memberOf(p, alpha);
    const { exact, warnings } = predictionOf(() =>
      heavyBallMode({ ...member, curvature: p.curvature, weightDecay: p.weightDecay }),
    );
    const relaxation = exact ? Math.max(1, -1 / Math.log(exact.decay)) : 1;
    const lengths = durations(p, relaxation, { burnIn: 400, steps: 2000 });
    return { member, exact, warnings, relaxation, ...lengths };
  });
}
