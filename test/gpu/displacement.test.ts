/**
 * The telescoping identity of every update rule on the device, to 10⁻⁵ of the terms' size: with u by
 * the rule's published equation from series of θ, v and G, and with the kept displacement from sums
 * on the device. Negative control of each: a rate wrong by 1 %.
 *
 * What limits it: θ' = θ − ηSu is rounded to float32, a random walk of 2⁻²⁴|θ| against η|u|; G and
 * noise differ from the twin's by some roundings; sums are rounded. The kept displacement is no
 * better: software Vulkan simplifies (θ − ηSu) − θ to −ηSu.
 */
import { describe, expect, test } from "vitest";
import { displacementError, displacementResidual } from "../../analysis/index.ts";
import { moments } from "../../engine/observe/moments.ts";
import { series } from "../../engine/observe/series.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import { resolve } from "../../engine/run/options.ts";
import { centerOf, type Instant, optionsOf, rules, scalesOf, sumsOf } from "../displacements.ts";
import { describeWithDevice } from "../gpu.ts";

const T = 400;
const BOUND = 1e-5;

describeWithDevice("the telescoping identity", "software", (device) => {
  describe("of u by the rule's equation", () => {
    const visible = Object.entries(rules(2)).filter(([, { hidden }]) => !hidden);
    test.each(visible)("%s", async (_name, rule) => {
      const options = optionsOf(2, rule.change);
      const names = options.model.coordinateNames;
      const of = ["", "v.", "g."].flatMap((prefix) => names.map((name) => prefix + name));
      await using ensemble = await createEnsemble(device(), {
        ...options,
        observables: { path: series({ of: [...of, "learningRate"] }) },
      });
      const { path } = await ensemble.observe({ steps: T + 1 });
      const setting = resolve(options).conditions[0]!;
      const instants = (replica: number): Instant[] => {
        const at = (q: number, t: number): number =>
          path.values.data[(q * 3 + replica) * (T + 1) + t]!;
        const vector = (first: number, t: number) => names.map((_, p) => at(first + p, t));
        return Array.from(path.steps, (step, t) => ({
          step,
          theta: vector(0, t),
          velocity: vector(names.length, t),
          gradient: vector(2 * names.length, t),
          learningRate: at(3 * names.length, t),
        }));
      };
      const residual = (wrong = 1): number =>
        Math.max(
          ...[0, 1, 2].map((replica) => {
            const sums = sumsOf(rule, options, setting, replica, instants(replica), wrong);
            return Math.abs(displacementResidual(sums));
          }),
        );
      expect(residual()).toBeLessThanOrEqual(BOUND);
      expect(residual()).toBeGreaterThan(0);
      expect(residual(1.01)).toBeGreaterThan(10 * BOUND);
    });
  });

  describe("of the kept displacement, from sums on the device", () => {
    const kept = Object.entries(rules(2)).filter(
      ([, { displacement, change }]) => displacement && !change.rate,
    );
    test.each(kept)("%s", async (_name, rule) => {
      const options = optionsOf(2, rule.change);
      await using ensemble = await createEnsemble(device(), {
        ...options,
        observables: { sums: moments() },
      });
      await ensemble.advance({ steps: 50 });
      const start = await ensemble.state();
      const { sums } = await ensemble.observe({ steps: T });
      const choice = {
        learningRate: resolve(options).conditions[0]!.learningRate!,
        rateScale: scalesOf(options),
        center: centerOf(options),
        ...{ steps: T, start, end: await ensemble.state() },
      };
      const right = displacementError(sums, choice);
      expect(right).toMatchObject({ n: 3, warnings: [] });
      expect(right.value).toBeLessThanOrEqual(BOUND);
      expect(right.value).toBeGreaterThan(0);
      const learningRate = 1.01 * choice.learningRate;
      expect(displacementError(sums, { ...choice, learningRate }).value).toBeGreaterThan(
        10 * BOUND,
      );
    });
  });
});
