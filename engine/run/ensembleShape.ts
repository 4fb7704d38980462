/** The two axes that every Record has: conditions and replicas. */
import type { Axis } from "../record.ts";

export interface EnsembleShape {
  readonly conditions: number;
  readonly replicas: number;
  readonly firstReplica: number;
  readonly labels: readonly string[];
  /** Replicas that interact; null where they are independent. */
  readonly groupSize: number | null;
}

export const ensembleAxes = (shape: EnsembleShape): [Axis, Axis] => [
  { name: "condition", length: shape.conditions, values: shape.labels },
  {
    name: "replica",
    length: shape.replicas,
    ...(shape.firstReplica > 0 && {
      values: Array.from({ length: shape.replicas }, (_, r) => shape.firstReplica + r),
    }),
  },
];
