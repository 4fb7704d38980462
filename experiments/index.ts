/** Every experiment the command line knows. */

import { additiveNoise } from "./additiveNoise.ts";
import { anomalousDiffusion } from "./anomalousDiffusion.ts";
import { backwardError } from "./backwardError.ts";
import { decayBalance } from "./decayBalance.ts";
import { digits } from "./digits.ts";
import { edgeOfStability } from "./edgeOfStability.ts";
import { entropyEstimators } from "./entropyEstimators.ts";
import { epochDisplacement } from "./epochDisplacement.ts";
import { epochShift } from "./epochShift.ts";
import { epochVariance } from "./epochVariance.ts";
import { exactCharges } from "./exactCharges.ts";
import type { Experiment } from "./experiment.ts";
import { fdrAdam } from "./fdrAdam.ts";
import { fdrAnharmonic } from "./fdrAnharmonic.ts";
import { fdrNetwork } from "./fdrNetwork.ts";
import { fdrRegression } from "./fdrRegression.ts";
import { fdrScheduler } from "./fdrScheduler.ts";
import { freeEnergySphere } from "./freeEnergySphere.ts";
import { freeEnergyToy } from "./freeEnergyToy.ts";
import { gradientBalance } from "./gradientBalance.ts";
import { heavyBallMode } from "./heavyBallMode.ts";
import { heavyTail } from "./heavyTail.ts";
import { hyperparameterSymmetry } from "./hyperparameterSymmetry.ts";
import { imbalanceDecay } from "./imbalanceDecay.ts";
import { implicitSgd } from "./implicitSgd.ts";
import { labelNoiseDiagonal } from "./labelNoiseDiagonal.ts";
import { meanFieldLangevin } from "./meanFieldLangevin.ts";
import { mlpFluctuation } from "./mlpFluctuation.ts";
import { mnistCnn } from "./mnistCnn.ts";
import { mnistMlp } from "./mnistMlp.ts";
import { momentumSpectrum } from "./momentumSpectrum.ts";
import { nonlinearRegression } from "./nonlinearRegression.ts";
import { onlineRegression } from "./onlineRegression.ts";
import { ouReference } from "./ouReference.ts";
import { quadraticCalibration } from "./quadraticCalibration.ts";
import { regressionStationary } from "./regressionStationary.ts";
import { sgworld } from "./sgworld.ts";
import { sparseFeatures } from "./sparseFeatures.ts";
import { sphereGibbs } from "./sphereGibbs.ts";
import { spiral } from "./spiral.ts";
import { universalAlignment } from "./universalAlignment.ts";
import { velocityVariance } from "./velocityVariance.ts";

export type {
  Experiment,
  ExperimentResult,
  Figure,
  Mark,
  Picture,
  Plane,
  Progress,
  Quantity,
  RunContext,
} from "./experiment.ts";

export const experiments = [
  heavyBallMode,
  regressionStationary,
  epochShift,
  epochVariance,
  digits,
  mnistMlp,
  mnistCnn,
  fdrNetwork,
  fdrRegression,
  fdrAnharmonic,
  spiral,
  momentumSpectrum,
  exactCharges,
  edgeOfStability,
  quadraticCalibration,
  onlineRegression,
  fdrScheduler,
  sgworld,
  implicitSgd,
  sphereGibbs,
  fdrAdam,
  meanFieldLangevin,
  additiveNoise,
  ouReference,
  labelNoiseDiagonal,
  imbalanceDecay,
  gradientBalance,
  decayBalance,
  anomalousDiffusion,
  nonlinearRegression,
  entropyEstimators,
  heavyTail,
  sparseFeatures,
  backwardError,
  epochDisplacement,
  universalAlignment,
  freeEnergyToy,
  freeEnergySphere,
  hyperparameterSymmetry,
  velocityVariance,
  mlpFluctuation,
] as unknown as readonly Experiment[];
