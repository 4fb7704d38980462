/**
 * An ensemble: conditions × replicas of one model on a device, advanced, observed, saved, resumed.
 *
 * A trajectory is a function of (seed, condition, replica, step) alone. Chunks, slices, steps per
 * dispatch, workgroup size, sharding and observing change nothing but time.
 */
import type { Device } from "../device.ts";
import { ArgumentError, CheckpointError } from "../errors.ts";
import { isSame, type PlanSetting } from "../execution.ts";
import { isOnline } from "../modelDraws.ts";
import { isFullData } from "../observe/fullData.ts";
import { noFullLoss, type Observables, type ObservationPlan } from "../observe/observation.ts";
import type { EnsemblePlan } from "../plan/ensemblePlan.ts";
import type { Field, RecordOfKind, RunInfo } from "../record.ts";
import type { Setting } from "../update/updateRule.ts";
import type { DataSource } from "../wgsl/row.ts";
import { checkData } from "./checkData.ts";
import { packCheckpoint, unpackCheckpoint } from "./checkpoint.ts";
import { checkConditions, stepsToCheck } from "./conditionRate.ts";
import { changedSettings, misfit } from "./conditions.ts";
import { refuseDivergence } from "./divergence.ts";
import { ensembleAxes } from "./ensembleShape.ts";
import type { LaneAccess, Lender } from "./laneAccess.ts";
import { Observing } from "./observing.ts";
import { fingerprint } from "./options.ts";
import { clockFrom, NO_ORIGINS, restoreOrigins, saveOrigins, withClock } from "./origins.ts";
import { createParts, destroyParts, type Parts } from "./parts.ts";
import { fillReference, sameConstants } from "./pilotMeans.ts";
import type { Planned } from "./planner.ts";
import { runInfo } from "./runInfo.ts";
import type { RunOptions } from "./runOptions.ts";
import { type EnsembleState, stateFields } from "./stateFields.ts";
import type { Stretch } from "./stepper.ts";
import { unsolvedCounts } from "./unsolved.ts";
import { observeWindows } from "./windows.ts";

/** The Record type of a set of observables, by name. */
export type RecordOf<O extends Observables> = {
  readonly [Name in keyof O]: RecordOfKind[O[Name]["kind"]];
} & { readonly run: RunInfo };

export type { EnsembleProgress, RunOptions } from "./runOptions.ts";
export type { EnsembleState } from "./stateFields.ts";

type Replan = (setting: PlanSetting) => Planned | null;

export class Ensemble<O extends Observables> implements AsyncDisposable, Lender {
  private readonly device: Device;
  /** The plan, and what is on the device. */
  private parts: Parts;
  /** The plan of a checkpoint's setting; null where it is not to be run. */
  private readonly replan: Replan;
  private settings: readonly Setting[];
  private taken = 0;
  /** Constants of the observables; pilot means are set when observing first begins. */
  private reference: Float32Array<ArrayBuffer>;
  private hasReference = false;
  /** Of displacements. */
  private clock = NO_ORIGINS;
  private rebuild = true;
  private busy: string | null = null;
  private isDisposed = false;
  /** Settles with the last call; never rejects. */
  private running: Promise<void> = Promise.resolve();

  /** Use `createEnsemble`. */
  constructor(device: Device, planned: Planned, replan: Replan = () => null) {
    this.device = device;
    this.parts = createParts(device, planned);
    this.replan = replan;
    this.settings = planned.resolved.conditions;
    this.reference = planned.observation?.constants ?? new Float32Array(0);
  }

  /** How it is run, and why. */
  get plan(): EnsemblePlan {
    return this.parts.plan;
  }

  /** SGD steps taken so far. */
  get step(): number {
    return this.taken;
  }

  /** Hyperparameters of each condition. */
  get conditions(): readonly Setting[] {
    return this.settings;
  }

  /** conditions × replicas */
  get lanes(): number {
    return this.parts.resolved.lanes;
  }

  /** Uploads θ₀ and v₀; `createEnsemble` calls it. */
  initialize(): void {
    this.parts.memory.initialize();
  }

  /** Takes SGD steps, recording nothing. */
  async advance(options: RunOptions): Promise<void> {
    await this.exclusively("advance", async () => {
      checkSteps("advance", options.steps);
      await this.take(options, 0, options.steps, null);
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
      const { observation } = this.parts;
      if (observation === null) {
        throw new ArgumentError(
          "observe: this ensemble has no observables; give createEnsemble observables: { … }, or use advance.",
        );
      }
      await this.setReference(observation);
      const firstStep = this.taken;
      this.clock = clockFrom(this.clock, firstStep);
      this.reference = withClock(this.reference, observation, this.clock);
      this.parts.memory.setConstants(this.reference);
      const observing = new Observing({
        plan: observation,
        model: this.parts.resolved.model,
        shape: this.parts.resolved.shape,
        firstStep,
        steps: options.steps,
        reference: this.reference,
        began: this.clock.began,
      });
      await observeWindows({
        device: this.device,
        plan: observation,
        observing,
        steps: options.steps,
        shape: this.parts.resolved.shape,
        memory: this.parts.memory,
        dispatcher: this.parts.dispatcher,
        evaluate: (of) => this.parts.evaluator.values(of, { settings: this.settings }),
        take: (before, steps, first) =>
          this.take(options, before, steps, { observeFirst: firstStep, first }),
      });
      await this.settle();
      this.clock = { ...this.clock, level: this.taken };
      const frozen = await this.parts.memory.readFrozen();
      const unsolved = await this.unsolvedCounts();
      const { steps } = options;
      const window = { firstStep, steps, conditions: this.settings, frozen, unsolved };
      const run = runInfo(this.device, this.parts, window);
      return { ...observing.records(frozen), run } as RecordOf<O>;
    });
  }

  /** The pilot mean of every condition, taken once: later Records have the same origin and merge. */
  private async setReference(plan: ObservationPlan): Promise<void> {
    if (this.hasReference) return;
    if (plan.moments.length > 0) {
      this.parts.dispatcher.flush();
      const { theta, velocity } = await this.states();
      const frozen = await this.parts.memory.readFrozen();
      const next = Float32Array.from(this.reference);
      for (const region of plan.moments) {
        fillReference(next, region, this.parts.resolved, theta, velocity, frozen);
      }
      this.reference = next;
    }
    this.hasReference = true;
  }

  /** Current parameters (and velocities) of all replicas. */
  async state(): Promise<EnsembleState> {
    return this.withState("state", () => this.states());
  }

  private async states(): Promise<EnsembleState> {
    const states = await this.parts.memory.readStates();
    return { step: this.taken, ...stateFields(this.parts.resolved, states) };
  }

  /**
   * Quantities over a data set, [quantity, condition, replica]: means of the loss and of the model's
   * metrics (all of them when nothing is named; no weight decay), and derivatives of
   * f = mean loss + (λ/2)|θ|²: `fullGradientSquare` |∇f|², `theta.fullGradient` θ·∇f,
   * `velocityCurvature` v·Hv, `velocityThirdDerivative` Σ f_ijk v_i v_j v_k.
   *
   * Without `data`, over the data the ensemble is trained on. Draws have their means: labels are
   * without their noise. The loss of a model that draws its samples has no mean over data and is
   * refused; its metrics are functions of the parameters alone. Means over groups of replicas that
   * interact are those of the current parameters.
   */
  async evaluate(
    options: { readonly of?: readonly string[]; readonly data?: DataSource } = {},
  ): Promise<Field> {
    return this.withState("evaluate", async () => {
      const { model, shape } = this.parts.resolved;
      const of = options.of ?? this.parts.evaluator.outputs;
      const full = of.length === 0 || of.some((name) => name === "loss" || isFullData(name));
      if (isOnline(model) && full) throw new ArgumentError(`evaluate: ${noFullLoss(model)}`);
      this.parts.evaluator.check(of);
      if (options.data) checkData(options.data, model);
      const data = await this.parts.evaluator.values(of, {
        settings: this.settings,
        ...(options.data && { data: options.data }),
      });
      const quantity = { name: "quantity", length: of.length, values: of };
      return { axes: [quantity, ...ensembleAxes(shape)], data, unit: "" };
    });
  }

  /** For measures of the engine, such as `hessianTrace`; the lanes stay as they are. */
  async lend<T>(what: string, measure: (lanes: LaneAccess) => Promise<T>): Promise<T> {
    return this.withState(what, async () => {
      await this.parts.groupMeans?.refresh();
      const { device, taken: step, settings } = this;
      const { resolved, plan, memory } = this.parts;
      const lanes = { device, resolved, plan, memory, step, settings };
      // What the device has to say of a failure, such as its loss, comes before what failed for it.
      return measure(lanes).finally(device.check);
    });
  }

  /** Changes hyperparameters of all conditions, or of one, from the next step on. */
  set(change: Readonly<Record<string, number>>, condition?: number): void {
    this.free("set");
    const settings = changedSettings(this.parts.resolved.rule, this.settings, change, condition);
    this.parts.resolved.checkBatches(settings, this.parts.resolved.data.samples);
    const complaint = misfit(this.parts.resolved, this.plan, settings);
    if (complaint !== null) throw new ArgumentError(`set: ${complaint}`);
    this.adopt(settings);
  }

  private adopt(settings: readonly Setting[]): void {
    this.settings = settings;
    this.rebuild = true;
    this.parts.memory.setHyperparameters(settings);
  }

  /** Bytes that `createEnsemble({ …, from })` resumes bitwise. */
  async checkpoint(): Promise<Uint8Array> {
    return this.withState("checkpoint", async () =>
      packCheckpoint({
        step: this.taken,
        fingerprint: await fingerprint(this.parts.resolved),
        setting: this.parts.setting,
        conditions: this.settings,
        states: await this.parts.memory.readStates(),
        frozen: await this.parts.memory.readFrozen(),
        reference: this.reference,
        hasReference: this.hasReference,
        saved: await saveOrigins(this.parts.observation, this.parts.memory, this.clock, this.taken),
      }),
    );
  }

  /** Takes the state of a checkpoint of an ensemble that was created with the same options. */
  async restore(bytes: Uint8Array): Promise<void> {
    await this.withState("restore", async () => {
      const content = await unpackCheckpoint(bytes, await fingerprint(this.parts.resolved));
      const complaint = misfit(this.parts.resolved, this.plan, content.conditions);
      if (complaint !== null) throw new CheckpointError(`checkpoint: ${complaint}`);
      this.adoptSetting(content.setting);
      this.parts.memory.write(content.states, content.frozen);
      this.adopt(content.conditions);
      // Another set of observables has other constants: its pilot means are taken anew.
      const { reference: own, settings } = this;
      const { observation: plan } = this.parts;
      const { reference, hasReference } = content;
      if (plan && hasReference && sameConstants(plan, settings.length, own, reference)) {
        this.reference = Float32Array.from(reference);
        this.hasReference = true;
      }
      this.clock = restoreOrigins(plan, this.parts.memory, content.saved);
      this.taken = content.step;
    });
  }

  /** Goes on under a checkpoint's setting, if it is another one and may be run here. */
  private adoptSetting(setting: PlanSetting | null): void {
    const planned = setting && !isSame(setting, this.parts.setting) && this.replan(setting);
    if (!planned) return;
    destroyParts(this.parts);
    this.parts = createParts(this.device, planned);
  }

  /** Step at which each replica froze, −1 if it did not, [condition, replica]. */
  async frozen(): Promise<Int32Array> {
    return this.exclusively("frozen", () => this.parts.memory.readFrozen());
  }

  /**
   * Implicit steps of each replica, since the start, that were not solved to the tolerance,
   * [condition, replica]; null for other rules.
   */
  async unsolved(): Promise<Int32Array | null> {
    return this.withState("unsolved", () => this.unsolvedCounts());
  }

  private async unsolvedCounts(): Promise<Int32Array | null> {
    if (this.parts.resolved.rule.gradient !== "implicit") return null;
    return unsolvedCounts(this.parts.resolved, await this.parts.memory.readStates());
  }

  /** Steps in rounds, after each of which all chunks stand level and an abort is heard. */
  private async take(
    { signal, onProgress, steps: of }: RunOptions,
    before: number,
    steps: number,
    window: Stretch["window"],
  ): Promise<void> {
    for (let done = 0; done < steps; ) {
      if (signal?.aborted) {
        await this.parts.dispatcher.idle();
        throw signal.reason;
      }
      const begun = performance.now();
      const check = stepsToCheck(this.parts.resolved.dynamics, this.settings, this.taken);
      const round = Math.min(steps - done, this.parts.dispatcher.round, check);
      await this.parts.dispatcher.take({
        firstStep: this.taken,
        steps: round,
        rebuild: this.rebuild,
        window,
      });
      this.taken += round;
      this.rebuild = false;
      done += round;
      await checkConditions(this.parts.memory, this.parts.resolved, this.settings, this.taken);
      const seconds = (performance.now() - begun) / 1000;
      const replicaStepsPerSecond = (round * this.lanes) / seconds;
      onProgress?.({ steps: before + done, of, replicaStepsPerSecond });
    }
  }

  /** Waits for the device, applies `onDiverge: "throw"`. */
  private async settle(): Promise<void> {
    await this.parts.dispatcher.idle();
    this.device.check();
    const { onDiverge, bounds } = this.parts.resolved;
    if (onDiverge !== "throw") return;
    refuseDivergence({ frozen: await this.parts.memory.readFrozen(), bounds });
  }

  private free(what: string): void {
    if (this.isDisposed) {
      throw new ArgumentError(`${what}: the ensemble was disposed of; create it again.`);
    }
    if (this.busy !== null) {
      throw new ArgumentError(
        `${what}: the ensemble is busy with ${this.busy}; await that call first.`,
      );
    }
  }

  /** For what reads or changes the lanes' state: between calls it may lie behind a stepper's own. */
  private withState<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.free(what);
    this.parts.dispatcher.release();
    return this.exclusively(what, work);
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
    this.isDisposed = true;
    destroyParts(this.parts);
  }

  /** Waits for a call under way, e.g. `return ensemble.observe(…)` below an `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.running;
    await this.parts.dispatcher.idle();
    this.dispose();
  }
}

function checkSteps(where: string, steps: number): void {
  if (!Number.isInteger(steps) || steps < 0) {
    throw new ArgumentError(`${where}: steps is ${steps}; use a whole number >= 0.`);
  }
}
