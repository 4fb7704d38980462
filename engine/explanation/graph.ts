/**
 * A graph in lines: number, operation, inputs, shape, the model's names. Inputs come before users.
 */
import { isNamed, type Node, printShape, topologicalOrder } from "../graph.ts";
import type { Model } from "../model.ts";

export interface ExplainedNode {
  readonly number: number;
  readonly op: string;
  /** Labels of the inputs: names of parameters and fields, `%n`, or a number. */
  readonly inputs: readonly string[];
  readonly shape: readonly number[];
  /** Attributes as `factor=2`. */
  readonly attributes: readonly string[];
  /** What the model calls it: a parameter, a field, `loss`, a metric, `∂loss/∂W`; several joined. */
  readonly name: string | null;
}

export interface ExplainedGraph {
  /** Loss and metrics. */
  readonly forward: readonly ExplainedNode[];
  /** What the gradients add: the other nodes are shared with the loss. */
  readonly backward: readonly ExplainedNode[];
  /** ∂loss/∂block → label of its node. */
  readonly gradients: Readonly<Record<string, string>>;
}

/** `W`, `2`, or `%7`. */
function label(node: Node, numbers: ReadonlyMap<Node, number>): string {
  if (isNamed(node)) return node.attributes.name as string;
  const values = node.attributes.values as readonly number[] | undefined;
  if (node.op === "constant" && values?.length === 1) return String(values[0]);
  return `%${numbers.get(node)!}`;
}

/** Attributes that are not already in a label. */
const attributesOf = (node: Node): string[] =>
  Object.entries(node.attributes).flatMap(([name, value]) => {
    if (name === "name" || (name === "labels" && value === 0)) return [];
    if (!Array.isArray(value)) return [`${name}=${String(value)}`];
    const shown = value.length > 8 ? [...value.slice(0, 8), "…"] : value;
    return [`${name}=[${shown.join(", ")}]`];
  });

export function explainGraph(model: Model): ExplainedGraph {
  const outputs = [model.loss, ...Object.values(model.metrics)];
  const order = topologicalOrder([...outputs, ...model.gradients]);
  const numbers = new Map(order.map((node, i) => [node, i]));
  const names = new Map<Node, string[]>();
  const call = (node: Node, name: string): unknown =>
    names.set(node, [...(names.get(node) ?? []), name]);
  for (const node of order) {
    if (isNamed(node)) call(node, node.attributes.name as string);
  }
  call(model.loss, "loss");
  for (const [name, node] of Object.entries(model.metrics)) call(node, name);
  model.params.forEach(({ name }, i) => {
    call(model.gradients[i]!, `∂loss/∂${name}`);
  });
  const explained = (node: Node): ExplainedNode => ({
    number: numbers.get(node)!,
    op: node.op,
    inputs: node.inputs.map((input) => label(input, numbers)),
    shape: node.shape,
    attributes: attributesOf(node),
    name: names.get(node)?.join(", ") ?? null,
  });
  const forward = new Set(topologicalOrder(outputs));
  return {
    forward: order.filter((node) => forward.has(node)).map(explained),
    backward: order.filter((node) => !forward.has(node)).map(explained),
    gradients: Object.fromEntries(
      model.params.map(({ name }, i) => [name, label(model.gradients[i]!, numbers)]),
    ),
  };
}

/** `%3  tanh(%2)  [32]  hidden` in columns. */
export function printNodes(nodes: readonly ExplainedNode[]): string[] {
  const formula = ({ op, inputs, attributes }: ExplainedNode): string => {
    if (op === "param") return "parameter";
    if (op === "groupMean") return ["mean over the group", ...attributes].join(" ");
    if (op === "sample") return ["sample field", ...attributes].join(" ");
    if (op === "draw") return ["draw", ...attributes].join(" ");
    if (op === "setting") return "setting";
    if (op === "constant") return `constant ${attributes.join(" ")}`;
    const text = `${op}(${inputs.join(", ")})`;
    return [text, ...attributes].join("  ");
  };
  const rows = nodes.map((node) => [
    `%${node.number}`,
    formula(node),
    printShape(node.shape),
    node.name ?? "",
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
