/**
 * From a simplified graph to statements in fused loops: what is computed once, where, in what order.
 *
 * A node is a *statement* if its value is computed once per index and kept (reductions, expensive
 * functions that are used again, anything read more than once); every other node is an expression
 * inlined where it is read. Statements over the same leading axis that read each other only at the
 * same index share one loop, so that for a network
 *   forward:  matvec, bias, tanh and the output's dot run in one loop over hidden units,
 *   backward: a unit's adjoint and all its parameter gradients run in one loop.
 */
import { invariant } from "../errors.ts";
import { isLeaf, type Node, type Shape, size, topologicalOrder } from "../graph.ts";
import { ops } from "../ops/index.ts";
import type { Lowering } from "../ops/op.ts";
import { type Index, variable } from "./indexing.ts";

/** Gradient of a parameter block, added into an array at an offset. */
export interface Sink {
  /** WGSL of the element offset, e.g. `W_at`. */
  readonly offset: string;
  readonly node: Node;
}

export interface Statement {
  readonly node: Node;
  readonly sink: Sink | null;
  readonly name: string;
  /** Output axes followed by reduction axes: the loop nest, outermost first. */
  readonly domain: Shape;
  /** Kept in a function-scope array because another loop reads it. */
  stored: boolean;
  stage: number;
}

/** Statements that run in one loop of `length` iterations (0: no loop). */
export interface Group {
  readonly stage: number;
  readonly length: number;
  readonly statements: readonly Statement[];
}

export interface Program {
  readonly groups: readonly Group[];
  readonly statementOf: ReadonlyMap<Node, Statement>;
  /** How many expressions read a node: more than one makes an inlined value a `let`. */
  readonly uses: ReadonlyMap<Node, number>;
}

export function lowering(node: Node): Lowering {
  const rule = ops[node.op]?.wgsl;
  invariant(rule, `${node.op} reached the emitter without a WGSL rule`);
  return rule;
}

export const reductionAxes = (node: Node): Shape =>
  isLeaf(node) ? [] : (lowering(node).reduce?.over(node) ?? []);

const symbols = (shape: Shape, from = 0): Index[] =>
  shape.map((length, axis) => variable(`d${axis + from}`, length));

const isReduction = (node: Node): boolean => !isLeaf(node) && lowering(node).reduce !== undefined;

/** A leaf, or a rearrangement of one: reading it again costs nothing. */
function isFree(node: Node): boolean {
  if (isLeaf(node)) return true;
  return VIEWS.has(node.op) && isFree(node.inputs[0]!);
}
const VIEWS = new Set(["transpose", "reshape", "slice", "broadcastTo", "reverse", "patches"]);

/**
 * Views that no array is made of, whatever lies between them and a matrix product: windows of an image
 * would take as many times its memory as a window has elements, and a reshaped array is the array.
 */
const NEVER_COPIED = new Set(["reverse", "patches", "reshape"]);

function isSeenThrough(node: Node): boolean {
  if (isLeaf(node) || !VIEWS.has(node.op)) return false;
  return NEVER_COPIED.has(node.op) || isSeenThrough(node.inputs[0]!);
}

/** The same numbers in the same order, before they were reshaped. */
function unshaped(node: Node): Node {
  return node.op === "reshape" ? unshaped(node.inputs[0]!) : node;
}

/** Does the view show some element of its input more than once? */
const repeats = (view: Node): boolean =>
  view.op === "patches" && size(view.shape) > size(view.inputs[0]!.shape);

/** Does some element of `input` get read for more than one index of `consumer`'s domain? */
function readsAgain(consumer: Node, input: number): boolean {
  const over = reductionAxes(consumer);
  const out = symbols(consumer.shape);
  const k = symbols(over, out.length);
  const read = lowering(consumer).reads(consumer, out, k)[input]!;
  const seen = new Set(
    read.flatMap((index): string[] => [...index.terms.keys()].join(" ").match(/d\d+/g) ?? []),
  );
  return [...consumer.shape, ...over].some((length, axis) => length > 1 && !seen.has(`d${axis}`));
}

function chooseStatements(
  order: readonly Node[],
  outputs: ReadonlySet<Node>,
  sinks: readonly Sink[],
): Set<Node> {
  const chosen = new Set<Node>();
  const sunk = new Map<Node, number>();
  for (const { node } of sinks) sunk.set(node, (sunk.get(node) ?? 0) + 1);
  const uses = new Map<Node, { count: number; again: boolean; beyondScalar: boolean }>();
  for (const node of order) {
    node.inputs.forEach((input, i) => {
      const use = uses.get(input) ?? { count: 0, again: false, beyondScalar: false };
      use.count += 1;
      use.again ||= readsAgain(node, i);
      use.beyondScalar ||= size(node.shape) > 1 || isReduction(node);
      uses.set(input, use);
    });
  }
  // What reads a view that is seen through reads what is behind it.
  const seenThrough = new Set(order.filter(isSeenThrough));
  for (const view of [...order].reverse()) {
    const use = uses.get(view);
    if (use === undefined || !seenThrough.has(view)) continue;
    const behind = uses.get(view.inputs[0]!)!;
    behind.count += use.count - 1;
    behind.again ||= use.again || repeats(view);
    behind.beyondScalar = true;
  }
  for (const node of order) {
    if (isFree(node) || seenThrough.has(node)) continue;
    const use = uses.get(node) ?? { count: 0, again: false, beyondScalar: false };
    const readers = use.count + (sunk.get(node) ?? 0);
    // A gradient that only its sink reads is computed right there.
    const reduces = isReduction(node) && (use.count > 0 || readers > 1 || outputs.has(node));
    const hoisted = node.shape.length === 0 && (use.beyondScalar || outputs.has(node));
    if (reduces || readers > 1 || use.again || hoisted) chosen.add(node);
  }
  return chosen;
}

interface Dependency {
  readonly on: Statement;
  readonly aligned: boolean;
}

/** Statements that `statement` reads, itself or through inlined expressions. */
function dependencies(statement: Statement, of: ReadonlyMap<Node, Statement>): Dependency[] {
  const found: Dependency[] = [];
  const first = statement.domain[0];
  const visit = (node: Node, index: readonly Index[]): void => {
    if (isLeaf(node)) return;
    const on = of.get(node);
    if (on !== undefined && on !== statement) {
      const lead = index[0];
      const aligned =
        lead !== undefined &&
        node.shape[0] === first &&
        ((first === 1 && index.length === 1) ||
          (lead.constant === 0 && lead.terms.size === 1 && lead.terms.get("d0") === 1));
      found.push({ on, aligned });
      return;
    }
    const k = node === statement.node ? symbols(reductionAxes(node), node.shape.length) : [];
    const reads = lowering(node).reads(node, index, k);
    for (const [i, input] of node.inputs.entries()) visit(input, reads[i]!);
  };
  visit(statement.node, symbols(statement.node.shape));
  return found;
}

/** Is the value complete at index i once iteration i of its loop has run? */
const isPointwise = (statement: Statement): boolean => statement.node.shape.length > 0;

export function plan(outputs: readonly Node[], shaped: readonly Sink[]): Program {
  // A sink takes elements in their order, and a reduction is added to it without an array.
  const sinks = shaped.map((sink) => ({ ...sink, node: unshaped(sink.node) }));
  const order = topologicalOrder([...outputs, ...sinks.map((sink) => sink.node)]);
  const chosen = chooseStatements(order, new Set(outputs), sinks);
  const statements: Statement[] = [];
  const statementOf = new Map<Node, Statement>();
  const uses = new Map<Node, number>();
  const add = (node: Node, sink: Sink | null): Statement => {
    const statement: Statement = {
      node,
      sink,
      name: `${node.op}_${statements.length}`,
      domain:
        sink && (chosen.has(node) || isLeaf(node))
          ? node.shape
          : [...node.shape, ...reductionAxes(node)],
      stored: false,
      stage: 0,
    };
    statements.push(statement);
    return statement;
  };
  for (const node of order) {
    for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
    if (chosen.has(node)) statementOf.set(node, add(node, null));
  }
  for (const sink of sinks) add(sink.node, sink);

  const dependsOn = new Map<Statement, Dependency[]>();
  for (const statement of statements) {
    const list = dependencies(statement, statementOf);
    dependsOn.set(statement, list);
    const loops = statement.domain.length > 0;
    for (const { on, aligned } of list) {
      const fromLoop = on.domain.length > 0;
      const fused = loops && fromLoop && isPointwise(on) && aligned;
      const later = fromLoop && !fused ? 1 : 0;
      statement.stage = Math.max(statement.stage, on.stage + later);
    }
  }
  for (const statement of statements) {
    for (const { on, aligned } of dependsOn.get(statement)!) {
      const sameLoop = on.stage === statement.stage && on.domain[0] === statement.domain[0];
      if (isPointwise(on) && !(sameLoop && aligned && on.node.shape.length === 1)) on.stored = true;
    }
  }
  const key = (s: Statement): number => s.domain[0] ?? 0;
  const groups = new Map<string, Statement[]>();
  for (const statement of statements) {
    const id = `${statement.stage} ${key(statement)}`;
    groups.set(id, [...(groups.get(id) ?? []), statement]);
  }
  return {
    groups: [...groups.values()]
      .map((members) => ({
        stage: members[0]!.stage,
        length: key(members[0]!),
        statements: members,
      }))
      .sort((a, b) => a.stage - b.stage || a.length - b.length),
    statementOf,
    uses,
  };
}
