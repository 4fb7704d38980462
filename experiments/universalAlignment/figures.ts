/** Figures of card 2D: alignment along the training of three methods, and between all replicas. */
import { alignmentMatrix } from "../../analysis/index.ts";
import { decayBalancedLayer, linearAlignment } from "../../models/theory/index.ts";
import type { Figure, Mark, Quantity } from "../experiment.ts";
import { activations, type Probes, pairAlignment } from "./layers.ts";
import { alignmentAfter } from "./predictions.ts";
import { alignments, type Courses, type Predictions } from "./quantities.ts";
import { METHODS, type Method } from "./runs.ts";
import { type AlignmentSettings, NETS, netOf } from "./settings.ts";

const nets = (p: AlignmentSettings) => [netOf(p, "A"), netOf(p, "B")] as const;

/** Alignment of one layer on the way, [step]. */
function curve(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  method: Method,
  layer: number,
) {
  const [a, b] = [courses.A[method].path, courses.B[method].path];
  const points = a
    .map((states, t) => ({
      x: states.step,
      y: pairAlignment(nets(p), [states, b[t]!], layer, probes),
    }))
    .filter(({ y }) => Number.isFinite(y));
  return { x: points.map(({ x }) => x), y: points.map(({ y }) => y) };
}

const phaseEnds = ({ phaseSteps }: AlignmentSettings): number[] =>
  phaseSteps.map((_, k) => phaseSteps.slice(0, k + 1).reduce((sum, steps) => sum + steps, 0));

/** Marks of a horizontal line over all steps. */
const level = (p: AlignmentSettings, label: string, value: number): Mark => ({
  kind: "line",
  label,
  role: "theory",
  x: [0, phaseEnds(p).at(-1)!],
  y: [value, value],
});

/** CKA of the first hidden layers against steps, for all methods. */
export function courseFigure(p: AlignmentSettings, courses: Courses, probes: Probes): Figure {
  const [a, b] = nets(p);
  const shallow = p.widthsA.length === 1;
  const limit = linearAlignment(decayBalancedLayer(a), decayBalancedLayer(b), probes.covariance);
  return {
    id: "course",
    title: "Layers of nets with different views become alike",
    caption:
      "Linear CKA between the first hidden layers of net A, which sees x, and net B, which sees Zx; mean over " +
      `pairs of the first replicas. The learning rate is ${p.learningRates.join(", ")} in phases that end at ` +
      `${phaseEnds(p).join(", ")} steps. Noise leads to 1 for every view; decay to a limit that depends on Z, ` +
      "and nothing moves gradient descent.",
    x: { label: "SGD step" },
    y: { label: "CKA, A-B" },
    marks: [
      level(p, "limit of noise", 1),
      ...(shallow ? [level(p, "limit of decay", limit)] : []),
      ...METHODS.map(
        (method): Mark => ({
          kind: "line",
          label: method,
          role: "measured",
          ...curve(p, courses, probes, method, 0),
        }),
      ),
    ],
  };
}

/** 1 − CKA under SGD on a logarithmic axis, with leading order after each phase. */
export function deficitFigure(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  quantities: readonly Quantity[],
  predictions: Predictions | null,
): Figure {
  const positive = ({ x, y }: { x: number[]; y: number[] }) => {
    const kept = x.map((_, i) => i).filter((i) => 1 - y[i]! > 0);
    return { x: kept.map((i) => x[i]!), y: kept.map((i) => 1 - y[i]!) };
  };
  const ends = quantities.filter(
    ({ name, condition, estimate }) =>
      name === "CKA, A-B" &&
      condition.method === "SGD" &&
      Number(condition.phase) > 0 &&
      (condition.layer ?? 1) === 1 &&
      estimate.value < 1,
  );
  const steps = phaseEnds(p);
  const at = ends.map(({ condition }) => steps[Number(condition.phase) - 1]!);
  return {
    id: "deficit",
    title: "What a finite learning rate leaves of alignment",
    caption:
      "1 − CKA of SGD along its path (pairs of the first replicas), and after each phase (all pairs). Theory: " +
      "fluctuations of both layers to leading order, ησ² in every direction that changes the output, and " +
      "those of the balance, which remember earlier phases.",
    x: { label: "SGD step" },
    y: { label: "1 − CKA, A-B", scale: "log" },
    marks: [
      ...(predictions
        ? [
            {
              kind: "line" as const,
              label: "leading order, after each phase",
              role: "theory" as const,
              x: steps,
              y: steps.map((_, k) => 1 - alignmentAfter(predictions.A, predictions.B, k).value),
            },
          ]
        : []),
      {
        kind: "line",
        label: "on the way",
        role: "measured",
        ...positive(curve(p, courses, probes, "SGD", 0)),
      },
      {
        kind: "points",
        label: "after each phase",
        role: "measured",
        x: at,
        y: ends.map(({ estimate }) => 1 - estimate.value),
        standardError: ends.map(({ estimate }) => estimate.standardError),
      },
    ],
  };
}

/** Replicas of each net that a matrix shows. */
const SHOWN = 12;

/** CKA of all pairs among replicas of both nets at the end of a method; nothing where one is lost. */
export function matrixFigure(
  p: AlignmentSettings,
  courses: Courses,
  probes: Probes,
  method: Method,
): Figure[] {
  const count = Math.min(SHOWN, p.replicas);
  const layers = NETS.flatMap((net) => {
    const end = courses[net][method].ends.at(-1)!;
    const first = { step: end.step, theta: end.theta.slice(0, count) };
    return activations(netOf(p, net), first, 0, probes);
  });
  // Layers on the same probes are taken for those of one net, whatever their widths.
  const { matrix } = alignments(() => alignmentMatrix(layers));
  if (matrix === null || !matrix.values.every(Number.isFinite)) return [];
  const edges = Array.from({ length: 2 * count + 1 }, (_, i) => i);
  const { values } = matrix;
  const others = values.filter((_, e) => e % (2 * count + 1) !== 0);
  const cross = values.filter(
    (_, e) => Math.floor(e / (2 * count)) < count && e % (2 * count) >= count,
  );
  return [
    {
      id: `pairs-${method.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`,
      title: `Alignment of all pairs of replicas, ${method}`,
      caption:
        `Linear CKA of the first hidden layers of ${count} replicas of net A, then ${count} of net B, at the end; ` +
        `shades from 0 to 1. Least of a pair ${Math.min(...others).toFixed(3)}, mean of A with B ` +
        `${(cross.reduce((sum, value) => sum + value, 0) / cross.length).toFixed(4)}.`,
      x: { label: "replica", ticks: netTicks(count) },
      y: { label: `replica, A from 0, B from ${count}` },
      marks: [separator([count, count], [0, 2 * count]), separator([0, 2 * count], [count, count])],
      plane: { x: edges, y: edges, shade: [...values] },
    },
  ];
}

const netTicks = (count: number) => [
  { at: count / 2, label: "net A" },
  { at: 1.5 * count, label: "net B" },
];

const separator = (x: number[], y: number[]): Mark => ({
  kind: "line",
  label: "A | B",
  role: "theory",
  x,
  y,
});
