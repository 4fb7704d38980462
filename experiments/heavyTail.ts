/**
 * Card 3C: the whole stationary law of v = uw under the SDE of SGD on Gaussian data, and its heavy tail.
 *
 * Noise of the inputs grows with v, so that P(v) ~ v^{−7/2} at any temperature below T_c = k/(2k² + s²). Hill
 * exponents at finite fractions are far from the limit 5/2 and are compared with the law's own at the
 * same fraction. Factors start balanced, u = w, and stay so.
 */
import { byCondition, each, fixed, type InitialLaw } from "../engine/initial.ts";
import { series } from "../engine/observe/series.ts";
import type { RunInfo, SeriesRecord } from "../engine/record.ts";
import { createEnsemble } from "../engine/run/createEnsemble.ts";
import { sgd } from "../engine/update/sgd.ts";
import { onlineData } from "../engine/wgsl/row.ts";
import { balancedPair } from "../models/balancedPair.ts";
import { mulberry32 } from "../models/mulberry.ts";
import { comparable } from "./comparable.ts";
import type { Experiment } from "./experiment.ts";
import { type Claim, claimOf } from "./heavyTail/claims.ts";
import { densityFigure, hillFigure, quantileFigure } from "./heavyTail/figures.ts";
import { drawsOf, type Measured, measuredQuantities, productRecord } from "./heavyTail/measures.ts";
import { checkHeavyTail, type HeavyTailSettings, heavyTailSettings } from "./heavyTail/settings.ts";
import { Stages } from "./stages.ts";

/** Operations of a step: one normal number and the force. */
const WORK = 120;
/** Bounds on v of the adapted clock, which passes 1000 now and then: v² must stay a float32 number. */
const WIDEST = 1e18;

const setup = (p: HeavyTailSettings) => ({
  model: balancedPair(),
  sampling: "withReplacement" as const,
  update: sgd({ learningRate: p.timeStep, batchSize: 1 }),
  sweep: {
    temperature: p.temperatures,
    slope: [p.slope],
    labelNoise: [p.labelNoise],
    timeStep: [p.timeStep],
    adapted: [p.clock === "adapted" ? 1 : 0],
  },
  replicas: p.replicas,
  observables: { factors: series({ of: ["u", "w"], every: p.every }) },
});

/** `loss` is v². */
function boundsOf(p: HeavyTailSettings) {
  const widest = p.clock === "adapted" ? WIDEST : p.escape;
  return { theta: 2 * Math.sqrt(widest), loss: widest ** 2 };
}

/** Draws of the law over steps, u = w = √v; v = k where there is none. */
const start = (p: HeavyTailSettings, claims: readonly Claim[], seed: number): InitialLaw =>
  byCondition(
    claims.map(({ steps }, c) => {
      if (p.start === "point" || !steps) return fixed(Math.sqrt(p.slope));
      const uniform = mulberry32(seed + c * 0x9e3779b9);
      const theta = new Float64Array(2 * p.replicas);
      for (let r = 0; r < p.replicas; r += 1) {
        const v = steps.start(Math.min(1 - 1e-9, Math.max(1e-9, uniform())));
        theta.fill(Math.sqrt(v), 2 * r, 2 * r + 2);
      }
      return each(theta);
    }),
  );

export const heavyTail: Experiment<typeof heavyTailSettings> = {
  id: "heavy-tail",
  title: "Heavy tail of two balanced factors",
  card: "3C",
  sources: [
    "L. Ziyin, H. Li, M. Ueda, Law of balance and stationary distribution, arXiv 2308.06671",
    "B. M. Hill, Ann. Statist. 3, 1163 (1975)",
  ],
  summary:
    "The stochastic differential equation of SGD for a product of two numbers fitted to Gaussian data. " +
    "Mean, quantiles and tail exponents of v against the stationary law of balance, whose tail falls as " +
    "v^(−7/2) whatever the temperature; exponents of a tail are compared at the same finite share. " +
    "Euler steps whose length adapts to the noise keep replicas from escaping.",
  parameters: heavyTailSettings,
  quick: { replicas: 200, steps: 60_000, burnIn: 5000, every: 100 },
  explain: (p) => [{ ...setup(p), samples: onlineData.samples }],
  async run(p, context) {
    checkHeavyTail(p);
    const claims = p.temperatures.map((temperature) => claimOf(p, temperature));
    const lanes = p.temperatures.length * p.replicas;
    const stages = await Stages.open(context, (p.burnIn + p.steps) * lanes * WORK);
    await using ensemble = await createEnsemble(context.device, {
      ...setup(p),
      data: onlineData,
      seed: context.seed,
      bounds: boundsOf(p),
      initial: start(p, claims, context.seed),
    });
    const steps = Math.ceil(p.steps / p.every) * p.every;
    const { observed } = await stages.run({
      label: "factors",
      ensemble,
      burnIn: p.burnIn,
      steps,
      multiple: p.every,
      work: WORK,
      fold: ({ factors, run }): { v: SeriesRecord; run: RunInfo } => ({
        v: productRecord(factors),
        run,
      }),
    });
    const found: Measured[] = [];
    for (const [c, claim] of claims.entries()) {
      await stages.pause();
      found.push({ claim, draws: drawsOf(p, observed.v, observed.run, c) });
    }
    const measured = found.map((one) => measuredQuantities(p, one));
    const all = comparable(
      measured.flatMap(({ quantities }) => quantities),
      { replicas: Math.min(...found.map(({ draws }) => draws.pooled.n)) },
    );
    return {
      quantities: all.quantities,
      warnings: [
        ...all.warnings,
        ...claims.flatMap(({ warnings }) => warnings),
        ...measured.flatMap(({ warnings }) => warnings),
      ],
      figures: [
        densityFigure(p, found),
        quantileFigure(p, found),
        await hillFigure(p, found, stages),
      ],
      records: { factors: observed },
    };
  },
};
