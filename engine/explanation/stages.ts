/** The stages of a step over the minibatch: what `workgroup` and `batched` compute in turn. */
import { printShape } from "../graph.ts";
import type { Axis } from "../plan/staged/contraction.ts";
import type { StagedProgram } from "../plan/staged/stagedProgram.ts";

export interface ExplainedStage {
  /** Of its statements, in order. */
  readonly names: readonly string[];
  /** Elements of each, for every sample or for the replica. */
  readonly shape: readonly number[];
  readonly perSample: boolean;
  /** The product of matrices it begins with, `[m, k] × [k, n]`, samples as `samples`. */
  readonly product: { readonly m: string; readonly n: string; readonly k: string } | null;
  /** Stages of one level do not read each other. */
  readonly level: number;
  readonly reads: readonly string[];
}

/** `32`, `3·3`, `samples·5·5`, `1`. */
const extent = (axes: readonly Axis[]): string =>
  axes.map(({ length }) => (length === null ? "samples" : String(length))).join("·") || "1";

export const explainStages = ({ stages }: StagedProgram): readonly ExplainedStage[] =>
  stages.map(({ statements, shape, perSample, contraction, level, reads }) => ({
    names: statements.map(({ name }) => name),
    ...{ shape, perSample, level },
    product: contraction && {
      m: extent(contraction.m),
      n: extent(contraction.n),
      k: extent(contraction.k),
    },
    reads: reads.map(({ name }) => name),
  }));

export const printStages = (stages: readonly ExplainedStage[]): string[] =>
  stages.map(({ names, shape, perSample, product, level, reads }) => {
    const parts = [
      `${printShape(shape)} ${perSample ? "a sample" : "a replica"}`,
      ...(product ? [`product [${product.m}, ${product.k}] × [${product.k}, ${product.n}]`] : []),
      ...(reads.length > 0 ? [`reads ${reads.join(", ")}`] : []),
    ];
    return `level ${level}: ${names.join(", ")}: ${parts.join("; ")}`;
  });
