/**
 * Workgroup memory of a replica: what stands there for all steps, and where values wait between
 * levels.
 *
 * A stored value lives from the level that computes it to the last level that reads it; values whose
 * lives do not meet share words of `scratch` (first fit, in the order of their births). Sizes are those
 * of the largest batch.
 */
import { size } from "../../graph.ts";
import type { Model } from "../../model.ts";
import { drawPairs } from "../../modelDraws.ts";
import type { Dynamics } from "../../update/dynamics.ts";
import type { StagedProgram, Statement } from "../staged/stagedProgram.ts";

/** Partial sums of a sum over all parameters, `PARTS` in the kernel. */
export const PARTS = 32;

/** A `var<workgroup>` of the kernel, an array of 4-byte words. */
export interface WorkgroupVariable {
  readonly name: string;
  /** For readers: `θ`, `the gradient`. */
  readonly meaning: string;
  readonly words: number;
}

/** Place of a stored value in `scratch`: word `at + element · stride + sample`. */
export interface ScratchPlace {
  readonly at: number;
  readonly stride: number;
  /** Samples of the largest batch; 1 where samples do not differ. */
  readonly samples: number;
}

export interface WorkgroupMemory {
  readonly places: ReadonlyMap<Statement, ScratchPlace>;
  readonly variables: readonly WorkgroupVariable[];
  /** As WebGPU counts them against `maxComputeWorkgroupStorageSize`. */
  readonly bytes: number;
}

/** `velocity` → `velocity`, `firstMoment` → `first_moment`, as in kernels of one invocation. */
const arrayName = (vector: string): string =>
  vector.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Odd, so that the elements of a sample stand in different banks of memory. */
const strideOf = (samples: number): number => samples | 1;

interface Life {
  readonly statement: Statement;
  readonly samples: number;
  readonly words: number;
  readonly from: number;
  readonly to: number;
}

/** Values that need room, in the order of their births. */
function lives({ stages }: StagedProgram, maxBatch: number): Life[] {
  const lastRead = new Map<Statement, number>();
  for (const { reads, level } of stages) {
    for (const of of reads) lastRead.set(of, Math.max(level, lastRead.get(of) ?? level));
  }
  return stages
    .flatMap(({ statements, level }) =>
      statements
        .filter(({ stored, outputs }) => stored && outputs.length === 0)
        .map((statement) => {
          const { node, perSample } = statement;
          const samples = perSample ? maxBatch : 1;
          const words = (size(node.shape) - 1) * strideOf(samples) + samples;
          const to = lastRead.get(statement) ?? level;
          return { statement, samples, words, from: level, to };
        }),
    )
    .sort((a, b) => a.from - b.from);
}

/** Places without overlap in time and room, and how many words they take together. */
export function scratchPlaces(
  program: StagedProgram,
  maxBatch: number,
): { places: Map<Statement, ScratchPlace>; words: number } {
  const placed: (Life & { at: number })[] = [];
  for (const life of lives(program, maxBatch)) {
    const beside = placed
      .filter(({ from, to }) => from <= life.to && life.from <= to)
      .sort((a, b) => a.at - b.at);
    let at = 0;
    for (const other of beside) {
      if (at + life.words <= other.at) break;
      at = Math.max(at, other.at + other.words);
    }
    placed.push({ ...life, at });
  }
  return {
    places: new Map(
      placed.map(({ statement, at, samples }) => [
        statement,
        { at, stride: strideOf(samples), samples },
      ]),
    ),
    words: Math.max(0, ...placed.map(({ at, words }) => at + words)),
  };
}

export interface MemoryRequest {
  readonly model: Model;
  readonly dynamics: Dynamics;
  readonly program: StagedProgram;
  readonly maxBatch: number;
}

/** Vectors of the rule at the point where G is taken, where that is not θ. */
export const pointVectors = ({ rule, kept }: Dynamics): string[] =>
  rule.prepare
    ? [
        "point",
        ...kept.filter((name) => rule.vectors.includes(name)).map((v) => `point_${arrayName(v)}`),
      ]
    : [];

/** Everything that a replica holds in workgroup memory. */
export function workgroupMemory(request: MemoryRequest): WorkgroupMemory {
  const { model, dynamics, program, maxBatch } = request;
  const count = model.parameterCount;
  const { places, words } = scratchPlaces(program, maxBatch);
  const drawn = 2 * drawPairs(model.draws).all * maxBatch;
  const variables: WorkgroupVariable[] = [
    { name: "theta", meaning: "θ", words: count },
    { name: "gradient", meaning: "G", words: count },
    ...dynamics.kept.map((name) => ({
      name: arrayName(name),
      meaning: name === "velocity" ? "v" : name,
      words: count,
    })),
    ...pointVectors(dynamics).map((name) => ({ name, meaning: "the point of G", words: count })),
    { name: "scratch", meaning: "values between levels", words: Math.max(1, words) },
    { name: "batch_samples", meaning: "the batch", words: maxBatch },
    { name: "batch_loss", meaning: "its loss", words: 1 },
    { name: "theta_squares", meaning: "partial sums", words: PARTS },
    { name: "stopped", meaning: "a flag", words: 1 },
    ...(dynamics.clip ? [{ name: "gradient_squares", meaning: "partial sums", words: PARTS }] : []),
    ...(drawn > 0 ? [{ name: "drawn", meaning: "draws of the samples", words: drawn }] : []),
  ];
  const bytes = variables.reduce((sum, { words: each }) => sum + 16 * Math.ceil(each / 4), 0);
  return { places, variables, bytes };
}
