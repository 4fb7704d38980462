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
}

/** θ and v out of `raw`, [lane, θ then kept vectors and further words]. */
export function stateFields(
  { model, shape, lanes, dynamics }: Resolved,
  raw: Float32Array,
): Omit<EnsembleState, "step"> {
  const count = model.parameterCount;
  const width = raw.length / lanes;
  const part = (offset: number): Field => {
    const data = new Float32Array(lanes * count);
    for (let lane = 0; lane < lanes; lane += 1) {
      data.set(raw.subarray(lane * width + offset, lane * width + offset + count), lane * count);
    }
    const axis = { name: "coordinate", length: count, values: model.coordinateNames };
    return { axes: [...ensembleAxes(shape), axis], data, unit: offset === 0 ? "θ" : "θ/η" };
  };
  const velocityAt = (1 + dynamics.kept.indexOf("velocity")) * count;
  return { theta: part(0), velocity: velocityAt > 0 ? part(velocityAt) : null };
}
