/**
 * A graph of one sample → stages over the whole minibatch: what the schedules `workgroup` and
 * `batched` compute, one after the other, for every replica.
 *
 * A *statement* is a node that is computed once for each of its elements (and each sample, if it
 * differs between samples) and named; all other nodes are expressions, written where they are read. A
 * *stage* computes statements over one set of indices, the first of which may be a matrix product; the
 * others follow at the same index (bias, activation, its derivative: the epilogue). Every stage reads
 * what earlier stages have stored. `batched` makes a dispatch of a stage, `workgroup` a loop of all its
 * threads and a barrier.
 *
 * What is left out: where values are stored and for how long (`memory.ts` of a schedule).
 */
import { isLeaf, type Node, type Shape, sameShape, topologicalOrder } from "../../graph.ts";
import type { Index } from "../../wgsl/indexing.ts";
import { lowering } from "../../wgsl/statements.ts";
import { type Contraction, contractionOf } from "./contraction.ts";
import {
  behindViews,
  innerAxes,
  isOwnIndex,
  isView,
  outputSymbols,
  readsOf,
  reductionSymbols,
  symbolsIn,
} from "./reading.ts";
import { dependsOnSample, OVER_SAMPLES } from "./sampleSums.ts";

export interface Statement {
  readonly node: Node;
  /** A WGSL identifier. */
  readonly name: string;
  /** Is there a value for every sample of the minibatch? */
  readonly perSample: boolean;
  /** Names of the outputs that it is. */
  readonly outputs: readonly string[];
  /** Read by another stage, or at another index: it needs memory. */
  stored: boolean;
}

export interface Stage {
  readonly perSample: boolean;
  /** Indices of a sample (or of the replica); all statements have this shape. */
  readonly shape: Shape;
  /** Inputs before users. */
  readonly statements: readonly Statement[];
  /** The matrix product that the first statement is, if it is one. */
  readonly contraction: Contraction | null;
  /** Stages of one level do not read each other. */
  readonly level: number;
  /** Stored statements of earlier stages that it reads. */
  readonly reads: readonly Statement[];
}

export interface StagedProgram {
  readonly stages: readonly Stage[];
  readonly statementOf: ReadonlyMap<Node, Statement>;
}

interface Use {
  readonly consumers: Set<Node>;
  /** Some element is read for more than one index of a consumer. */
  again: boolean;
}

/** What is read, by whom, and how often. */
function usesOf(order: readonly Node[], varies: ReadonlySet<Node>): Map<Node, Use> {
  const uses = new Map<Node, Use>();
  for (const consumer of order) {
    if (isLeaf(consumer) || isView(consumer)) continue;
    const inner = innerAxes(consumer);
    const symbols = outputSymbols(consumer.shape);
    const reads = readsOf(consumer, symbols, reductionSymbols(inner));
    const axes = [
      ...consumer.shape.map((length, axis) => [`d${axis}`, length] as const),
      ...inner.map((length, axis) => [`k${axis}`, length] as const),
    ];
    consumer.inputs.forEach((input, i) => {
      behindViews(input, reads[i]!, (node, index) => {
        if (isLeaf(node)) return;
        const use = uses.get(node) ?? { consumers: new Set(), again: false };
        const found = symbolsIn(index);
        use.consumers.add(consumer);
        use.again ||= axes.some(([axis, length]) => length > 1 && !found.has(axis));
        use.again ||= varies.has(consumer) && !varies.has(node);
        uses.set(node, use);
      });
    });
  }
  return uses;
}

const isReduction = (node: Node): boolean =>
  node.op === OVER_SAMPLES || lowering(node).reduce !== undefined;

/** The node without reshapes: its elements stand in the same order. */
const unshaped = (node: Node): Node =>
  node.op === "reshape" && !isLeaf(node.inputs[0]!) ? unshaped(node.inputs[0]!) : node;

interface Reading {
  readonly of: Statement;
  readonly own: boolean;
}

/** Statements an expression reads, and whether only at its own index. */
function readingsOf(
  statement: Statement,
  statementOf: ReadonlyMap<Node, Statement>,
  varies: ReadonlySet<Node>,
): Reading[] {
  const found = new Map<Statement, boolean>();
  const visit = (node: Node, index: readonly Index[], top: boolean): void => {
    if (isLeaf(node)) return;
    const of = statementOf.get(node);
    if (of && !top) {
      const own =
        statement.perSample === varies.has(node) &&
        isOwnIndex(index, node.shape, statement.node.shape);
      found.set(of, own && (found.get(of) ?? true));
      return;
    }
    const reads = readsOf(node, index, reductionSymbols(innerAxes(node)));
    node.inputs.forEach((input, i) => {
      visit(input, reads[i]!, false);
    });
  };
  visit(statement.node, outputSymbols(statement.node.shape), true);
  return [...found].map(([of, own]) => ({ of, own }));
}

interface Draft {
  readonly perSample: boolean;
  readonly shape: Shape;
  readonly statements: Statement[];
  readonly contraction: Contraction | null;
  level: number;
  readonly reads: Set<Statement>;
}

/** Chooses the statements of a graph, in topological order. */
function chooseStatements(
  outputs: Readonly<Record<string, Node>>,
  order: readonly Node[],
  varies: ReadonlySet<Node>,
): Map<Node, Statement> {
  const names = new Map<Node, string[]>();
  for (const [name, node] of Object.entries(outputs)) {
    const target = unshaped(node);
    names.set(target, [...(names.get(target) ?? []), name]);
  }
  const uses = usesOf(order, varies);
  const statementOf = new Map<Node, Statement>();
  for (const node of order) {
    const of = names.get(node) ?? [];
    const use = uses.get(node);
    const computed = !isLeaf(node) && !isView(node) && use !== undefined;
    const kept = computed && (isReduction(node) || use.again || use.consumers.size > 1);
    // Σ_b of a product is the product of matrices: the product itself is never there.
    const inProduct =
      computed &&
      varies.has(node) &&
      [...use.consumers].every((consumer) => consumer.op === OVER_SAMPLES) &&
      use.consumers.size === 1 &&
      ["outer", "matmul", "matvec", "dot"].includes(node.op);
    if (of.length === 0 && (!kept || inProduct)) continue;
    const name = `${node.op}_${statementOf.size}`;
    const perSample = varies.has(node);
    statementOf.set(node, { node, name, perSample, outputs: of, stored: of.length > 0 });
  }
  return statementOf;
}

/**
 * Stages that compute `outputs` (by name) of a graph, in an order in which they may run.
 *
 * The graphs must be simplified; sums over samples are `sampleSums`. An output that differs between
 * samples is stored for each.
 */
export function stagedProgram(outputs: Readonly<Record<string, Node>>): StagedProgram {
  const order = topologicalOrder(Object.values(outputs));
  const varies = dependsOnSample(order);
  const statementOf = chooseStatements(outputs, order, varies);
  const stages: Draft[] = [];
  const stageOf = new Map<Statement, number>();
  for (const statement of statementOf.values()) {
    const readings = readingsOf(statement, statementOf, varies);
    const contraction = contractionOf(statement.node, { statementOf, varies });
    const latest = Math.max(-1, ...readings.map(({ of }) => stageOf.get(of)!));
    const joins = contraction
      ? -1
      : stages.findIndex(
          (stage, i) =>
            i >= latest &&
            stage.perSample === statement.perSample &&
            sameShape(stage.shape, statement.node.shape) &&
            (i === latest || stage.contraction === null) &&
            (stage.contraction === null || !containsReduction(statement.node, statementOf)) &&
            readings.every(({ of, own }) => stageOf.get(of)! < i || own),
        );
    const at = joins < 0 ? stages.length : joins;
    if (joins < 0) {
      const { perSample, node } = statement;
      const shape = node.shape;
      stages.push({ perSample, shape, statements: [], contraction, level: 0, reads: new Set() });
    }
    const stage = stages[at]!;
    stage.statements.push(statement);
    stageOf.set(statement, at);
    for (const { of } of readings) {
      const from = stageOf.get(of)!;
      if (from === at) continue;
      of.stored = true;
      stage.reads.add(of);
    }
  }
  // A statement may have joined a stage after others had been put behind it.
  for (const stage of stages) {
    const from = [...stage.reads].map((of) => stages[stageOf.get(of)!]!.level + 1);
    stage.level = Math.max(0, ...from);
  }
  return {
    stages: stages.map((stage) => ({ ...stage, reads: [...stage.reads] })),
    statementOf,
  };
}

/** Does the expression of a statement reduce anything, itself or inline? */
function containsReduction(node: Node, statementOf: ReadonlyMap<Node, Statement>): boolean {
  if (isLeaf(node)) return false;
  if (isReduction(node)) return true;
  return node.inputs.some(
    (input) => !statementOf.has(input) && containsReduction(input, statementOf),
  );
}
