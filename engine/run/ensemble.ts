/**
 * An ensemble: conditions × replicas of one model on a device, advanced, observed, saved, resumed.
 *
 * A trajectory is a function of (seed, condition, replica, step) alone. Chunks, slices, steps per
 * dispatch, workgroup size, sharding and observing change nothing but time.
 */
import type { Device } from "../device.ts";
import { ArgumentError, CheckpointError, DivergedError } from "../errors.ts";
import { initialState } from "../initial.ts";
import type { Observables, ObservationPlan } from "../observe/observation.ts";
import { coordinateIndex } from "../observe/quantity.ts";
import { planThread, RUN_SCHEMA, type ThreadPlan } from "../plan/threadPlan.ts";
import type { Field, MomentsRecord, RunInfo, SeriesRecord, SnapshotRecord } from "../record.ts";
import { storesOrder } from "../sampling.ts";
import type { Setting } from "../update/updateRule.ts";
import { structBytes } from "../wgsl/layout.ts";
import type { LinkedShader } from "../wgsl/link.ts";
import { type DataSource, packRows } from "../wgsl/row.ts";
import { Readback, storage, uniform } from "./buffers.ts";
import { checkData } from "./checkData.ts";
import { type Chunk, chunkLanes, createChunk, destroyChunk } from "./chunk.ts";
import { completeSetting, sweptNames } from "./conditions.ts";
import { type Packed, pack, unpack } from "./container.ts";
import { divergence } from "./divergence.ts";
import { evaluateLanes, evaluationShader } from "./evaluate.ts";
import { laneWords, observationPlan } from "./observationPlan.ts";
import { ensembleAxes, Observing } from "./observing.ts";
import { type EnsembleOptions, fingerprint, type Resolved, resolve } from "./options.ts";
import { Pacer } from "./pacer.ts";
import { type Bindings, type Kernel, kernel } from "./pipeline.ts";

/** The Record type of a set of observables, by name. */
export type RecordOf<O extends Observables> = {
  readonly [Name in keyof O]: O[Name]["kind"] extends "series"
    ? SeriesRecord
    : O[Name]["kind"] extends "moments"
      ? MomentsRecord
      : SnapshotRecord;
} & { readonly run: RunInfo };

export interface RunOptions {
  /** SGD steps to take. */
  readonly steps: number;
  /** Heard between rounds of about half a second; the ensemble stays consistent. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EnsembleProgress) => void;
}

export interface EnsembleProgress {
  /** Steps of this call that are done. */
  readonly steps: number;
  readonly of: number;
  readonly replicaStepsPerSecond: number;
}

export interface EnsembleState {
  readonly step: number;
  /** [condition, replica, param] */
  readonly theta: Field;
  /** [condition, replica, param]; null without momentum. */
  readonly velocity: Field | null;
}

export class Ensemble<O extends Observables> implements AsyncDisposable {
  readonly plan: ThreadPlan;
  /** SGD steps taken so far. */
  step = 0;
  private settings: readonly Setting[];
  private readonly device: Device;
  private readonly resolved: Resolved;
  private readonly observation: ObservationPlan | null;
  private readonly chunks: readonly Chunk[];
  private readonly data: GPUBuffer;
  private readonly hyper: GPUBuffer;
  private readonly run: GPUBuffer;
  private readonly constants: GPUBuffer | null;
  /** Content of `constants`; pilot means are set when observing first begins. */
  private reference: Float32Array<ArrayBuffer>;
  private hasReference = false;
  private readonly readback: Readback;
  private readonly pacer: Pacer;
  private readonly kernels = new Map<ObservationPlan | null, Promise<Kernel>>();
  /** Evaluation shaders by the outputs they average. */
  private readonly evaluations = new Map<string, LinkedShader>();
  private readonly groups = new Map<string, GPUBindGroup[]>();
  private rebuild = true;
  private busy: string | null = null;
  /** Settles with the last call; never rejects. */
  private running: Promise<void> = Promise.resolve();
  private observeFirst = 0;

  /** Use `createEnsemble`. */
  constructor(
    device: Device,
    resolved: Resolved,
    plan: ThreadPlan,
    observation: ObservationPlan | null,
  ) {
    const { gpu } = device;
    this.device = device;
    this.resolved = resolved;
    this.plan = plan;
    this.settings = resolved.conditions;
    this.observation = observation;
    const words = laneWords({ ...resolved, samples: resolved.data.samples }, observation);
    let first = 0;
    this.chunks = chunkLanes(
      words,
      resolved.lanes,
      gpu.limits,
      resolved.execution.lanesPerChunk,
    ).map((lanes) => {
      first += lanes;
      return createChunk(gpu, first - lanes, lanes, words);
    });
    this.data = storage(gpu, "data", packRows(resolved.data, resolved.model.fields, plan.row));
    this.hyper = storage(gpu, "hyper", hyperWords(this.settings));
    this.run = uniform(gpu, "run", structBytes(RUN_SCHEMA, RUN_ZERO).byteLength);
    this.reference = observation?.constants ?? new Float32Array(0);
    this.constants = this.reference.length > 0 ? storage(gpu, "observation", this.reference) : null;
    this.readback = new Readback(gpu);
    this.pacer = new Pacer(gpu.queue, resolved.execution.stepsPerDispatch);
  }

  /** Hyperparameters of each condition. */
  get conditions(): readonly Setting[] {
    return this.settings;
  }

  get lanes(): number {
    return this.resolved.lanes;
  }

  /** Uploads θ₀ (and v₀ = 0). */
  initialize(): void {
    const { model, initial, seed, replicas, commonNoise, hasVelocity } = this.resolved;
    const count = model.parameterCount;
    const theta = new Float32Array(count);
    for (const chunk of this.chunks) {
      const words = new Float32Array((hasVelocity ? 2 : 1) * count * chunk.lanes);
      for (let lane = 0; lane < chunk.lanes; lane += 1) {
        const global = chunk.firstLane + lane;
        const condition = commonNoise ? 0 : Math.floor(global / replicas.count);
        const replica = replicas.first + (global % replicas.count);
        initialState(initial, { seed, condition, replica }, theta);
        for (let p = 0; p < count; p += 1) words[p * chunk.lanes + lane] = theta[p]!;
      }
      this.device.gpu.queue.writeBuffer(chunk.state, 0, words);
    }
  }

  /** Takes SGD steps, recording nothing. */
  async advance(options: RunOptions): Promise<void> {
    await this.exclusively("advance", async () => {
      checkSteps("advance", options.steps);
      const kernel = await this.kernel(null);
      await this.take(kernel, null, options.steps, options, 0, options.steps);
      await this.settle();
    });
  }

  /**
   * Takes SGD steps and records what was asked for when the ensemble was created.
   *
   * Values at step t are taken from θ_t, before update t; the first record is at the current step.
   */
  async observe(options: RunOptions): Promise<RecordOf<O>> {
    return this.exclusively("observe", async () => {
      checkSteps("observe", options.steps);
      const { observation } = this;
      if (observation === null) {
        throw new ArgumentError(
          "observe: this ensemble has no observables; give createEnsemble observables: { … }, or use advance.",
        );
      }
      await this.setReference(observation);
      const firstStep = this.step;
      const observing = new Observing({
        plan: observation,
        model: this.resolved.model,
        shape: this.resolved.shape,
        firstStep,
        steps: options.steps,
        reference: this.reference,
      });
      this.observeFirst = firstStep;
      this.clearMoments(observation);
      // A window is read and merged while the device runs the next one.
      let reading: Promise<void> = Promise.resolve();
      try {
        for (let done = 0; done < options.steps; ) {
          const steps = Math.min(observation.window, options.steps - done);
          await this.window(observation, observing, done, steps, options);
          const taken = this.takeWindow(observation, observing, done, steps);
          await reading;
          reading = taken;
          done += steps;
        }
      } finally {
        await reading;
      }
      const frozen = await this.settle();
      return {
        ...observing.records(frozen),
        run: this.runInfo(firstStep, options.steps, frozen),
      } as RecordOf<O>;
    });
  }

  /** One window of an observation: steps, with the host's own records in between. */
  private async window(
    plan: ObservationPlan,
    observing: Observing,
    first: number,
    steps: number,
    options: RunOptions,
  ): Promise<void> {
    const kernel = await this.kernel(plan);
    const end = first + steps;
    for (let rel = first; rel < end; ) {
      const due = observing.due(rel);
      if (due.fullLoss) observing.takeFullLoss(rel, await this.lanesMean(["loss"]));
      if (due.snapshot) observing.takeSnapshot(rel, await this.readStates());
      const next = observing.nextDue(rel, end);
      await this.take(kernel, first, next - rel, options, rel, options.steps);
      rel = next;
    }
  }

  /** Copies a window's results at once, in queue order; merges them when they arrive. */
  private async takeWindow(
    plan: ObservationPlan,
    observing: Observing,
    first: number,
    steps: number,
  ): Promise<void> {
    const copies = this.chunks.map((chunk) =>
      this.readback.read([
        {
          buffer: chunk.series ?? chunk.state,
          offset: 0,
          size: 4 * plan.seriesWords * chunk.lanes,
        },
        {
          buffer: chunk.moments ?? chunk.state,
          offset: 0,
          size: 4 * plan.momentsWords * chunk.lanes,
        },
      ]),
    );
    this.clearMoments(plan);
    for (const [c, chunk] of this.chunks.entries()) {
      const [seriesBytes, momentsBytes] = await copies[c]!;
      observing.takeSeries(
        new Float32Array(seriesBytes!),
        chunk.firstLane,
        chunk.lanes,
        first,
        steps,
      );
      observing.takeMoments(new Float32Array(momentsBytes!), chunk.firstLane, chunk.lanes);
    }
  }

  /** Sums to zero; the rings of earlier states stay. */
  private clearMoments(plan: ObservationPlan): void {
    const encoder = this.device.gpu.createCommandEncoder();
    for (const chunk of this.chunks) {
      for (const { at, layout } of plan.moments) {
        encoder.clearBuffer(chunk.moments!, 4 * at * chunk.lanes, 4 * layout.sums * chunk.lanes);
      }
    }
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  /** The pilot mean of every condition, taken once: later Records have the same origin and merge. */
  private async setReference(plan: ObservationPlan): Promise<void> {
    if (this.hasReference || this.constants === null) return;
    if (plan.moments.length > 0) {
      const { theta, velocity } = await this.states();
      const alive = await this.frozenSteps();
      const next = Float32Array.from(this.reference);
      for (const region of plan.moments) {
        fillReference(next, region, this.resolved, theta, velocity, alive);
      }
      this.reference = next;
      this.device.gpu.queue.writeBuffer(this.constants, 0, next);
    }
    this.hasReference = true;
  }

  /** Current parameters (and velocities) of all replicas. */
  async state(): Promise<EnsembleState> {
    return this.exclusively("state", () => this.states());
  }

  private async states(): Promise<EnsembleState> {
    const { model, shape, hasVelocity } = this.resolved;
    const count = model.parameterCount;
    const raw = await this.readStates();
    const width = hasVelocity ? 2 * count : count;
    const part = (offset: number): Field => {
      const data = new Float32Array(this.lanes * count);
      for (let lane = 0; lane < this.lanes; lane += 1) {
        data.set(raw.subarray(lane * width + offset, lane * width + offset + count), lane * count);
      }
      const axis = { name: "coordinate", length: count, values: model.coordinateNames };
      return { axes: [...ensembleAxes(shape), axis], data, unit: offset === 0 ? "θ" : "θ/η" };
    };
    return { step: this.step, theta: part(0), velocity: hasVelocity ? part(count) : null };
  }

  /** [lane, θ then v] */
  private async readStates(): Promise<Float32Array> {
    const { model, hasVelocity } = this.resolved;
    const width = (hasVelocity ? 2 : 1) * model.parameterCount;
    const states = new Float32Array(this.lanes * width);
    for (const chunk of this.chunks) {
      const size = 4 * width * chunk.lanes;
      const [bytes] = await this.readback.read([{ buffer: chunk.state, offset: 0, size }]);
      const words = new Float32Array(bytes!);
      for (let k = 0; k < width; k += 1) {
        for (let lane = 0; lane < chunk.lanes; lane += 1) {
          states[(chunk.firstLane + lane) * width + k] = words[k * chunk.lanes + lane]!;
        }
      }
    }
    return states;
  }

  /**
   * Means over a data set of the loss and of the model's metrics, [quantity, condition, replica].
   *
   * Without `data`, over the data the ensemble is trained on. No weight decay is included.
   */
  async evaluate(
    options: { readonly of?: readonly string[]; readonly data?: DataSource } = {},
  ): Promise<Field> {
    return this.exclusively("evaluate", async () => {
      const { model, shape } = this.resolved;
      const of = options.of ?? ["loss", ...Object.keys(model.metrics)];
      const outputs = ["loss", ...Object.keys(model.metrics)];
      for (const name of of) {
        if (outputs.includes(name)) continue;
        throw new ArgumentError(
          `evaluate: "${name}" is no output of ${model.name}; there are ${outputs.join(", ")}.`,
        );
      }
      if (options.data) checkData(options.data, model);
      const data = await this.lanesMean(of, options.data);
      return {
        axes: [{ name: "quantity", length: of.length, values: of }, ...ensembleAxes(shape)],
        data,
        unit: "",
      };
    });
  }

  private evaluation(of: readonly string[]): LinkedShader {
    const known = this.evaluations.get(of.join());
    if (known) return known;
    const { model } = this.resolved;
    const nodes = of.map((name) => (name === "loss" ? model.loss : model.metrics[name]!));
    const shader = evaluationShader(model, nodes, this.plan.row, this.plan.unroll);
    this.evaluations.set(of.join(), shader);
    return shader;
  }

  private async lanesMean(of: readonly string[], data?: DataSource): Promise<Float64Array> {
    const { model } = this.resolved;
    const rows = data
      ? storage(this.device.gpu, "evaluation data", packRows(data, model.fields, this.plan.row))
      : this.data;
    const means = await evaluateLanes({
      device: this.device,
      shader: this.evaluation(of),
      outputs: of.length,
      chunks: this.chunks,
      data: rows,
      samples: (data ?? this.resolved.data).samples,
      readback: this.readback,
    });
    if (data) rows.destroy();
    return means;
  }

  /** Changes hyperparameters of all conditions, or of one, from the next step on. */
  set(change: Readonly<Record<string, number>>, condition?: number): void {
    this.free("set");
    const { rule, conditions, data } = this.resolved;
    if (condition !== undefined && !conditions[condition]) {
      throw new ArgumentError(
        `set: there is no condition ${condition}; there are ${conditions.length}, counted from 0.`,
      );
    }
    const settings = this.settings.map((setting, c) =>
      condition === undefined || condition === c
        ? completeSetting(rule, { ...setting, ...change })
        : setting,
    );
    for (const name of Object.keys(change)) {
      if (!(name in rule.hyperparameters)) {
        throw new ArgumentError(
          `set: "${name}" is no hyperparameter of ${rule.name}; there are ${Object.keys(rule.hyperparameters).join(", ")}.`,
        );
      }
    }
    this.resolved.checkBatches(settings, data.samples);
    const misfit = this.misfit(settings);
    if (misfit !== null) throw new ArgumentError(`set: ${misfit}`);
    this.adopt(settings);
  }

  /** Why the kernels of this ensemble cannot run under `settings`, or null. */
  private misfit(settings: readonly Setting[]): string | null {
    const { rule, conditions, hasVelocity, hasNoise, sampling } = this.resolved;
    if (
      (rule.needsVelocity(settings) && !hasVelocity) ||
      (rule.needsNoise(settings) && !hasNoise)
    ) {
      return (
        "the ensemble was created without momentum (or gradient noise), so it keeps no state " +
        "for it; create it with a value above 0 in some condition."
      );
    }
    const largest = largestBatch(conditions);
    if (sampling === "distinct" && largestBatch(settings) > largest) {
      return (
        `batchSize is ${largestBatch(settings)}, the ensemble was created for distinct batches of ` +
        `up to ${largest} samples; create it with the larger batch in some condition.`
      );
    }
    return null;
  }

  private adopt(settings: readonly Setting[]): void {
    this.settings = settings;
    this.rebuild = true;
    this.device.gpu.queue.writeBuffer(this.hyper, 0, hyperWords(settings));
  }

  /** Bytes that `createEnsemble({ …, from })` resumes bitwise. */
  async checkpoint(): Promise<Uint8Array> {
    return this.exclusively("checkpoint", async () => {
      const arrays: Record<string, Packed> = {
        states: await this.readStates(),
        frozen: await this.frozenSteps(),
        reference: this.reference,
      };
      const header = {
        kind: "ensemble",
        step: this.step,
        fingerprint: await fingerprint(this.resolved),
        conditions: this.settings,
        hasReference: this.hasReference,
      };
      return pack(header, arrays);
    });
  }

  /** Takes the state of a checkpoint of an ensemble that was created with the same options. */
  async restore(bytes: Uint8Array): Promise<void> {
    await this.exclusively("restore", () => this.resume(bytes));
  }

  private async resume(bytes: Uint8Array): Promise<void> {
    const { header, arrays } = await unpack(bytes, "checkpoint");
    const { states, frozen, reference } = arrays;
    if (header.kind !== "ensemble" || !states || !frozen || !reference) {
      throw new CheckpointError(
        "checkpoint: holds no ensemble; give bytes made by ensemble.checkpoint().",
      );
    }
    const own = await fingerprint(this.resolved);
    if (header.fingerprint !== own) {
      throw new CheckpointError(
        "checkpoint: made by another ensemble (model, data, update rule, sampling, replicas or seed " +
          "differ); create the ensemble with the options it was made with.",
      );
    }
    const settings = header.conditions as Setting[];
    const misfit = this.misfit(settings);
    if (misfit !== null) throw new CheckpointError(`checkpoint: ${misfit}`);
    const width = states.length / this.lanes;
    for (const chunk of this.chunks) {
      const words = new Float32Array(width * chunk.lanes);
      const stops = new Uint32Array(chunk.lanes);
      for (let lane = 0; lane < chunk.lanes; lane += 1) {
        const global = chunk.firstLane + lane;
        for (let k = 0; k < width; k += 1)
          words[k * chunk.lanes + lane] = states[global * width + k]!;
        stops[lane] = frozen[global]! + 1;
      }
      this.device.gpu.queue.writeBuffer(chunk.state, 0, words);
      this.device.gpu.queue.writeBuffer(chunk.frozen, 0, stops);
    }
    this.adopt(settings);
    if (
      header.hasReference === true &&
      reference.length === this.reference.length &&
      this.constants
    ) {
      this.reference = Float32Array.from(reference);
      this.device.gpu.queue.writeBuffer(this.constants, 0, this.reference);
      this.hasReference = true;
    }
    this.step = header.step as number;
  }

  /** Step at which each replica froze, −1 if it did not, [condition, replica]. */
  async frozen(): Promise<Int32Array> {
    return this.exclusively("frozen", () => this.frozenSteps());
  }

  private async frozenSteps(): Promise<Int32Array> {
    const steps = new Int32Array(this.lanes);
    for (const chunk of this.chunks) {
      const [bytes] = await this.readback.read([
        { buffer: chunk.frozen, offset: 0, size: 4 * chunk.lanes },
      ]);
      new Uint32Array(bytes!).forEach((stop, lane) => {
        steps[chunk.firstLane + lane] = stop - 1;
      });
    }
    return steps;
  }

  /** Steps of all chunks, in rounds; `window` is the first step of the observation window. */
  private async take(
    kernel: Kernel,
    window: number | null,
    steps: number,
    { signal, onProgress }: RunOptions,
    before: number,
    of: number,
  ): Promise<void> {
    for (let done = 0; done < steps; ) {
      if (signal?.aborted) {
        await this.pacer.idle();
        throw signal.reason;
      }
      const begun = performance.now();
      const round = Math.min(steps - done, this.pacer.round(this.lanes));
      for (let c = 0; c < this.chunks.length; c += 1)
        await this.takeChunk(kernel, c, window, round);
      this.step += round;
      this.rebuild = false;
      done += round;
      const seconds = (performance.now() - begun) / 1000;
      onProgress?.({
        steps: before + done,
        of,
        replicaStepsPerSecond: (round * this.lanes) / seconds,
      });
    }
  }

  /** `steps` steps of one chunk, in slices of lanes and dispatches of bounded time. */
  private async takeChunk(
    kernel: Kernel,
    index: number,
    window: number | null,
    steps: number,
  ): Promise<void> {
    const { gpu } = this.device;
    const chunk = this.chunks[index]!;
    const groups = this.bindGroups(kernel, index, window !== null);
    for (let first = 0; first < chunk.lanes; ) {
      const last = Math.min(chunk.lanes, first + this.pacer.lanes(chunk.lanes));
      const lanes = last - first;
      for (let done = 0; done < steps; ) {
        const count = Math.min(steps - done, this.pacer.steps(lanes));
        const values = this.runValues(chunk, first, last, done, count, window);
        gpu.queue.writeBuffer(this.run, 0, structBytes(RUN_SCHEMA, values));
        const encoder = gpu.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(kernel.pipeline);
        for (const [g, group] of groups.entries()) pass.setBindGroup(g, group);
        const workgroups = Math.ceil(lanes / this.plan.workgroup);
        const rows = Math.ceil(workgroups / gpu.limits.maxComputeWorkgroupsPerDimension);
        pass.dispatchWorkgroups(Math.ceil(workgroups / rows), rows);
        pass.end();
        gpu.queue.submit([encoder.finish()]);
        await this.pacer.submitted(count * lanes);
        done += count;
      }
      first = last;
    }
  }

  private runValues(
    chunk: Chunk,
    first: number,
    last: number,
    done: number,
    steps: number,
    window: number | null,
  ): Readonly<Record<keyof typeof RUN_SCHEMA, number>> {
    const { seed, replicas, commonNoise, bounds } = this.resolved;
    return {
      first_step: this.step + done,
      steps,
      seed,
      first_lane: first,
      last_lane: last,
      lanes: chunk.lanes,
      global_lane: chunk.firstLane,
      replicas: replicas.count,
      first_replica: replicas.first,
      conditions: this.settings.length,
      common_noise: commonNoise ? 1 : 0,
      rebuild: this.rebuild && done === 0 ? 1 : 0,
      observe_first: this.observeFirst,
      window_first: window ?? 0,
      theta_bound: bounds.theta,
      loss_bound: bounds.loss,
    };
  }

  /** Linked and compiled once: `advance` of a few steps must cost no more than they do. */
  private kernel(observation: ObservationPlan | null): Promise<Kernel> {
    const known = this.kernels.get(observation);
    if (known) return known;
    const shader = this.plan.shader(observation);
    const made = kernel(this.device, shader, this.bindings(observation !== null), {
      WORKGROUP: this.plan.workgroup,
    });
    this.kernels.set(observation, made);
    made.catch(() => this.kernels.delete(observation));
    return made;
  }

  private bindings(observing: boolean): Bindings {
    const { sampling } = this.resolved;
    const base: Bindings = [
      ["uniform", "storage", "storage"],
      ["read-only-storage", "read-only-storage", storesOrder(sampling) ? "storage" : null],
    ];
    if (!observing || !this.observation) return base;
    const { seriesWords, momentsWords } = this.observation;
    return [
      ...base,
      [
        seriesWords > 0 ? "storage" : null,
        momentsWords > 0 ? "storage" : null,
        this.constants ? "read-only-storage" : null,
      ],
    ];
  }

  private bindGroups(kernel: Kernel, index: number, observing: boolean): GPUBindGroup[] {
    const key = `${index} ${observing}`;
    const cached = this.groups.get(key);
    if (cached) return cached;
    const chunk = this.chunks[index]!;
    const buffers = [
      [this.run, chunk.state, chunk.frozen],
      [this.data, this.hyper, chunk.order],
      [chunk.series, chunk.moments, this.constants],
    ];
    const groups = kernel.layouts.map((layout, g) =>
      this.device.gpu.createBindGroup({
        layout,
        entries: this.bindings(observing)[g]!.flatMap((kind, binding) =>
          kind === null ? [] : [{ binding, resource: { buffer: buffers[g]![binding]! } }],
        ),
      }),
    );
    this.groups.set(key, groups);
    return groups;
  }

  /** Waits for the device, applies `onDiverge: "throw"`. */
  private async settle(): Promise<Int32Array> {
    await this.pacer.idle();
    const frozen = await this.frozenSteps();
    this.device.check();
    if (this.resolved.onDiverge === "throw" && frozen.some((step) => step >= 0)) {
      throw new DivergedError(`${divergence({ frozen, bounds: this.resolved.bounds })}.`);
    }
    return frozen;
  }

  private runInfo(firstStep: number, steps: number, frozen: Int32Array): RunInfo {
    const { replicas, seed, model, sampling, rule, bounds } = this.resolved;
    return {
      firstStep,
      steps,
      conditions: this.settings,
      replicas,
      frozen,
      bounds,
      provenance: {
        thermograd: this.resolved.version,
        adapter: this.device.info.adapter,
        software: this.device.info.software,
        seed,
        model: model.name,
        sampling,
        update: rule.name,
        schedule: this.plan.schedule,
      },
    };
  }

  private free(what: string): void {
    if (this.busy !== null) {
      throw new ArgumentError(
        `${what}: the ensemble is busy with ${this.busy}; await that call first.`,
      );
    }
  }

  private async exclusively<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.free(what);
    this.busy = what;
    const running = work();
    this.running = running.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await running;
    } finally {
      this.busy = null;
    }
  }

  dispose(): void {
    for (const chunk of this.chunks) destroyChunk(chunk);
    for (const buffer of [this.data, this.hyper, this.run, this.constants]) buffer?.destroy();
    this.readback.destroy();
  }

  /** Waits for a call under way, e.g. `return ensemble.observe(…)` below an `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.running;
    await this.pacer.idle();
    this.dispose();
  }
}

const RUN_ZERO = Object.fromEntries(Object.keys(RUN_SCHEMA).map((name) => [name, 0])) as Record<
  keyof typeof RUN_SCHEMA,
  number
>;

const largestBatch = (settings: readonly Setting[]): number =>
  Math.max(...settings.map(({ batchSize }) => batchSize!));

/** [hyperparameter, condition] */
function hyperWords(settings: readonly Setting[]): Float32Array<ArrayBuffer> {
  const names = Object.keys(settings[0]!);
  return Float32Array.from(names.flatMap((name) => settings.map((setting) => setting[name]!)));
}

function checkSteps(where: string, steps: number): void {
  if (!Number.isInteger(steps) || steps < 0) {
    throw new ArgumentError(`${where}: steps is ${steps}; use a whole number >= 0.`);
  }
}

/** Mean over the living replicas of each coordinate of each condition. */
function fillReference(
  into: Float32Array,
  region: ObservationPlan["moments"][number],
  { model, conditions, replicas }: Resolved,
  theta: Field,
  velocity: Field | null,
  frozen: Int32Array,
): void {
  const count = model.parameterCount;
  region.layout.coordinates.forEach((quantity, k) => {
    const name = typeof quantity === "string" ? quantity : quantity.name;
    const ofVelocity =
      typeof quantity === "string" ? name.startsWith("v.") : quantity.velocity === true;
    const source = ofVelocity ? velocity! : theta;
    const index = coordinateIndex(
      model,
      ofVelocity && typeof quantity === "string" ? name.slice(2) : name,
    );
    const vector = typeof quantity === "string" ? null : quantity.vector;
    if (vector === null && index < 0) return;
    for (let c = 0; c < conditions.length; c += 1) {
      let sum = 0;
      let alive = 0;
      for (let r = 0; r < replicas.count; r += 1) {
        const lane = c * replicas.count + r;
        if (frozen[lane]! >= 0) continue;
        alive += 1;
        if (vector === null) sum += source.data[lane * count + index]!;
        else for (let p = 0; p < count; p += 1) sum += vector[p]! * source.data[lane * count + p]!;
      }
      into[region.referenceAt + k * conditions.length + c] = alive === 0 ? 0 : sum / alive;
    }
  });
}

/**
 * Creates an ensemble on a device and uploads the initial conditions (or those of a checkpoint).
 *
 * @throws ArgumentError, DataError, LimitError, CheckpointError; each names what is wrong and the remedy.
 * @example
 * await using ensemble = await createEnsemble(device, {
 *   model, data, update: sgd({ learningRate: 0.05, batchSize: 8 }),
 *   replicas: 4096, seed: 7, observables: { moments: moments({ lags: [1] }) },
 * });
 */
export async function createEnsemble<const O extends Observables = Record<never, never>>(
  device: Device,
  options: EnsembleOptions<O>,
): Promise<Ensemble<O>> {
  const resolved = resolve(options);
  const plan = planThread({
    model: resolved.model,
    rule: resolved.rule,
    sampling: resolved.sampling,
    samples: resolved.data.samples,
    maxBatch: largestBatch(resolved.conditions),
    hasVelocity: resolved.hasVelocity,
    hasNoise: resolved.hasNoise,
    lanes: resolved.lanes,
    ...(resolved.execution.workgroup !== undefined && { workgroup: resolved.execution.workgroup }),
    ...(resolved.execution.unroll !== undefined && { unroll: resolved.execution.unroll }),
  });
  const ensemble = new Ensemble<O>(
    device,
    resolved,
    plan,
    observationPlan(options.observables, resolved),
  );
  try {
    if (options.from) await ensemble.restore(options.from);
    else ensemble.initialize();
  } catch (error) {
    ensemble.dispose();
    throw error;
  }
  return ensemble;
}

export { sweptNames };
