/**
 * Estimates of card C2 at one η, all from second moments of w, w², f, wG and G²:
 *   ⟨f'²⟩ = a²⟨w²⟩ + 4b⟨f w²⟩   (f' = aw + bw³, f = ½aw² + ¼bw⁴),
 *   (η/2)⟨f''G²⟩ = (η/2)(a⟨G²⟩ + 3b⟨(wG)²⟩),
 *   (η²/6)⟨f'''G³⟩ = η²b⟨wG·G²⟩,   (η³/24)⟨f''''G⁴⟩ = (η³/4)b⟨(G²)²⟩.
 * Nothing is expanded: each is an average over what the device stepped through, noise included.
 */
import { type Estimate, jackknife, type ReplicaSamples } from "../../analysis/index.ts";
import type { MomentsRecord } from "../../engine/record.ts";
import type { AnharmonicMode } from "../../models/theory/index.ts";
import type { Quantity } from "../experiment.ts";
import { estimateOf, MAX_LEFT, startWarnings } from "../outcome.ts";
import { F32_BLOCK_SUM, roundingWalk, transient } from "../systematic.ts";

export interface AnharmonicSettings {
  readonly learningRate: number;
  readonly curvature: number;
  readonly quartic: number;
  readonly noise: number;
  readonly exact: AnharmonicMode | null;
  /** τ of w in steps. */
  readonly relaxation: number;
  readonly burnIn: number;
}

/** What was measured at one η, for tables and figures. */
export interface AnharmonicPoint {
  readonly learningRate: number;
  readonly exact: AnharmonicMode | null;
  readonly gradientSquare: Estimate;
  readonly leading: Estimate;
  readonly all: Estimate;
  readonly leadingRatio: Estimate;
  readonly allRatio: Estimate;
  readonly quantities: readonly Quantity[];
  readonly warnings: readonly string[];
}

/** Columns of the replicas' time averages. */
const COLUMNS = ["w²", "f w²", "G²", "(wG)²", "wG³", "G⁴", "wG"] as const;
type Column = (typeof COLUMNS)[number];

type Means = Readonly<Record<Column, number>>;

/** A function of columns by name as the jackknife calls it: one scratch object for all calls. */
function named(f: (means: Means) => number): (means: Float64Array) => number {
  const scratch: Partial<Record<Column, number>> = {};
  return (means) => {
    COLUMNS.forEach((column, k) => {
      scratch[column] = means[k]!;
    });
    return f(scratch as Means);
  };
}

/** All quantities of card C2 at one η, beside exact values. */
export function measureAnharmonic(
  settings: AnharmonicSettings,
  record: MomentsRecord,
): AnharmonicPoint {
  const { learningRate: eta, curvature: a, quartic: b, relaxation, burnIn } = settings;
  const left = transient(burnIn, relaxation);
  const exact = left <= MAX_LEFT ? settings.exact : null;
  const samples = columnsOf(record);
  const of = (f: (m: Means) => number, biasCorrected = false): Estimate =>
    estimateOf(() => jackknife(samples, named(f), { biasCorrected }));
  const slope = (m: Means) => a * a * m["w²"] + 4 * b * m["f w²"];
  const leading = (m: Means) => (eta / 2) * (a * m["G²"] + 3 * b * m["(wG)²"]);
  const cubic = (m: Means) => eta ** 2 * b * m["wG³"];
  const fourth = (m: Means) => (eta ** 3 / 4) * b * m["G⁴"];
  const all = (m: Means) => leading(m) - cubic(m) + fourth(m);
  const point = {
    gradientSquare: of(slope),
    leading: of(leading),
    all: of(all),
    leadingRatio: of((m) => slope(m) / leading(m), true),
    allRatio: of((m) => slope(m) / all(m), true),
  };
  const work = of((m) => m.wG);
  const firstRatio = of((m) => m.wG / ((eta / 2) * m["G²"]), true);
  const row = rows(settings, exact, left);
  const gradient = "(loss/w)²";
  return {
    learningRate: eta,
    exact,
    ...point,
    quantities: [
      row(
        "<w²>",
        of((m) => m["w²"]),
        exact?.variance,
        "w²",
      ),
      row("O_FB", point.gradientSquare, exact?.gradientSquare, gradient),
      row("lead", point.leading, exact?.leading, gradient),
      row("cubic", of(cubic), exact?.cubic, gradient),
      row("quartic", of(fourth), exact?.fourth, gradient),
      row("lead-cubic+quartic", point.all, exact && sumOf(exact), gradient),
      row("FDR2 O_FB/all", point.allRatio, exact && 1, "1"),
      row("O_FB/lead only", point.leadingRatio, exact && exact.gradientSquare / exact.leading, "1"),
      row("OL", work, exact?.left, "loss"),
      row("FDR1 OL/OR", firstRatio, exact && 1, "1"),
    ],
    warnings: settings.exact ? startWarnings(burnIn, left) : [],
  };
}

const sumOf = ({ leading, cubic, fourth }: AnharmonicMode): number => leading - cubic + fourth;

/**
 * Systematic error, relative: sums in float32, what is left of the start, and escapes. Survivors are
 * conditioned not to pass w_c: within τ of an escape they differ, by at most the value at w_c, f'².
 */
function rows(
  { relaxation, learningRate, curvature: a, quartic: b, noise }: AnharmonicSettings,
  exact: AnharmonicMode | null,
  left: number,
) {
  const edge = exact && exact.escape > 0 ? exact.edge * (a + b * exact.edge ** 2) : 0;
  const missing = exact ? (exact.escape * relaxation * edge ** 2) / exact.gradientSquare : 0;
  // wG changes sign: its sum rounds like its size, √⟨w²⟩⟨G²⟩.
  const size = exact
    ? Math.sqrt(exact.variance * (exact.gradientSquare + noise ** 2)) / exact.left
    : 0;
  return (
    name: string,
    estimate: Estimate,
    predicted: number | null | undefined,
    unit: string,
  ): Quantity => {
    const sums = /^(OL|FDR1)/.test(name) ? roundingWalk() * size : 0;
    const relative = F32_BLOCK_SUM + left + missing + sums;
    return {
      name,
      condition: { learningRate },
      estimate,
      unit,
      predicted: predicted ?? null,
      systematic: relative * Math.abs(predicted ?? 0),
    };
  };
}

/** Time averages of each replica, [replica, column], about zero. */
function columnsOf(record: MomentsRecord): ReplicaSamples {
  const { coordinates, first, second, reference } = record;
  const d = coordinates.length;
  const replicas = first.axes[1]!.length;
  const at = (name: string): number => coordinates.indexOf(name);
  const [ww, f, wG, GG] = ["theta.theta", "loss", "theta.g", "g.g"].map(at);
  const pairs: Record<Column, readonly [number, number] | number> = {
    "w²": ww!,
    "f w²": [f!, ww!],
    "G²": GG!,
    "(wG)²": [wG!, wG!],
    "wG³": [wG!, GG!],
    "G⁴": [GG!, GG!],
    wG: wG!,
  };
  const data = new Float64Array(replicas * COLUMNS.length);
  for (let r = 0; r < replicas; r++) {
    const mean = (i: number): number => first.data[r * d + i]! + reference.data[i]!;
    const product = (i: number, j: number): number => {
      const [ci, cj] = [reference.data[i]!, reference.data[j]!];
      const centered = second.data[(r * d + i) * d + j]!;
      return centered + ci * first.data[r * d + j]! + cj * first.data[r * d + i]! + ci * cj;
    };
    for (const [k, column] of COLUMNS.entries()) {
      const pair = pairs[column];
      data[r * COLUMNS.length + k] =
        typeof pair === "number" ? mean(pair) : product(pair[0], pair[1]);
    }
  }
  return { data, replicas, k: COLUMNS.length };
}
