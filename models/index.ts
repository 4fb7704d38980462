/** Models, data sets and exact theory: physics written with engine operations. */

export { readMnist } from "#mnist";
export { balancedPair } from "./balancedPair.ts";
export { bottleneck } from "./bottleneck.ts";
export { centeredData, centeredQuadratics } from "./centeredQuadratics.ts";
export { cosineRegression } from "./cosineRegression.ts";
export { type CubicSamples, cubicData, cubicSample, cubicSamples } from "./cubicSamples.ts";
export { type Dataset, type DatasetField, subset } from "./dataset.ts";
export { diagonalNet, factorName } from "./diagonalNet.ts";
export { allDigits, type DigitsOptions, digits } from "./digits.ts";
export { softmaxClassifier, tanhClassifier } from "./digitsClassifiers.ts";
export { directionLoss, equatorialPair, polarDirections, randomDirections } from "./directions.ts";
export { CENTER_TOY_CURVATURE, centerToy, curvatureToy } from "./epochToy.ts";
export { factorPair } from "./factorPair.ts";
export {
  type GaussianPosterior,
  type GaussianPosteriorOptions,
  gaussianPosterior,
} from "./gaussianPosterior.ts";
export { type Activation, layerPair, layerPairData } from "./layerPair.ts";
export { linearDrift } from "./linearDrift.ts";
export { linearRegression } from "./linearRegression.ts";
export {
  type AlignmentNetOptions,
  alignmentNet,
  basisData,
  type LinearTeacher,
  linearTeacher,
  type MatrixRows,
  noiselessNet,
  plainView,
} from "./linearTeacher.ts";
export { linearTilt } from "./linearTilt.ts";
export { meanFieldParticle, noFields } from "./meanFieldParticle.ts";
export { type IdxArray, parseIdx } from "./mnist/idx.ts";
export { type Mnist, type MnistFiles, type MnistOptions, mnist } from "./mnist/mnist.ts";
export {
  type MnistCnnOptions,
  type MnistMlpOptions,
  mnistCnn,
  mnistMlp,
} from "./mnistClassifiers.ts";
export { gaussian, mulberry32 } from "./mulberry.ts";
export { noisyModes } from "./noisyModes.ts";
export { onlineRegressionModel } from "./onlineRegression.ts";
export { productLoss } from "./productLoss.ts";
export { prototypeNetwork, prototypeNetworkStart, prototypes } from "./prototypeNetwork.ts";
export { quadraticMode } from "./quadraticMode.ts";
export { quadraticModes } from "./quadraticModes.ts";
export { quarticMode } from "./quarticMode.ts";
export { type SparseTask, sparseRegression, sparseTask } from "./sparseRegression.ts";
export {
  displacedBump,
  displacedTanhRegression,
  noisyBump,
  TANH_SCALE,
  TANH_START,
  tanhRegression,
} from "./tanhRegression.ts";
export * from "./theory/index.ts";
