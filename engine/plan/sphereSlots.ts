/**
 * WGSL of groups of parameters on spheres: G's tangential part, and the way back onto the sphere.
 *
 * Source and twin: `update/spheres.ts`. `radius` is read once a dispatch. Loops over a group are
 * written out where the others are.
 */
import type { SphereGroup, Spheres } from "../update/spheres.ts";

type Lines = readonly string[];

/** A line for every parameter of a group, `p` being its number in WGSL. */
function over({ ranges }: SphereGroup, unroll: number, line: (p: string) => string): Lines {
  const size = ranges.reduce((sum, { count }) => sum + count, 0);
  return ranges.flatMap(({ first, count }) =>
    size > unroll
      ? [`for (var p = ${first}u; p < ${first + count}u; p += 1u) {`, `  ${line("p")}`, "}"]
      : Array.from({ length: count }, (_, k) => line(`${first + k}u`)),
  );
}

const block = (lines: Lines): Lines => ["{", ...lines.map((line) => `  ${line}`), "}"];

/** gradient ← P_θ gradient */
export const projectGradient = ({ groups }: Spheres, unroll: number): Lines =>
  groups.flatMap((group) =>
    block([
      "var along = 0.0;",
      ...over(group, unroll, (p) => `along += theta[${p}] * gradient[${p}];`),
      "along /= radius * radius;",
      ...over(group, unroll, (p) => `gradient[${p}] -= along * theta[${p}];`),
    ]),
  );

export interface SphereStep {
  readonly unroll: number;
  /** P, to know which parameters are free. */
  readonly parameters: number;
  /** The rule's step has a part along θ: noise of its own, or rates that differ. */
  readonly radial: boolean;
  /** The learning rate of parameter p in WGSL, where (θ' − θ)/η is kept; null: it is not. */
  readonly displacementRate: ((p: string) => string) | null;
  /** WGSL before parameter p goes to `to`, for observables. */
  readonly addSquare: (to: string, p: string) => Lines;
}

/** The parameters on no sphere. */
function freeParameters({ groups }: Spheres, parameters: number): SphereGroup {
  const taken = groups.flatMap(({ ranges }) => ranges).sort((a, b) => a.first - b.first);
  const ranges: { first: number; count: number }[] = [];
  let next = 0;
  for (const { first, count } of [...taken, { first: parameters, count: 0 }]) {
    if (first > next) ranges.push({ first: next, count: first - next });
    next = first + count;
  }
  return { name: "free", ranges };
}

/** Where the rule took θ lies in `gradient`; moves θ there, along the spheres. */
export function stepOntoSpheres(spheres: Spheres, step: SphereStep): Lines {
  const { unroll, parameters, radial, displacementRate, addSquare } = step;
  const take = (p: string, to: string): string => {
    const lines = [...addSquare("moved", p)];
    if (displacementRate) {
      // A rate of 0 moves nothing but by rounding.
      lines.push(
        `let rate = ${displacementRate(p)};`,
        `velocity[${p}] = select((moved - theta[${p}]) / max(rate, 1e-37), 0.0, rate == 0.0);`,
      );
    }
    if (lines.length === 0) return `theta[${p}] = ${to};`;
    return `{ let moved = ${to}; ${lines.join(" ")} theta[${p}] = moved; }`;
  };
  const project = (group: SphereGroup): Lines => [
    "var along = 0.0;",
    ...over(group, unroll, (p) => `along += theta[${p}] * (gradient[${p}] - theta[${p}]);`),
    "along /= radius * radius;",
    ...over(group, unroll, (p) => `gradient[${p}] -= along * theta[${p}];`),
  ];
  return [
    ...spheres.groups.flatMap((group) =>
      block([
        ...(radial ? project(group) : []),
        "var square = 0.0;",
        ...over(group, unroll, (p) => `square += gradient[${p}] * gradient[${p}];`),
        "let scale = radius * inverseSqrt(square);",
        ...over(group, unroll, (p) => take(p, `scale * gradient[${p}]`)),
      ]),
    ),
    ...over(freeParameters(spheres, parameters), unroll, (p) => take(p, `gradient[${p}]`)),
  ];
}
