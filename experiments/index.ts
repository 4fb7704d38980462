/** All experiments, in the order `thermograd list` shows them. */
import type { Experiment } from "./experiment.ts";

export const experiments: readonly Experiment[] = [];
