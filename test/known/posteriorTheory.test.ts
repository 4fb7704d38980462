/** Stationary laws of Langevin samplers against card A7 (sgworld) and scalar closed forms. */
import { describe, expect, it } from "vitest";
import { logLogSlope } from "../../analysis/logLogSlope.ts";
import { evaluate } from "../../engine/reference.ts";
import { gaussianPosterior } from "../../models/gaussianPosterior.ts";
import {
  fourthMomentRadius,
  freeLangevin,
  POSTERIOR_SAMPLERS,
  type PosteriorMomentsOptions,
  type PosteriorSampler,
  posteriorFourthMomentRadius,
  posteriorMoments,
  regressionPosterior,
} from "../../models/theory/index.ts";

const { model, data, posterior } = gaussianPosterior();

const close = (value: number, expected: number, relative: number) =>
  expect(Math.abs(value - expected), `${value} for ${expected}`).toBeLessThan(
    relative * Math.abs(expected),
  );

/** Agreement with a published number, to half a unit of its last digit (and 1 % of that). */
function printed(value: number, text: string): void {
  const [, fraction, exponent] = /^-?\d+(?:\.(\d+))?(?:e(-?\d+))?$/.exec(text)!;
  const unit = 10 ** (Number(exponent ?? 0) - (fraction?.length ?? 0));
  expect(Math.abs(value - Number(text)), `${value} for ${text}`).toBeLessThan(0.505 * unit);
}

/** Friction near critical damping, 2√Λ; its step h = γη takes the overdamped time η. */
const FRICTION = 8;

function moments(
  sampler: PosteriorSampler,
  eta: number,
  others: Partial<PosteriorMomentsOptions> = {},
) {
  const learningRate = sampler === "smsUbu" ? FRICTION * eta : eta;
  const choice = POSTERIOR_SAMPLERS[sampler];
  return posteriorMoments({
    posterior,
    ...choice,
    learningRate,
    batchSize: 1,
    friction: FRICTION,
    ...others,
  });
}

const slopeOf = (sampler: PosteriorSampler, etas: readonly number[], batchSize = 1) =>
  logLogSlope(
    etas,
    etas.map((eta) => moments(sampler, eta, { batchSize }).kl),
  ).value;

describe("card A7", () => {
  it("has the card's posterior", () => {
    const { mean, covariance } = regressionPosterior(posterior);
    printed(mean[0]!, "0.532418");
    printed(mean[1]!, "0.629388");
    printed(covariance[0]![0]!, "0.060266");
    printed(covariance[0]![1]!, "-0.006619");
    printed(covariance[1]![1]!, "0.072981");
  });

  /** Euler–Maruyama on a Gaussian: variances are the target's over 1 − ηλ/2, mode by mode. */
  const fullBatchKl = (eta: number, eigenvalues: readonly number[]) =>
    eigenvalues.reduce((sum, lambda) => {
      const excess = 1 / (1 - (eta * lambda) / 2) - 1;
      return sum + 0.5 * (excess - Math.log1p(excess));
    }, 0);

  it.each([
    [1e-4, "9.209e-6", "1.257e-7", "2.985e-7", "2.987e-5"],
    [3e-4, "8.291e-5", "1.138e-6", "2.692e-6", "2.699e-4"],
    [1e-3, "9.224e-4", "1.304e-5", "3.014e-5", "3.043e-3"],
    [3e-3, "8.350e-3", "1.402e-4", "2.771e-4", "2.857e-2"],
    [1e-2, "9.675e-2", "6.898e-3", "3.329e-3", "0.3666"],
  ])("table of KL at eta %f", (eta, sgld, sgworld, fullBatch, epochNoise) => {
    printed(moments("sgld", eta).kl, sgld);
    printed(moments("sgworld", eta).kl, sgworld);
    printed(moments("sgworldEpochNoise", eta).kl, epochNoise);
    // The card's full-batch column is that of its rounded eigenvalues, off by 4e-5 of itself.
    printed(fullBatchKl(eta, [13.19, 17.41]), fullBatch);
    close(moments("fullBatchLangevin", eta).kl, Number(fullBatch), 5e-4);
    const [[a, b], [, c]] = regressionPosterior(posterior).precision as [
      [number, number],
      [number, number],
    ];
    const gap = Math.hypot(a - c, 2 * b);
    const eigenvalues = [(a + c - gap) / 2, (a + c + gap) / 2];
    close(moments("fullBatchLangevin", eta).kl, fullBatchKl(eta, eigenvalues), 1e-7);
  });

  it("noise before and after the epoch, covariances and shift", () => {
    printed(moments("sgworldSplitNoise", 1e-4).kl, "1.3e-6");
    const sgld = moments("sgld", 3e-3);
    const sgworld = moments("sgworld", 3e-3);
    printed(sgld.covariance[0]![0]!, "0.068193");
    printed(sgld.covariance[0]![1]!, "-0.005997");
    printed(sgld.covariance[1]![1]!, "0.082488");
    printed(sgworld.covariance[0]![0]!, "0.060661");
    printed(sgworld.covariance[0]![1]!, "-0.006422");
    printed(sgworld.covariance[1]![1]!, "0.073179");
    printed(Math.hypot(...sgworld.shift), "4.097e-3");
    expect(Math.hypot(...sgld.shift)).toBeLessThan(1e-14);
  });

  it("the model's batch gradient is that of the theory", () => {
    const { batchGradient, mean } = regressionPosterior(posterior);
    const w = [0.3, -1.1];
    for (const batch of [[0], [1, 4], [0, 1, 2, 3, 4, 5]]) {
      const total = [0, 0];
      for (const i of batch) {
        const [gradient] = evaluate(model.gradients, {
          params: { w: Float64Array.from(w) },
          sample: {
            x: Float64Array.from(data.fields.x!.data.subarray(2 * i, 2 * i + 2)),
            y: data.fields.y!.data[i]!,
          },
        });
        for (const k of [0, 1]) total[k]! += gradient![k]! / batch.length;
      }
      const { hessian, offset } = batchGradient(batch);
      for (const k of [0, 1]) {
        const expected = [0, 1].reduce(
          (sum, l) => sum + hessian.get(k, l) * (w[l]! - mean[l]!),
          offset[k]!,
        );
        expect(Math.abs(total[k]! - expected)).toBeLessThan(1e-12);
      }
    }
  });
});

describe("order of KL in the step, from the exact map", () => {
  const SMALL = [1e-5, 3e-5, 1e-4, 3e-4];

  it.each([
    ["sgld", 2],
    ["sgworld", 2],
    ["sgworldEpochNoise", 2],
    ["sgworldSplitNoise", 2],
    ["fullBatchLangevin", 2],
    ["symmetricLeimkuhlerMatthews", 2],
    ["symmetricHeun", 4],
    ["smsUbu", 4],
  ] as const)("%s: %i", (sampler, order) => {
    expect(Math.abs(slopeOf(sampler, SMALL) - order)).toBeLessThan(0.05);
    expect(Math.abs(slopeOf(sampler, SMALL, 2) - order)).toBeLessThan(0.05);
  });

  it("useful range: 2 ± 0.2 for SGLD and SGWORLD, at least 3.5 for the second order", () => {
    const useful = [1e-4, 3e-4, 1e-3];
    expect(Math.abs(slopeOf("sgld", useful) - 2)).toBeLessThan(0.2);
    expect(Math.abs(slopeOf("sgworld", useful) - 2)).toBeLessThan(0.2);
    expect(slopeOf("symmetricHeun", [...useful, 3e-3])).toBeGreaterThan(3.5);
    expect(slopeOf("smsUbu", [...useful, 3e-3])).toBeGreaterThan(3.5);
  });

  it("ranks the samplers at equal gradient evaluations", () => {
    const order: PosteriorSampler[] = ["sgld", "sgworld", "symmetricHeun", "smsUbu"];
    const laws = order.map((sampler) => moments(sampler, 1e-3));
    for (const [k, law] of laws.slice(1).entries()) expect(law.kl).toBeLessThan(laws[k]!.kl / 1.5);
    expect(laws.map(({ gradientsPerCycle }) => gradientsPerCycle)).toEqual([1, 6, 24, 12]);
    // Same time per evaluation: the overdamped ones relax at η times the least eigenvalue, 13.19.
    for (const law of laws.slice(0, 3)) close(law.relaxationRate, 13.19e-3, 0.02);
    expect(laws[3]!.relaxationRate).toBeGreaterThan(laws[0]!.relaxationRate);
  });

  it("is lost with independent batches: Heun then falls as the square only", () => {
    const kl = [1e-5, 1e-4].map(
      (eta) => moments("symmetricHeun", eta, { sampling: "distinct" }).kl,
    );
    expect(Math.log10(kl[1]! / kl[0]!)).toBeLessThan(2.1);
  });
});

describe("scalar closed forms", () => {
  // x = 1, y = 0.7, noise variance 1/3, flat prior: H = 3 for each batch, T = 0.6.
  const H = 3;
  const T = 0.6;
  const scalar = {
    posterior: {
      inputs: [1, 1, 1, 1],
      targets: [0.7, 0.7, 0.7, 0.7],
      noiseVariance: 4 / H,
      priorPrecision: 0,
    },
    batchSize: 1,
    temperature: T,
    learningRate: 0.2,
    sampling: "fullBatch",
  } as const;
  const x = 0.2 * H;

  it("Euler–Maruyama: Var = (T/H)/(1 − ηH/2)", () => {
    const { covariance } = posteriorMoments({ ...scalar, rule: "langevin" });
    close(covariance[0]![0]!, T / H / (1 - x / 2), 1e-13);
  });

  it("Leimkuhler–Matthews: Var = T/H whatever the step", () => {
    const { covariance, kl } = posteriorMoments({ ...scalar, rule: "leimkuhlerMatthews" });
    close(covariance[0]![0]!, T / H, 1e-13);
    expect(kl).toBeLessThan(1e-25);
  });

  it("Heun: w' = (1 − z + z²/2) w + (1 − z/2)√(4ηT) ξ, z = 2ηH", () => {
    const z = 2 * x;
    const r = 1 - z + (z * z) / 2;
    const { covariance, gradientsPerCycle } = posteriorMoments({ ...scalar, rule: "heun" });
    close(covariance[0]![0]!, ((1 - z / 2) ** 2 * 0.8 * T) / (1 - r * r), 1e-13);
    expect(gradientsPerCycle).toBe(2);
  });

  it("UBU: the fixed point of (x, v) ↦ flow · kick · flow, by iteration", () => {
    const friction = 1.7;
    const h = 0.3;
    const flow = freeLangevin(h / 2, friction, T);
    let [xx, xv, vv] = [0, 0, 0];
    const drift = () => {
      const { decay, drift: b, velocityNoise, sharedNoise, positionNoise } = flow;
      xx += 2 * b * xv + b * b * vv + sharedNoise ** 2 + positionNoise ** 2;
      xv = decay * (xv + b * vv) + sharedNoise * velocityNoise;
      vv = decay * decay * vv + velocityNoise ** 2;
    };
    for (let step = 0; step < 2000; step++) {
      drift();
      vv += -2 * h * H * xv + (h * H) ** 2 * xx;
      xv -= h * H * xx;
      drift();
    }
    const { covariance } = posteriorMoments({ ...scalar, rule: "ubu", learningRate: h, friction });
    close(covariance[0]![0]!, xx, 1e-12);
    // Exact sampling of the friction leaves an error of second order in h.
    expect(Math.abs((covariance[0]![0]! * H) / T - 1)).toBeLessThan(h * h * H);
  });

  it("equal curvature, reshuffled: the card's formula for noise and batches", () => {
    // Card A7: Var = 2η/(1 − r²) + η² v M²/(M−1) var_k(r^k, k < M)/(1 − r^{2M}), v = Var g_B.
    const targets = [0.1, 0.9, -0.4, 1.3, 0.2];
    const M = targets.length;
    const eta = 0.03;
    const problem = {
      inputs: targets.map(() => 1),
      targets,
      noiseVariance: 0.5,
      priorPrecision: 0,
    };
    const curvature = M / 0.5;
    const r = 1 - eta * curvature;
    const variance = (values: readonly number[]) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    };
    const noise = curvature ** 2 * variance(targets);
    const powers = targets.map((_, k) => r ** k);
    const expected =
      (2 * eta) / (1 - r * r) +
      (eta * eta * noise * (M * M) * variance(powers)) / ((M - 1) * (1 - r ** (2 * M)));
    const sgworld = { rule: "langevin", sampling: "reshuffled", batchSize: 1 } as const;
    const law = posteriorMoments({ posterior: problem, ...sgworld, learningRate: eta });
    close(law.covariance[0]![0]!, expected, 1e-13);
  });

  it("the temperature scales full-batch laws and leaves their KL", () => {
    const cold = moments("fullBatchLangevin", 3e-3, { temperature: 0.01 });
    const warm = moments("fullBatchLangevin", 3e-3);
    close(cold.kl, warm.kl, 1e-9);
    close(cold.covariance[0]![0]!, 0.01 * warm.covariance[0]![0]!, 1e-12);
  });
});

describe("tails", () => {
  const scalar = {
    posterior: { inputs: [1, 2, 3], targets: [1, 1, 1], noiseVariance: 3, priorPrecision: 0.5 },
    rule: "langevin",
    batchSize: 1,
    learningRate: 0.17,
  } as const;
  // H_i = (N/σ²) x² + α
  const factors = [1, 2, 3].map((x) => 1 - 0.17 * (x * x + 0.5));

  it("scalar: the mean of r⁴, or their product, and of r² for the second moments", () => {
    const average = (power: number) => factors.reduce((sum, r) => sum + r ** power, 0) / 3;
    close(posteriorFourthMomentRadius({ ...scalar, sampling: "distinct" }), average(4), 1e-13);
    const product = factors.reduce((sum, r) => sum * r, 1);
    close(posteriorFourthMomentRadius({ ...scalar, sampling: "reshuffled" }), product ** 4, 1e-12);
    const { secondMomentRate } = posteriorMoments({ ...scalar, sampling: "distinct" });
    close(secondMomentRate, -Math.log(average(2)), 1e-12);
    const epoch = posteriorMoments({ ...scalar, sampling: "symmetric" });
    close(epoch.secondMomentRate, -Math.log(product ** 4) / 6, 1e-12);
  });

  it("two dimensions: by another way, Kronecker products of SGD's batches", () => {
    // (N/σ²)(x xᵀ) + α = 24 (x xᵀ + 1/24)
    const eta = 0.045;
    const inputs = Array.from(posterior.inputs);
    const targets = Array.from(posterior.targets);
    const other = fourthMomentRadius({
      ...{ inputs, targets, learningRate: 24 * eta, weightDecay: 1 / 24 },
      ...{ batchSize: 1, sampling: "distinct" },
    });
    const radius = posteriorFourthMomentRadius({
      ...{ posterior, rule: "langevin", sampling: "distinct", learningRate: eta, batchSize: 1 },
    });
    close(radius, other, 1e-3);
    expect(radius).toBeGreaterThan(0.5);
  });
});

describe("refusals name the argument, the fact and the remedy", () => {
  it.each([
    [{ learningRate: 0.2 }, /second moments grow by .* lower the learning rate/],
    [{ learningRate: 1e80 }, /lower the learning rate/],
    [{ learningRate: -1 }, /learningRate is -1; give a positive number/],
    [{ temperature: 0 }, /temperature is 0; give a positive number/],
    [{ batchSize: 4 }, /batchSize 4 does not divide 6 samples/],
    [{ rule: "ubu", friction: undefined }, /friction is undefined; give a positive/],
    [{ rule: "epochNoise", sampling: "symmetric" }, /use reshuffled or sequential/],
    [{ posterior: { ...posterior, noiseVariance: 0 } }, /noiseVariance is 0/],
    [{ posterior: { ...posterior, priorPrecision: -1 } }, /priorPrecision is -1/],
    [{ posterior: { ...posterior, targets: [1, 2, 3, 4, 5] } }, /12 inputs for 5 targets/],
    [{ posterior: { ...posterior, targets: [1, 2, 3, 4, 5, Number.NaN] } }, /not a finite number/],
  ] as [object, RegExp][])("%o", (wrong, message) => {
    const settings = {
      posterior,
      rule: "langevin",
      sampling: "reshuffled",
      learningRate: 1e-3,
      batchSize: 1,
      ...wrong,
    } as PosteriorMomentsOptions;
    expect(() => posteriorMoments(settings)).toThrow(message);
  });

  it("a flat prior on redundant inputs has no posterior", () => {
    const redundant = {
      inputs: [1, 1, 2, 2],
      targets: [1, 2],
      noiseVariance: 1,
      priorPrecision: 0,
    };
    expect(() => regressionPosterior(redundant)).toThrow(/not normalizable; raise priorPrecision/);
  });

  it("the card's model checks its parameters", () => {
    expect(() => gaussianPosterior({ noiseVariance: -1 })).toThrow(/noiseVariance is -1/);
    expect(() => gaussianPosterior({ priorPrecision: -1 })).toThrow(/priorPrecision is -1/);
  });
});
