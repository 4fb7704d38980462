/** The engine's public door; re-exports only. */
export { gradient, hessianVectorProduct } from "./autodiff.ts";
export type { Directions } from "./curvature/directions.ts";
export { type GradientNoiseOptions, gradientNoise } from "./curvature/gradientNoise.ts";
export { type HessianProductOptions, hessianProducts } from "./curvature/hessianProducts.ts";
export { curvedNoiseProbes, hessianProbes, type TraceOptions } from "./curvature/hessianTrace.ts";
export {
  type ReferenceGradientNoise,
  referenceGradientNoise,
} from "./curvature/referenceGradientNoise.ts";
export { type EigenpairOptions, topEigenpairs } from "./curvature/topEigenpairs.ts";
export {
  type Device,
  type DeviceInfo,
  type DeviceOptions,
  openDevice,
} from "./device.ts";
export { describeDevices, printDevices } from "./deviceReport.ts";
export * from "./errors.ts";
export { type PlanSetting, printSetting, SCHEDULES, type Schedule } from "./execution.ts";
export { type ExplainOptions, type ExplainRequest, type Explanation, explain } from "./explain.ts";
export type { Node, Shape } from "./graph.ts";
export {
  byCondition,
  each,
  fanIn,
  fixed,
  gaussian,
  type Initial,
  type InitialLaw,
} from "./initial.ts";
export { type MinimizeOptions, type Minimum, minimize } from "./minimize.ts";
export { type FullBatch, type FullBatchPoint, fullBatch } from "./minimum/fullBatch.ts";
export { defineModel, type Model } from "./model.ts";
export type { DrawShape } from "./modelDraws.ts";
export type { SettingDefinition } from "./modelSettings.ts";
export {
  type NearestNeighborsOptions,
  type NeighborProgress,
  type Neighbors,
  nearestNeighbors,
} from "./neighbors/nearestNeighbors.ts";
export { type CrossingsSpec, crossings } from "./observe/crossings.ts";
export { type DensitySpec, density } from "./observe/density.ts";
export {
  DISPLACEMENT_BLOCK,
  type DisplacementSpec,
  displacement,
  logarithmicLags,
} from "./observe/displacement.ts";
export {
  type EntropyHistogramSpec,
  type EntropyProductionSpec,
  entropyProduction,
} from "./observe/entropyProduction.ts";
export { type FluxSpec, flux } from "./observe/flux.ts";
export { GRID_BLOCK, GROUPS, type GridAxisSpec, MAX_CELLS } from "./observe/grid.ts";
export { MOMENTS_BLOCK, type MomentsSpec, moments } from "./observe/moments.ts";
export type { Observables } from "./observe/observation.ts";
export type { Projection, Quantity } from "./observe/quantity.ts";
export { type SeriesSpec, series } from "./observe/series.ts";
export { type SnapshotSpec, snapshot } from "./observe/snapshot.ts";
export {
  type Extent,
  type LayerNormOptions,
  op,
  type PatchOptions,
  type PoolOptions,
  type UnpatchOptions,
  type WeightNormOptions,
  type WindowOptions,
} from "./ops/index.ts";
export type { AdaptationState } from "./rate/adaptation.ts";
export type { AnnealingSettings } from "./rate/annealing.ts";
export { cosine } from "./rate/cosine.ts";
export { type ExponentialDecaySettings, exponentialDecay } from "./rate/exponentialDecay.ts";
export { type FdrRateSettings, fdrRate } from "./rate/fluctuationDissipation.ts";
export { type InverseTimeDecaySettings, inverseTimeDecay } from "./rate/inverseTimeDecay.ts";
export { linearDecay } from "./rate/linearDecay.ts";
export { type PiecewiseSettings, piecewise } from "./rate/piecewise.ts";
export type { Rate } from "./rate/rate.ts";
export { type StepDecaySettings, stepDecay } from "./rate/stepDecay.ts";
export { type WarmUpSettings, warmUp } from "./rate/warmUp.ts";
export type * from "./record.ts";
export { type FullData, referenceFullData } from "./referenceFullData.ts";
export { type GroupRequest, referenceGroup } from "./referenceGroup.ts";
export {
  type ReferenceMoment,
  type ReferenceState,
  referenceTrajectory,
  type Trajectory,
  type TrajectoryRequest,
} from "./referenceTrajectory.ts";
export { pack, unpack } from "./run/container.ts";
export { createEnsemble } from "./run/createEnsemble.ts";
export { describeTuning, type TuningReport } from "./run/describeTuning.ts";
export { divergence } from "./run/divergence.ts";
export type {
  Ensemble,
  EnsembleProgress,
  EnsembleState,
  RecordOf,
  RunOptions,
} from "./run/ensemble.ts";
export { merge, mergeShards, recentered } from "./run/merge.ts";
export type { EnsembleOptions, Execution } from "./run/options.ts";
export { planLimits } from "./run/planner.ts";
export { unsolvedSteps } from "./run/unsolved.ts";
export { batchesPerEpoch, noiseFactor, SAMPLING_LAWS, type SamplingLaw } from "./sampling.ts";
export { type FromStateOptions, fromState, type StateOfRun } from "./start/fromState.ts";
export {
  type GaussianStart,
  gaussianAt,
  type OverdispersedStart,
  overdispersed,
} from "./start/gaussianAt.ts";
export {
  type BlockLaw,
  constantElements,
  type ElementLaw,
  type FanOptions,
  glorot,
  he,
  lecun,
  normalElements,
  perBlock,
  uniformElements,
} from "./start/perBlock.ts";
export { type AdamSettings, adam } from "./update/adam.ts";
export { type ContinuousSgdSettings, continuousSgd } from "./update/continuousSgd.ts";
export type { DynamicsOptions } from "./update/dynamics.ts";
export { heunLangevin } from "./update/heunLangevin.ts";
export { type ImplicitSgdSettings, implicitSgd } from "./update/implicitSgd.ts";
export { type LangevinSettings, langevin } from "./update/langevin.ts";
export { type SgdSettings, sgd } from "./update/sgd.ts";
export { type SgworldSettings, sgworld } from "./update/sgworld.ts";
export type { SpheresOptions } from "./update/spheres.ts";
export { ubu } from "./update/ubu.ts";
export { type KineticSettings, underdampedLangevin } from "./update/underdampedLangevin.ts";
export type { Setting, UpdateRule } from "./update/updateRule.ts";
export { VERSION } from "./version.ts";
export { type DataSource, onlineData } from "./wgsl/row.ts";
