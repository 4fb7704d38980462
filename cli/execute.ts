/**
 * One experiment run to its end, to an interruption, or to an error; `run` and `validate` share it.
 *
 * A lost device is survived: it is reopened and the run goes on from its last checkpoint, as long
 * as there was a new checkpoint since the last loss.
 */
import type { DeviceInfo } from "../engine/device.ts";
import { DeviceLostError } from "../engine/errors.ts";
import { VERSION } from "../engine/version.ts";
import type { ExperimentResult } from "../experiments/experiment.ts";
import { assembleReport, type Report, type ReportProvenance } from "../report/result.ts";
import { type RunSettings, runCommand } from "./commandLine.ts";
import { isAbort } from "./interrupt.ts";
import type { ProgressLine } from "./progress.ts";
import type { Session } from "./session.ts";

export interface Surroundings {
  readonly session: Session;
  readonly progress: ProgressLine;
  readonly signal: AbortSignal;
  readonly resume?: Uint8Array | undefined;
  /** Given each checkpoint; what it returns is waited for. */
  readonly onCheckpoint?: (bytes: Uint8Array) => Promise<void>;
}

export type Outcome =
  | { readonly kind: "finished"; readonly report: Report; readonly result: ExperimentResult }
  | { readonly kind: "interrupted" };

function provenanceOf(info: DeviceInfo, settings: RunSettings, started: Date): ReportProvenance {
  return {
    thermograd: VERSION,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    adapter: info.adapter,
    driver: info.driver,
    software: info.software,
    source: info.source,
    reason: info.reason,
    date: started.toISOString(),
    command: runCommand(settings),
  };
}

/** What an experiment's run came to, with the devices lost on the way. */
interface Attempt {
  readonly result: ExperimentResult | null;
  readonly info: DeviceInfo;
  readonly warnings: readonly string[];
}

async function runToEnd(settings: RunSettings, around: Surroundings): Promise<Attempt> {
  const { experiment, parameters, seed, quick } = settings;
  const { session, progress, signal } = around;
  const warnings: string[] = [];
  let resume = around.resume;
  for (;;) {
    const device = await session.device();
    let latest: Uint8Array | undefined;
    let checkpointedAfterAbort = false;
    if (signal.aborted) return { result: null, info: device.info, warnings };
    try {
      const result = await experiment.run(parameters, {
        device,
        seed,
        quick,
        signal,
        onProgress: progress.update,
        ...(resume === undefined ? {} : { resume }),
        onCheckpoint: async (bytes) => {
          // The experiment may fill the same buffer again.
          latest = new Uint8Array(bytes);
          checkpointedAfterAbort ||= signal.aborted;
          await around.onCheckpoint?.(latest);
        },
      });
      // A run that the signal came too late for is finished, not cut short.
      return { result: checkpointedAfterAbort ? null : result, info: device.info, warnings };
    } catch (error) {
      if (isAbort(error, signal)) return { result: null, info: device.info, warnings };
      if (!(error instanceof DeviceLostError) || latest === undefined) throw error;
      const warning = `the device was lost (${error.message}); went on from the last checkpoint`;
      warnings.push(warning);
      progress.say(warning);
      resume = latest;
      await session.close();
    }
  }
}

/** Runs an experiment and judges its quantities. Throws what the experiment throws. */
export async function execute(settings: RunSettings, around: Surroundings): Promise<Outcome> {
  const started = new Date();
  const clock = performance.now();
  const { result, info, warnings } = await runToEnd(settings, around);
  if (result === null) return { kind: "interrupted" };
  const report = assembleReport(
    { ...result, warnings: [...warnings, ...result.warnings] },
    {
      experiment: settings.experiment.id,
      parameters: settings.parameters,
      seed: settings.seed,
      provenance: provenanceOf(info, settings, started),
      seconds: (performance.now() - clock) / 1000,
    },
  );
  return { kind: "finished", report, result };
}
