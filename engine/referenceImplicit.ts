/**
 * Implicit steps in float64: y = θ − D G(y) by Newton's method with a dense Hessian.
 *
 * The twin of `shaders/gradient/implicit.wgsl` by another way: the matrix 1 + D H is built column by
 * column and eliminated, to |r| <= 1e-13 (1 + |θ|) whatever the rule's tolerance. Both find the same y
 * where there is one, that is, where every ηH is above −1.
 */
import { Matrix, solve } from "ml-matrix";
import { compileReference } from "./reference.ts";
import { sampleDraws } from "./sampleDraws.ts";
import type { StepGradient, StepGradientRequest } from "./stepGradient.ts";
import { settingAt } from "./update/dynamics.ts";
import type { RatedClock } from "./update/referenceStep.ts";
import { curvatureNodes, DIRECTION } from "./wgsl/sampleFunction.ts";

const TOLERANCE = 1e-13;
const NEWTON_STEPS = 100;
const HALVINGS = 40;

/** (1/B) Σ_b ∇²l_b at the θ of an array that may change, [param, param]. */
function batchHessian(
  { model, rows, means, lane, setting: settings }: StepGradientRequest,
  theta: Float64Array,
): (batch: Uint32Array, step: number) => Matrix {
  const run = compileReference(curvatureNodes(model));
  const count = model.parameterCount;
  const direction = new Float64Array(count);
  const view = (array: Float64Array, prefix: string): [string, Float64Array][] =>
    model.params.map(({ name, offset, size }) => [
      `${prefix}${name}`,
      array.subarray(offset, offset + size),
    ]);
  const params = Object.fromEntries([...view(theta, ""), ...view(direction, DIRECTION)]);
  const drawsOf = sampleDraws(model, lane);
  return (batch, step) => {
    const hessian = Matrix.zeros(count, count);
    for (let column = 0; column < count; column += 1) {
      direction.fill(0);
      direction[column] = 1;
      for (const [b, row] of batch.entries()) {
        const sample = rows[row]!;
        run({ params, sample, draws: drawsOf(step, b), settings, means }).forEach((block, k) => {
          const { offset } = model.params[k]!;
          block.forEach((value, i) => {
            const at = offset + i;
            hessian.set(at, column, hessian.get(at, column) + value / batch.length);
          });
        });
      }
    }
    return hessian;
  };
}

/** Moves `point` from θ to y, writes G(y); counts steps that could not be solved. */
export function implicitSolver(request: StepGradientRequest): StepGradient {
  const { dynamics, setting, steppers, sampleGradient } = request;
  const { theta, point, unsolved } = request;
  const hessianOf = batchHessian(request, point);
  const count = theta.length;
  const residual = new Float64Array(count);
  const rates = ({ learningRate }: RatedClock): Float64Array =>
    theta.map((_, p) => settingAt(dynamics, setting, learningRate, p).learningRate!);

  return (batch, gradient, clock) => {
    const rate = rates(clock);
    const evaluate = (at: RatedClock): { loss: number; norm: number } => {
      const loss = sampleGradient(batch, gradient, at.step);
      steppers.finish(gradient, point, at);
      for (let p = 0; p < count; p += 1) {
        residual[p] = point[p]! - theta[p]! + rate[p]! * gradient[p]!;
      }
      return { loss, norm: Math.hypot(...residual) };
    };
    point.set(theta);
    const threshold = TOLERANCE * (1 + Math.hypot(...theta));
    let now = evaluate(clock);
    for (let k = 0; k < NEWTON_STEPS && now.norm > threshold; k += 1) {
      const jacobian = hessianOf(batch, clock.step);
      for (let p = 0; p < count; p += 1) {
        jacobian.set(p, p, jacobian.get(p, p) + setting.weightDecay!);
        jacobian.mulRow(p, rate[p]!);
        jacobian.set(p, p, jacobian.get(p, p) + 1);
      }
      const delta = solve(jacobian, Matrix.columnVector(Array.from(residual))).to1DArray();
      const before = now;
      const from = Float64Array.from(point);
      for (let halving = 0; halving < HALVINGS; halving += 1) {
        for (let p = 0; p < count; p += 1) point[p] = from[p]! - delta[p]! * 0.5 ** halving;
        now = evaluate(clock);
        if (now.norm < before.norm) break;
      }
      // Rounding stops the fall.
      if (!(now.norm < before.norm)) break;
    }
    if (!(now.norm <= 10 * threshold)) unsolved[0]! += 1;
    return now.loss;
  };
}
