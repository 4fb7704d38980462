/**
 * How a generated loss reaches its random numbers, and the lines that draw them before it.
 *
 * Few pairs are drawn one after the other into locals, those that are read; more are drawn in kept
 * loops into an array, all of them (`shaders/lib/sample_draws.wgsl`).
 */
import type { Model } from "../model.ts";
import { drawPairs, type ModelDraw } from "../modelDraws.ts";
import type { Leaves } from "./emit.ts";
import { type Index, isLiteral, literal, plus, printIndex } from "./indexing.ts";

export interface DrawAccess {
  readonly draw: Leaves["draw"];
  readonly loads: () => string[];
  readonly imports: readonly string[];
}

/** Pairs beyond which drawing is a loop: written out, each is about 150 instructions. */
const WRITTEN_OUT = 4;

export function drawAccess({ draws }: Model): DrawAccess {
  const pairs = drawPairs(draws);
  const byName = new Map(draws.map((one) => [one.name, one]));
  const find = (name: string): ModelDraw => byName.get(name)!;
  const access = pairs.all > WRITTEN_OUT ? inLoops(pairs, find) : writtenOut(pairs, find);
  return { ...access, imports: draws.length > 0 ? ["lib/sample_draws"] : [] };
}

type Pairs = ReturnType<typeof drawPairs>;
type Access = Omit<DrawAccess, "imports">;

const numberOf = ({ law }: ModelDraw, number: string): string =>
  law === "sign" ? `draw_sign(${number})` : number;

const pairOf = (pairs: Pairs, k: string, law: "normals" | "uniforms"): string =>
  `draw_${law}(draw_key, step, b * ${pairs.all}u + ${k})`;

/** Each pair that is read is a local; draws that rolled loops address get an array. */
function writtenOut(pairs: Pairs, find: (name: string) => ModelDraw): Access {
  const read = new Set<number>();
  const arrays = new Set<ModelDraw>();
  const element = (one: ModelDraw, i: number): string => {
    const number = one.at + i;
    read.add(number >> 1);
    return numberOf(one, `pair_${number >> 1}.${"xy"[number & 1]}`);
  };
  return {
    draw: (name, flat) => {
      const one = find(name);
      if (isLiteral(flat)) return element(one, flat.constant);
      arrays.add(one);
      return `drawn_${name}[${printIndex(flat)}]`;
    },
    loads: () => {
      const fills = [...arrays].map((one) => {
        const elements = Array.from({ length: one.size }, (_, i) => element(one, i));
        return `  var drawn_${one.name} = array<f32, ${one.size}>(${elements.join(", ")});`;
      });
      const locals = [...read].sort((a, b) => a - b);
      const lawOf = (k: number) => (k < pairs.normal ? "normals" : "uniforms");
      return [
        ...locals.map((k) => `  let pair_${k} = ${pairOf(pairs, `${k}u`, lawOf(k))};`),
        ...fills,
      ];
    },
  };
}

/** All numbers of the sample in one array, in kept loops. */
function inLoops(pairs: Pairs, find: (name: string) => ModelDraw): Access {
  const loop = (first: number, end: number, law: "normals" | "uniforms"): string[] =>
    first === end
      ? []
      : [
          `  for (var k = ${first}u; k < ${end}u; k += 1u) {`,
          `    let pair = ${pairOf(pairs, "k", law)};`,
          "    drawn[2u * k] = pair.x;",
          "    drawn[2u * k + 1u] = pair.y;",
          "  }",
        ];
  return {
    draw: (name: string, flat: Index) => {
      const one = find(name);
      return numberOf(one, `drawn[${printIndex(plus(flat, literal(one.at)))}]`);
    },
    loads: () => [
      `  var drawn = array<f32, ${2 * pairs.all}>();`,
      ...loop(0, pairs.normal, "normals"),
      ...loop(pairs.normal, pairs.all, "uniforms"),
    ],
  };
}
