/** Does an initial law fit the ensemble it is given to? Complaints only; draws nothing. */
import { ArgumentError } from "../errors.ts";
import type { Initial, LaneNumbers } from "../initial.ts";
import type { Model } from "../model.ts";

/** What of an ensemble a law must fit. */
export interface InitialFor {
  readonly model: Model;
  readonly conditions: number;
  readonly replicas: { readonly first: number; readonly count: number };
  /** Does it keep v? */
  readonly hasVelocity: boolean;
}

type Kind<K extends Initial["kind"]> = Extract<Initial, { kind: K }>;

/** @throws ArgumentError for lengths, numbers of lanes or velocities that do not fit. */
export function checkInitial(initial: Initial, ensemble: InitialFor): void {
  switch (initial.kind) {
    case "fixed": {
      const { theta, velocity } = initial;
      checkLengths({ theta, ...(velocity && { velocity }) }, ensemble.model);
      if (velocity?.some((value) => value !== 0)) checkVelocity(ensemble);
      return;
    }
    case "independent": {
      const { mean, standardDeviation } = initial;
      checkLengths({ mean, standardDeviation }, ensemble.model);
      return;
    }
    case "correlated":
      checkCorrelated(initial, ensemble);
      return;
    case "each":
      checkEach(initial.theta, ensemble);
      return;
    case "states":
      checkStates(initial, ensemble);
      return;
    case "conditions":
      if (initial.laws.length !== ensemble.conditions) {
        throw new ArgumentError(
          `initial: byCondition has ${initial.laws.length} laws for ${ensemble.conditions} ` +
            "conditions; give one for each, in the order of the sweep.",
        );
      }
      for (const law of initial.laws) checkInitial(law, ensemble);
  }
}

function checkLengths(arrays: Readonly<Record<string, readonly number[]>>, model: Model): void {
  for (const [name, values] of Object.entries(arrays)) {
    if (values.length !== model.parameterCount || !values.every(Number.isFinite)) {
      throw new ArgumentError(
        `initial: ${name} has ${values.length} numbers for the ${model.parameterCount} parameters ` +
          `of ${model.name}; give one finite number each, in the order of coordinateNames.`,
      );
    }
  }
}

function checkVelocity({ hasVelocity }: InitialFor): void {
  if (hasVelocity) return;
  throw new ArgumentError(
    "initial: the law gives velocities and this ensemble keeps none; use keepVelocity: true or " +
      "momentum > 0, or a law of the parameters alone.",
  );
}

function checkCorrelated({ mean }: Kind<"correlated">, ensemble: InitialFor): void {
  const { model } = ensemble;
  const P = model.parameterCount;
  if (mean.length !== P && mean.length !== 2 * P) {
    throw new ArgumentError(
      `initial: the Gaussian has ${mean.length} coordinates, ${model.name} has ${P} parameters; ` +
        `give ${P}, or ${2 * P} for parameters and velocities.`,
    );
  }
  if (mean.length === 2 * P) checkVelocity(ensemble);
}

function checkEach(
  theta: Float32Array | Float64Array,
  { model, replicas: { first, count } }: InitialFor,
): void {
  const replicas = first + count;
  const needed = replicas * model.parameterCount;
  if (theta.length % model.parameterCount !== 0 || theta.length < needed) {
    throw new ArgumentError(
      `initial: each has ${theta.length} numbers, ${replicas} replicas of ${model.name} need ` +
        `${model.parameterCount} each, ${needed} in all; give [replica, param].`,
    );
  }
  const bad = theta.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new ArgumentError(
      `initial: each holds ${theta[bad]} for replica ${Math.floor(bad / model.parameterCount)}; ` +
        "give finite numbers.",
    );
  }
}

function checkStates(states: Kind<"states">, ensemble: InitialFor): void {
  const { model, conditions, replicas } = ensemble;
  const names = states.coordinates;
  const differs = model.coordinateNames.findIndex((name, p) => name !== names[p]);
  if (differs >= 0 || names.length !== model.parameterCount) {
    const at = Math.max(differs, 0);
    throw new ArgumentError(
      `initial: fromState holds ${names.length} parameters (number ${at} is ${names[at]}), ` +
        `${model.name} has ${model.parameterCount} (number ${at} is ${model.coordinateNames[at]}); ` +
        "give states of the same model.",
    );
  }
  const { first, count } = states.replicas;
  if (replicas.first < first || replicas.first + replicas.count > first + count) {
    throw new ArgumentError(
      `initial: fromState holds replicas ${first} to ${first + count - 1}, the ensemble has ` +
        `${replicas.first} to ${replicas.first + replicas.count - 1}; lower replicas or give more states.`,
    );
  }
  if (states.condition === null && states.conditions !== conditions) {
    throw new ArgumentError(
      `initial: fromState holds ${states.conditions} conditions, the ensemble has ${conditions}; ` +
        "name one of them, fromState(state, { condition: 0 }), for all to start from.",
    );
  }
  if (states.velocity) checkVelocity(ensemble);
  checkFinite(states, replicas);
}

/** Only the lanes that will be used are looked at. */
function checkFinite(states: Kind<"states">, replicas: InitialFor["replicas"]): void {
  const P = states.coordinates.length;
  const from = states.condition ?? 0;
  const to = states.condition ?? states.conditions - 1;
  const finite = ({ data, offset, stride }: LaneNumbers, lane: number): boolean =>
    data.subarray(offset + lane * stride, offset + lane * stride + P).every(Number.isFinite);
  for (let condition = from; condition <= to; condition += 1) {
    for (let r = replicas.first; r < replicas.first + replicas.count; r += 1) {
      const lane = condition * states.replicas.count + r - states.replicas.first;
      const ok = finite(states.theta, lane) && (!states.velocity || finite(states.velocity, lane));
      if (ok) continue;
      throw new ArgumentError(
        `initial: fromState, condition ${condition}: replica ${r} is not finite (frozen or ` +
          "diverged); start from an earlier step, or from other replicas.",
      );
    }
  }
}
