/**
 * The fused loops of one sample, as formulas: what `wgsl/emit.ts` writes, before unrolling.
 *
 * A statement is what is computed once and kept; whatever else a formula needs is written out in it.
 */
import { isLeaf, isNamed, type Node } from "../graph.ts";
import type { Model } from "../model.ts";
import { type Index, printIndex, variable } from "../wgsl/indexing.ts";
import {
  type Group,
  lowering,
  type Program,
  plan,
  reductionAxes,
  type Statement,
} from "../wgsl/statements.ts";

export interface ExplainedStatement {
  /** `tanh_1[i]`, or `gradient of W[i, j]`. */
  readonly target: string;
  /** `=`, or `+=` into the minibatch's gradient. */
  readonly assigns: "=" | "+=";
  readonly formula: string;
  /** How long the value lives. */
  readonly kept: "in a variable" | "in an array" | "in the gradient";
}

export interface ExplainedLoop {
  /** Iterations of the loop over `i`; 0: no loop. */
  readonly length: number;
  readonly statements: readonly ExplainedStatement[];
}

const AXES = ["i", "j", "k", "l", "m", "n"];
const axisName = (axis: number): string => AXES[axis] ?? `i${axis}`;

/** WGSL without type suffixes, and library functions by their mathematical names. */
const plain = (text: string): string =>
  text.replace(/\b(\d+(?:\.\d+)?(?:e[+-]?\d+)?)[uf]\b/g, "$1").replace(/_accurate\(/g, "(");

const printed = (index: Index): string => plain(printIndex(index));

const element = (name: string, index: readonly Index[]): string =>
  index.length === 0 ? name : `${name}[${index.map(printed).join(", ")}]`;

/** Parentheses around the whole say nothing. */
export function bare(text: string): string {
  if (!text.startsWith("(") || !text.endsWith(")")) return text;
  let depth = 0;
  for (let i = 0; i < text.length - 1; i += 1) {
    if (text[i] === "(") depth += 1;
    if (text[i] === ")") depth -= 1;
    if (depth === 0) return text;
  }
  return text.slice(1, -1);
}

const SYMBOLS = { sum: "Σ", max: "max", min: "min" } as const;

/** Formula of a node at an index; `own` is the statement that is being defined. */
function formulaOf(program: Program, node: Node, index: readonly Index[], own: boolean): string {
  if (isNamed(node)) {
    return element(node.attributes.name as string, index);
  }
  if (node.op === "constant") {
    const values = node.attributes.values as readonly number[];
    return values.length === 1 ? String(values[0]) : element("constant", index);
  }
  const statement = program.statementOf.get(node);
  if (statement && !own) return element(statement.name, index);
  const rule = lowering(node);
  const over = reductionAxes(node);
  const k = over.map((length, axis) => variable(axisName(index.length + axis), length));
  const reads = rule.reads(node, index, k);
  const inputs = node.inputs.map((input, i) => formulaOf(program, input, reads[i]!, false));
  const term = plain(rule.expression(inputs, node, index, k));
  if (!rule.reduce) return term;
  const axes = over.map((length, axis) => `${axisName(index.length + axis)}<${length}`);
  const symbol = SYMBOLS[rule.reduce.combine];
  const reduced = over.length === 0 ? term : `${symbol}_{${axes.join(", ")}} ${term}`;
  return rule.finish ? plain(rule.finish(`(${reduced})`, node)) : reduced;
}

function explainStatement(program: Program, statement: Statement): ExplainedStatement {
  const { node, sink } = statement;
  const index = node.shape.map((length, axis) => variable(axisName(axis), length));
  const isReady = sink !== null && (isLeaf(node) || program.statementOf.has(node));
  const formula = bare(formulaOf(program, node, index, !isReady));
  const inner = node.shape.slice(1).map((length, axis) => `${axisName(axis + 1)}<${length}`);
  const whole = inner.length === 0 ? formula : `${formula}   for all ${inner.join(", ")}`;
  if (sink) {
    const target = `gradient of ${element(sink.offset, index)}`;
    return { target, assigns: "+=", formula: whole, kept: "in the gradient" };
  }
  return {
    target: element(statement.name, index),
    assigns: "=",
    formula: whole,
    kept: statement.stored ? "in an array" : "in a variable",
  };
}

/** Loops of the loss and its gradient, in the order they run. */
export function explainLoops(model: Model): readonly ExplainedLoop[] {
  const sinks = model.params.map(({ name }, i) => ({ offset: name, node: model.gradients[i]! }));
  const program = plan([model.loss], sinks);
  return program.groups.map((group: Group) => ({
    length: group.length,
    statements: group.statements.map((statement) => explainStatement(program, statement)),
  }));
}

export function printLoops(loops: readonly ExplainedLoop[]): string[] {
  return loops.flatMap(({ length, statements }) => [
    length === 0 ? "once" : `for i<${length}`,
    ...statements.map(({ target, assigns, formula, kept }) => {
      const note = kept === "in an array" ? "   (kept for a later loop)" : "";
      return `  ${target} ${assigns} ${formula}${note}`;
    }),
  ]);
}
