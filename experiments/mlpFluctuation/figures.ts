/** Figures of card A6: spectra, areas against the current of the theory, the detailed theorem. */
import type { Estimate } from "../../analysis/index.ts";
import type { Figure, Mark } from "../experiment.ts";
import { upper } from "./matrices.ts";
import type { AtMinimum } from "./minimum.ts";
import type { Rung } from "./rung.ts";
import type { Landscape } from "./theory.ts";

interface Settings {
  readonly replicas: number;
  readonly batchSize: number;
}

/** Noise below this share of the largest is rounding. */
const SILENT = 1e-12;

const counting = (n: number): number[] => Array.from({ length: n }, (_, k) => k + 1);

const points = (label: string, x: readonly number[], y: readonly Estimate[]): Mark => ({
  kind: "points",
  label,
  role: "measured",
  x: [...x],
  y: y.map(({ value }) => value),
  standardError: y.map(({ standardError }) => standardError),
});

const line = (label: string, x: readonly number[], y: readonly number[]): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x: [...x],
  y: [...y],
});

export const networkFigures = (
  p: Settings,
  scene: Landscape,
  found: AtMinimum,
  rungs: readonly Rung[],
): Figure[] => [
  spectrumFigure(scene, found),
  varianceFigure(p, scene, rungs),
  areaFigure(p, rungs),
  ratioFigure(rungs),
];

function spectrumFigure(
  { minimum, noise }: Landscape,
  { pairs, noise: measured }: AtMinimum,
): Figure {
  const values = [...minimum.eigenvalues].reverse();
  const along = [...noise].reverse();
  const most = Math.max(...along);
  const noisy = along.flatMap((x, k) => (x > SILENT * most ? [k] : []));
  const count = pairs.values.axes[0]!.length;
  const lanes = pairs.values.data.length / count;
  const factor = measured.noiseFactors[0]!;
  const dots = (label: string, of: (k: number) => number): Mark => ({
    kind: "points",
    label,
    role: "measured",
    x: counting(count),
    y: counting(count).map((k) => of(k - 1)),
  });
  return {
    id: "spectrum",
    title: "Spectrum of the Hessian at the minimum, and the noise along it",
    caption:
      "Lines: all eigenvalues, and the batch noise along their eigenvectors, in float64. Points: Lanczos and " +
      "the gradients' scatter on the device. Directions that add the same to all logits have no noise and are " +
      "left out of the second line.",
    x: { label: "mode, stiffest first", scale: "log" },
    y: { label: "h [loss/θ²], u·Σ_B u [(loss/θ)²]", scale: "log" },
    marks: [
      line("curvature h", counting(values.length), values),
      line(
        "noise u·Σ_B u",
        noisy.map((k) => k + 1),
        noisy.map((k) => along[k]!),
      ),
      dots("h, Lanczos", (k) => pairs.values.data[k * lanes]!),
      dots("u·Σ_B u, device", (k) => factor * measured.covariance.data[k * (count + 1) * lanes]!),
    ],
  };
}

function varianceFigure(p: Settings, scene: Landscape, rungs: readonly Rung[]): Figure {
  const modes = counting(scene.subspace.directions.length);
  const all = rungs.flatMap(({ learningRate, results, linear, cloud }): Mark[] => {
    const ratio = cloud?.covariance.map((row, k) => row[k]! / linear.continuous.covariance[k]![k]!);
    return [
      ...(ratio ? [line(`cloud, η=${learningRate}`, modes, ratio)] : []),
      points(`η=${learningRate}`, modes, results.variances),
    ];
  });
  return {
    id: "variances",
    title: "Stationary variances over Lyapunov's equation at the minimum",
    caption:
      `${p.replicas} replicas, batches of ${p.batchSize}; bars are one standard error. Curvature and ` +
      "noise averaged over the cloud raise them; modes that follow soft ones, and replicas that have left the " +
      "basin, raise them further.",
    x: { label: "mode, stiffest first" },
    y: { label: "Var z / Lyapunov" },
    marks: [line("at the minimum", [1, modes.length], [1, 1]), ...all],
  };
}

/** Both axes over the largest |C| of the rung, so that rungs share them. */
function areaFigure(p: Settings, rungs: readonly Rung[]): Figure {
  const marks = rungs.map(({ learningRate, results, linear }) => {
    const current = upper(linear.continuous.current);
    const scale = Math.max(...current.map(Math.abs));
    const areas = results.areas.map((area) => ({
      ...area,
      value: area.value / scale,
      standardError: area.standardError / scale,
    }));
    return points(
      `η=${learningRate}`,
      current.map((c) => c / scale),
      areas,
    );
  });
  const places = marks.flatMap(({ x }) => x);
  const ends = [Math.min(...places), Math.max(...places)];
  return {
    id: "areas",
    title: "Areas per step against the current of the linear theory",
    caption: `One point a pair of modes, over the largest |C|; ${p.replicas} replicas, bars are one standard error.`,
    x: { label: "C_ij, theory at the minimum", unit: "largest |C|" },
    y: { label: "½⟨z_i z_j' − z_j z_i'⟩, measured", unit: "largest |C|" },
    marks: [line("equal", ends, ends), ...marks],
  };
}

/** p(σ)/p(−σ) in bins of |σ|: positive events over Σ e^{|σ|} of the negative ones, times e^{|σ|}. */
function ratioFigure(rungs: readonly Rung[]): Figure {
  const marks = rungs.flatMap(({ learningRate, results }): Mark[] => {
    if (results.detailed === null) return [];
    const bins = results.detailed.bins.map(({ sigma, logRatio }) => {
      const value = Math.exp(sigma + logRatio.value);
      return {
        x: Math.exp(sigma),
        estimate: { ...logRatio, value, standardError: value * logRatio.standardError },
      };
    });
    return [
      points(
        `η=${learningRate}`,
        bins.map(({ x }) => x),
        bins.map(({ estimate }) => estimate),
      ),
    ];
  });
  const top = Math.max(1.1, ...marks.flatMap(({ x }) => x));
  return {
    id: "detailed",
    title: "Detailed fluctuation theorem",
    caption:
      "Ratio of positive to negative events by bins of |σ|, freed of the bins' width: " +
      "e^|σ| N₊/Σ₋ e^|σ|. Bars are one standard error, from groups of replicas. The theorem is exact for " +
      "Gaussian noise of constant covariance; that of batches is neither.",
    x: { label: "exp(σ)" },
    y: { label: "p(σ)/p(−σ)" },
    marks: [line("theorem", [1, top], [1, top]), ...marks],
  };
}
