/**
 * Graph → WGSL: the loss of one sample and its gradient as one readable function body.
 *
 * `statements.ts` decides what is computed in which loop; this file writes it down. A node's value
 * at an index is pulled by whoever needs it, so unrolling is nothing but calling a loop body with
 * literal indices instead of a variable, and a value already named in an enclosing scope is reused.
 *
 * Unrolled code addresses function-scope arrays by constants, which compilers keep in registers:
 * on lavapipe a loop with computed indices into such arrays ran 5 to 8 times slower.
 */
import { invariant } from "../errors.ts";
import { isLeaf, isNamed, type Node, size } from "../graph.ts";
import { flatten, type Index, isLiteral, literal, printIndex, variable } from "./indexing.ts";
import {
  type Group,
  lowering,
  type Program,
  plan,
  reductionAxes,
  type Sink,
  type Statement,
} from "./statements.ts";

/** How the generated code reaches its leaves. */
export interface Leaves {
  /** Element of a parameter block, e.g. `(*theta)[W_at + 3u]`. */
  readonly param: (name: string, flat: Index) => string;
  /** Element of a parameter block's mean over the group of replicas, e.g. `group_mean[W_at + 3u]`. */
  readonly mean: (name: string, flat: Index) => string;
  /** Element of a sample's field. */
  readonly sample: (name: string, flat: Index) => string;
  /** Element of a draw. */
  readonly draw: (name: string, flat: Index) => string;
  /** A setting, e.g. `h.label_noise`. */
  readonly setting: (name: string) => string;
  /** Array the gradients are added to, e.g. `(*gradient)`. */
  readonly gradient: string;
  /** Constant arrays are called `<this>_0`, …; "constant" unless it is there. */
  readonly constant?: string;
}

export interface EmitOptions {
  /**
   * Loop nests of at most this many innermost iterations are written out. 0 keeps every loop.
   */
  readonly unroll: number;
}

export interface Emitted {
  /** Statements of the body, indented by two spaces. */
  readonly lines: readonly string[];
  /** WGSL expression of each scalar output. */
  readonly outputs: readonly string[];
  /** Constant arrays to declare at module scope. */
  readonly constants: readonly string[];
  /** Library files the body calls. */
  readonly imports: readonly string[];
}

/** A float literal that WGSL reads as the nearest f32. */
export function float(value: number): string {
  invariant(Number.isFinite(value), `the constant ${value} has no WGSL literal`);
  const text = String(value);
  const number = /[.e]/.test(text) ? text : `${text}.0`;
  return value < 0 ? `(${number})` : number;
}

const INITIAL = { sum: "0.0", max: "-3.4028234e38", min: "3.4028234e38" } as const;

class Writer {
  readonly lines: string[] = [];
  readonly constants: string[] = [];
  readonly imports = new Set<string>();
  private readonly constantNames = new Map<Node, string>();
  private readonly program: Program;
  private readonly leaves: Leaves;
  private readonly unroll: number;
  private readonly scopes: Map<string, string>[] = [new Map()];
  private readonly ids = new Map<Node, number>();
  private readonly accumulators = new Map<Statement, string>();
  private names: number;

  constructor(program: Program, leaves: Leaves, options: EmitOptions) {
    this.program = program;
    // Numbers below are those of the statements' own names.
    this.names = program.groups.reduce((sum, group) => sum + group.statements.length, 0);
    this.leaves = leaves;
    this.unroll = options.unroll;
  }

  private write(line: string): void {
    this.lines.push(`${"  ".repeat(this.scopes.length)}${line}`);
  }

  private key(node: Node, index: readonly Index[]): string {
    let id = this.ids.get(node);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(node, id);
    }
    return `${id}@${index.map(printIndex).join(",")}`;
  }

  private known(key: string): string | undefined {
    for (let depth = this.scopes.length - 1; depth >= 0; depth -= 1) {
      const name = this.scopes[depth]!.get(key);
      if (name !== undefined) return name;
    }
    return undefined;
  }

  private remember(node: Node, index: readonly Index[], name: string): void {
    this.scopes[this.scopes.length - 1]!.set(this.key(node, index), name);
  }

  /** Runs `body` for each index of an axis: written out, or as a `for`. */
  private loop(length: number, iterations: number, body: (index: Index) => void): void {
    if (length === 1 || iterations <= this.unroll) {
      for (let i = 0; i < length; i += 1) body(literal(i));
      return;
    }
    const name = `i${this.names++}`;
    this.write(`for (var ${name} = 0u; ${name} < ${length}u; ${name} += 1u) {`);
    this.scopes.push(new Map());
    body(variable(name, length));
    this.scopes.pop();
    this.write("}");
  }

  /** Nested loops over `axes`; `iterations` counts the innermost ones from here inward. */
  private nest(axes: readonly number[], body: (index: Index[]) => void, done: Index[] = []): void {
    if (axes.length === 0) {
      body(done);
      return;
    }
    this.loop(axes[0]!, size(axes), (i) => this.nest(axes.slice(1), body, [...done, i]));
  }

  private constantElement(node: Node, index: readonly Index[]): string {
    const values = node.attributes.values as readonly number[];
    const flat = flatten(index, node.shape);
    if (values.length === 1) return float(values[0]!);
    if (isLiteral(flat)) return float(values[flat.constant]!);
    let name = this.constantNames.get(node);
    if (name === undefined) {
      name = `${this.leaves.constant ?? "constant"}_${this.constantNames.size}`;
      this.constantNames.set(node, name);
      const list = values.map(float).join(", ");
      this.constants.push(`const ${name} = array<f32, ${values.length}>(${list});`);
    }
    return `${name}[${printIndex(flat)}]`;
  }

  private leaf({ op, attributes }: Node, flat: Index): string {
    const name = attributes.name as string;
    if (op === "param") return this.leaves.param(name, flat);
    if (op === "groupMean") return this.leaves.mean(name, flat);
    if (op === "draw") return this.leaves.draw(name, flat);
    return op === "setting" ? this.leaves.setting(name) : this.leaves.sample(name, flat);
  }

  /** WGSL of a node's element. */
  value(node: Node, index: readonly Index[]): string {
    if (node.op === "constant") return this.constantElement(node, index);
    if (isNamed(node)) return this.leaf(node, flatten(index, node.shape));
    const statement = this.program.statementOf.get(node);
    const known = this.known(this.key(node, index));
    if (known !== undefined) return known;
    if (statement?.stored) return `${statement.name}[${printIndex(flatten(index, node.shape))}]`;
    invariant(!statement, `${node.op} is read before it is computed`);
    return this.expression(node, index, []);
  }

  /** The node's expression at an output index `index` and reduction index `k`. */
  private expression(node: Node, index: readonly Index[], k: readonly Index[]): string {
    const rule = lowering(node);
    for (const file of rule.imports ?? []) this.imports.add(file);
    const reads = rule.reads(node, index, k);
    const inputs = node.inputs.map((input, i) => this.value(input, reads[i]!));
    return rule.expression(inputs, node, index, k);
  }

  /** `accumulator ⊕= term` over the reduction axes, starting from the first term when unrolled. */
  private accumulate(node: Node, index: readonly Index[], k: readonly Index[], into: string): void {
    const combine = lowering(node).reduce!.combine;
    const term = this.expression(node, index, k);
    // Outside of a pad or of all windows, known when written out.
    if (combine === "sum" && term === "0f") return;
    this.write(
      combine === "sum" ? `${into} += ${term};` : `${into} = ${combine}(${into}, ${term});`,
    );
  }

  private finish(node: Node, value: string): string {
    return lowering(node).finish?.(value, node) ?? value;
  }

  /** The value of a reduction at one output index, as a local. */
  private reduced(node: Node, index: readonly Index[], name: string): string {
    this.write(`var ${name} = ${INITIAL[lowering(node).reduce!.combine]};`);
    this.nest(reductionAxes(node), (k) => this.accumulate(node, index, k, name));
    return this.finish(node, name);
  }

  private fresh(base: string): string {
    return `${base}_${this.names++}`;
  }

  /** One iteration of a statement whose value has axes: computes, names, stores or sinks it. */
  private element(statement: Statement, index: readonly Index[]): void {
    const { node, sink } = statement;
    const flat = flatten(index, node.shape);
    const ready = sink && (isLeaf(node) || this.program.statementOf.has(node));
    const reduces = !ready && reductionAxes(node).length > 0;
    const value = ready
      ? this.value(node, index)
      : reduces
        ? this.reduced(node, index, this.fresh(node.op))
        : this.expression(node, index, []);
    if (sink) {
      this.sink(sink, flat, value);
    } else if (statement.stored) {
      const element = `${statement.name}[${printIndex(flat)}]`;
      // Later reads in this loop use the local, not the array.
      const local = this.fresh(node.op);
      this.write(`let ${local} = ${value};`);
      this.write(`${element} = ${local};`);
      this.remember(node, index, local);
    } else {
      const local = this.fresh(node.op);
      this.write(`let ${local} = ${value};`);
      this.remember(node, index, local);
    }
  }

  private sink(sink: Sink, flat: Index, value: string): void {
    const offset =
      isLiteral(flat) && flat.constant === 0 ? sink.offset : `${sink.offset} + ${printIndex(flat)}`;
    this.write(`${this.leaves.gradient}[${offset}] += ${value};`);
  }

  /** A scalar computed outside any loop, or the end of a scalar reduction. */
  private scalar(statement: Statement, value: string): void {
    if (statement.sink) {
      this.sink(statement.sink, literal(0), value);
      return;
    }
    this.write(`let ${statement.name} = ${value};`);
    this.remember(statement.node, [], statement.name);
  }

  group(group: Group): void {
    if (group.length === 0) {
      for (const statement of group.statements) {
        const { node, sink } = statement;
        const ready = sink && (isLeaf(node) || this.program.statementOf.has(node));
        this.scalar(statement, ready ? this.value(node, []) : this.expression(node, [], []));
      }
      return;
    }
    for (const statement of group.statements) {
      const { node } = statement;
      if (node.shape.length === 0) {
        const name = this.fresh(`${node.op}_total`);
        this.accumulators.set(statement, name);
        this.write(`var ${name} = ${INITIAL[lowering(node).reduce!.combine]};`);
      } else if (statement.stored) {
        const type = `array<f32, ${size(node.shape)}>`;
        this.write(`var ${statement.name} = ${type}();  // [${node.shape.join(", ")}]`);
      }
    }
    const iterations = group.statements.reduce((sum, { domain }) => sum + size(domain), 0);
    this.loop(group.length, iterations, (i) => {
      for (const statement of group.statements) {
        const { node, domain } = statement;
        if (node.shape.length === 0) {
          const into = this.accumulators.get(statement)!;
          this.nest(domain.slice(1), (rest) => this.accumulate(node, [], [i, ...rest], into));
        } else {
          this.nest(node.shape.slice(1), (rest) => this.element(statement, [i, ...rest]));
        }
      }
    });
    for (const statement of group.statements) {
      const into = this.accumulators.get(statement);
      if (into === undefined) continue;
      this.accumulators.delete(statement);
      this.scalar(statement, this.finish(statement.node, into));
    }
  }
}

/**
 * Writes the computation of scalar `outputs` and the accumulation of `sinks`.
 *
 * The graphs must be simplified (`simplify.ts`): composite operations expanded, equal nodes shared.
 */
export function emit(
  outputs: readonly Node[],
  sinks: readonly Sink[],
  leaves: Leaves,
  options: EmitOptions,
): Emitted {
  const program = plan(outputs, sinks);
  const writer = new Writer(program, leaves, options);
  for (const group of program.groups) writer.group(group);
  return {
    outputs: outputs.map((node) => writer.value(node, [])),
    lines: writer.lines,
    constants: writer.constants,
    imports: [...writer.imports].sort(),
  };
}
