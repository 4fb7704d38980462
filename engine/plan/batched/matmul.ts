/**
 * Batches of matrix products as WGSL: C[z] = A[z] B[z] for every matrix z of a dispatch.
 *
 * The caller says where operands come from and what becomes of a sum, as WGSL functions; so operands
 * may be gathered, computed or padded, and a bias, an activation or a parameter's update costs no pass
 * of its own. The skeleton is shaders/batched/matmul.wgsl; here are its generated lines.
 *
 * Left out: other element types than f32, splitting k over workgroups.
 */
import { sources } from "#shaders";
import { LimitError } from "../../errors.ts";
import { type LinkedShader, link } from "../../wgsl/link.ts";
import { indented } from "../threadSlots.ts";
import type { MatmulRequest } from "./matmulRequest.ts";
import { begin, multiply, storeSums } from "./registerTile.ts";

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

/** The kernel of a batch of products. */
export function matmulShader(request: MatmulRequest): LinkedShader {
  const { m, n, k, tile, bindings, functions, matrices } = request;
  const [alongN, alongM, alongZ] = tile.workgroup;
  const shared = tile.memory === "subgroup";
  const rest = typeof k === "string" || k % tile.depth !== 0;
  const place = [
    `let last_matrix = ${matrices.end};`,
    `let z = ${matrices.first} + workgroup.z${alongZ > 1 ? " * ALONG_Z + local.z" : ""};`,
    `let m = ${alongM > 1 ? "(workgroup.y * ALONG_M + local.y)" : "workgroup.y"} * ROWS;`,
    "let n = (workgroup.x * ALONG_N + local.x) * COLUMNS;",
  ];
  const one = multiply(request, 1);
  return link(
    "batched/matmul",
    {
      params: {
        M: u(m),
        N: u(n),
        ROWS: u(tile.rows),
        COLUMNS: u(tile.columns),
        ALONG_N: u(alongN),
        ALONG_M: u(alongM),
        ALONG_Z: u(alongZ),
        STRIDE: u(tile.depth),
        ...request.further?.params,
      },
      slots: {
        enable: { code: shared ? "enable subgroups;" : "" },
        lane: { code: shared ? "  @builtin(subgroup_invocation_id) subgroup_lane: u32," : "" },
        bindings: { code: bindings },
        functions,
        place: indented([...place, ...(shared ? ["let lane = subgroup_lane % 8u;"] : [])], 2),
        depth: indented([`let depth = ${typeof k === "string" ? k : u(k)};`], 2),
        begin: indented(begin(request), 2),
        multiply: indented(multiply(request, tile.depth), 4),
        rest: indented(
          rest ? ["for (; k < depth; k += 1u) {", ...one.map((line) => `  ${line}`), "}"] : [],
          2,
        ),
        store: indented(storeSums(request), 2),
        ...request.further?.slots,
      },
    },
    sources,
  );
}
