/** The step on the device in float32: its distance from the flows beside that of the step in float64. */
import { gaussian } from "../../engine/initial.ts";
import type { FullData } from "../../engine/referenceFullData.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { exactly } from "../exactly.ts";
import type { Quantity, RunContext } from "../experiment.ts";
import { predictionOf } from "../outcome.ts";
import type { Stages } from "../stages.ts";
import { F32 } from "../systematic.ts";
import type { DevicePoint } from "./figure.ts";
import { CORRECTIONS, descend, distance, flow, norm, rms } from "./flows.ts";
import { type BackwardSettings, setup } from "./settings.ts";

/** θ₀ and θ₁ of all starts, [start] and [rate][start]. */
export async function deviceSteps(p: BackwardSettings, stages: Stages, context: RunContext) {
  await using ensemble = await createEnsemble(context.device, {
    ...setup(p),
    seed: context.seed,
    initial: gaussian({ standardDeviation: p.scale }),
  });
  // One record more than steps: the state after the last.
  const stage = { label: "step", ensemble, burnIn: 0, steps: 2, work: 1000 };
  const { observed } = await stages.run(stage);
  const { axes, data } = observed.states.values;
  const size = axes.at(-1)!.length;
  const state = (time: number, condition: number, replica: number): Float64Array => {
    const at = ((time * p.deviceRates.length + condition) * p.replicas + replica) * size;
    return Float64Array.from(data.subarray(at, at + size));
  };
  const all = Array.from({ length: p.replicas }, (_, r) => r);
  return {
    record: observed,
    starts: all.map((r) => state(0, 0, r)),
    ends: p.deviceRates.map((_, c) => all.map((r) => state(1, c, r))),
  };
}

/** Beside the flow of L, and of L + (η/4)|∇L|², at each rate. */
export function deviceQuantities(
  p: BackwardSettings,
  full: FullData,
  starts: readonly Float64Array[],
  ends: readonly (readonly Float64Array[])[],
) {
  const quantities: Quantity[] = [];
  const warnings: string[] = [];
  const points: DevicePoint[] = [];
  p.deviceRates.forEach((eta, c) => {
    for (const correction of ["none", "+eta/4"] as const) {
      const { exact: flows, warnings: why } = predictionOf(() =>
        starts.map((theta) => flow(full, theta, eta, CORRECTIONS[correction])),
      );
      warnings.push(...why);
      if (flows === null) continue;
      const fromFlow = (step: (r: number) => ArrayLike<number>): number =>
        rms(flows.map((end, r) => distance(step(r), end)));
      const value = fromFlow((r) => ends[c]![r]!);
      const exists = Number.isFinite(value);
      if (exists && correction === "+eta/4") points.push({ eta, distance: value });
      quantities.push({
        name: "|step - flow|, float32 on the device",
        condition: { learningRate: eta, correction },
        estimate: exactly(value, "root mean square over starts", p.replicas),
        unit: "θ",
        predicted: exists ? fromFlow((r) => descend(full, starts[r]!, eta)) : null,
        systematic: exists ? deviceRounding(p, full, starts, eta) : 0,
      });
    }
  });
  return { quantities, warnings, points };
}

/**
 * Rounding of a step in float32: θ' by u(|θ| + 2η|g|), g by about one u for each term of its sums (over
 * inputs, units, outputs and samples) and 4 for tanh; a factor 4 for terms that cancel.
 */
function deviceRounding(
  p: BackwardSettings,
  full: FullData,
  starts: readonly Float64Array[],
  eta: number,
): number {
  const terms = 6 + p.inputs + p.hidden + p.outputs + p.samples;
  return rms(
    starts.map(
      (theta) => F32 * (norm(theta) + 4 * terms * eta * (norm(full.gradient(theta)) + norm(theta))),
    ),
  );
}
