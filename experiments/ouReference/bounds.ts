/**
 * What other estimators see of the entropy production: bounds from the precision of the best linear
 * current, from the cells' averages, from nearest neighbors of pairs of states (card E2).
 *
 * Paths come from replicas of their own, behind those that are counted.
 */
import {
  type CurrentField,
  coarseGrainedProduction,
  type Estimate,
  type GridField,
  neighborProduction,
  uncertaintyBound,
} from "../../analysis/index.ts";
import type { SeriesRecord } from "../../engine/record.ts";
import { linearUncertaintyBound } from "../../models/theory/index.ts";
import type { Figure, Quantity } from "../experiment.ts";
import { estimateOf } from "../outcome.ts";
import { type OuSettings, ouProcess } from "./settings.ts";
import type { OuTheory } from "./theory.ts";

/** Cells of less density than this share of the highest are left out of the bound. */
const LEAST_DENSITY = 1e-3;

const UNIT = "nat per time";

function bound(name: string, estimator: () => Estimate, predicted: number | null): Quantity {
  const estimate = estimateOf(estimator);
  return {
    name: `entropyProduction(${name})`,
    condition: {},
    estimate,
    unit: UNIT,
    predicted: Number.isNaN(estimate.value) ? null : predicted,
    systematic: 0,
  };
}

/** Σ_cells j·D⁻¹ j/p × volume of the exact averages over cells. */
function exactCells({ grid }: GridField, exact: OuTheory, p: OuSettings): number {
  const { density, current } = exact;
  const [[d11, d12], [, d22]] = ouProcess(p).diffusion;
  const determinant = d11 * d22 - d12 * d12;
  const volume = grid.reduce((product, { from, to, bins }) => (product * (to - from)) / bins, 1);
  const floor = LEAST_DENSITY * Math.max(...density);
  let sum = 0;
  density.forEach((value, cell) => {
    if (value <= floor) return;
    const [x, y] = [current[cell]!, current[density.length + cell]!];
    sum += ((d22 * x * x - 2 * d12 * x * y + d11 * y * y) / (determinant * value)) * volume;
  });
  return sum;
}

/** The bounds, with the exact value of each that has one; neighbors have none. */
export function boundQuantities(
  p: OuSettings,
  exact: OuTheory,
  fields: { readonly density: GridField; readonly current: CurrentField },
  path: SeriesRecord | null,
): Quantity[] {
  const { drift, diffusion } = ouProcess(p);
  const options = { drift, diffusion, timeStep: p.timeStep, integrator: p.integrator };
  const cells = bound(
    "cells",
    () =>
      coarseGrainedProduction(fields.current, fields.density, { diffusion, least: LEAST_DENSITY }),
    exactCells(fields.density, exact, p),
  );
  if (path === null) return [cells];
  const precision = bound(
    "best current",
    () => uncertaintyBound(path, { timeStep: p.timeStep }),
    exact.flows ? linearUncertaintyBound(options) : 0,
  );
  const neighbors = bound(
    "neighbors",
    () => neighborProduction(path, { timeStep: p.timeStep, lag: p.neighborLag }),
    null,
  );
  return [precision, cells, neighbors];
}

/** Every estimator as a share of the entropy production of the process. */
export function boundsFigure(quantities: readonly Quantity[], exact: OuTheory): Figure[] {
  const whole = exact.continuous.entropyProduction;
  const shown = quantities.filter(
    ({ name, estimate }) => name.startsWith("entropyProduction") && estimate.value > 0,
  );
  if (!exact.flows || shown.length === 0) return [];
  const places = shown.map((_, k) => k + 1);
  const label = (name: string): string => /\((.*)\)/.exec(name)?.[1] ?? "fit";
  const foreseen = places.filter((_, k) => shown[k]!.predicted !== null);
  return [
    {
      id: "entropy-production",
      title: "What each estimator sees of the entropy production",
      caption:
        "Share of the continuous process's entropy production: the fit of a linear process, pairs of " +
        "states and their trajectory sum at dt, and bounds that know no model. Bars are one standard error.",
      x: {
        label: "estimator",
        ticks: shown.map(({ name }, k) => ({ at: k + 1, label: label(name) })),
      },
      y: { label: "share of the entropy production" },
      marks: [
        {
          kind: "line",
          label: "the process",
          role: "theory",
          x: [0.5, shown.length + 0.5],
          y: [1, 1],
        },
        {
          kind: "points",
          label: "exact at this dt",
          role: "theory",
          x: foreseen,
          y: foreseen.map((place) => shown[place - 1]!.predicted! / whole),
        },
        {
          kind: "points",
          label: "measured",
          role: "measured",
          x: places,
          y: shown.map(({ estimate }) => estimate.value / whole),
          standardError: shown.map(({ estimate }) => estimate.standardError / whole),
        },
      ],
    },
  ];
}
