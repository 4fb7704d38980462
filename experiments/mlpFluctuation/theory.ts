/**
 * What is known of card A6 before anything is simulated, in float64: the minimum's Hessian and noise,
 * and the linear theory in the stiffest modes.
 */
import { ArgumentError } from "../../engine/errors.ts";
import type { Minimum } from "../../engine/minimize.ts";
import { type FullData, referenceFullData } from "../../engine/referenceFullData.ts";
import { noiseFactor } from "../../engine/sampling.ts";
import { prototypeNetwork, prototypes } from "../../models/prototypeNetwork.ts";
import {
  type AdditiveNoise,
  additiveNoise,
  type ContinuousCurrent,
  continuousCurrent,
  type HessianSubspace,
  hessianSubspace,
  type IndependentSampling,
} from "../../models/theory/index.ts";
import { dot } from "../dot.ts";
import { predictionOf } from "../outcome.ts";
import { prototypeMinimum } from "../prototypeMinimum.ts";

export interface SubspaceSettings {
  readonly batchSize: number;
  readonly sampling: IndependentSampling;
  readonly weightDecay: number;
  readonly modes: number;
}

/** The minimum, as float64 has it. */
export interface Landscape {
  readonly minimum: Minimum;
  readonly f: FullData;
  readonly weightDecay: number;
  readonly samples: number;
  readonly factor: number;
  readonly subspace: HessianSubspace;
  /** (λ/2)|θ|² */
  readonly decay: number;
  /** tr H, tr Σ_B, tr(H Σ_B). */
  readonly curvatureTrace: number;
  readonly noiseTrace: number;
  readonly curvedNoise: number;
  /** u·Σ_B u for every eigenvector, in the order of the eigenvalues. */
  readonly noise: readonly number[];
}

/** @throws ArgumentError for more modes than the Hessian has eigenvalues above zero. */
export function landscape(p: SubspaceSettings): Landscape {
  const data = prototypes();
  const minimum = prototypeMinimum(p.weightDecay);
  const f = referenceFullData(prototypeNetwork(), data, p.weightDecay);
  const factor = noiseFactor(p.sampling, data.samples, p.batchSize);
  if (factor === 0) {
    throw new ArgumentError(
      `batchSize: ${p.batchSize} distinct samples are the whole data set, so that there is no noise; use ` +
        "fewer, or sampling=withReplacement.",
    );
  }
  const { eigenvalues, eigenvectors, theta } = minimum;
  const sampleGradients = f.sampleGradients(theta);
  const given = { eigenvalues, eigenvectors, sampleGradients, noiseFactor: factor };
  const noise = eigenvectors.map(
    (u) => (factor * sampleGradients.reduce((sum, g) => sum + dot(u, g) ** 2, 0)) / data.samples,
  );
  const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
  return {
    minimum,
    f,
    weightDecay: p.weightDecay,
    samples: data.samples,
    factor,
    subspace: hessianSubspace({ ...given, count: p.modes }),
    decay: (p.weightDecay / 2) * dot(theta, theta),
    curvatureTrace: sum([...eigenvalues]),
    noiseTrace: sum(noise),
    curvedNoise: sum(noise.map((x, k) => x * eigenvalues[k]!)),
    noise,
  };
}

/** Linear theory at one learning rate. */
export interface Linear {
  readonly continuous: ContinuousCurrent;
  /** null where no stationary state exists. */
  readonly exact: AdditiveNoise | null;
  readonly warnings: readonly string[];
  /** Extreme eigenvalues of the Hessian among the modes. */
  readonly stiffest: number;
  readonly softest: number;
}

export function linearTheory({ subspace }: Landscape, learningRate: number): Linear {
  const options = { ...subspace, learningRate };
  const { exact, warnings } = predictionOf(() => additiveNoise(options));
  const continuous = exact?.continuous ?? continuousCurrent(options);
  const values = subspace.hessian.map((row, k) => row[k]!);
  return { continuous, exact, warnings, stiffest: values[0]!, softest: values.at(-1)! };
}
