/** Processes with exactly known statistics, and Records made of them, for tests of estimators. */
import { Matrix } from "ml-matrix";
import { discreteLyapunov, type Rows } from "../analysis/lyapunov.ts";
import type { Axis, Field, MomentsRecord, SeriesRecord } from "../engine/record.ts";
import type { Generator } from "./generator.ts";

/** x' = phi x + √(1 − phi²) ξ from its stationary law: unit variance, ρ(t) = phi^t. */
export function firstOrder({ normal }: Generator, phi: number, length: number): Float64Array {
  const series = new Float64Array(length);
  const kick = Math.sqrt(1 - phi * phi);
  series[0] = normal();
  for (let t = 1; t < length; t++) series[t] = phi * series[t - 1]! + kick * normal();
  return series;
}

export interface LinearProcess {
  /** z' = F z + noise of covariance Q. */
  readonly F: Rows;
  readonly Q: Rows;
  readonly center: readonly number[];
}

/** Exact stationary covariance S of a linear process. */
export const stationaryCovariance = ({ F, Q }: LinearProcess): Matrix =>
  new Matrix(discreteLyapunov(F, Q));

/** ⟨z_i(t) z_j(t+1)⟩ antisymmetrized: ½(S Fᵀ − F S). */
export function exactArea(process: LinearProcess): Matrix {
  const S = stationaryCovariance(process);
  const F = new Matrix(process.F.map((row) => [...row]));
  return S.mmul(F.transpose()).sub(F.mmul(S)).mul(0.5);
}

/** Lower Cholesky factor of a 2 x 2 covariance. */
function factor(C: Rows): [number, number, number] {
  const a = Math.sqrt(C[0]![0]!);
  const b = a > 0 ? C[1]![0]! / a : 0;
  return [a, b, Math.sqrt(Math.max(0, C[1]![1]! - b * b))];
}

/** A two-dimensional linear process from its stationary law, [time][2] flat, about its center. */
export function linearTrajectory(
  process: LinearProcess,
  { normal }: Generator,
  length: number,
): Float64Array {
  const { F, Q, center } = process;
  const start = factor(stationaryCovariance(process).to2DArray());
  const kick = factor(Q);
  const draw = ([a, b, c]: [number, number, number]): [number, number] => {
    const first = normal();
    return [a * first, b * first + c * normal()];
  };
  let [x, y] = draw(start);
  const trajectory = new Float64Array(2 * length);
  for (let t = 0; t < length; t++) {
    trajectory[2 * t] = center[0]! + x;
    trajectory[2 * t + 1] = center[1]! + y;
    const [p, q] = draw(kick);
    [x, y] = [F[0]![0]! * x + F[0]![1]! * y + p, F[1]![0]! * x + F[1]![1]! * y + q];
  }
  return trajectory;
}

const axis = (name: string, length: number): Axis => ({ name, length });

function field(axes: readonly Axis[], unit: string): Field & { data: Float64Array } {
  const length = axes.reduce((product, { length: n }) => product * n, 1);
  return { axes, data: new Float64Array(length), unit };
}

/** What the engine would record of these trajectories, [condition][replica] of [time][coordinate]. */
export function momentsOf(
  trajectories: readonly (readonly Float64Array[])[],
  coordinates: readonly string[],
  lags: readonly number[],
  origin: readonly number[],
): MomentsRecord {
  const d = coordinates.length;
  const length = trajectories[0]![0]!.length / d;
  const outer = [axis("condition", trajectories.length), axis("replica", trajectories[0]!.length)];
  const inner = [axis("lag", lags.length), axis("coordinate", d)];
  const first = field([...outer, ...inner], "z");
  const firstEnd = field([...outer, ...inner], "z");
  const second = field([...outer, ...inner, axis("coordinate", d)], "z^2");
  const reference = field([outer[0]!, axis("coordinate", d)], "z");
  for (let k = 0; k < reference.data.length; k++) reference.data[k] = origin[k % d]!;
  let row = 0;
  for (const trajectory of trajectories.flat()) {
    for (const lag of lags) {
      const pairs = length - lag;
      for (let t = 0; t < pairs; t++) {
        for (let i = 0; i < d; i++) {
          const z = trajectory[t * d + i]! - origin[i]!;
          first.data[row * d + i]! += z / pairs;
          firstEnd.data[row * d + i]! += (trajectory[(t + lag) * d + i]! - origin[i]!) / pairs;
          for (let j = 0; j < d; j++) {
            const later = trajectory[(t + lag) * d + j]! - origin[j]!;
            second.data[(row * d + i) * d + j]! += (z * later) / pairs;
          }
        }
      }
      row++;
    }
  }
  const counts = lags.map((lag) => length - lag);
  return {
    kind: "moments",
    coordinates,
    every: 1,
    lags,
    counts,
    reference,
    first,
    firstEnd,
    second,
  };
}

/** A record of one quantity, [condition][replica][time]. */
export function seriesOf(
  conditions: readonly (readonly Float64Array[])[],
  every = 1,
  quantity = "loss",
): SeriesRecord {
  const replicas = conditions[0]!.length;
  const times = conditions[0]![0]!.length;
  const axes = [
    axis("quantity", 1),
    axis("condition", conditions.length),
    axis("replica", replicas),
    axis("time", times),
  ];
  const values = field(axes, "loss");
  for (const [r, series] of conditions.flat().entries()) values.data.set(series, r * times);
  const steps = Float64Array.from({ length: times }, (_, t) => t * every);
  return { kind: "series", quantities: [quantity], every, steps, values };
}
