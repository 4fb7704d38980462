/** Distribution function of a standard normal number, Φ(x) = ½(1 + erf(x/√2)). */
import { erf } from "../../engine/ops/index.ts";

/** P(z < x); error about 1e-16, so that small tails are rounding. */
export const normalDistribution = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));
