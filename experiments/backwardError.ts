/**
 * Card 2A: a step of gradient descent is, up to η³, the gradient flow of L + (η/4)|∇L|² over the time
 * η; without the correction, or with another one, up to η² only.
 *
 * Flows are solved in float64 with the engine's gradients and Hessian-vector products; the step is taken
 * in float64, and on the device in float32. Per batch the same holds, so that averaged over batches
 * flows without correction are off by (η²/4)∇E|g_B|².
 */
import { ArgumentError } from "../engine/errors.ts";
import type { FullData } from "../engine/referenceFullData.ts";
import { deviceQuantities, deviceSteps } from "./backwardError/device.ts";
import { distanceFigure } from "./backwardError/figure.ts";
import {
  batchLosses,
  batchProjection,
  CORRECTIONS,
  type Correction,
  fullOf,
  MOST_MISSED,
  norm,
  type Projection,
  rms,
} from "./backwardError/flows.ts";
import { climb, type Ladder } from "./backwardError/ladder.ts";
import { type BackwardSettings, backwardSettings, setup } from "./backwardError/settings.ts";
import { exactly } from "./exactly.ts";
import type { Experiment, Quantity } from "./experiment.ts";
import { divergenceWarnings } from "./outcome.ts";
import { ladder, smallRateLimit } from "./smallRateLimit.ts";
import { Stages } from "./stages.ts";

/** Card 2A's tolerance of an order. */
const CARD = 0.1;
/** Share of the coefficient ¼ that its extrapolation may leave open. */
const OPEN = 0.05;

export const backwardError: Experiment<typeof backwardSettings> = {
  id: "backward-error",
  title: "Gradient descent follows the flow of a corrected loss",
  card: "2A",
  sources: [
    "Neural Thermodynamics I, arXiv 2505.12387",
    "D. Barrett, B. Dherin, Implicit gradient regularization, arXiv 2009.11162",
  ],
  summary:
    "One full-batch step of a small tanh network from many starts, beside gradient flows over the time η: " +
    "of L the distance is of order η², of L + (η/4)|∇L|² of order η³, of other corrections again η². Averaged " +
    "over batches, flows without correction differ from the steps by (η²/4)∇E|g_B|².",
  parameters: backwardSettings,
  quick: { replicas: 8 },
  explain: (p) => {
    const { data, ...setting } = setup(p);
    return [{ ...setting, samples: data.samples }];
  },
  async run(p, context) {
    check(p);
    const made = setup(p);
    const full = fullOf(made);
    const stages = await Stages.open(context, 2 * p.replicas * p.deviceRates.length * 1000);
    const { starts, ends, record } = await deviceSteps(p, stages, context);
    const rates = ladder(p.learningRate, p.halvings);
    const ladders: Ladder[] = [];
    const warnings = divergenceWarnings(record.run);
    for (const correction of Object.keys(CORRECTIONS) as Correction[]) {
      const found = await attempt(() =>
        climb(full, starts, rates, correction, () => stages.pause()),
      );
      if (typeof found === "string") warnings.push(`no order of ${correction}: ${found}`);
      else ladders.push(found);
    }
    const orders = ladders.flatMap((one) => orderQuantities(one));
    const device = deviceQuantities(p, full, starts, ends);
    const averaged = await attempt(() => averagedQuantity(p, starts, rates, stages));
    return {
      quantities: [
        ...orders,
        ...(typeof averaged === "string" ? [] : [averaged]),
        ...device.quantities,
      ],
      warnings: [
        ...warnings,
        ...orders.flatMap((quantity) => doubts(quantity)),
        ...(typeof averaged === "string" ? [averaged] : doubts(averaged)),
        ...device.warnings,
      ],
      figures: [distanceFigure(ladders, device.points, p.replicas)],
      records: { steps: record },
    };
  },
};

function check(p: BackwardSettings): void {
  if (p.samples % p.batchSize === 0) return;
  throw new ArgumentError(
    `batchSize: ${p.batchSize} does not divide the ${p.samples} samples; give a divisor, e.g. 1.`,
  );
}

/** What was found, or why the theory has nothing to say. */
async function attempt<T>(theory: () => Promise<T>): Promise<T | string> {
  try {
    return await theory();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    return error.message;
  }
}

function orderQuantities({ correction, order, orders, rates, limit }: Ladder): Quantity[] {
  const isClaimed = limit.bound <= CARD;
  const quantity = (name: string, value: number): Quantity => ({
    name,
    condition: { correction },
    estimate: exactly(value, "float64, root mean square over starts"),
    unit: "1",
    predicted: null,
    systematic: 0,
  });
  return [
    {
      ...quantity("order of |step - flow|", limit.value),
      predicted: isClaimed ? order : null,
      systematic: isClaimed ? limit.bound : 0,
    },
    quantity(`order between ${rates[0]} and ${rates[1]}`, orders[0]!),
  ];
}

/** Why an extrapolated quantity has no prediction. */
const doubts = ({ name, condition, predicted }: Quantity): string[] =>
  predicted !== null || name.includes("between")
    ? []
    : [
        `no prediction of ${name} (${Object.values(condition).join(", ") || "mean over batches"}): its ` +
          "extrapolation to η = 0 is open beyond the tolerance; lower learningRate if it is large, raise it " +
          "where rounding counts",
      ];

/** ⟨mean over batches of flow − step, G⟩/(η²|G|²), G = ∇E|g_B|², at η → 0. */
async function averagedQuantity(
  p: BackwardSettings,
  starts: readonly Float64Array[],
  rates: readonly number[],
  stages: Stages,
): Promise<Quantity> {
  const batches = batchLosses(p, setup(p));
  const values: number[] = [];
  const missed: number[] = [];
  for (const eta of rates) {
    await stages.pause();
    const parts = starts.map((theta) => batchProjection(batches, theta, eta));
    const total = (pick: keyof Projection): number =>
      parts.reduce((sum, part) => sum + part[pick], 0);
    values.push(total("along") / total("square"));
    missed.push(Math.sqrt(total("miss") / total("way")));
  }
  const { value, bound } = smallRateLimit(rates, values);
  // Rounding of θ by 2⁻⁵³ beside η²|G|/4, amplified by the extrapolation: below 1e-6 unless η is tiny.
  const smallest = rates.at(-1)!;
  const size = rms(starts.map(norm)) / rms(starts.map((theta) => gradientOfSquare(batches, theta)));
  const systematic = bound + (40 * Number.EPSILON * size) / smallest ** 2;
  // The limit rests on the four smallest rates.
  const isClaimed = systematic <= OPEN && missed.at(-4)! <= MOST_MISSED;
  return {
    name: "coefficient of eta² grad E|g_B|²",
    condition: { batchSize: p.batchSize },
    estimate: exactly(value, "mean over batches of flow - step, float64"),
    unit: "1",
    predicted: isClaimed ? 0.25 : null,
    systematic: isClaimed ? systematic : 0,
  };
}

/** |∇E|g_B|²|. */
const gradientOfSquare = (batches: readonly FullData[], theta: Float64Array): number =>
  Math.sqrt(batchProjection(batches, theta, 1e-3).square);
