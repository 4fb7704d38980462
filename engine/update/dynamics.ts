/**
 * The whole of a step's dynamics: an update rule with what the ensemble adds to it.
 *
 * A rule acts on one parameter; schedules of the learning rate, learning-rate matrices, noise of
 * given covariance, clipping and spheres are common to all rules and are put together here. Plain data
 * and pure functions: the plan makes WGSL of it, `referenceTrajectory.ts` float64 steps.
 */
import { covarianceRoot } from "../covarianceRoot.ts";
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";
import { drawPairs } from "../modelDraws.ts";
import { settingComplaint } from "../modelSettings.ts";
import { adaptationSize } from "../rate/adaptation.ts";
import type { Rate } from "../rate/rate.ts";
import { type Spheres, type SpheresOptions, sphereComplaint, spheresOf } from "./spheres.ts";
import type { Normals, Setting, UpdateRule } from "./updateRule.ts";

/** What an ensemble says of its dynamics beside the rule. */
export interface DynamicsOptions {
  /** Learning-rate schedule, or a rate that finds itself; constant unless given. */
  readonly rate?: Rate;
  /**
   * A diagonal learning-rate matrix: η times this number, one for each parameter block or for each
   * of its elements; 1 for blocks that are not named.
   */
  readonly rateScale?: Readonly<Record<string, number | readonly number[]>>;
  /** Covariance of the noise added to the gradient, [param, param]; s² times it is added. */
  readonly noiseCovariance?: readonly (readonly number[])[];
  /**
   * Groups of parameters that stay on spheres: their G is its tangential part, also where it is
   * observed, and θ₀ and every θ after a step are brought back to the radius.
   */
  readonly spheres?: SpheresOptions;
  /**
   * Keep v even where no condition has momentum, to observe it. In rules without a velocity it is
   * the last displacement, v_t = (θ_t − θ_{t−1})/η: minus the direction u of θ' = θ − ηu.
   */
  readonly keepVelocity?: boolean;
}

export interface Dynamics {
  /** The rule, with the hyperparameters of the rate among its own. */
  readonly rule: UpdateRule;
  readonly rate: Rate | null;
  /** Names of the vectors that are stored, in the rule's order. */
  readonly kept: readonly string[];
  /** Is the velocity, the last of them, none of the rule's own but (θ' − θ)/η? */
  readonly displacement: boolean;
  readonly normals: Normals;
  /** Does any condition add noise to the gradient, clip it? */
  readonly gradientNoise: boolean;
  readonly clip: boolean;
  /** Diagonal of the learning-rate matrix, [param]; null: the identity. */
  readonly scales: Float64Array | null;
  /** The point that the rate's adaptation measures θ from, [param]; null: 0. */
  readonly center: Float64Array | null;
  /** Root R of the noise covariance, R Rᵀ, row by row, [param, factor]; null: the identity. */
  readonly noiseFactor: Float64Array | null;
  /** null: all parameters move freely. */
  readonly spheres: Spheres | null;
  /** Their radius alone. */
  readonly radius: readonly number[] | null;
}

/** A rule that has the rate's hyperparameters too. */
export function withRate(rule: UpdateRule, rate: Rate | undefined): UpdateRule {
  if (!rate) return rule;
  const taken = Object.keys(rate.hyperparameters).find((name) => name in rule.hyperparameters);
  if (taken !== undefined) {
    throw new ArgumentError(
      `rate: ${rate.name} and ${rule.name} both have a hyperparameter ${taken}; rename the rate's.`,
    );
  }
  return {
    ...rule,
    hyperparameters: { ...rule.hyperparameters, ...rate.hyperparameters },
    setting: { ...rule.setting, ...rate.setting },
    complaint: (setting) => rule.complaint(setting) ?? rate.complaint(setting),
  };
}

/** A rule that has the hyperparameters of a model's loss too. */
export function withSettings(rule: UpdateRule, model: Model): UpdateRule {
  if (model.settings.length + model.draws.length === 0) return rule;
  const taken = model.settings.find(({ name }) => name in rule.hyperparameters);
  if (taken !== undefined) {
    throw new ArgumentError(
      `${model.name}: the setting ${taken.name} is also a hyperparameter of ${rule.name} or of its ` +
        "rate; rename the model's.",
    );
  }
  const settings = model.settings.map(({ name, unit, meaning, initial, ...bounds }) => [
    name,
    { unit, meaning, initial, complaint: (value: number) => settingComplaint(bounds, value) },
  ]);
  const { all: pairs } = drawPairs(model.draws);
  return {
    ...rule,
    hyperparameters: { ...rule.hyperparameters, ...Object.fromEntries(settings) },
    complaint: (setting) =>
      rule.complaint(setting) ??
      // Draws of a step are counted by 32 bits.
      (setting.batchSize! * pairs > 2 ** 32
        ? `batches of ${setting.batchSize} samples with ${pairs} pairs of draws each are more than ` +
          "2^32 pairs a step; use smaller batches"
        : null),
  };
}

function diagonal(model: Model, given: DynamicsOptions["rateScale"]): Float64Array | null {
  if (!given) return null;
  const scales = new Float64Array(model.parameterCount).fill(1);
  for (const [name, value] of Object.entries(given)) {
    const block = model.params.find((candidate) => candidate.name === name);
    if (!block) {
      throw new ArgumentError(
        `rateScale: "${name}" is no parameter block of ${model.name}; there are ` +
          `${model.params.map((one) => one.name).join(", ")}.`,
      );
    }
    const values =
      typeof value === "number" ? new Array<number>(block.size).fill(value) : [...value];
    if (values.length !== block.size || !values.every((x) => Number.isFinite(x) && x >= 0)) {
      throw new ArgumentError(
        `rateScale: ${name} has ${values.length} numbers for ${block.size} elements, or one that ` +
          "is negative; give one number >= 0, or one for each element.",
      );
    }
    scales.set(values, block.offset);
  }
  return scales;
}

function noiseFactor(model: Model, covariance: DynamicsOptions["noiseCovariance"]) {
  if (!covariance) return null;
  const size = model.parameterCount;
  if (covariance.length !== size) {
    throw new ArgumentError(
      `noiseCovariance: has ${covariance.length} rows for the ${size} parameters of ${model.name}; give ` +
        "the covariance of G's noise, [param, param].",
    );
  }
  return Float64Array.from(
    covarianceRoot(covariance, "noiseCovariance").flatMap((row) => [...row]),
  );
}

function adaptationCenter(model: Model, rate: Rate | undefined): Float64Array | null {
  const center = rate?.adaptation?.center ?? null;
  if (center === null) return null;
  if (center.length !== model.parameterCount || !center.every(Number.isFinite)) {
    throw new ArgumentError(
      `rate: center has ${center.length} numbers for the ${model.parameterCount} parameters of ` +
        `${model.name}; give one finite number each, in the order of coordinateNames.`,
    );
  }
  return Float64Array.from(center);
}

/** Refuses an adaptation whose relation this dynamics does not obey. */
function checkRelation(rule: UpdateRule, { rate, rateScale }: DynamicsOptions): void {
  if (rate?.adaptation?.relation !== "velocity") return;
  const fault =
    rule.name !== "sgd"
      ? `the velocity relation is that of sgd, the rule is ${rule.name}`
      : rateScale
        ? "the velocity relation does not hold under a learning-rate matrix (rateScale)"
        : null;
  if (fault === null) return;
  throw new ArgumentError(`rate: ${fault}; use fdrRate({ relation: "displacement" }).`);
}

/** Refuses to correct rules whose step is more than a move of θ. */
function checkCorrected({ name, gradient, vectors, prepare }: UpdateRule): void {
  if (gradient !== "corrected" || (vectors.length === 0 && !prepare)) return;
  throw new ArgumentError(
    `${name}: a corrected gradient is for rules that keep no vectors and take G at θ, this one ` +
      `${prepare ? "has a prepare" : `keeps ${vectors.join(", ")}`}; leave gradient: "corrected" out.`,
  );
}

/** Vectors that are stored: those the conditions need, v where it is observed or the rate asks it. */
function keptVectors(
  rule: UpdateRule,
  conditions: readonly Setting[],
  { keepVelocity, rate }: DynamicsOptions,
): Pick<Dynamics, "kept" | "displacement"> {
  const needed = rule.needs(conditions);
  const keep = keepVelocity === true || rate?.adaptation?.relation === "velocity";
  const own = rule.vectors.filter((name) => needed.includes(name) || (name === "velocity" && keep));
  const displacement = keep && !rule.vectors.includes("velocity");
  return { kept: displacement ? [...own, "velocity"] : own, displacement };
}

/** Puts a rule and an ensemble's additions together for the conditions it will have. */
export function dynamicsOf(
  model: Model,
  rule: UpdateRule,
  conditions: readonly Setting[],
  options: DynamicsOptions,
): Dynamics {
  if (rule.gradient === "modelled" && model.draws.length > 0) {
    throw new ArgumentError(
      `${rule.name}: ${model.name} draws random numbers of its own, so that its gradients have no ` +
        "covariance over the data to model; use a model without draws, or the rule sgd.",
    );
  }
  checkRelation(rule, options);
  checkCorrected(rule);
  const spheres = spheresOf(model, options.spheres);
  const complaint = spheres && sphereComplaint(spheres, rule, conditions);
  if (complaint) throw new ArgumentError(complaint);
  if (spheres && options.rate?.adaptation) {
    throw new ArgumentError(
      `spheres: ${options.rate.name} compares ⟨θ·u⟩ with η⟨u·u⟩/2, which are equal on a sphere ` +
        "in every state; use a schedule, or no spheres.",
    );
  }
  return {
    rule,
    rate: options.rate ?? null,
    ...keptVectors(rule, conditions, options),
    normals: rule.normals(conditions),
    gradientNoise: conditions.some((c) => (c.gradientNoise ?? 0) !== 0),
    clip: conditions.some((c) => (c.clipNorm ?? 0) !== 0),
    scales: diagonal(model, options.rateScale),
    center: adaptationCenter(model, options.rate),
    noiseFactor: noiseFactor(model, options.noiseCovariance),
    spheres,
    radius: spheres && [spheres.radius],
  };
}

/** Numbers shared by all conditions, in the order of the device buffer. */
export const SHARED = ["scales", "noiseFactor", "center", "radius"] as const;

export const dynamicsWords = (dynamics: Dynamics): number[] =>
  SHARED.flatMap((name) => [...(dynamics[name] ?? [])]);

/** Words of lane state: θ, kept vectors, what the rate's adaptation keeps. */
export const stateWords = ({ kept, rate }: Dynamics, parameterCount: number): number =>
  (1 + kept.length) * parameterCount + adaptationSize(rate?.adaptation);

/** A parameter's setting at a step, where η is `learningRate` before the learning-rate matrix. */
export const settingAt = (
  { scales }: Dynamics,
  setting: Setting,
  learningRate: number,
  p: number,
): Setting =>
  scales || learningRate !== setting.learningRate
    ? { ...setting, learningRate: learningRate * (scales?.[p] ?? 1) }
    : setting;
