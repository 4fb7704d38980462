/**
 * What will be computed, and how: the graph, its gradient, the fused loops, the candidates, the plan
 * with its reasons, the linked WGSL. No device is needed, and nothing runs: what was measured on one
 * (`describeTuning`) comes as data.
 *
 * It is made by the functions that make a run, so it cannot say something else. What is decided while
 * it runs (chunks, slices, steps per dispatch) is left out.
 */
import { type PlanSetting, settingOf } from "./execution.ts";
import {
  type ExplainedChoice,
  explainRule,
  explainTuning,
  printChoice,
} from "./explanation/candidates.ts";
import { type ExplainedGraph, explainGraph, printNodes } from "./explanation/graph.ts";
import {
  type ExplainedKernel,
  explainKernels,
  printKernels,
  printSources,
} from "./explanation/kernels.ts";
import { type ExplainedLoop, explainLoops, printLoops } from "./explanation/loops.ts";
import { type ExplainedMemory, explainMemory, printMemory } from "./explanation/memory.ts";
import { type ExplainedStage, explainStages, printStages } from "./explanation/stages.ts";
import { printShape } from "./graph.ts";
import type { Model } from "./model.ts";
import { isOnline } from "./modelDraws.ts";
import type { Observables, ObservationPlan } from "./observe/observation.ts";
import { candidates, type Planner } from "./plan/candidates.ts";
import {
  DEFAULT_LIMITS,
  type EnsemblePlan,
  type PlanLimits,
  planEnsemble,
} from "./plan/ensemblePlan.ts";
import { floatingPointOperations } from "./plan/floatingPointOperations.ts";
import { groupWords } from "./plan/interactionSlots.ts";
import type { SchedulePlan } from "./plan/schedule.ts";
import { trainingProgram } from "./plan/staged/trainingProgram.ts";
import { largestBatch, resolveConditions, ruleFor, type Sweep } from "./run/conditions.ts";
import type { TuningReport } from "./run/describeTuning.ts";
import { resolveGroupSize } from "./run/groupSize.ts";
import { laneWords, observationPlan } from "./run/observationPlan.ts";
import type { SamplingLaw } from "./sampling.ts";
import {
  type Dynamics,
  type DynamicsOptions,
  dynamicsOf,
  dynamicsWords,
  withRate,
  withSettings,
} from "./update/dynamics.ts";
import { checkNoiseModel } from "./update/noiseModel.ts";
import { sgd } from "./update/sgd.ts";
import type { Setting, UpdateRule } from "./update/updateRule.ts";
import { literal } from "./wgsl/indexing.ts";
import { fieldElement } from "./wgsl/row.ts";

/** As the options of `createEnsemble`; whatever is left out is assumed and said so in the text. */
export interface ExplainOptions extends DynamicsOptions {
  readonly update?: UpdateRule;
  readonly sweep?: Sweep;
  readonly sampling?: SamplingLaw;
  /** Samples of the data set. */
  readonly samples?: number;
  readonly replicas?: number;
  /** Replicas that interact, where the model reads their mean; all of them unless given. */
  readonly groupSize?: number;
  readonly observables?: Observables;
  /** Loop nests of up to this many iterations are written out; as the setting has it unless given. */
  readonly unroll?: number;
  /** Schedule and geometry; what it leaves open is the rule's. */
  readonly setting?: PlanSetting;
  /** What the device allows; what every WebGPU device does, unless given. */
  readonly limits?: PlanLimits;
  /** What was measured; its setting is the one that is explained. */
  readonly tuning?: TuningReport;
}

/** What an experiment gives to be explained. */
export interface ExplainRequest extends ExplainOptions {
  readonly model: Model;
}

export interface Explanation {
  readonly graph: ExplainedGraph;
  readonly loops: readonly ExplainedLoop[];
  /** Of one sample, loss and gradient. */
  readonly floatingPointOperations: number;
  readonly choice: ExplainedChoice;
  readonly plan: EnsemblePlan;
  /** Of the schedules that work on a minibatch in stages; empty under `thread`. */
  readonly stages: readonly ExplainedStage[];
  readonly memory: ExplainedMemory;
  /** In the order in which they run. */
  readonly kernels: readonly ExplainedKernel[];
  /** Settings that were not given, e.g. `256 samples`. */
  readonly assumed: readonly string[];
  /** All of it, to be read. */
  readonly text: string;
}

/** Everything decided, given or assumed. */
interface Decided {
  readonly model: Model;
  readonly rule: UpdateRule;
  readonly conditions: readonly Setting[];
  readonly sampling: SamplingLaw;
  readonly samples: number;
  readonly lanes: number;
  readonly groupSize: number | null;
  readonly dynamics: Dynamics;
  readonly hasVelocity: boolean;
  readonly assumed: readonly string[];
}

const SAMPLES = 256;
const REPLICAS = 1024;

function decide(model: Model, options: ExplainOptions): Decided {
  const assumed: string[] = [];
  const assume = <T>(value: T, text: string): T => {
    assumed.push(text);
    return value;
  };
  const samples = options.samples ?? assume(SAMPLES, `${SAMPLES} samples`);
  const replicas = options.replicas ?? assume(REPLICAS, `${REPLICAS} replicas`);
  const sampling = options.sampling ?? assume("withReplacement", "sampling with replacement");
  const update =
    options.update ??
    assume(sgd({ learningRate: 0.01, batchSize: 8 }), "plain SGD with batches of 8");
  const rule = withSettings(withRate(update, options.rate), model);
  const conditions = resolveConditions(ruleFor(rule, sampling, samples), options.sweep);
  const dynamics = dynamicsOf(model, rule, conditions, options);
  checkNoiseModel(dynamics, conditions);
  return {
    model,
    rule,
    conditions,
    sampling,
    samples,
    lanes: conditions.length * replicas,
    groupSize: resolveGroupSize(model, options.groupSize, { first: 0, count: replicas }),
    dynamics,
    hasVelocity: dynamics.kept.includes("velocity"),
    assumed,
  };
}

const heading = (title: string): string[] => ["", title, "─".repeat([...title].length)];

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** `W [3, 2]  θ[0…5]` */
function printParameters(model: Model): string[] {
  return model.params.map(({ name, shape, offset, size }) => {
    const range = size === 1 ? `θ[${offset}]` : `θ[${offset}…${offset + size - 1}]`;
    return `${name} ${printShape(shape)}  ${range}`;
  });
}

/** `x [2]  floats 0…1 of the row` */
function printFields(model: Model, { row }: SchedulePlan): string[] {
  return model.fields.map(({ name, shape, size, labels, bytes }) => {
    const [first, last] = [0, size - 1].map((i) => fieldElement(row, name, literal(i)).at.constant);
    const range = first === last ? `float ${first}` : `floats ${first}…${last}`;
    const kind = labels > 0 ? `, a class of ${labels}` : bytes ? ", three bytes in each" : "";
    return `${name} ${printShape(shape)}  ${range} of ${4 * row.vectors} in a row${kind}`;
  });
}

/** `xi [2]  2 normal numbers of a sample and step`, `labelNoise  hyperparameter, sigma [y]` */
function printRandomness({ draws, settings }: Model): string[] {
  return [
    ...draws.map(
      ({ name, shape, law, size }) =>
        `${name} ${printShape(shape)}  drawn for each sample of each step: ${size} ${law}`,
    ),
    ...settings.map(({ name, meaning, unit }) => `${name}  hyperparameter: ${meaning} [${unit}]`),
  ];
}

function printPlan(decided: Decided, explanation: Omit<Explanation, "text">): string[] {
  const { rule, conditions, sampling, samples } = decided;
  const { rate } = decided.dynamics;
  const { plan, memory, floatingPointOperations: operations, assumed } = explanation;
  const batches = [...new Set(conditions.map((condition) => condition.batchSize!))];
  return [
    `schedule ${plan.schedule}`,
    ...plan.reasons.map((reason) => `  - ${reason}`),
    `update ${rule.name}: ${rule.equation}   (${rule.source})`,
    ...(rate ? [`learning rate ${rate.name}: ${rate.equation}`] : []),
    `minibatches of ${batches.join(", ")} ` +
      (isOnline(decided.model)
        ? "samples, drawn afresh"
        : `out of ${samples} samples, ${sampling}`) +
      `; conditions: ${conditions.length}`,
    `${operations} floating-point operations a sample, ` +
      `${batches.map((batch) => batch * operations).join(", ")} a replica-step`,
    printMemory(memory),
    ...(assumed.length > 0 ? [`assumed, since not given: ${assumed.join("; ")}`] : []),
  ];
}

function print(decided: Decided, explanation: Omit<Explanation, "text">): string {
  const { model } = decided;
  const { graph, loops, choice, plan, stages, kernels } = explanation;
  const gradients = Object.entries(graph.gradients).map(
    ([name, node]) => `∂loss/∂${name} = ${node}`,
  );
  return [
    `${model.name}: ${model.parameterCount} parameters θ; the loss of one sample`,
    ...heading("Parameters"),
    ...indent(printParameters(model)),
    ...heading("A sample"),
    ...indent([...printFields(model, plan), ...printRandomness(model)]),
    ...heading("Graph"),
    ...indent(printNodes(graph.forward)),
    ...heading("Gradient: nodes beyond the graph's"),
    ...indent(printNodes(graph.backward)),
    "",
    ...indent(gradients),
    ...heading("Fused loops: loss and gradient of one sample"),
    ...indent(printLoops(loops)),
    ...(stages.length === 0
      ? []
      : [...heading("Stages: loss and gradient of a minibatch"), ...indent(printStages(stages))]),
    ...heading("Candidates"),
    ...indent(printChoice(choice)),
    ...heading("Plan"),
    ...indent(printPlan(decided, explanation)),
    ...heading("Kernels"),
    ...indent(printKernels(kernels)),
    ...heading("WGSL"),
    ...printSources(kernels),
    "",
  ].join("\n");
}

/** Bytes of the data rows, of hyperparameters and pilot means, of the means over groups. */
function sharedBytes(
  { model, samples, conditions, dynamics, lanes, groupSize }: Decided,
  { row }: SchedulePlan,
  observation: ObservationPlan | null,
): number {
  const groups = groupSize === null ? 0 : (lanes / groupSize) * groupWords(model.parameterCount);
  const hyperparameters =
    conditions.length * Object.keys(conditions[0]!).length + dynamicsWords(dynamics).length;
  const constants = observation?.constants.length ?? 0;
  return 4 * (4 * row.vectors * samples + hyperparameters + constants + groups);
}

/** Plans by setting. */
const plannerOf =
  (decided: Decided, options: ExplainOptions): Planner<Pick<Planned, "plan" | "observation">> =>
  (setting) => {
    const { model, dynamics, sampling, samples, lanes, conditions, groupSize } = decided;
    const unroll = options.unroll ?? setting.unroll;
    const execution = unroll === undefined ? {} : { unroll };
    const observation = observationPlan(options.observables, { ...decided, execution });
    const plan = planEnsemble({
      ...{ model, dynamics, sampling, samples, lanes, groupSize, observation },
      maxBatch: largestBatch(conditions),
      limits: options.limits ?? DEFAULT_LIMITS,
      ...settingOf(setting),
      ...execution,
    });
    return { plan, observation };
  };

interface Planned {
  readonly choice: ExplainedChoice;
  readonly plan: EnsemblePlan;
  readonly observation: ObservationPlan | null;
}

/** The plan that was measured to be the fastest, or that of the rule. */
function choose(decided: Decided, options: ExplainOptions): Planned {
  const { tuning, setting = {} } = options;
  const planner = plannerOf(decided, options);
  const { model, conditions, lanes } = decided;
  const sizes = { model, batch: largestBatch(conditions), lanes };
  const found = candidates(planner, setting, sizes);
  if (tuning && tuning.trials.length > 0) {
    // An answer that was kept does not say what was not tried.
    const excluded = tuning.by === "cache" ? found.excluded : tuning.excluded;
    return { choice: explainTuning({ ...tuning, excluded }), ...planner(tuning.setting) };
  }
  const [{ planned }] = found.candidates as [(typeof found.candidates)[0]];
  return { choice: explainRule(found, Object.keys(setting).length > 0), ...planned };
}

/**
 * Explains a model, or an ensemble of it.
 *
 * @throws as `createEnsemble` does for what cannot be run: `LimitError` where no schedule, or not the one
 * of `setting`, can run it.
 *
 * @example
 * console.log(explain(model, { update: sgd({ learningRate: 0.1, batchSize: 4 }) }).text);
 */
export function explain(model: Model, options: ExplainOptions = {}): Explanation {
  const decided = decide(model, options);
  const { choice, plan, observation } = choose(decided, options);
  const { lanes } = decided;
  const shared = sharedBytes(decided, plan, observation);
  const explanation = {
    graph: explainGraph(model),
    loops: explainLoops(model),
    floatingPointOperations: floatingPointOperations(model),
    choice,
    plan,
    stages: plan.schedule === "thread" ? [] : explainStages(trainingProgram(model)),
    memory: explainMemory(laneWords(decided, observation), lanes, shared),
    kernels: explainKernels(plan, observation, lanes),
    assumed: decided.assumed,
  };
  return { ...explanation, text: print(decided, explanation) };
}
