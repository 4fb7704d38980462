/**
 * Parameters on spheres: they stay there, what is observed is tangential, and whatever makes no sense
 * is refused in one sentence. That the steps are right is held in `dynamics.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import { fixed, gaussian } from "../../engine/initial.ts";
import { series } from "../../engine/observe/series.ts";
import { fdrRate } from "../../engine/rate/fluctuationDissipation.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { adam } from "../../engine/update/adam.ts";
import { implicitSgd } from "../../engine/update/implicitSgd.ts";
import { langevin } from "../../engine/update/langevin.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { sgworld } from "../../engine/update/sgworld.ts";
import { linearRegression, network } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";

const model = network(2, 4);
const base = {
  model,
  data: sampleData(model, 12, 5),
  update: sgd({ learningRate: 0.1, batchSize: 3, gradientNoise: 0.5 }),
  spheres: { groups: [["W"], ["b", "a"]], radius: 3 },
  replicas: 7,
  seed: 11,
  initial: gaussian({ standardDeviation: 1 }),
} satisfies EnsembleOptions;

/** Largest | |θ|²/r² − 1 | over replicas of W and of (b, a), and smallest change of W. */
function drift(theta: ArrayLike<number>, radius: number): number {
  let worst = 0;
  const width = model.parameterCount;
  for (let r = 0; r < theta.length / width; r++) {
    for (const [first, end] of [
      [0, 8],
      [8, 16],
    ] as const) {
      let square = 0;
      for (let p = first; p < end; p++) square += theta[r * width + p]! ** 2;
      worst = Math.max(worst, Math.abs(square / radius ** 2 - 1));
    }
  }
  return worst;
}

describeWithDevice("spheres", "software", (device) => {
  test("θ stays on them for thousands of steps; a free block does not", async () => {
    await using ensemble = await createEnsemble(device(), base);
    const start = (await ensemble.state()).theta.data.slice();
    expect(drift(start, 3)).toBeLessThan(1e-6);
    await ensemble.advance({ steps: 5000 });
    const { data } = (await ensemble.state()).theta;
    expect(drift(data, 3)).toBeLessThan(1e-6);
    expect(data.every((value, i) => value !== start[i])).toBe(true);
    // Negative control: without the way back the norm leaves at once.
    const { spheres: _, ...free } = base;
    await using other = await createEnsemble(device(), {
      ...free,
      initial: gaussian({ standardDeviation: 0.3 }),
    });
    await other.advance({ steps: 50 });
    expect(drift((await other.state()).theta.data, 3)).toBeGreaterThan(1e-3);
  });

  test("G is tangential where it is observed", async () => {
    const options = { ...base, spheres: { groups: "whole", radius: 2 } } as const;
    const observables = { one: series({ of: ["theta.g", "g.g"] }) };
    const products = async (spheres: EnsembleOptions["spheres"]) => {
      const { spheres: _, ...free } = options;
      const given = { ...free, observables, ...(spheres && { spheres }) };
      await using ensemble = await createEnsemble(device(), given);
      const { data } = (await ensemble.observe({ steps: 20 })).one.values;
      const half = data.length / 2;
      const cosine = (i: number) => Math.abs(data[i]!) / (2 * Math.sqrt(data[half + i]!));
      return Math.max(...Array.from({ length: half }, (_, i) => cosine(i)));
    };
    expect(await products(options.spheres)).toBeLessThan(1e-6);
    expect(await products(undefined)).toBeGreaterThan(1e-2);
  });

  test("a checkpoint resumes bitwise, and belongs to its groups", async () => {
    await using first = await createEnsemble(device(), base);
    await first.advance({ steps: 9 });
    const from = await first.checkpoint();
    await first.advance({ steps: 30 });
    await using second = await createEnsemble(device(), { ...base, from });
    await second.advance({ steps: 30 });
    expect((await second.state()).theta.data).toEqual((await first.state()).theta.data);
    const others = { ...base, spheres: { ...base.spheres, groups: [["W"], ["b"]] }, from };
    await expect(createEnsemble(device(), others)).rejects.toThrow("checkpoint");
  });

  test("momentum cannot be switched on later, with the velocity kept or not", async () => {
    for (const keepVelocity of [false, true]) {
      await using ensemble = await createEnsemble(device(), { ...base, keepVelocity });
      expect(() => ensemble.set({ momentum: 0.5 })).toThrow(
        "set: spheres: sgd keeps the vector velocity, which is not tangential after a step; use " +
          "momentum 0, or a rule that keeps none, such as sgd or langevin.",
      );
      ensemble.set({ weightDecay: 0.5 });
      await ensemble.advance({ steps: 1 });
    }
  });

  describe("refuses", () => {
    const line = linearRegression(1);
    const refusals: Readonly<Record<string, readonly [Partial<EnsembleOptions>, string]>> = {
      "a group that is zero": [
        { initial: fixed(0) },
        "spheres: the parameters of [W] are all zero in replica 0, and have no direction; give " +
          "initial: gaussian({ standardDeviation: 1 }), or another start.",
      ],
      "a radius that is none": [
        { spheres: { radius: 0 } },
        "spheres: radius is 0, it must be a finite number > 0.",
      ],
      "a block that is not there": [
        { spheres: { groups: [["V"]] } },
        'spheres: "V" is no parameter block of MLP 2-4-1; there are W, b, a, c.',
      ],
      "a block in two groups": [
        { spheres: { groups: [["W"], ["a", "W"]] } },
        "spheres: block W is in two groups or twice in one; name each block once.",
      ],
      "no groups": [
        { spheres: { groups: [] } },
        'spheres: groups is empty; name a block, or use "each" or "whole".',
      ],
      "a sphere of two points": [
        { spheres: {} },
        "spheres: the group [c] has fewer than two parameters, so that nothing can move on its " +
          "sphere; put its block into another group, or into none.",
      ],
      momentum: [
        { sweep: { momentum: [0, 0.9] } },
        "spheres: sgd keeps the vector velocity, which is not tangential after a step; use " +
          "momentum 0, or a rule that keeps none, such as sgd or langevin.",
      ],
      "moments of Adam": [
        { update: adam({ learningRate: 0.1, batchSize: 3 }) },
        "spheres: adam keeps the vector firstMoment, which is not tangential after a step; use " +
          "momentum 0, or a rule that keeps none, such as sgd or langevin.",
      ],
      "a rule with a point of its own": [
        {
          update: sgworld({ learningRate: 0.1, batchSize: 3, noise: "epoch" }),
          sampling: "reshuffled",
        },
        "spheres: sgworld takes its gradient off the sphere, beside θ; use a rule that takes it at θ, " +
          "such as sgd or langevin.",
      ],
      "an implicit step": [
        { update: implicitSgd({ learningRate: 0.1, batchSize: 3 }) },
        "spheres: implicit-sgd solves for a point off the sphere; use an explicit rule, such as sgd " +
          "or langevin.",
      ],
      "a rate that waits for what always holds": [
        { rate: fdrRate({ relation: "displacement", checkEvery: 10 }) },
        "spheres: fdrRate by displacement, replica compares ⟨θ·u⟩ with η⟨u·u⟩/2, which are equal on a " +
          "sphere in every state; use a schedule, or no spheres.",
      ],
      "decay that does nothing": [
        {
          spheres: { groups: "whole" },
          update: langevin({ learningRate: 0.1, batchSize: 3, weightDecay: 0.1 }),
        },
        "spheres: weightDecay is 0.1, and all parameters are on spheres, where decay does nothing; " +
          "set weightDecay: 0.",
      ],
    };
    test.each(Object.entries(refusals))("%s", async (_name, [change, message]) => {
      const options = { ...base, ...change };
      const failure = createEnsemble(device(), options);
      await expect(failure).rejects.toThrow(ArgumentError);
      await expect(failure).rejects.toThrow(message);
    });
    test("but not a line's two parameters on a circle", async () => {
      await using ensemble = await createEnsemble(device(), {
        ...base,
        model: line,
        data: sampleData(line, 12, 5),
        spheres: { groups: "whole" },
      });
      await ensemble.advance({ steps: 1 });
      expect(ensemble.step).toBe(1);
    });
  });
});
