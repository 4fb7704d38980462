/** The state of all replicas as fields with named axes. */
import type { Field } from "../record.ts";
import { ensembleAxes } from "./ensembleShape.ts";
import type { Resolved } from "./options.ts";

export interface EnsembleState {
  readonly step: number;
  /** [condition, replica, param] */
  readonly theta: Field;
  /** [condition, replica, param]; null where no velocity is kept. */
  readonly velocity: Field | null;
  /**
   * Every vector that is kept by its name in the rule, the velocity among them, e.g. Adam's
   * `secondMoment`; [condition, replica, param].
   */
  readonly kept: Readonly<Record<string, Field>>;
}

/** θ and kept vectors out of `raw`, [lane, θ then kept vectors and further words]. */
export function stateFields(
  { model, shape, lanes, dynamics }: Resolved,
  raw: Float32Array,
): Omit<EnsembleState, "step"> {
  const count = model.parameterCount;
  const width = raw.length / lanes;
  const part = (offset: number, unit: string): Field => {
    const data = new Float32Array(lanes * count);
    for (let lane = 0; lane < lanes; lane += 1) {
      data.set(raw.subarray(lane * width + offset, lane * width + offset + count), lane * count);
    }
    const axis = { name: "coordinate", length: count, values: model.coordinateNames };
    return { axes: [...ensembleAxes(shape), axis], data, unit };
  };
  const kept = Object.fromEntries(
    dynamics.kept.map((name, k) => [
      name,
      part((k + 1) * count, name === "velocity" ? "θ/η" : "units of the rule"),
    ]),
  );
  return { theta: part(0, "θ"), velocity: kept.velocity ?? null, kept };
}
