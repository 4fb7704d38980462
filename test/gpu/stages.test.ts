/** Experiments of several stages: what is done is not done again after an interruption. */
import { expect, test } from "vitest";
import type { Device } from "../../engine/device.ts";
import { density } from "../../engine/observe/density.ts";
import { flux } from "../../engine/observe/flux.ts";
import { series } from "../../engine/observe/series.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { RunContext } from "../../experiments/experiment.ts";
import { Stages } from "../../experiments/stages.ts";
import { describeWithDevice } from "../gpu.ts";
import { optionsFor } from "../observed.ts";

const BURN_IN = 20;
const STEPS = 40;

/** Two stages of six blocks each; tells of every phase that took steps. */
async function twoStages(
  device: Device,
  context: Partial<RunContext>,
  onPhase: (phase: string) => void = () => {},
  onPause: () => void = () => {},
): Promise<{ values: number[]; phases: string[] }> {
  const phases: string[] = [];
  const values: number[] = [];
  const { model } = optionsFor(2, 0);
  const axes = model.coordinateNames.slice(0, 2).map((of) => ({ of, from: -2, to: 6, bins: 5 }));
  const stages = await Stages.open(
    {
      device,
      seed: 1,
      quick: false,
      ...context,
      onProgress: ({ phase }) => {
        phases.push(phase);
        onPhase(phase);
      },
    },
    1,
  );
  for (const label of ["first", "second"]) {
    await using ensemble = await createEnsemble(device, {
      ...optionsFor(2, 0),
      seed: label.length,
      observables: {
        loss: series({ of: "loss" }),
        density: density({ axes: [axes[0]!] }),
        flux: flux({ axes }),
      },
    });
    // Ten steps a block, whatever the block's work is by default.
    const work = 6e9 / (10 * ensemble.lanes);
    const stage = { label, ensemble, burnIn: BURN_IN, steps: STEPS, work };
    const { observed } = await stages.run(stage);
    const { loss, density: visited, flux: moved } = observed;
    values.push(...loss.values.data, ...visited.counts.data, ...visited.outside.data);
    values.push(...moved.visits.data, ...moved.displacement.data, visited.records, moved.pairs);
    // The state is that of the stage's end also when the stage was not run again.
    values.push(...(await ensemble.state()).theta.data);
    onPause();
    await stages.pause();
  }
  return { values, phases };
}

describeWithDevice("stages", "software", (device) => {
  test("a run cut short in the host's work after a stage has that stage behind it", async () => {
    const whole = await twoStages(device(), {});
    const abort = new AbortController();
    const handed: Uint8Array[] = [];
    const onCheckpoint = (given: Uint8Array): void => {
      handed.push(given);
    };
    const cut = twoStages(device(), { signal: abort.signal, onCheckpoint }, undefined, () =>
      abort.abort(new Error("cut")),
    );
    await expect(cut).rejects.toThrow("cut");
    expect(handed.length).toBe(1);
    const resumed = await twoStages(device(), { resume: handed[0]! });
    expect(resumed.values).toEqual(whole.values);
    expect(resumed.phases.filter((phase) => phase.startsWith("first"))).toEqual([]);
  });

  test("a run cut short in the second stage goes on there, bitwise", async () => {
    const whole = await twoStages(device(), {});
    expect(new Set(whole.phases).size).toBe(4);
    // Four blocks of ten records each, and of nine displacements.
    expect(whole.values).toContain(36);

    const abort = new AbortController();
    let bytes: Uint8Array | undefined;
    const onCheckpoint = (given: Uint8Array): void => {
      bytes = given;
    };
    const cut = twoStages(device(), { signal: abort.signal, onCheckpoint }, (phase) => {
      if (phase === "second: observe") abort.abort(new Error("cut"));
    });
    await expect(cut).rejects.toThrow("cut");

    const resumed = await twoStages(device(), { resume: bytes! });
    expect(resumed.values).toEqual(whole.values);
    expect(new Set(resumed.phases)).toEqual(new Set(["second: observe"]));
  });
});
