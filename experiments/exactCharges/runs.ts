/** The trajectories behind the charges: on the device, and their float64 twins. */
import { fanIn } from "../../engine/initial.ts";
import type { RunRecord, SnapshotRecord } from "../../engine/record.ts";
import { type ReferenceMoment, referenceTrajectory } from "../../engine/referenceTrajectory.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { type Activation, layerPairSize } from "../../models/index.ts";
import type { RunContext } from "../experiment.ts";
import { divergenceWarnings } from "../outcome.ts";
import type { Stages } from "../stages.ts";
import {
  type ChargeCurve,
  type ChargeLedger,
  type ChargeSetting,
  chargeLedger,
  emptyCurve,
  extendCurve,
} from "./ledger.ts";
import { type ChargeSettings, layersOf, setup } from "./settings.ts";

/** Curves of replica 0 on the device: the first neuron charge, and an element off the diagonal. */
export interface ChargeCurves {
  readonly neuron: ChargeCurve;
  readonly matrix: ChargeCurve;
}

export interface ActivationLedgers {
  readonly activation: Activation;
  readonly device: ChargeLedger;
  readonly float64: ChargeLedger;
  readonly curves: ChargeCurves;
}

export interface DeviceCharges {
  readonly ledger: ChargeLedger;
  readonly curves: ChargeCurves;
  readonly record: RunRecord;
  readonly warnings: readonly string[];
}

const settingOf = (p: ChargeSettings): ChargeSetting => ({
  shape: layersOf(p),
  learningRate: p.learningRate,
  weightDecay: p.weightDecay,
});

export async function deviceLedger(
  p: ChargeSettings,
  activation: Activation,
  work: number,
  stages: Stages,
  context: RunContext,
): Promise<DeviceCharges> {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p, activation),
    seed: context.seed,
    initial: fanIn({ gain: p.gain }),
  });
  // One record more than steps: the state, and the velocity, after the last.
  const stage = { label: activation, ensemble, burnIn: 0, steps: p.steps + 1, work };
  const { observed } = await stages.run(stage);
  return {
    ...readStates(p, observed.states),
    record: observed,
    warnings: divergenceWarnings(observed.run),
  };
}

/** Ledger and curves from the states at steps 0 … steps; G_t = −v_{t+1}. */
function readStates(
  p: ChargeSettings,
  { values }: SnapshotRecord,
): Pick<DeviceCharges, "ledger" | "curves"> {
  const setting = settingOf(p);
  const ledger = chargeLedger(setting);
  const curves = { neuron: emptyCurve(), matrix: emptyCurve() };
  const size = layerPairSize(setting.shape);
  const state = (step: number, replica: number) => {
    const at = (step * p.replicas + replica) * 2 * size;
    return {
      theta: values.data.subarray(at, at + size),
      velocity: values.data.subarray(at + size, at + 2 * size),
    };
  };
  for (let step = 0; step < p.steps; step += 1) {
    for (let replica = 0; replica < p.replicas; replica += 1) {
      const { theta } = state(step, replica);
      const next = state(step + 1, replica);
      const gradient = Float64Array.from(next.velocity, (v) => -v);
      ledger.take(step, theta, gradient, next.theta);
      if (replica > 0 || !gradient.every(Number.isFinite)) continue;
      extendCurve(curves.neuron, setting, [0, 0], theta, gradient);
      extendCurve(curves.matrix, setting, [0, 1], theta, gradient);
    }
  }
  return { ledger, curves };
}

/** |θ| beyond which the device freezes a replica; its twin stops there as well. */
const LARGEST_THETA = 1e6;

/** Replica-steps of the float64 twin, at most: it is slow; and what making one costs, in steps. */
const TWIN_STEPS = 20_000;
const TWIN_START = 10;

/** The same replicas in float64, or the first of them. */
export async function twinLedger(
  p: ChargeSettings,
  activation: Activation,
  stages: Stages,
  context: RunContext,
): Promise<ChargeLedger> {
  const setting = settingOf(p);
  const ledger = chargeLedger(setting);
  const { model, data, update, sampling } = setup(p, activation);
  const initial = fanIn({ gain: p.gain })(model);
  const affordable = Math.max(1, Math.floor(TWIN_STEPS / (p.steps + TWIN_START)));
  for (let replica = 0; replica < Math.min(p.replicas, affordable); replica += 1) {
    await stages.pause();
    const lane = { seed: context.seed, condition: 0, replica };
    const request = { model, data, rule: update, sampling, initial, lane };
    let before: ReferenceMoment | null = null;
    let alive = true;
    const onStep = (moment: ReferenceMoment): void => {
      if (before && alive) {
        ledger.take(before.step, before.theta, before.gradient, moment.theta);
      }
      alive &&= moment.theta.every((value) => Math.abs(value) < LARGEST_THETA);
      before = {
        ...moment,
        theta: moment.theta.slice(),
        gradient: moment.gradient.slice(),
      };
    };
    // One step more than steps: the last moment is the state after them.
    referenceTrajectory({ ...request, steps: p.steps + 1, onStep });
  }
  return ledger;
}
