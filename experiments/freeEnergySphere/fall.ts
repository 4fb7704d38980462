/**
 * Card 1F, overparametrized: fewer directions than dimensions. The loss falls to nothing below η = 1; the
 * signal-to-noise ratio stays between bounds that the directions fix.
 */
import { type Estimate, replicaMean } from "../../analysis/index.ts";
import { gaussian } from "../../engine/initial.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { type PoleFrame, signalBounds, squareDecay } from "../../models/theory/index.ts";
import type { Quantity, RunContext } from "../experiment.ts";
import { divergenceWarnings, estimateOf } from "../outcome.ts";
import {
  excessOf,
  gradientAndNoise,
  type PoleRecord,
  type PoleRun,
  poleSetup,
  poleWork,
  statesOf,
} from "../pole/runs.ts";
import type { Stages } from "../stages.ts";

export interface FallRun extends PoleRun {
  /** E L falls by this factor a step next to the minimum; 1 from η = 1 on. */
  readonly decay: number;
}

const LONGEST = 200_000;
/** e-folds of the mean loss, half of which bound what is left. */
const FOLDS = 60;

export function fallRun(
  frame: PoleFrame,
  learningRate: number,
  replicas: PoleRun["replicas"],
  steps: number,
): FallRun {
  const decay = learningRate < 1 ? squareDecay(frame, learningRate) : 1;
  const fall = Math.min(LONGEST, Math.ceil(FOLDS / Math.max(1e-9, -Math.log(decay))));
  const length = decay < 1 ? fall : steps;
  return {
    label: `OP learning rate ${learningRate}`,
    frame,
    learningRate,
    replicas,
    start: [],
    burnIn: decay < 1 ? 0 : 2000,
    steps: length + 1,
    every: 1,
    snapshotEvery: length,
    decay,
  };
}

export interface MeasuredFall {
  readonly run: FallRun;
  readonly loss: Estimate;
  readonly signal: Estimate;
  readonly least: number;
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
  readonly record: PoleRecord;
}

export async function measureFall(
  run: FallRun,
  stages: Stages,
  { device, seed }: RunContext,
): Promise<MeasuredFall> {
  const { label, frame, learningRate, replicas, burnIn, steps, snapshotEvery, decay } = run;
  await using ensemble = await createEnsemble(device, {
    ...poleSetup(run),
    replicas,
    seed,
    initial: gaussian({ standardDeviation: 1 }),
  });
  const { observed } = await stages.run({
    label,
    ensemble,
    burnIn,
    steps,
    multiple: snapshotEvery,
    work: poleWork(frame),
  });
  const { data, times, replicas: count, d } = statesOf(observed.states);
  const last = Array.from({ length: count }, (_, r) => {
    const at = ((times - 1) * count + r) * d;
    return gradientAndNoise(frame, data.subarray(at, at + d));
  });
  const ratios = Float64Array.from(last, ({ gradient, noise }) => Math.sqrt(gradient / noise));
  const energies =
    decay < 1 ? Float64Array.from(last, ({ loss }) => loss) : excessOf(observed.squares, frame);
  const loss = estimateOf(() => replicaMean(energies));
  const signal = estimateOf(() => replicaMean(ratios));
  const least = ratios.reduce((low, value) => (value < low ? value : low), Infinity);
  const condition = { regime: "OP", learningRate };
  const quantities: Quantity[] = [
    {
      name: "U",
      condition,
      unit: "loss",
      estimate: loss,
      predicted: decay < 1 ? 0 : null,
      // From anywhere the loss is below 1; half of the steps for the way to the minimum.
      systematic: decay < 1 ? 10 * decay ** (snapshotEvery / 2) : 0,
    },
    { name: "mean SNR", condition, unit: "1", estimate: signal, predicted: null, systematic: 0 },
  ];
  const warnings = divergenceWarnings(observed.run).map((text) => `${label}: ${text}`);
  const [bound] = signalBounds(frame);
  // Next to the minimum the bound is strict, but for float32.
  if (decay < 1 && least < bound * (1 - 1e-4)) {
    warnings.push(
      `${label}: a signal-to-noise ratio of ${least.toPrecision(4)} is below ${bound.toPrecision(4)}, the least next to ` +
        "the minimum: not all replicas are there",
    );
  }
  return { run, loss, signal, least, quantities, warnings, record: observed };
}
