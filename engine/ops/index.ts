/** The table of operations, which tests iterate over, and the functions that build graphs. */
import { bindTable } from "./apply.ts";
import { arithmetic } from "./arithmetic.ts";
import { classification } from "./classification.ts";
import { contraction } from "./contraction.ts";
import { convolution } from "./convolution.ts";
import { detach } from "./detach.ts";
import { movement } from "./movement.ts";
import { normalization } from "./normalization.ts";
import type { Op } from "./op.ts";
import { patches, unpatch } from "./patches.ts";
import { piecewise } from "./piecewise.ts";
import { pooling } from "./pooling.ts";
import { reduction } from "./reduction.ts";
import { transcendental } from "./transcendental.ts";

const all: readonly Op[] = [
  ...arithmetic,
  ...piecewise,
  ...transcendental,
  ...contraction,
  ...movement,
  ...reduction,
  ...classification,
  detach,
  patches,
  unpatch,
  ...convolution,
  ...pooling,
  ...normalization,
];

/** Every operation by name. Leaves (`param`, `sample`, `constant`) are not operations. */
export const ops: Readonly<Record<string, Op>> = Object.freeze(
  Object.fromEntries(all.map((rule) => [rule.name, Object.freeze(rule)])),
);

bindTable(ops);

export { apply, type Operand } from "./apply.ts";
export { op, sumTo, zeros } from "./build.ts";
export { erf } from "./errorFunction.ts";
export type { Lowering, Op } from "./op.ts";
export type {
  LayerNormOptions,
  PatchOptions,
  PoolOptions,
  UnpatchOptions,
  WeightNormOptions,
} from "./windowed.ts";
export type { Extent, WindowOptions } from "./windows.ts";
