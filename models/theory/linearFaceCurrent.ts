/**
 * The current through the faces of a grid of a linear process that goes in straight lines between
 * states dt apart: what net crossings measure, exact at any dt.
 *
 *   j·n (x) = ∫₀¹ ds p_s(x) n·V_s x,   V_s = ⟨v x_sᵀ⟩ S_s⁻¹
 *
 * with x_s = (1 − s) x + s x' Gaussian of covariance S_s, and v = (x' − x)/dt. For dt → 0 it is p(x) Ω x.
 * Averages over a face are error functions; s by Gauss–Legendre. Left out: more than two coordinates.
 */
import { inverse, Matrix } from "ml-matrix";
import { erf } from "../../engine/ops/index.ts";
import type { CellAxis } from "./gaussianCells.ts";
import { gaussLegendre } from "./gaussLegendre.ts";
import { linearStep, type SampledOptions, sampledOrnsteinUhlenbeck } from "./ornsteinUhlenbeck.ts";

/** Nodes in s: the integrand is analytic, and 16 leave 1e-14 of it for dt below a relaxation time. */
const NODES = 16;

/**
 * Averages over each face, [face, cell] of those crossed along the first axis, then [cell, face].
 *
 * Per unit of time and length. Error: about 1e-12 of the largest.
 *
 * @throws ArgumentError as `sampledOrnsteinUhlenbeck`.
 */
export function linearFaceCurrent(
  options: SampledOptions,
  axes: readonly [CellAxis, CellAxis],
): Float64Array {
  const { timeStep } = options;
  const S = new Matrix(sampledOrnsteinUhlenbeck(options).covariance);
  const F = Matrix.sub(Matrix.eye(2), new Matrix(linearStep(options).drift).mul(timeStep));
  const FS = F.mmul(S);
  const [x, y] = axes;
  const along = (x.bins + 1) * y.bins;
  const current = new Float64Array(along + x.bins * (y.bins + 1));
  const { nodes, weights } = gaussLegendre(NODES, 0, 1);
  nodes.forEach((s, node) => {
    const mixed = Matrix.add(FS, FS.transpose()).mul(s * (1 - s));
    const Ss = Matrix.mul(S, s * s + (1 - s) * (1 - s)).add(mixed);
    const cross = Matrix.mul(FS, 1 - s)
      .sub(Matrix.mul(FS.transpose(), s))
      .add(Matrix.mul(S, s - (1 - s)))
      .div(timeStep);
    const V = cross.mmul(inverse(Ss)).to2DArray();
    const C = Ss.to2DArray();
    for (const [k, own, other, at] of [
      [0, x, y, (face: number, cell: number) => face * y.bins + cell],
      [1, y, x, (face: number, cell: number) => along + cell * (y.bins + 1) + face],
    ] as const) {
      const [variance, covariance] = [C[k]![k]!, C[0]![1]!];
      const rest = C[1 - k]![1 - k]! - (covariance * covariance) / variance;
      for (let face = 0; face <= own.bins; face++) {
        const place = own.from + (face * (own.to - own.from)) / own.bins;
        const line = { place, variance, mean: (covariance * place) / variance, rest };
        for (let cell = 0; cell < other.bins; cell++) {
          const width = (other.to - other.from) / other.bins;
          const from = other.from + cell * width;
          const { mass, moment } = segment(line, from, from + width);
          const flow = V[k]![k]! * place * mass + V[k]![1 - k]! * moment;
          current[at(face, cell)]! += (weights[node]! * flow) / width;
        }
      }
    }
  });
  return current;
}

interface Line {
  readonly place: number;
  readonly variance: number;
  /** Of the other coordinate, given the place. */
  readonly mean: number;
  readonly rest: number;
}

const density = (z: number): number => Math.exp(-z * z * 0.5) / Math.sqrt(2 * Math.PI);

/** ∫ p and ∫ p z over a segment of the line, z the other coordinate. */
function segment(
  { place, variance, mean, rest }: Line,
  from: number,
  to: number,
): { mass: number; moment: number } {
  const sd = Math.sqrt(rest);
  const here = density(place / Math.sqrt(variance)) / Math.sqrt(variance);
  const [a, b] = [(from - mean) / sd, (to - mean) / sd];
  const share = 0.5 * (erf(b / Math.SQRT2) - erf(a / Math.SQRT2));
  return {
    mass: here * share,
    moment: here * (mean * share - sd * (density(b) - density(a))),
  };
}
