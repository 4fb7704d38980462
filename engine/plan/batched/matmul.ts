/**
 * Batches of matrix products as WGSL: C[z] = A[z] B[z] for every matrix z of a dispatch.
 *
 * The caller says where operands come from and what becomes of a sum, as WGSL functions; so operands
 * may be gathered, computed or padded, and a bias, an activation or a parameter's update costs no pass
 * of its own. The skeletons are shaders/batched/matmul.wgsl
 * and matmul_shared.wgsl; their generated lines: registerTile.ts, workgroupTile.ts.
 *
 * Left out: other element types than f32, splitting k over workgroups.
 */
import { sources } from "#shaders";
import { LimitError } from "../../errors.ts";
import { type LinkedShader, link } from "../../wgsl/link.ts";
import { indented } from "../threadSlots.ts";
import type { MatmulRequest } from "./matmulRequest.ts";
import { begin, multiply, SHARING, storeSums, strideOf } from "./registerTile.ts";
import { beginTiles, fill, multiplyTiles } from "./workgroupTile.ts";

/**
 * Workgroups of a dispatch over `count` matrices.
 *
 * Throws `LimitError` when they are more than the device takes in one dimension.
 */
export function matmulWorkgroups(
  { m, n, tile }: Pick<MatmulRequest, "m" | "n" | "tile">,
  count: number,
  widest = 65_535,
): [n: number, m: number, z: number] {
  const [alongN, alongM, alongZ] = tile.workgroup;
  const workgroups: [number, number, number] = [
    Math.ceil(n / (alongN * tile.columns)),
    Math.ceil(m / (alongM * tile.rows)),
    Math.ceil(count / alongZ),
  ];
  if (Math.max(...workgroups) > widest) {
    throw new LimitError(
      `matmul: ${count} products [${m}, ·] × [·, ${n}] take ${workgroups.join(" × ")} workgroups, ` +
        `this device dispatches ${widest} in a dimension; take fewer matrices at a time.`,
    );
  }
  return workgroups;
}

const u = (value: number): string => `${value}u`;

/** Parameters and slots that both skeletons have. */
function commonParts(request: MatmulRequest) {
  const { m, n, k, tile, bindings, functions } = request;
  const [alongN, alongM] = tile.workgroup;
  return {
    params: {
      M: u(m),
      N: u(n),
      ROWS: u(tile.rows),
      COLUMNS: u(tile.columns),
      ALONG_N: u(alongN),
      ALONG_M: u(alongM),
      ...request.further?.params,
    },
    slots: {
      bindings: { code: bindings },
      functions,
      depth: indented([`let depth = ${typeof k === "string" ? k : u(k)};`], 2),
      store: indented(storeSums(request), 2),
      ...request.further?.slots,
    },
  };
}

function sharedShader(request: MatmulRequest): LinkedShader {
  const { params, slots } = commonParts(request);
  const place = indented([`let z = ${request.matrices.first} + workgroup.z;`], 2);
  return link(
    "batched/matmul_shared",
    {
      params: { ...params, DEPTH: u(request.tile.depth) },
      slots: {
        ...slots,
        place,
        begin: indented(beginTiles(request), 2),
        fill: indented(fill(request), 4),
        multiply: indented(multiplyTiles(request), 6),
      },
    },
    sources,
  );
}

/** With a feature enabled, which WGSL wants before all else, imports too. */
const enabled = (feature: string, { code, origin }: LinkedShader): LinkedShader => ({
  code: `enable ${feature};\n${code}`,
  origin: [{ file: "generated enable", line: 1 }, ...origin],
});

function registerShader(request: MatmulRequest): LinkedShader {
  const { k, tile, matrices } = request;
  const [, alongM, alongZ] = tile.workgroup;
  const { params, slots } = commonParts(request);
  const sharing = tile.memory === "subgroup";
  const stride = strideOf(request);
  const rest = stride > 1 && (typeof k === "string" || k % stride !== 0);
  const place = [
    ...(alongZ > 1 ? [`let last_matrix = ${matrices.end};`] : []),
    `let z = ${matrices.first} + workgroup.z${alongZ > 1 ? " * ALONG_Z + local.z" : ""};`,
    `let m = ${alongM > 1 ? "(workgroup.y * ALONG_M + local.y)" : "workgroup.y"} * ROWS;`,
    "let n = workgroup.x * ALONG_N * COLUMNS + 4u * local.x;",
    ...(sharing ? [`let lane = subgroup_lane % ${SHARING}u;`] : []),
  ];
  const restLines = rest ? multiply(request, 1).map((line) => `  ${line}`) : [];
  const shader = link(
    "batched/matmul",
    {
      params: { ...params, ALONG_Z: u(alongZ), STRIDE: u(stride) },
      slots: {
        ...slots,
        lane: { code: sharing ? "  @builtin(subgroup_invocation_id) subgroup_lane: u32," : "" },
        place: indented(place, 2),
        begin: indented(begin(request), 2),
        multiply: indented(multiply(request, stride), 4),
        rest: indented(rest ? ["for (; k < depth; k += 1u) {", ...restLines, "}"] : [], 2),
      },
    },
    sources,
  );
  return sharing ? enabled("subgroups", shader) : shader;
}

/**
 * The kernel of a batch of products.
 *
 * Where lanes or workgroups share what they load, `k` must be the same for all of a workgroup: WGSL
 * refuses barriers and broadcasts that some may not reach.
 */
export const matmulShader = (request: MatmulRequest): LinkedShader =>
  request.tile.memory === "workgroup" ? sharedShader(request) : registerShader(request);
