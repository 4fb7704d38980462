/**
 * Fewer vertices for a line that has many more than pixels, without changing what is seen.
 *
 * M4 (Jugel et al. 2014, VLDB 7:797): of the vertices in one pixel column the first, the lowest,
 * the highest and the last are kept. Gaps (values that cannot be drawn) are kept as gaps.
 */

const COLUMNS = 600;

/**
 * Indices kept of a line with vertical values `y` at horizontal `positions` in [0, 1].
 *
 * Lines of at most four vertices a column are returned whole.
 */
export function thinLine(positions: readonly number[], y: readonly number[]): number[] {
  if (y.length <= 4 * COLUMNS) return y.map((_value, index) => index);
  const kept: number[] = [];
  let column: number[] = [];
  const flush = () => {
    if (column.length === 0) return;
    const byHeight = [...column].sort((a, b) => y[a]! - y[b]!);
    const corners = [column[0]!, byHeight[0]!, byHeight.at(-1)!, column.at(-1)!];
    kept.push(...[...new Set(corners)].sort((a, b) => a - b));
    column = [];
  };
  let current = -1;
  let inGap = false;
  for (let index = 0; index < y.length; index += 1) {
    const gap = !Number.isFinite(y[index]!) || !Number.isFinite(positions[index]!);
    const at = gap ? current : Math.floor(positions[index]! * COLUMNS);
    if (at !== current || gap) flush();
    if (!gap) column.push(index);
    else if (!inGap) kept.push(index);
    current = at;
    inGap = gap;
  }
  flush();
  return kept;
}
