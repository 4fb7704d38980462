/**
 * The device's half of a neighbor search: for a slice of queries, the distance to the nearest point of
 * each group of consecutive points.
 *
 * The set stays on the device in panels that fit a binding. Work is cut into dispatches of bounded
 * time; nothing depends on how. Left out: the choice of neighbors, which is the host's.
 */
import { sources } from "#shaders";
import type { Device } from "../device.ts";
import { LimitError } from "../errors.ts";
import { Readback, storage, uniform } from "../run/buffers.ts";
import { bindGroup } from "../run/dataPass.ts";
import { Pacer } from "../run/pacer.ts";
import { type Kernel, kernel } from "../run/pipeline.ts";
import { type Schema, structBytes, structText } from "../wgsl/layout.ts";
import { type LinkedShader, link, type SlotBody } from "../wgsl/link.ts";
import { type PointSet, type Scaling, scaledPoints, TILE } from "./scaledPoints.ts";

const RUN = {
  first_group: "u32",
  first_row: "u32",
  tiles: "u32",
  chunks: "u32",
  points: "u32",
  queries: "u32",
} as const satisfies Schema;

/** Queries of an invocation, and invocations of a workgroup. */
const QUERIES = 4;
const WORKGROUP = 32;
/** Slices of queries are multiples of this. */
export const QUERY_STRIDE = QUERIES * WORKGROUP;
/** Bytes of a panel of points, and of a slice's minima: well below any limit, enough to be busy. */
const PANEL_BYTES = 2 ** 26;
const MINIMA_BYTES = 2 ** 24;

/** How a search is cut. */
export interface GroupSpec {
  readonly set: PointSet;
  readonly scaling: Scaling;
  /** Points of a group, a multiple of the tile. */
  readonly groupPoints: number;
  /** Largest slice of queries. */
  readonly queries: number;
  /** Largest buffer for points; 64 MiB unless said otherwise. */
  readonly panelBytes?: number;
}

/** Minima of a slice, [group, query]; rows are `stride` long, queries beyond the slice mean nothing. */
export interface SliceMinima {
  readonly minima: Float32Array;
  readonly stride: number;
}

interface Panel {
  readonly points: GPUBuffer;
  readonly stride: number;
  readonly groups: number;
  readonly firstGroup: number;
}

/** Largest number of queries whose minima fit the memory set aside, at least one workgroup's. */
export const mostQueries = (groups: number): number =>
  QUERY_STRIDE * Math.max(1, Math.floor(MINIMA_BYTES / (4 * groups * QUERY_STRIDE)));

/**
 * The kernel's text; with `broadcast` lanes of a subgroup each load one point and pass it on. A load
 * of one address by all lanes is dear where hardware or driver do not see that it is one.
 */
export function nearestGroupsShader(broadcast: 4 | 8 | null): LinkedShader {
  const run = { code: structText("Run", RUN) };
  if (broadcast === null) return link("analysis/nearest_groups", { slots: { run } }, sources);
  const loads: string[] = [];
  for (let first = 0; first < TILE; first += broadcast) {
    loads.push(`let own${first} = points[at + ${first}u + (lane & ${broadcast - 1}u)];`);
    for (let j = 0; j < broadcast; j++) {
      loads.push(`let p${first + j} = subgroupBroadcast(own${first}, ${j}u);`);
    }
  }
  const slots: Record<string, SlotBody> = {
    run,
    enable: { code: "enable subgroups;" },
    lane: { code: "  @builtin(subgroup_invocation_id) lane: u32," },
    load_points: { code: loads.map((line) => `      ${line}`).join("\n") },
  };
  return link("analysis/nearest_groups", { slots }, sources);
}

/** Lanes that share a load on this device: 4 or 8 where subgroups are never smaller. */
export function broadcastWidth({ gpu }: Device): 4 | 8 | null {
  if (!gpu.features.has("subgroups")) return null;
  const least = gpu.adapterInfo?.subgroupMinSize ?? 0;
  return least >= 8 ? 8 : least >= 4 ? 4 : null;
}

export class GroupMinima {
  private readonly device: Device;
  private readonly spec: GroupSpec;
  private readonly readback: Readback;
  private readonly pacer: Pacer;
  private readonly panels: readonly Panel[];
  private readonly run: GPUBuffer;
  private readonly queries: GPUBuffer;
  private readonly minima: GPUBuffer;
  private readonly chunks: number;
  private readonly compiled: Promise<Kernel>;

  /** @throws LimitError when a workgroup's queries or a group of points pass the binding limit. */
  constructor(device: Device, spec: GroupSpec, broadcast = broadcastWidth(device)) {
    const { gpu } = device;
    this.device = device;
    this.spec = spec;
    this.chunks = Math.ceil(spec.set.dimensions / 4);
    checkLimits(device, spec, this.chunks);
    this.readback = new Readback(gpu);
    this.pacer = new Pacer(device, undefined);
    this.run = uniform(gpu, "nearest groups", structBytes(RUN, zeros).byteLength);
    this.panels = panelsOf(gpu, spec, this.chunks);
    this.queries = storage(gpu, "queries", 16 * this.chunks * spec.queries);
    this.minima = storage(gpu, "minima", 4 * this.groups * spec.queries);
    this.compiled = kernel(
      device,
      nearestGroupsShader(broadcast),
      [["uniform", "read-only-storage", "read-only-storage", "storage"]],
      { WORKGROUP },
    );
    // Whoever waits for it hears of a failure; without this one before that ends the process.
    this.compiled.catch(() => {});
  }

  get groups(): number {
    return Math.ceil(this.spec.set.count / this.spec.groupPoints);
  }

  /** Minima of `count` queries from `first` on. */
  async of(
    from: PointSet,
    first: number,
    count: number,
    signal?: AbortSignal,
  ): Promise<SliceMinima> {
    const { gpu } = this.device;
    const stride = QUERY_STRIDE * Math.ceil(count / QUERY_STRIDE);
    const { words } = scaledPoints(from, this.spec.scaling, first, stride);
    gpu.queue.writeBuffer(this.queries, 0, words);
    for (const panel of this.panels) await this.takePanel(panel, stride, signal);
    const size = 4 * this.groups * stride;
    const [bytes] = await this.readback.read([{ buffer: this.minima, offset: 0, size }]);
    this.device.check();
    return { minima: new Float32Array(bytes!), stride };
  }

  private async takePanel(panel: Panel, stride: number, signal?: AbortSignal): Promise<void> {
    const { gpu } = this.device;
    const { pipeline, layouts } = await this.compiled;
    const buffers = [this.run, panel.points, this.queries, this.minima];
    const group = bindGroup(gpu, layouts[0]!, buffers);
    const widest = gpu.limits.maxComputeWorkgroupsPerDimension;
    for (let done = 0; done < panel.groups; ) {
      signal?.throwIfAborted();
      const groups = this.pacer.steps(stride, panel.groups - done, widest);
      const values = {
        first_group: done,
        first_row: panel.firstGroup + done,
        tiles: this.spec.groupPoints / TILE,
        chunks: this.chunks,
        points: panel.stride,
        queries: stride,
      };
      gpu.queue.writeBuffer(this.run, 0, structBytes(RUN, values));
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(stride / QUERY_STRIDE, groups);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      await this.pacer.submitted(groups * stride);
      done += groups;
    }
  }

  destroy(): void {
    this.readback.destroy();
    const points = this.panels.map((panel) => panel.points);
    for (const buffer of [this.run, this.queries, this.minima, ...points]) buffer.destroy();
  }
}

const zeros = { first_group: 0, first_row: 0, tiles: 0, chunks: 0, points: 0, queries: 0 };

function checkLimits({ gpu }: Device, { set, groupPoints }: GroupSpec, chunks: number): void {
  const bytes = 16 * chunks * Math.max(groupPoints, QUERY_STRIDE);
  const most = gpu.limits.maxStorageBufferBindingSize;
  if (bytes <= most) return;
  throw new LimitError(
    `nearestNeighbors: ${QUERY_STRIDE} points of ${set.dimensions} dimensions take ${bytes} bytes, ` +
      `this device binds ${most}; project them to fewer dimensions.`,
  );
}

/** The set on the device, whole groups in each panel. */
function panelsOf(
  gpu: GPUDevice,
  { set, scaling, groupPoints, panelBytes = PANEL_BYTES }: GroupSpec,
  chunks: number,
): Panel[] {
  const groupBytes = 16 * chunks * groupPoints;
  const total = Math.ceil(set.count / groupPoints);
  const limit = Math.min(panelBytes, gpu.limits.maxStorageBufferBindingSize);
  const most = Math.max(1, Math.floor(limit / groupBytes));
  const panels: Panel[] = [];
  for (let firstGroup = 0; firstGroup < total; firstGroup += most) {
    const groups = Math.min(most, total - firstGroup);
    const stride = groups * groupPoints;
    const { words } = scaledPoints(set, scaling, firstGroup * groupPoints, stride);
    panels.push({ points: storage(gpu, "points", words), stride, groups, firstGroup });
  }
  return panels;
}
