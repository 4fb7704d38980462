/**
 * How a kernel reaches the means over the group of its replica, and the kernel that computes them.
 *
 * They stand in `state` behind the lanes' words: [param, group], then for each group whether a member
 * is frozen. A group freezes as a whole: a system of one particle less is another system.
 */
import { sources } from "#shaders";
import { type Schema, structText } from "../wgsl/layout.ts";
import { type LinkedShader, link } from "../wgsl/link.ts";

export interface InteractionRequest {
  readonly parameterCount: number;
  /** Words of a lane's state. */
  readonly words: number;
  readonly groupSize: number;
}

/** Words behind the lanes' for each group: its means, and whether it is lost. */
export const groupWords = (parameterCount: number): number => parameterCount + 1;

/** Invocations of a workgroup of `schedules/group_means.wgsl`. */
const INVOCATIONS = 64;

/**
 * Invocations that share the sum of one mean: each adds 16 members at least. A function of the group
 * size alone, so that means are the same bits however groups are spread over chunks and dispatches.
 */
function shares(groupSize: number): number {
  let width = 1;
  while (width < INVOCATIONS && 32 * width <= groupSize) width *= 2;
  return width;
}

export interface GroupMeansPlan {
  readonly groupSize: number;
  /** Means that one workgroup computes. */
  readonly meansPerWorkgroup: number;
  readonly shader: LinkedShader;
}

/** The kernel that computes the means, with the uniform of the schedule. */
export function groupMeansPlan(request: InteractionRequest, run: Schema): GroupMeansPlan {
  const { parameterCount, words, groupSize } = request;
  const width = shares(groupSize);
  return {
    groupSize,
    meansPerWorkgroup: INVOCATIONS / width,
    shader: link(
      "schedules/group_means",
      {
        params: {
          PARAMS: `${parameterCount}u`,
          WORDS: `${words}u`,
          GROUP_SIZE: `${groupSize}u`,
          WIDTH: `${width}u`,
        },
        slots: { run: { code: structText("Run", run) } },
      },
      sources,
    ),
  };
}

/** Module scope of a kernel that reads means. */
export const GROUP_MEAN =
  "/// Means of θ over the replica's group, before the step.\n" +
  "var<private> group_mean: array<f32, PARAMS>;";

/** Lines that load the means of a lane's group; `lanes` is the WGSL of the lanes in the chunk. */
export function loadGroupMean(
  { words, groupSize }: InteractionRequest,
  lanes: string,
  then: readonly string[] = [],
): string[] {
  return [
    "{",
    `  let all = ${lanes} / ${groupSize}u;`,
    `  let group = lane / ${groupSize}u;`,
    `  let means = ${words}u * ${lanes};`,
    "  for (var p = 0u; p < PARAMS; p += 1u) { group_mean[p] = state[means + p * all + group]; }",
    ...then.map((line) => `  ${line}`),
    "}",
  ];
}

/** The same in the schedule, where a lane stops whose group is lost. */
export const loadGroupMeanOrStop = (request: InteractionRequest): string[] =>
  loadGroupMean(request, "run.lanes", [
    "// A group that lost a member stops as a whole.",
    "if (state[means + PARAMS * all + group] != 0.0) {",
    "  frozen[lane] = run.first_step + 1u;",
    "  return;",
    "}",
  ]);
