/**
 * G of a step in float64, for each source that an update rule may name: the twin of
 * `plan/gradientSlots.ts` and `shaders/gradient/`.
 */
import { laneKey, STREAM_GRADIENT_NOISE } from "./random.ts";
import { implicitSolver } from "./referenceImplicit.ts";
import type { StepGradient, StepGradientRequest } from "./stepGradient.ts";
import { CONSTANT, DIAGONAL, MINIBATCH, noiseStrength } from "./update/noiseModel.ts";
import { addNoise, normals } from "./update/referenceStep.ts";

/** ḡ + √(f/τ) n, n of the covariance that the noise model says. */
function modelled(request: StepGradientRequest): StepGradient {
  const { dynamics, setting, sampling, lane, rows, sampleGradient, point } = request;
  const samples = rows.length;
  const key = laneKey(lane.seed, STREAM_GRADIENT_NOISE, lane.condition, lane.replica);
  const amplitude = Math.sqrt(noiseStrength(setting, sampling, samples));
  const all = Uint32Array.from({ length: samples }, (_, i) => i);
  const one = new Float64Array(point.length);
  /** Σ_i weight(i, p)(g_i − ḡ)_p */
  const spread = (
    mean: Float64Array,
    step: number,
    weight: (i: number, off: number) => number,
  ): Float64Array => {
    const sum = new Float64Array(point.length);
    for (const i of all) {
      sampleGradient(Uint32Array.of(i), one, step);
      for (let p = 0; p < sum.length; p += 1) sum[p]! += weight(i, one[p]! - mean[p]!);
    }
    return sum;
  };
  return (_batch, gradient, { step }) => {
    const loss = sampleGradient(all, gradient, step);
    if (setting.noiseModel === CONSTANT) {
      addNoise(gradient, normals(key, step, gradient.length), amplitude, dynamics.noiseFactor);
      return loss;
    }
    const mean = Float64Array.from(gradient);
    const diagonal = setting.noiseModel === DIAGONAL;
    const xi = normals(key, step, diagonal ? gradient.length : samples);
    const sum = spread(mean, step, (i, off) => (diagonal ? off * off : xi[i]! * off));
    for (let p = 0; p < gradient.length; p += 1) {
      const noise = diagonal ? Math.sqrt(sum[p]! / samples) * xi[p]! : sum[p]! / Math.sqrt(samples);
      gradient[p]! += amplitude * noise;
    }
    return loss;
  };
}

/** (G(θ) + G(p))/2 with one batch and one noise, p where the update goes with G(θ). */
function corrected({ steppers, sampleGradient, theta, point }: StepGradientRequest): StepGradient {
  const first = new Float64Array(theta.length);
  return (batch, gradient, clock) => {
    point.set(theta);
    const loss = sampleGradient(batch, first, clock.step);
    steppers.finish(first, point, clock);
    steppers.update([point], [theta], first, clock);
    sampleGradient(batch, gradient, clock.step);
    steppers.finish(gradient, point, clock);
    for (let p = 0; p < gradient.length; p += 1) gradient[p] = 0.5 * (first[p]! + gradient[p]!);
    // The update starts there.
    point.set(theta);
    return loss;
  };
}

/** The source's G, complete: with additive noise, clipping and weight decay. */
export function stepGradient(request: StepGradientRequest): StepGradient {
  const { dynamics, setting, steppers, sampleGradient, point } = request;
  const source = dynamics.rule.gradient ?? "minibatch";
  if (source === "implicit") return implicitSolver(request);
  if (source === "corrected") return corrected(request);
  const take: StepGradient =
    source === "modelled" && setting.noiseModel !== MINIBATCH
      ? modelled(request)
      : (batch, gradient, { step }) => sampleGradient(batch, gradient, step);
  return (batch, gradient, clock) => {
    const loss = take(batch, gradient, clock);
    steppers.finish(gradient, point, clock);
    return loss;
  };
}
