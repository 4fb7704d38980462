/** Estimators: pure float64 functions on Records. */
export { autocovariance, commonMean } from "./autocovariance.ts";
export { axialEntropyScores, axialLadderPoint } from "./axialEntropy.ts";
export { type BlockOptions, blockMean } from "./blocks.ts";
export { type CoarseGrainedChoice, coarseGrainedProduction } from "./coarseGrainedProduction.ts";
export { type ControlVariates, controlledMeans, type MeanVector } from "./controlVariates.ts";
export type { Coordinate } from "./coordinates.ts";
export { type CurrentChoice, type CurrentField, currentField } from "./currentField.ts";
export { densityField, type GridChoice } from "./densityField.ts";
export {
  countEvents,
  type DetailedFluctuation,
  detailedFluctuation,
  type EventCounts,
  emptyCounts,
} from "./detailedFluctuation.ts";
export { digamma, trigamma } from "./digamma.ts";
export {
  type DisplacementChoice,
  type DisplacementSides,
  displacementDissipation,
  displacementSides,
} from "./displacementDissipation.ts";
export {
  type DisplacementErrorChoice,
  type DisplacementSums,
  displacementError,
  displacementResidual,
} from "./displacementTelescoping.ts";
export { type Estimate, noEstimate, scaled, withWarnings, zScore } from "./estimate.ts";
export { fieldDistance, fieldError, fieldSlope } from "./fieldComparison.ts";
export {
  dissipationFactor,
  type FluctuationChoice,
  type FluctuationDissipation,
  fluctuationDissipation,
  type MetricChoice,
  type MomentumSettings,
  type QuadraticChoice,
  quadraticDissipation,
} from "./fluctuationDissipation.ts";
export {
  fluctuationRecord,
  integralFluctuation,
  SIGMA,
  stepEntropies,
  stretchSums,
} from "./fluctuationTheorem.ts";
export { freeEnergies, freeEnergyMinimum } from "./freeEnergyCurve.ts";
export {
  type EntropyChoice,
  type EntropyOptions,
  entropyOfCovariance,
  gaussianEntropy,
  logDeterminantBias,
  stationaryEntropy,
} from "./gaussianEntropy.ts";
export { gaussianLaw, type LawEstimate, type MeasuredGaussian } from "./gaussianLaw.ts";
export { geweke } from "./geweke.ts";
export type { GridField } from "./gridField.ts";
export { groupAverages } from "./groups.ts";
export { type IntegratedTimeOptions, integratedTime } from "./integratedTime.ts";
export { type JackknifeOptions, jackknife, type ReplicaSamples } from "./jackknife.ts";
export {
  gaussianLadderPoint,
  type LadderPoint,
  nearestNeighborLadderPoint,
} from "./ladderPoint.ts";
export {
  type SmoothingOptions,
  smoothedLadder,
  smoothedTemperatures,
} from "./ladderSmoothing.ts";
export { logLogSlope } from "./logLogSlope.ts";
export { continuousLyapunov, discreteLyapunov, type Rows } from "./lyapunov.ts";
export { replicaMedian } from "./median.ts";
export {
  type AreaChoice,
  areaRate,
  covariance,
  type LaggedChoice,
  laggedCovariance,
  type MeanChoice,
  mean,
  type PairChoice,
  replicaMoments,
  replicaSquares,
} from "./moments.ts";
export { momentCount, momentPairs, momentsAbout } from "./momentsAbout.ts";
export { gaussianNeighborBias } from "./nearestNeighborBias.ts";
export {
  type NearestNeighborEntropy,
  type NearestNeighborOptions,
  nearestNeighborEntropy,
} from "./nearestNeighborEntropy.ts";
export {
  kthNeighborSquares,
  kthNeighborSquaresAmong,
} from "./nearestNeighbors.ts";
export {
  type DivergenceOptions,
  type NeighborProductionChoice,
  neighborDivergence,
  neighborProduction,
} from "./neighborDivergence.ts";
export { logarithmicMean, noiseTemperature } from "./noiseTemperature.ts";
export { normalQuantile } from "./normalQuantile.ts";
export {
  type FitChoice,
  type OrnsteinUhlenbeckFit,
  ornsteinUhlenbeckFit,
} from "./ornsteinUhlenbeckFit.ts";
export { type PilotChoice, pilotAxes } from "./pilotAxes.ts";
export { polynomialIntercept } from "./polynomialIntercept.ts";
export { ratioOfMeans } from "./ratio.ts";
export { replicaMean } from "./replicas.ts";
export { rankNormalizedRHat, splitRHat } from "./rHat.ts";
export { replicaTimeMeans, timeAverage } from "./series.ts";
export type { SeriesChoice, SeriesSource } from "./seriesSource.ts";
export { LEAST_GROUPS, type Significance, signFlipTest } from "./signFlipTest.ts";
export { spacingOrder, spacingScores } from "./spacingEntropy.ts";
export { type Stationarity, type StationarityOptions, stationarity } from "./stationarity.ts";
export {
  type EndPoint,
  type EndStates,
  type TelescopingChoice,
  type TrajectorySums,
  telescopingError,
  telescopingResidual,
} from "./telescoping.ts";
export {
  equipartitionTemperature,
  type FreeEnergyInterval,
  finiteDifferenceTemperature,
  freeEnergyInterval,
} from "./temperature.ts";
export { type EnsembleMoment, timeResolvedTemperature } from "./timeTemperature.ts";
export { type Trajectories, type TrajectoryChoice, trajectories } from "./trajectories.ts";
export { type UncertaintyChoice, uncertaintyBound } from "./uncertaintyBound.ts";
export { type UStatistic, uStatistic } from "./uStatistic.ts";
export { type VarianceChoice, varianceRatio } from "./varianceRatio.ts";
