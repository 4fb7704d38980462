/** Exact predictions that experiments and tests compare with; one file per result. */
export { batchNoiseFactor, type IndependentSampling } from "./batchNoise.ts";
export {
  type CycleMoments,
  cycleMoments,
  type QuadraticSamples,
  type SamplingLaw,
} from "./cycleMoments.ts";
export { type EpochShift, epochShift } from "./epochShift.ts";
export { type EpochVarianceOptions, epochVariance } from "./epochVariance.ts";
export {
  type HeavyBallMode,
  type HeavyBallModeOptions,
  heavyBallMode,
} from "./heavyBallMode.ts";
export {
  type RegressionOptions,
  type RegressionStationary,
  regressionStationary,
} from "./regressionStationary.ts";
export { type SmallRate, type SmallRateOptions, smallRate } from "./smallRate.ts";
