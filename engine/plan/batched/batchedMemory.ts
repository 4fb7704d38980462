/**
 * Where the schedule `batched` keeps things, for each replica of a slice.
 *
 *   replicas  [slot, vector, param]            θ, kept vectors, the point where G is taken
 *   scratch   [slot, word]                     Σ ∇l, the loss, G where it is kept, values of stages
 *   value     [sample, element]                rows padded so that each begins on a vec4f
 *
 * A value's words are given to others once no later stage reads it.
 */
import { size } from "../../graph.ts";
import type { Model } from "../../model.ts";
import type { Dynamics } from "../../update/dynamics.ts";
import type { StagedProgram, Statement } from "../staged/stagedProgram.ts";
import { gradientOf, LOSS } from "../staged/trainingProgram.ts";

/** Where a stored statement stands in a replica's scratch. */
export interface Region {
  readonly at: number;
  /** Words from one sample to the next; 0 where there is no axis of samples. */
  readonly sampleStride: number;
  readonly words: number;
}

export interface BatchedMemory {
  /** Words of a vector of parameters, a multiple of 4. */
  readonly vectorWords: number;
  /** Words of a replica's vectors. */
  readonly replicaWords: number;
  /** Where the θ stands at which G is taken. */
  readonly pointAt: number;
  /** Where a direction stands, for derivatives along it; 0 where there is none. */
  readonly directionAt: number;
  /** Where G stands in scratch once it is finished; 0, the place of the sums, where it is not kept. */
  readonly gradientAt: number;
  /** Words of a replica's scratch, a multiple of 4. */
  readonly scratchWords: number;
  readonly regionOf: ReadonlyMap<Statement, Region>;
  /** Words of scratch if nothing were reused. */
  readonly withoutReuse: number;
}

/** Σ ∇l begins a replica's scratch; the sum of losses is behind it. */
const lossAt = (vectorWords: number): number => vectorWords;

export const quads = (words: number): number => 4 * Math.ceil(words / 4);

/** Words that are free, as [first, end), in order. */
class FreeWords {
  private readonly free: [number, number][] = [];
  end: number;

  constructor(first: number) {
    this.end = first;
  }

  take(words: number): number {
    const at = this.free.findIndex(([first, end]) => end - first >= words);
    if (at >= 0) {
      const range = this.free[at]!;
      const first = range[0];
      range[0] += words;
      if (range[0] === range[1]) this.free.splice(at, 1);
      return first;
    }
    this.end += words;
    return this.end - words;
  }

  give(first: number, words: number): void {
    this.free.push([first, first + words]);
    this.free.sort((a, b) => a[0] - b[0]);
    for (let i = this.free.length - 1; i > 0; i -= 1) {
      const [before, range] = [this.free[i - 1]!, this.free[i]!];
      if (before[1] !== range[0]) continue;
      before[1] = range[1];
      this.free.splice(i, 1);
    }
  }
}

/** Words of a statement's value: samples one after the other, on vec4f where they are as long. */
function shapeOf({ node, perSample }: Statement, maxBatch: number) {
  const elements = size(node.shape);
  if (!perSample) return { sampleStride: 0, words: quads(elements) };
  const sampleStride = elements < 4 ? elements : quads(elements);
  return { sampleStride, words: quads(sampleStride * maxBatch) };
}

/** Number of the last stage that reads each statement; its own where none does. */
function lastReads({ stages }: StagedProgram): Map<Statement, number> {
  const last = new Map<Statement, number>();
  stages.forEach((stage, i) => {
    for (const statement of [...stage.statements, ...stage.reads]) last.set(statement, i);
  });
  return last;
}

export function valueRegions(
  program: StagedProgram,
  maxBatch: number,
  first: number,
  fixed: ReadonlyMap<Statement, Region> = new Map(),
): { regionOf: Map<Statement, Region>; end: number; withoutReuse: number } {
  const words = new FreeWords(first);
  const last = lastReads(program);
  const regionOf = new Map<Statement, Region>(fixed);
  let withoutReuse = first;
  program.stages.forEach((stage, i) => {
    for (const statement of stage.statements) {
      if (!statement.stored || regionOf.has(statement)) continue;
      const shape = shapeOf(statement, maxBatch);
      withoutReuse += shape.words;
      regionOf.set(statement, { ...shape, at: words.take(shape.words) });
    }
    for (const [statement, region] of regionOf) {
      const isOutput = statement.outputs.length > 0;
      if (!isOutput && !fixed.has(statement) && last.get(statement) === i) {
        words.give(region.at, region.words);
      }
    }
  });
  return { regionOf, end: words.end, withoutReuse };
}

/** θ, kept vectors and, where a rule prepares a point, copies of them there. */
export const vectorCount = ({ rule, kept }: Dynamics): number =>
  (rule.prepare ? 2 : 1) * (1 + kept.length);

/** Where the outputs of training stand: in G, block by block, and behind it. */
function outputRegions(program: StagedProgram, { params }: Model, vectorWords: number) {
  const fixed = new Map<Statement, Region>();
  for (const statement of program.statementOf.values()) {
    if (statement.outputs.includes(LOSS)) {
      fixed.set(statement, { at: lossAt(vectorWords), sampleStride: 0, words: 4 });
    }
    const block = params.find(({ name }) => statement.outputs.includes(gradientOf(name)));
    // The loss of l = eᶜ is its gradient: it stands at both, and is known by the first.
    if (block && !fixed.has(statement)) {
      fixed.set(statement, { at: block.offset, sampleStride: 0, words: block.size });
    }
  }
  return fixed;
}

export function batchedMemory(
  program: StagedProgram,
  dynamics: Dynamics,
  model: Model,
  maxBatch: number,
  keepsGradient: boolean,
): BatchedMemory {
  const vectorWords = quads(model.parameterCount);
  const fixed = outputRegions(program, model, vectorWords);
  const first = vectorWords + 4 + (keepsGradient ? vectorWords : 0);
  const regions = valueRegions(program, maxBatch, first, fixed);
  return {
    vectorWords,
    replicaWords: vectorWords * vectorCount(dynamics),
    pointAt: dynamics.rule.prepare ? vectorWords * (1 + dynamics.kept.length) : 0,
    directionAt: 0,
    gradientAt: keepsGradient ? vectorWords + 4 : 0,
    scratchWords: regions.end,
    regionOf: regions.regionOf,
    withoutReuse: regions.withoutReuse,
  };
}
