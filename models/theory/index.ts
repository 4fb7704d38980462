/** Exact predictions that experiments and tests compare with; one file per result. */
export { type AdamMeanField, type AdamMeanFieldOptions, adamMeanField } from "./adamMeanField.ts";
export {
  type AdditiveNoise,
  type AdditiveNoiseOptions,
  additiveNoise,
  type ContinuousCurrent,
  continuousCurrent,
} from "./additiveNoise.ts";
export {
  type AffineMap,
  followedBy,
  type MomentOperator,
  momentOperator,
  type StationaryMoments,
  stationaryMoments,
} from "./affineMoments.ts";
export {
  type AnharmonicMode,
  type AnharmonicModeOptions,
  anharmonicMode,
} from "./anharmonicMode.ts";
export {
  type BalanceCorrection,
  balanceCorrection,
  type LabelNoiseLaw,
  type LabelNoiseNet,
} from "./balanceCorrection.ts";
export {
  type BalancedLyapunov,
  balancedLyapunov,
  balancedSlope,
  balancedStep,
  CHEBYSHEV_RATE,
  localExponent,
  TWO_CYCLE_END,
} from "./balancedMap.ts";
export {
  type BalanceLaw,
  type BalanceLawOptions,
  balanceLaw,
  criticalTemperature,
  gaussianDataMoments,
  type InputMoments,
  labelNoiseMoments,
} from "./balanceLaw.ts";
export { batchNoiseFactor, type IndependentSampling } from "./batchNoise.ts";
export {
  type CycleMoments,
  cycleMoments,
  type QuadraticSamples,
  type SamplingLaw,
} from "./cycleMoments.ts";
export { type CycleOperator, type CycleOptions, cycleOperator } from "./cycleOperator.ts";
export {
  type DirectionExponent,
  directionExponent,
  reflectionOrbit,
} from "./directionExponent.ts";
export { type DirectionGrowth, directionGrowth } from "./directionGrowth.ts";
export { type EpochShift, epochShift } from "./epochShift.ts";
export { type EpochVarianceOptions, epochVariance } from "./epochVariance.ts";
export { fourthMomentRadius } from "./fourthMoment.ts";
export { type FreeLangevin, freeLangevin } from "./freeLangevin.ts";
export { type CellAxis, type GaussianCells, gaussianCells } from "./gaussianCells.ts";
export {
  type GaussianLaw,
  type GaussianTarget,
  gaussianDivergence,
} from "./gaussianDivergence.ts";
export {
  type BottleneckNoise,
  decayedRatio,
  type FirstOrder,
  type GradientBalance,
  gradientBalance,
} from "./gradientBalance.ts";
export { type HeavyBallCurrent, heavyBallCurrent } from "./heavyBallCurrent.ts";
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
export {
  type ImbalanceDecay,
  type ImbalanceDecayOptions,
  imbalanceDecay,
  imbalanceScale,
} from "./imbalanceDecay.ts";
export { type ImplicitMode, type ImplicitModeOptions, implicitMode } from "./implicitMode.ts";
export {
  collapseRate,
  collapseThreshold,
  type LabelNoiseRegression,
  type LabelNoiseStep,
  labelNoiseRegression,
  labelNoiseRelaxation,
} from "./labelNoise.ts";
export type { LangevinRule } from "./langevinRules.ts";
export { type LayerPair, layerCharge, layerPairSize } from "./layerCharge.ts";
export { linearUncertaintyBound } from "./linearUncertainty.ts";
export { type LineDensity, lineDensity } from "./lineDensity.ts";
export {
  kickVariance,
  type MeanFieldOptions,
  meanFieldLangevin,
  meanFieldLimit,
  meanFieldModes,
  meanFieldPath,
  type ParticleLaw,
  type ParticleStart,
  type StationaryParticleLaw,
} from "./meanFieldLangevin.ts";
export { type MomentumEnvelope, momentumEnvelope } from "./momentumEnvelope.ts";
export {
  inputVariance,
  MOST_INPUTS,
  type OnlineRegression,
  type OnlineRegressionOptions,
  onlineFourthMomentRadius,
  onlineRegression,
} from "./onlineRegression.ts";
export {
  areaVarianceRate,
  type LinearStep,
  linearStep,
  type OrnsteinUhlenbeck,
  type OrnsteinUhlenbeckOptions,
  ornsteinUhlenbeck,
  type SampledOptions,
  sampledOrnsteinUhlenbeck,
} from "./ornsteinUhlenbeck.ts";
export { type PoleMoments, poleMoments } from "./poleMoments.ts";
export { type PoleFrame, type PoleNoise, poleFrame, poleNoise } from "./poleNoise.ts";
export {
  POSTERIOR_SAMPLERS,
  type PosteriorMoments,
  type PosteriorMomentsOptions,
  type PosteriorSampler,
  posteriorMoments,
} from "./posteriorMoments.ts";
export { posteriorFourthMomentRadius } from "./posteriorTails.ts";
export { signalToNoise } from "./projectiveLine.ts";
export {
  type QuadraticCalibration,
  type QuadraticCalibrationOptions,
  quadraticCalibration,
} from "./quadraticCalibration.ts";
export {
  meanRadius,
  type RegressionMomentum,
  type RegressionMomentumOptions,
  regressionMomentum,
} from "./regressionMomentum.ts";
export {
  type RegressionData,
  type RegressionPosterior,
  regressionPosterior,
} from "./regressionPosterior.ts";
export {
  type RegressionOptions,
  type RegressionProblem,
  type RegressionStationary,
  regressionMinimum,
  regressionProblem,
  regressionStationary,
} from "./regressionStationary.ts";
export { type CloudChange, type SmallRate, type SmallRateOptions, smallRate } from "./smallRate.ts";
export { signalBounds, squareDecay } from "./squareDecay.ts";
export { type TiltedSphere, type TiltedSphereOptions, tiltedSphere } from "./tiltedSphere.ts";
export { type VonMisesFisher, vonMisesFisher } from "./vonMisesFisher.ts";
