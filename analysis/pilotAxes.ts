/**
 * Axes of a grid from a pilot run: wide enough for all conditions, from their means and deviations.
 *
 *   from, to = min, max over conditions of  m ± reach √(V)
 *
 * with m, V the mean and variance over replicas and records of lag 0. Left out: heavy tails, whose
 * deviations say little about where the values are; their share outside is in the density's record.
 */
import { ArgumentError } from "../engine/errors.ts";
import type { GridAxis, MomentsRecord } from "../engine/record.ts";
import { type Coordinate, coordinateIndex, lagIndex, momentColumns } from "./coordinates.ts";
import { noEstimate } from "./estimate.ts";
import { refuse } from "./refusal.ts";

export interface PilotChoice {
  /** Coordinates or projections of the record, one an axis. */
  readonly of: readonly Coordinate[];
  /** Cells of each axis, default 24. */
  readonly bins?: number;
  /** Half width in standard deviations, default 4. */
  readonly reach?: number;
}

/**
 * One axis for each coordinate, as `density` and `flux` take them.
 *
 * @throws ArgumentError for a coordinate that is not in the record or numbers that make no grid,
 *   RefusalError where no replica is finite or a coordinate does not vary.
 * @example
 * const axes = pilotAxes(record.moments, { of: ["theta[0]", "theta[1]"], reach: 3 });
 * axes.map(({ name, ...axis }) => ({ of: name, ...axis })); // axes of density, flux
 */
export function pilotAxes(
  record: MomentsRecord,
  { of, bins = 24, reach = 4 }: PilotChoice,
): GridAxis[] {
  const where = "pilotAxes";
  if (!(Number.isInteger(bins) && bins >= 1) || !(reach > 0 && Number.isFinite(reach))) {
    throw new ArgumentError(
      `${where}: ${bins} bins and a reach of ${reach} make no grid; give a whole number >= 1 and a ` +
        "positive number of standard deviations.",
    );
  }
  const lag = lagIndex(where, record, 0);
  const conditions = record.reference.axes[0]!.length;
  return of.map((coordinate) => {
    const index = coordinateIndex(where, record, coordinate);
    const name = record.coordinates[index]!;
    let [from, to] = [Infinity, -Infinity];
    for (let condition = 0; condition < conditions; condition += 1) {
      const { mean, deviation } = spread(where, record, { condition, lag, index });
      from = Math.min(from, mean - reach * deviation);
      to = Math.max(to, mean + reach * deviation);
    }
    if (!(to > from)) {
      refuse(
        `${where}: ${name} does not vary in the pilot run; run more steps, or give the range.`,
        noEstimate(where),
      );
    }
    return { name, from, to, bins };
  });
}

function spread(
  where: string,
  record: MomentsRecord,
  at: { readonly condition: number; readonly lag: number; readonly index: number },
): { mean: number; deviation: number } {
  const columns = momentColumns(where, record, at.condition, at.lag);
  let [n, first, second] = [0, 0, 0];
  for (let r = 0; r < columns.replicas; r += 1) {
    const [one, two] = [columns.first(r, at.index), columns.second(r, at.index, at.index)];
    if (!Number.isFinite(one) || !Number.isFinite(two)) continue;
    n += 1;
    first += one;
    second += two;
  }
  if (n === 0) {
    refuse(
      `${where}: no replica of condition ${at.condition} is finite; lower learningRate.`,
      noEstimate(where),
    );
  }
  const away = first / n;
  return {
    mean: columns.reference(at.index) + away,
    deviation: Math.sqrt(Math.max(0, second / n - away * away)),
  };
}
