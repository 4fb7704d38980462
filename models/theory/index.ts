/** Exact predictions that experiments and tests compare with; one file per result. */
export {
  type AnharmonicMode,
  type AnharmonicModeOptions,
  anharmonicMode,
} from "./anharmonicMode.ts";
export { batchNoiseFactor, type IndependentSampling } from "./batchNoise.ts";
export {
  type CycleMoments,
  cycleMoments,
  type QuadraticSamples,
  type SamplingLaw,
} from "./cycleMoments.ts";
export { type EpochShift, epochShift } from "./epochShift.ts";
export { type EpochVarianceOptions, epochVariance } from "./epochVariance.ts";
export { fourthMomentRadius } from "./fourthMoment.ts";
export {
  type HeavyBallMode,
  type HeavyBallModeOptions,
  heavyBallMode,
} from "./heavyBallMode.ts";
export {
  meanRadius,
  type RegressionMomentum,
  type RegressionMomentumOptions,
  regressionMomentum,
} from "./regressionMomentum.ts";
export {
  type RegressionOptions,
  type RegressionStationary,
  regressionMinimum,
  regressionStationary,
} from "./regressionStationary.ts";
export { type CloudChange, type SmallRate, type SmallRateOptions, smallRate } from "./smallRate.ts";
