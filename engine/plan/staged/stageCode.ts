/**
 * A stage → WGSL: its statements at one index, each a local, for both schedules that have stages.
 *
 * What is read from elsewhere goes through `StageAccess`, so this file knows neither buffers nor
 * workgroup memory. Reductions are kept loops; the matrix product of a stage may be given as a local
 * that a tile has computed.
 */
import { invariant } from "../../errors.ts";
import { isLeaf, isNamed, type Node, type Shape } from "../../graph.ts";
import { float } from "../../wgsl/emit.ts";
import { flatten, type Index, isLiteral, printIndex, variable } from "../../wgsl/indexing.ts";
import { lowering } from "../../wgsl/statements.ts";
import { innerAxes } from "./reading.ts";
import { BATCH, OVER_SAMPLES } from "./sampleSums.ts";
import type { Stage, StagedProgram, Statement } from "./stagedProgram.ts";

/** How generated code reaches what it reads; `sample` is a u32 expression, the place in the batch. */
export interface StageAccess {
  readonly param: (name: string, flat: Index) => string;
  readonly field: (name: string, flat: Index, sample: string) => string;
  readonly draw: (name: string, flat: Index, sample: string) => string;
  readonly setting: (name: string) => string;
  /** An element of a stored statement; `sample` is null where it has no axis of samples. */
  readonly stored: (statement: Statement, flat: Index, sample: string | null) => string;
  /** Samples of the replica's minibatch: a u32 expression. */
  readonly batch: string;
}

export interface StageCode {
  /** Statements of WGSL, not indented. */
  readonly lines: readonly string[];
  /** A local for each statement, in order. */
  readonly values: readonly string[];
  /** Declarations at module scope. */
  readonly constants: readonly string[];
  readonly imports: readonly string[];
}

const INITIAL = { sum: "0.0", max: "-3.4028234e38", min: "3.4028234e38" } as const;

export interface StagePlace {
  /** Index of the elements, one for each axis of the stage's shape. */
  readonly index: readonly Index[];
  /** Place in the batch; null where the stage has no axis of samples. */
  readonly sample: string | null;
}

/** Writes expressions of a staged program at indices; one for each shader. */
export class StageWriter {
  lines: string[] = [];
  readonly constants: string[] = [];
  readonly imports = new Set<string>();
  private readonly program: StagedProgram;
  private readonly access: StageAccess;
  /** Locals of the stage's own statements, valid at its own index. */
  private readonly own = new Map<Node, string>();
  private readonly constantNames = new Map<Node, string>();
  private depth = 0;
  private names = 0;

  constructor(program: StagedProgram, access: StageAccess) {
    this.program = program;
    this.access = access;
  }

  private write(line: string): void {
    this.lines.push(`${"  ".repeat(this.depth)}${line}`);
  }

  private constantElement(node: Node, index: readonly Index[]): string {
    const values = node.attributes.values as readonly number[];
    const flat = flatten(index, node.shape);
    if (values.length === 1) return float(values[0]!);
    if (isLiteral(flat)) return float(values[flat.constant]!);
    let name = this.constantNames.get(node);
    if (name === undefined) {
      name = `constant_${this.constantNames.size}`;
      this.constantNames.set(node, name);
      const list = values.map(float).join(", ");
      this.constants.push(`const ${name} = array<f32, ${values.length}>(${list});`);
    }
    return `${name}[${printIndex(flat)}]`;
  }

  private leaf(node: Node, index: readonly Index[], sample: string | null): string {
    if (node.op === BATCH) return `f32(${this.access.batch})`;
    if (!isNamed(node)) return this.constantElement(node, index);
    const name = node.attributes.name as string;
    const flat = flatten(index, node.shape);
    if (node.op === "param") return this.access.param(name, flat);
    if (node.op === "setting") return this.access.setting(name);
    invariant(sample !== null, `${node.op} ${name} is read outside of a sample`);
    invariant(node.op === "sample" || node.op === "draw", `no staged access to ${node.op}`);
    return node.op === "sample"
      ? this.access.field(name, flat, sample)
      : this.access.draw(name, flat, sample);
  }

  /** WGSL of a node's element; writes the loops it needs before. */
  value(node: Node, index: readonly Index[], sample: string | null, top = false): string {
    if (isLeaf(node)) return this.leaf(node, index, sample);
    const statement = this.program.statementOf.get(node);
    if (statement && !top) {
      const own = this.own.get(node);
      if (own !== undefined) return own;
      return this.access.stored(
        statement,
        flatten(index, node.shape),
        statement.perSample ? sample : null,
      );
    }
    if (node.op === OVER_SAMPLES || lowering(node).reduce) return this.reduced(node, index, sample);
    return this.expression(node, index, [], sample);
  }

  private expression(
    node: Node,
    index: readonly Index[],
    k: readonly Index[],
    sample: string | null,
  ): string {
    const rule = lowering(node);
    for (const file of rule.imports ?? []) this.imports.add(file);
    const reads = rule.reads(node, index, k);
    const inputs = node.inputs.map((input, i) => this.value(input, reads[i]!, sample));
    return rule.expression(inputs, node, index, k);
  }

  private loops(axes: Shape, body: (k: Index[]) => void, done: Index[] = []): void {
    const [length, ...rest] = axes;
    if (length === undefined) {
      body(done);
      return;
    }
    if (length === 1) {
      this.loops(rest, body, [...done, variable("0u", 1)]);
      return;
    }
    const name = `i${this.names++}`;
    this.write(`for (var ${name} = 0u; ${name} < ${length}u; ${name} += 1u) {`);
    this.depth += 1;
    this.loops(rest, body, [...done, variable(name, length)]);
    this.depth -= 1;
    this.write("}");
  }

  /** A reduction, or the sum over samples of an expression or of a sum. */
  private reduced(node: Node, index: readonly Index[], sample: string | null): string {
    const name = `${node.op}_sum_${this.names++}`;
    if (node.op !== OVER_SAMPLES) {
      const { combine } = lowering(node).reduce!;
      this.write(`var ${name} = ${INITIAL[combine]};`);
      this.loops(innerAxes(node), (k) => this.accumulate(node, index, k, sample, name));
      return lowering(node).finish?.(name, node) ?? name;
    }
    const inner = node.inputs[0]!;
    const b = `b${this.names++}`;
    this.write(`var ${name} = 0.0;`);
    this.write(`for (var ${b} = 0u; ${b} < ${this.access.batch}; ${b} += 1u) {`);
    this.depth += 1;
    const rule = isLeaf(inner) || this.program.statementOf.has(inner) ? null : lowering(inner);
    if (rule?.reduce?.combine === "sum" && !rule.finish) {
      this.loops(innerAxes(inner), (k) => this.accumulate(inner, index, k, b, name));
    } else {
      this.write(`${name} += ${this.value(inner, index, b)};`);
    }
    this.depth -= 1;
    this.write("}");
    return name;
  }

  private accumulate(
    node: Node,
    index: readonly Index[],
    k: readonly Index[],
    sample: string | null,
    into: string,
  ): void {
    const { combine } = lowering(node).reduce!;
    const term = this.expression(node, index, k, sample);
    this.write(
      combine === "sum" ? `${into} += ${term};` : `${into} = ${combine}(${into}, ${term});`,
    );
  }

  /** An expression at an index, with the loops it needs. */
  expressionAt(
    node: Node,
    index: readonly Index[],
    sample: string | null,
  ): { readonly lines: readonly string[]; readonly value: string } {
    const value = this.value(node, index, sample);
    const { lines } = this;
    this.lines = [];
    return { lines, value };
  }

  /** All statements of a stage at a place; `product` is the local of its matrix product. */
  stage(stage: Stage, { index, sample }: StagePlace, product: string | null = null): StageCode {
    const values = stage.statements.map((statement, i) => {
      if (i === 0 && product !== null) {
        this.own.set(statement.node, product);
        return product;
      }
      const value = this.value(statement.node, index, sample, true);
      this.write(`let ${statement.name} = ${value};`);
      this.own.set(statement.node, statement.name);
      return statement.name;
    });
    this.own.clear();
    const { lines, constants } = this;
    this.lines = [];
    return { lines, values, constants, imports: [...this.imports].sort() };
  }
}
