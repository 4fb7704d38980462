/** Exact predictions that experiments and tests compare with; one file per result. */
export {
  type BalancedLyapunov,
  balancedLyapunov,
  balancedSlope,
  balancedStep,
  CHEBYSHEV_RATE,
  localExponent,
  TWO_CYCLE_END,
} from "./balancedMap.ts";
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
  continuousPath,
  type HeavyBallOptions,
  type HeavyBallRoots,
  heavyBallPath,
  heavyBallRoots,
  type ModeState,
} from "./heavyBallPath.ts";
export { type LayerPair, layerCharge, layerPairSize } from "./layerCharge.ts";
export { type MomentumEnvelope, momentumEnvelope } from "./momentumEnvelope.ts";
export {
  type RegressionOptions,
  type RegressionStationary,
  regressionStationary,
} from "./regressionStationary.ts";
