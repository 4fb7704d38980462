/**
 * Pilot means: the point that moments are taken about, so that float32 sums lose nothing to the size
 * of the mean.
 */
import type { ObservationPlan } from "../observe/observation.ts";
import { afterPoint, coordinateIndex } from "../observe/quantity.ts";
import type { Field } from "../record.ts";
import type { Resolved } from "./options.ts";

/** Mean over the living replicas of each coordinate of each condition. */
export function fillReference(
  into: Float32Array,
  region: ObservationPlan["moments"][number],
  { model, conditions, replicas }: Resolved,
  theta: Field,
  velocity: Field | null,
  frozen: Int32Array,
): void {
  const count = model.parameterCount;
  region.layout.coordinates.forEach((quantity, k) => {
    // Nothing of a gradient is known before the first batch is drawn: its origin is 0.
    if (typeof quantity !== "string" && quantity.gradient) return;
    const name = typeof quantity === "string" ? quantity : quantity.name;
    const ofVelocity =
      typeof quantity === "string" ? name.startsWith("v.") : quantity.velocity === true;
    const source = ofVelocity ? velocity! : theta;
    // The mean of a group's mean is that of its members.
    const isPrefixed = typeof quantity === "string" && (ofVelocity || name.startsWith("mean."));
    const index = coordinateIndex(model, isPrefixed ? afterPoint(name) : name);
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
 * Are a checkpoint's constants those of these observables? All but the pilot means and clocks must be:
 * the coefficients of projections, above all.
 */
export function sameConstants(
  plan: ObservationPlan,
  conditions: number,
  own: Float32Array,
  saved: ArrayLike<number>,
): boolean {
  if (saved.length !== own.length) return false;
  const isOwn = new Uint8Array(own.length);
  for (const { referenceAt, layout } of plan.moments) {
    isOwn.fill(1, referenceAt, referenceAt + layout.coordinates.length * conditions);
  }
  // Where displacements began is written anew when observing begins.
  for (const { beganAt } of plan.displacements) isOwn.fill(1, beganAt, beganAt + 2);
  return own.every((word, i) => isOwn[i] === 1 || word === saved[i]);
}
