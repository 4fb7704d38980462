/** Both sides of FDR1 and of FDR2 as running averages over time: how a record comes to rest. */
import { replicaMean } from "../../analysis/index.ts";
import type { SmallRate } from "../../models/theory/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { Dissipation } from "./quantities.ts";

/** Points of a curve, at most. */
const POINTS = 200;

type Combine = (at: (quantity: string) => number) => number;

/** Averages from the first record to each later one: mean over replicas, with its error. */
function running({ record }: Dissipation, label: string, combine: Combine): Mark {
  const { series } = record;
  const [, , replicas, times] = series.values.axes.map(({ length }) => length) as number[];
  const sums = new Float64Array(replicas!);
  const x: number[] = [];
  const y: number[] = [];
  const standardError: number[] = [];
  const skip = Math.max(1, Math.ceil(times! / POINTS));
  for (let t = 0; t < times!; t++) {
    for (let r = 0; r < replicas!; r++) {
      sums[r]! += combine((quantity) => {
        const q = series.quantities.indexOf(quantity);
        return series.values.data[(q * replicas! + r) * times! + t]!;
      });
    }
    if ((t + 1) % skip !== 0 || !sums.some(Number.isFinite)) continue;
    const mean = replicaMean(sums.map((sum) => sum / (t + 1)));
    x.push((t + 1) * series.every);
    y.push(mean.value);
    standardError.push(mean.standardError);
  }
  return { kind: "line", label, role: "measured", x, y, standardError };
}

export function runningAverages(
  measured: Dissipation,
  exact: SmallRate | null,
  burnIn: number,
): Figure[] {
  const { kappa, steps, settings, record } = measured;
  const law = (value: number | undefined): Mark[] =>
    value === undefined
      ? []
      : [
          {
            kind: "line",
            label: "small-rate law",
            role: "theory",
            x: [record.series.every, steps],
            y: [value, value],
          },
        ];
  const run =
    `Learning rate ${settings.learningRate}, momentum ${settings.momentum}, ${burnIn} steps from ` +
    "the minimum before. Averages from the first observed step, every " +
    `${record.series.every} steps; bands are one standard error, from the replicas.`;
  const x = { label: "observed steps", unit: "steps" };
  return [
    {
      id: "fdr1",
      title: "FDR1, measured from the minimum",
      caption: `Both sides agree when the state is stationary. ${run}`,
      x,
      y: { label: "running average", unit: "loss" },
      marks: [
        running(measured, "<(theta - c).G>", (at) => at("theta.g") - at("c.g")),
        running(measured, "kappa <|v|^2>", (at) => kappa * at("v.v")),
        ...law(exact ? kappa * exact.velocitySquare : undefined),
      ],
    },
    {
      id: "fdr2",
      title: "FDR2: the full gradient against the Hessian along the velocity",
      caption: `Both sides agree but for the third derivative of the loss. ${run}`,
      x,
      y: { label: "running average", unit: "(loss/θ)²" },
      marks: [
        running(measured, "<|grad f|^2>", (at) => at("fullGradientSquare")),
        running(measured, "kappa <v.Hv>", (at) => kappa * at("velocityCurvature")),
        ...law(exact?.gradientSquare),
      ],
    },
  ];
}
