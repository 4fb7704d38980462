/** The pictures of the edge of stability: exponents, bifurcations, partings of trajectories. */
import type { Estimate } from "../../analysis/index.ts";
import { fixed } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { sgd } from "../../engine/update/sgd.ts";
import {
  balancedLyapunov,
  balancedStep,
  CHEBYSHEV_RATE,
  localExponent,
  productLoss,
  TWO_CYCLE_END,
} from "../../models/index.ts";
import type { Figure, Mark, RunContext } from "../experiment.ts";
import type { Stages } from "../stages.ts";
import { type EdgeSettings, EVERY } from "./settings.ts";
import { APART, type Parting } from "./trajectories.ts";

/** Rates, starts and steps of the float64 curve of the first figure. */
const SCAN = { rates: 400, starts: 12, burnIn: 500, steps: 500 };
/** Rates and records of the bifurcation diagram. */
const DIAGRAM = { rates: 180, records: 20, burnIn: 1001 };
/** Exponents below are cut: they run to −∞ at superstable cycles. */
const DEEPEST = -3;

function range(p: EdgeSettings, count: number): number[] {
  const low = Math.max(0.02, Math.min(0.8, ...p.learningRates) - 0.05);
  return Array.from({ length: count }, (_, i) => low + ((2 - low) * i) / (count - 1));
}

/** Mean exponent of a few starts in float64. */
function scanned(p: EdgeSettings, eta: number): number {
  let sum = 0;
  for (let k = 0; k < SCAN.starts; k += 1) {
    let u = p.lowest + ((p.highest - p.lowest) * (k + 0.5)) / SCAN.starts;
    for (let t = 0; t < SCAN.burnIn; t += 1) u = balancedStep(u, eta);
    for (let t = 0; t < SCAN.steps; t += 1) {
      sum += localExponent(u, eta);
      u = balancedStep(u, eta);
    }
  }
  return sum / (SCAN.starts * SCAN.steps);
}

const inFrame = (points: readonly (readonly [number, number])[]): Pick<Mark, "x" | "y"> => {
  const shown = points.filter(([, y]) => Number.isFinite(y) && y >= DEEPEST);
  return { x: shown.map(([x]) => x), y: shown.map(([, y]) => y) };
};

/** Lyapunov exponent against learning rate. */
export function exponentFigure(p: EdgeSettings, measured: readonly (Estimate | null)[]): Figure {
  const rates = range(p, SCAN.rates);
  const closed = (from: number, to: number): Pick<Mark, "x" | "y"> =>
    inFrame(
      rates
        .filter((eta) => eta > from && eta < to)
        .map((eta) => [eta, balancedLyapunov(eta)?.exponent ?? Number.NaN] as const),
    );
  const shown = p.learningRates.flatMap((eta, c) => {
    const estimate = measured[c];
    return estimate && estimate.value >= DEEPEST ? [{ eta, estimate }] : [];
  });
  return {
    id: "lyapunov",
    title: "Lyapunov exponent against learning rate",
    caption:
      "Mean of ln|du'/du| of gradient descent on ½(uw − 1)² from u = w. Below 0 neighboring " +
      "trajectories meet, above they part: a device and its float64 twin can be compared step by step " +
      "only below 0.",
    x: { label: "learning rate", unit: "θ²/loss" },
    y: { label: "Lyapunov exponent", unit: "per step" },
    marks: [
      {
        kind: "line",
        label: "map in float64",
        role: "measured",
        ...inFrame(rates.map((eta) => [eta, scanned(p, eta)] as const)),
      },
      { kind: "line", label: "0", role: "theory", x: [rates[0]!, 2], y: [0, 0] },
      { kind: "line", label: "minimum, two-cycle", role: "theory", ...closed(0, 1) },
      {
        kind: "line",
        label: "minimum, two-cycle",
        role: "theory",
        ...closed(1, TWO_CYCLE_END),
      },
      {
        kind: "points",
        label: "ln 3",
        role: "theory",
        x: [CHEBYSHEV_RATE],
        y: [Math.log(3)],
      },
      {
        kind: "points",
        label: "device, float32",
        role: "measured",
        x: shown.map(({ eta }) => eta),
        y: shown.map(({ estimate }) => estimate.value),
        standardError: shown.map(({ estimate }) => estimate.standardError),
      },
    ],
  };
}

/** Products uw that the device visits, against learning rate. */
export async function bifurcationFigure(
  p: EdgeSettings,
  stages: Stages,
  context: RunContext,
): Promise<Figure> {
  // η = 2 itself leaves the interval by rounding.
  const rates = range(p, DIAGRAM.rates).slice(0, -1);
  const start = (p.lowest + p.highest) / 2;
  await using ensemble = await createEnsemble(context.device, {
    ...productLoss(),
    sampling: "fullBatch",
    update: sgd({}),
    sweep: { learningRate: rates },
    replicas: 1,
    observables: { u: series({ of: "u", every: EVERY }) },
    seed: context.seed,
    initial: fixed(start),
  });
  const { observed } = await stages.run({
    label: "diagram",
    ensemble,
    burnIn: DIAGRAM.burnIn,
    steps: EVERY * DIAGRAM.records,
    multiple: EVERY,
    work: 20,
  });
  const { data } = observed.u.values;
  const visited = Array.from(data, (u, i) => [rates[Math.floor(i / DIAGRAM.records)]!, u * u]);
  const shown = visited.filter(([, product]) => Number.isFinite(product));
  const low = rates.filter((eta) => eta > 1 && eta < TWO_CYCLE_END);
  const branch = (pick: 0 | 1): Mark => ({
    kind: "line",
    label: "two-cycle",
    role: "theory",
    x: low,
    y: low.map((eta) => balancedLyapunov(eta)!.points[pick]! ** 2),
  });
  return {
    id: "bifurcations",
    title: "Products visited against learning rate",
    caption:
      `uw of one replica on the device at ${DIAGRAM.records} steps after ${DIAGRAM.burnIn}: the minimum ` +
      "uw = 1 up to η = 1, where η · sharpness = 2, a two-cycle, period doubling, chaos that stays bounded up " +
      "to η = 2.",
    x: { label: "learning rate", unit: "θ²/loss" },
    y: { label: "product uw", unit: "θ²" },
    marks: [
      {
        kind: "points",
        label: "visited",
        role: "measured",
        x: shown.map(([eta]) => eta!),
        y: shown.map(([, product]) => product!),
      },
      branch(0),
      branch(1),
    ],
  };
}

/** How far the products in float32 and float64 part, step by step. */
export function partingFigure(p: EdgeSettings, partings: readonly Parting[]): Figure {
  const found = partings.filter(({ frozen }) => frozen < 0);
  const longest = Math.max(1, ...found.map(({ distance }) => distance.length - 1));
  return {
    id: "parting",
    title: "The same trajectory in float32 and float64",
    caption:
      `Distance of the products uw of the device and of its float64 twin from (${p.u}, ${p.w}). Below the edge ` +
      "rounding stays rounding; where the exponent is positive it grows by it at each step, until the " +
      "trajectories have nothing in common but their distribution.",
    x: { label: "SGD step" },
    y: { label: "|uw float32 − uw float64|", unit: "θ²", scale: "log" },
    marks: [
      ...found.map(({ learningRate, distance }): Mark => {
        // Equal to the last digit: no point of a logarithmic axis.
        const x = distance.flatMap((value, n) => (value > 0 ? [n] : []));
        return {
          kind: "line",
          label: `η = ${learningRate}`,
          role: "measured",
          x,
          y: x.map((n) => distance[n]!),
        };
      }),
      { kind: "line", label: "parted", role: "theory", x: [0, longest], y: [APART, APART] },
    ],
  };
}
