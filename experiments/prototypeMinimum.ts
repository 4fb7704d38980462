/**
 * The common start of cards A6 and C3: the minimum of the prototypes network that full-batch descent
 * from the given start leads to, to machine precision, with its Hessian.
 *
 * A function of the data and of weight decay alone. The network has many minima; at λ = 0.01 this is
 * the card's (L = 0.32898, |θ|² = 31.4216).
 */
import { type Minimum, minimize } from "../engine/minimize.ts";
import { prototypeNetwork, prototypeNetworkStart, prototypes } from "../models/prototypeNetwork.ts";

/** Steps of descent after which L-BFGS does not leave the basin any more. */
const DESCENT = 5000;

const known = new Map<number, Minimum>();

/** @throws ConvergenceError as `minimize` does. Some seconds at the first call with a weight decay. */
export function prototypeMinimum(weightDecay: number): Minimum {
  const found =
    known.get(weightDecay) ??
    minimize(prototypeNetwork(), prototypes(), {
      start: prototypeNetworkStart(),
      weightDecay,
      // The card's 60000 steps at 0.2 with five times the rate and less: the same path.
      descent: { steps: DESCENT, learningRate: 1 / (1 + weightDecay) },
    });
  known.set(weightDecay, found);
  return found;
}
