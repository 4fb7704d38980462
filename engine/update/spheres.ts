/**
 * Groups of parameters that stay on spheres: projected SGD at a fixed effective learning rate.
 *
 *   d = θ' − θ of the rule with G ← P_θ G,   θ ← r (θ + P_θ d)/|θ + P_θ d|,   P_θ = 1 − θθᵀ/r²
 *
 * for the parameters of each group; all others move freely. Source: SGD as free energy minimization
 * (arXiv 2505.23489), where the weights of scale-invariant networks are renormalized after each
 * step. Left out: momentum, which would have to be transported from one tangent space to the next.
 */
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { Setting, UpdateRule } from "./updateRule.ts";

/**
 * Which parameters stay on spheres.
 *
 * @example
 * const update = sgd({ learningRate: 0.1, batchSize: 8 });
 * const initial = gaussian({ standardDeviation: 1 });
 * const spheres = { groups: [["W", "b"]], radius: 1 } satisfies SpheresOptions;
 * const ensemble = await createEnsemble(device, {
 *   model, data, update, initial, spheres, replicas: 4096, seed: 7,
 * });
 */
export interface SpheresOptions {
  /**
   * Parameter blocks that share a sphere: `each` block its own (the default), the `whole` vector, or
   * lists of blocks, those in no list being free.
   */
  readonly groups?: "each" | "whole" | readonly (readonly string[])[];
  /** r of every sphere, 1 unless given. */
  readonly radius?: number;
}

export interface SphereGroup {
  /** Names of its blocks, for messages. */
  readonly name: string;
  /** Stretches of θ that are on the sphere together. */
  readonly ranges: readonly { readonly first: number; readonly count: number }[];
}

export interface Spheres {
  readonly radius: number;
  readonly groups: readonly SphereGroup[];
  /** Is every parameter on one of them? */
  readonly whole: boolean;
}

function groupOf(model: Model, names: readonly string[]): SphereGroup {
  const ranges = names.map((name) => {
    const block = model.params.find((candidate) => candidate.name === name);
    if (!block) {
      throw new ArgumentError(
        `spheres: "${name}" is no parameter block of ${model.name}; there are ` +
          `${model.params.map((one) => one.name).join(", ")}.`,
      );
    }
    return { first: block.offset, count: block.size };
  });
  const name = names.join(" + ");
  if (ranges.reduce((sum, { count }) => sum + count, 0) < 2) {
    throw new ArgumentError(
      `spheres: the group [${name}] has fewer than two parameters, so that nothing can move on its ` +
        "sphere; put its block into another group, or into none.",
    );
  }
  return { name, ranges };
}

/** The groups of a model, checked; null when none are asked for. */
export function spheresOf(model: Model, given: SpheresOptions | undefined): Spheres | null {
  if (!given) return null;
  const { groups = "each", radius = 1 } = given;
  if (!(Number.isFinite(radius) && radius > 0)) {
    throw new ArgumentError(`spheres: radius is ${radius}, it must be a finite number > 0.`);
  }
  const blocks = model.params.map(({ name }) => name);
  let lists: readonly (readonly string[])[];
  if (groups === "each") lists = blocks.map((name) => [name]);
  else lists = groups === "whole" ? [blocks] : groups;
  const named = lists.flat();
  const twice = named.find((name, i) => named.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ArgumentError(
      `spheres: block ${twice} is in two groups or twice in one; name each block once.`,
    );
  }
  if (lists.length === 0) {
    throw new ArgumentError('spheres: groups is empty; name a block, or use "each" or "whole".');
  }
  const checked = lists.map((names) => groupOf(model, names));
  return { radius, groups: checked, whole: named.length === blocks.length };
}

/** Why these settings of a rule make no sense on spheres, or null. */
export function sphereComplaint(
  { whole }: Spheres,
  rule: UpdateRule,
  settings: readonly Setting[],
): string | null {
  if (rule.gradient === "implicit") {
    return (
      `spheres: ${rule.name} solves for a point off the sphere; use an explicit rule, such as sgd or ` +
      "langevin."
    );
  }
  const [vector] = rule.needs(settings);
  if (vector !== undefined) {
    return (
      `spheres: ${rule.name} keeps the vector ${vector}, which is not tangential after a step; ` +
      "use momentum 0, or a rule that keeps none, such as sgd or langevin."
    );
  }
  if (rule.prepare || rule.gradient === "corrected") {
    return (
      `spheres: ${rule.name} takes its gradient off the sphere, beside θ; use a rule that takes it ` +
      "at θ, such as sgd or langevin."
    );
  }
  const decay = settings.find(({ weightDecay = 0 }) => weightDecay !== 0);
  if (whole && decay) {
    return (
      `spheres: weightDecay is ${decay.weightDecay}, and all parameters are on spheres, where decay ` +
      "does nothing; set weightDecay: 0."
    );
  }
  return null;
}

const overGroup = (group: SphereGroup, act: (p: number) => void): void => {
  for (const { first, count } of group.ranges) {
    for (let p = first; p < first + count; p += 1) act(p);
  }
};

/** P_θ of a vector at θ on the spheres, in place. */
export function projectTangential(
  { groups, radius }: Spheres,
  vector: Float64Array,
  theta: ArrayLike<number>,
): void {
  for (const group of groups) {
    let along = 0;
    overGroup(group, (p) => {
      along += theta[p]! * vector[p]!;
    });
    along /= radius * radius;
    overGroup(group, (p) => {
      vector[p]! -= along * theta[p]!;
    });
  }
}

/**
 * θ ← rθ/|θ| for each group, in place.
 *
 * @throws ArgumentError for a group that is zero, with the words of `where` (which replica).
 */
export function normalizeOntoSpheres(
  { groups, radius }: Spheres,
  theta: Float64Array | Float32Array,
  where = "",
): void {
  for (const group of groups) {
    let square = 0;
    overGroup(group, (p) => {
      square += theta[p]! ** 2;
    });
    if (!(square > 0 && Number.isFinite(square))) {
      throw new ArgumentError(
        `spheres: the parameters of [${group.name}] are ${square === 0 ? "all zero" : "not finite"}` +
          `${where}, and have no direction; give initial: gaussian({ standardDeviation: 1 }), or ` +
          "another start.",
      );
    }
    const scale = radius / Math.sqrt(square);
    overGroup(group, (p) => {
      theta[p]! *= scale;
    });
  }
}
