/** Figures of the Ornstein–Uhlenbeck reference: every cell of the grid against what it should hold. */
import type { CurrentField, GridField } from "../../analysis/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import type { OuTheory } from "./theory.ts";

const diagonal = (values: Float64Array): Mark => {
  const ends = [Math.min(...values), Math.max(...values)];
  return { kind: "line", label: "exact", role: "theory", x: ends, y: ends };
};

const cells = (label: string, field: GridField, expected: Float64Array, from: number): Mark => {
  const range = [from, from + expected.length] as const;
  return {
    kind: "points",
    label,
    role: "measured",
    x: [...expected],
    y: [...field.value.subarray(...range)],
    standardError: [...field.standardError.subarray(...range)],
  };
};

const edges = ({ from, to, bins }: GridField["grid"][number]): number[] =>
  Array.from({ length: bins + 1 }, (_, k) => from + (k * (to - from)) / bins);

/** What was measured, as a map: density shaded, currents as arrows. */
function planeFigure(p: GridField, j: CurrentField): Figure {
  const [x, y] = p.grid as [GridField["grid"][number], GridField["grid"][number]];
  const count = p.value.length;
  const [along, up] = [j.value.subarray(0, count), j.value.subarray(count)];
  const longest = Math.max(...along.map((value, k) => Math.hypot(value, up[k]!)));
  return {
    id: "flow",
    title: "Measured density and current",
    caption:
      `Shade: probability density, the darkest ${Math.max(...p.value).toPrecision(3)}. Arrows: ` +
      `probability current, the largest ${longest.toPrecision(3)}; drawn with each axis in its own unit.`,
    x: { label: x.name },
    y: { label: y.name },
    marks: [],
    plane: { x: edges(x), y: edges(y), shade: [...p.value], arrows: { x: [...along], y: [...up] } },
  };
}

export function cellFigures(p: GridField, j: CurrentField, exact: OuTheory): Figure[] {
  const count = exact.density.length;
  const { statistic, pValue } = j.significance;
  const component = (k: number): Float64Array => exact.current.subarray(k * count, (k + 1) * count);
  return [
    planeFigure(p, j),
    {
      id: "density",
      title: "Density of every cell",
      caption:
        `Visits of ${count} cells over all records, against the Gaussian averaged over each cell. ` +
        `Bars are one standard error, from the scatter of ${p.n} groups of replicas.`,
      x: { label: "exact density" },
      y: { label: "measured density" },
      marks: [diagonal(exact.density), cells("cells", p, exact.density, 0)],
    },
    {
      id: "current",
      title: "Current of every cell",
      caption:
        `Half of each displacement in the cell it starts in, half in the one it ends in, against ` +
        `p(x) Ω x averaged over the cell, Ω that of states dt apart. Sign flips of ${j.n} groups: ` +
        `mean square ${statistic.toPrecision(3)} (1 where nothing flows), p = ${pValue}.`,
      x: { label: "exact current" },
      y: { label: "measured current" },
      marks: [
        diagonal(exact.current),
        cells("along x₁", j, component(0), 0),
        cells("along x₂", j, component(1), count),
      ],
    },
  ];
}
