/**
 * A model is the loss of one sample, traced once into a graph with its gradients.
 *
 * Batches, replicas, data and update rules come later and are not part of it.
 */
import { gradient } from "./autodiff.ts";
import { checkName, type Place } from "./declaration.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import {
  draw,
  groupMean,
  isNamed,
  type Node,
  param,
  printShape,
  type Shape,
  sampleField,
  setting,
  topologicalOrder,
} from "./graph.ts";
import { type DrawShape, type ModelDraw, modelDraws } from "./modelDraws.ts";
import {
  coordinates,
  type FieldShape,
  type ParamBlock,
  paramBlocks,
  type SampleField,
  sampleFields,
} from "./modelFields.ts";
import { type ModelSetting, modelSettings, type SettingDefinition } from "./modelSettings.ts";
import { simplify } from "./simplify.ts";

export type { FieldShape, ParamBlock, SampleField };

/** The nodes of named parameter blocks, sample fields, draws or settings. */
export type Nodes<Names extends object> = { readonly [Name in keyof Names]: Node };

/** What a loss may read beside θ and the sample. */
export interface Surroundings<
  Params extends object,
  Draws extends object,
  Settings extends object,
> {
  /** Fresh random numbers of this sample of this step. */
  readonly draws: Nodes<Draws>;
  /** Hyperparameters of the loss, scalars. */
  readonly settings: Nodes<Settings>;
  /**
   * Means of the parameter blocks over the group of replicas that interact (`groupSize` of an
   * ensemble), this replica included, before the step; constants of the gradient.
   */
  readonly mean: Nodes<Params>;
}

export interface ModelDefinition<
  Params extends Record<string, Shape>,
  Sample extends Record<string, FieldShape>,
  Draws extends Record<string, DrawShape> = Record<never, never>,
  Settings extends Record<string, SettingDefinition> = Record<never, never>,
> {
  /** For messages and provenance; "model" by default. */
  readonly name?: string;
  /** Shapes of the parameter blocks; their order is that of θ. */
  readonly params: Params;
  /** Fields of a sample; none (`{}`) for a model that draws its samples (data: `onlineData`). */
  readonly sample: Sample;
  /**
   * Random numbers, fresh for every sample of every step: a shape for standard normal ones,
   * `{ sign: shape }` for ±1, `{ uniform: shape }` for (0, 1).
   */
  readonly draws?: Draws;
  /** Hyperparameters of the loss: swept and set like those of the update rule. */
  readonly settings?: Settings;
  /** The scalar loss of one sample. */
  readonly loss: SampleScalar<Params, Sample, Draws, Settings>;
  /** Further scalars of one sample, observed but not descended. */
  readonly metrics?: Readonly<Record<string, SampleScalar<Params, Sample, Draws, Settings>>>;
}

type SampleScalar<
  Params extends object,
  Sample extends object,
  Draws extends object,
  Settings extends object,
> = (
  theta: Nodes<Params>,
  sample: Nodes<Sample>,
  surroundings: Surroundings<Params, Draws, Settings>,
) => Node;

/** Immutable plain data. Graphs are simplified together and share nodes. */
export interface Model {
  readonly name: string;
  readonly params: readonly ParamBlock[];
  /** P, the number of elements of θ. */
  readonly parameterCount: number;
  readonly fields: readonly SampleField[];
  readonly draws: readonly ModelDraw[];
  readonly settings: readonly ModelSetting[];
  /** Does the loss or a metric read means over a group of replicas? */
  readonly interacts: boolean;
  readonly loss: Node;
  /** ∂loss/∂block, in the order and shape of `params`. */
  readonly gradients: readonly Node[];
  readonly metrics: Readonly<Record<string, Node>>;
  /** Names of the elements of θ: `W[0,1]`, `a[2]`; a scalar block's is its own. */
  readonly coordinateNames: readonly string[];
}

function checkScalar(place: Place, what: string, name: string | undefined, node: unknown): Node {
  const shape = (node as Partial<Node> | undefined | null)?.shape;
  if (shape === undefined) {
    throw new ArgumentError(
      `${place(what, name)} returned ${typeof node}; return a node made with op (a number has ` +
        "nothing to differentiate).",
    );
  }
  if (shape.length !== 0) {
    throw new ShapeError(
      `${place(what, name)} has shape ${printShape(shape)}, must be a scalar []; reduce it with ` +
        "op.sum or op.mean.",
    );
  }
  return node as Node;
}

function checkLeaves(
  place: Place,
  outputs: readonly Node[],
  leaves: Readonly<Record<string, readonly Node[]>>,
): void {
  for (const node of topologicalOrder(outputs)) {
    const declared = leaves[node.op]?.some(
      ({ attributes: { name } }) => name === node.attributes.name,
    );
    if (isNamed(node) && !declared) {
      throw new ArgumentError(
        `${place(`${node.op} node`, String(node.attributes.name))} is not declared; use only the ` +
          "nodes that the loss and metrics are given.",
      );
    }
  }
}

/** Without data a metric is taken once, with every draw at its mean: it must not depend on draws. */
function checkOnlineMetrics(place: Place, metrics: readonly (readonly [string, Node])[]): void {
  for (const [name, node] of metrics) {
    const drawn = topologicalOrder([node]).find(({ op }) => op === "draw");
    if (drawn) {
      throw new ArgumentError(
        `${place("metric", name)} depends on the draw "${drawn.attributes.name as string}", and ` +
          "without sample fields there is nothing to average it over; write its expectation as a " +
          "function of the parameters and settings.",
      );
    }
  }
}

function checkDependence(place: Place, loss: Node, blocks: readonly ParamBlock[]): void {
  const used = new Set(
    topologicalOrder([loss])
      .filter((node) => node.op === "param")
      .map((node) => node.attributes.name),
  );
  const idle = blocks.filter((block) => !used.has(block.name)).map((block) => block.name);
  if (idle.length > 0) {
    throw new ArgumentError(
      `${place("loss")} does not depend on ${idle.join(", ")}, which would never be trained ` +
        "(and under noise diffuse without bound); use it in the loss or remove it from params.",
    );
  }
}

function checkNames(place: Place, declared: Declared, metrics: readonly string[]): void {
  const { params, fields, draws, settings } = declared;
  if (params.length === 0) {
    throw new ArgumentError(`${place("params")} are empty; name one parameter block at least.`);
  }
  const kinds = {
    "parameter block": params,
    "sample field": fields,
    draw: draws,
    setting: settings,
  };
  const taken = new Map<string, string>();
  for (const [what, names] of Object.entries(kinds)) {
    for (const { name } of names) {
      const other = taken.get(name);
      if (other !== undefined) {
        throw new ArgumentError(`${place(what, name)} is also a ${other}; rename one of them.`);
      }
      taken.set(name, what);
    }
  }
  for (const name of metrics) {
    checkName(place, "metric", name);
    if (name === "loss") {
      throw new ArgumentError(`${place("metric", name)} is always measured; choose another name.`);
    }
  }
}

/** Nodes by name, as a loss is given them. */
const byName = (nodes: readonly Node[]): Record<string, Node> =>
  Object.fromEntries(nodes.map((node) => [node.attributes.name as string, node]));

/** What a model declares, checked. */
type Declared = Pick<Model, "params" | "fields" | "draws" | "settings">;

function declare(
  place: Place,
  definition: ModelDefinition<
    Record<string, Shape>,
    Record<string, FieldShape>,
    Record<string, DrawShape>,
    Record<string, SettingDefinition>
  >,
): Declared {
  const declared = {
    params: paramBlocks(place, definition.params),
    fields: sampleFields(place, definition.sample),
    draws: modelDraws(place, definition.draws ?? {}),
    settings: modelSettings(place, definition.settings ?? {}),
  };
  checkNames(place, declared, Object.keys(definition.metrics ?? {}));
  return declared;
}

/** The leaves of a model's graph, by op. */
const leavesOf = ({ params, fields, draws, settings }: Declared): Record<string, Node[]> => ({
  param: params.map(({ name, shape }) => param(name, shape)),
  groupMean: params.map(({ name, shape }) => groupMean(name, shape)),
  sample: fields.map(({ name, shape, labels }) => sampleField(name, shape, labels)),
  draw: draws.map(({ name, shape, law }) => draw(name, shape, law)),
  setting: settings.map(({ name }) => setting(name)),
});

/**
 * Traces the loss of one sample into a graph with gradients, ready for every schedule.
 *
 * θ is the concatenation of the blocks of `params` in the order they are declared, each row-major.
 * Every block must enter the loss; sample fields need not. `draws` are random numbers that the loss
 * takes anew for every sample of every step (online data, noise on labels or inputs), `settings` are
 * hyperparameters of its own. Where the loss or a metric is averaged over the whole data (`fullLoss`,
 * `evaluate`) draws have their means, normal and sign 0, uniform ½: labels are without noise there.
 *
 * A loss that reads `mean` makes replicas interact: ∂loss/∂θ at fixed `mean` is the force on a particle
 * of a system of `groupSize` replicas, so that any drift which depends on the law of θ through its mean
 * can be written (McKean–Vlasov); with the rule `langevin` it is mean-field Langevin dynamics.
 *
 * Throws `ShapeError` for shapes that do not fit and a loss that is no scalar, `ArgumentError` for
 * names that cannot stand in WGSL or occur twice, and for a block the loss does not depend on.
 *
 * @example
 * const student = defineModel({
 *   params: { W: [3, 2], a: [3] },
 *   sample: { x: [2], y: [] },
 *   loss: ({ W, a }, { x, y }) =>
 *     op.scale(op.square(op.sub(op.dot(a, op.tanh(op.matvec(W, x))), y)), 0.5),
 * });
 *
 * @example
 * const noisy = defineModel({
 *   params: { w: [2] },
 *   sample: { x: [2], y: [] },
 *   draws: { xi: [] },
 *   settings: { labelNoise: { unit: "y", meaning: "sigma of the labels", initial: 0.5, least: 0 } },
 *   loss: ({ w }, { x, y }, { draws, settings }) => {
 *     const label = op.add(y, op.mul(settings.labelNoise, draws.xi));
 *     return op.scale(op.square(op.sub(op.dot(w, x), label)), 0.5);
 *   },
 * });
 * const swept = await createEnsemble(device, {
 *   model: noisy, data, update: sgd({ learningRate: 0.05, batchSize: 8 }),
 *   sweep: { labelNoise: [0, 0.5, 1] }, replicas: 1024, seed: 7,
 * });
 *
 * @example
 * const flock = defineModel({
 *   params: { x: [] },
 *   sample: {},
 *   draws: { xi: [] },
 *   loss: ({ x }, _sample, { draws, mean }) =>
 *     op.add(op.mul(op.sub(mean.x, 1), x), op.mul(draws.xi, x)),
 * });
 * const systems = await createEnsemble(device, {
 *   model: flock, data: onlineData, update: langevin({ learningRate: 0.05, batchSize: 1 }),
 *   replicas: 1024, groupSize: 32, seed: 7,
 * });
 */
export function defineModel<
  const Params extends Record<string, Shape>,
  const Sample extends Record<string, FieldShape>,
  const Draws extends Record<string, DrawShape> = Record<never, never>,
  const Settings extends Record<string, SettingDefinition> = Record<never, never>,
>(definition: ModelDefinition<Params, Sample, Draws, Settings>): Model {
  const name = definition.name ?? "model";
  const place: Place = (what, which) =>
    `defineModel(${name}): ${what}${which === undefined ? "" : ` "${which}"`}`;
  const declared = declare(place, definition as unknown as Parameters<typeof declare>[1]);
  const leaves = leavesOf(declared);
  const surroundings = {
    draws: byName(leaves.draw!),
    settings: byName(leaves.setting!),
    mean: byName(leaves.groupMean!),
  };
  const given = [
    byName(leaves.param!) as Nodes<Params>,
    byName(leaves.sample!) as Nodes<Sample>,
    surroundings as unknown as Surroundings<Params, Draws, Settings>,
  ] as const;
  const loss = checkScalar(place, "loss", undefined, definition.loss(...given));
  const metrics = Object.entries(definition.metrics ?? {}).map(
    ([metric, measure]) =>
      [metric, checkScalar(place, "metric", metric, measure(...given))] as const,
  );
  const outputs = [loss, ...metrics.map(([, node]) => node)];
  checkLeaves(place, outputs, leaves);
  checkDependence(place, loss, declared.params);
  if (declared.fields.length === 0) checkOnlineMetrics(place, metrics);

  const blocks = declared.params.length;
  const simple = simplify([loss, ...gradient(loss, leaves.param!), ...outputs.slice(1)]);
  return Object.freeze({
    name,
    ...declared,
    parameterCount: declared.params.reduce((total, block) => total + block.size, 0),
    interacts: topologicalOrder(simple).some(({ op }) => op === "groupMean"),
    loss: simple[0]!,
    gradients: Object.freeze(simple.slice(1, 1 + blocks)),
    metrics: Object.freeze(
      Object.fromEntries(metrics.map(([metric], i) => [metric, simple[1 + blocks + i]!])),
    ),
    coordinateNames: Object.freeze(declared.params.flatMap(coordinates)),
  });
}
