/** The engine's public door; re-exports only. */
export { gradient, hessianVectorProduct } from "./autodiff.ts";
export {
  type Device,
  type DeviceInfo,
  type DeviceOptions,
  openDevice,
} from "./device.ts";
export { describeDevices, printDevices } from "./deviceReport.ts";
export * from "./errors.ts";
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
export { MOMENTS_BLOCK, type MomentsSpec, moments } from "./observe/moments.ts";
export type { Observables } from "./observe/observation.ts";
export type { Projection, Quantity } from "./observe/quantity.ts";
export { type SeriesSpec, series } from "./observe/series.ts";
export { type SnapshotSpec, snapshot } from "./observe/snapshot.ts";
export { op } from "./ops/index.ts";
export type * from "./record.ts";
export { type FullData, referenceFullData } from "./referenceFullData.ts";
export { pack, unpack } from "./run/container.ts";
export { createEnsemble } from "./run/createEnsemble.ts";
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
export { type SgdSettings, sgd } from "./update/sgd.ts";
export type { Setting, UpdateRule } from "./update/updateRule.ts";
export { VERSION } from "./version.ts";
export type { DataSource } from "./wgsl/row.ts";
