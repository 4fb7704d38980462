/** The peer `plain JavaScript`: typed arrays, float32, one thread. */
import { drawFrom, plainTraining } from "../plainTraining.ts";
import { timeSystem } from "./clock.ts";

await timeSystem(async (problem) => ({
  version: `Node ${process.versions.node}`,
  take: plainTraining(problem, problem.theta, drawFrom(problem.sizes.samples, 12345)),
  wait: () => undefined,
  read: () => problem.theta,
  mostSteps: 1000,
}));
