/** Vectors of lanes: columns [param, lane], as kernels of one invocation a lane have them, and rows [lane, word]. */

export function inRows(
  columns: Float32Array,
  lanes: number,
  vectorWords: number,
): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(lanes * vectorWords);
  columns.forEach((word, at) => {
    rows[(at % lanes) * vectorWords + Math.floor(at / lanes)] = word;
  });
  return rows;
}

/** The first `params` words of each row. */
export function inColumns(
  rows: Float32Array,
  lanes: number,
  params: number,
  vectorWords: number,
): Float32Array<ArrayBuffer> {
  const columns = new Float32Array(params * lanes);
  for (let p = 0; p < params; p += 1) {
    for (let lane = 0; lane < lanes; lane += 1) {
      columns[p * lanes + lane] = rows[lane * vectorWords + p]!;
    }
  }
  return columns;
}
