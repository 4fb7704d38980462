/** The float64 loop over all pairs that neighbor searches must agree with, bit by bit. */

/** k nearest of each point by (square, number), sums in the order of the coordinates: [point, k]. */
export function bruteNeighbors(
  points: Float64Array,
  dimensions: number,
  k: number,
  among?: Float64Array,
): { squares: Float64Array; indices: Uint32Array } {
  const [n, m] = [points, among ?? points].map((set) => set.length / dimensions) as [
    number,
    number,
  ];
  const others = among ?? points;
  const squares = new Float64Array(n * k);
  const indices = new Uint32Array(n * k);
  for (let i = 0; i < n; i++) {
    const found = Array.from({ length: m }, (_, j) => {
      let square = 0;
      for (let a = 0; a < dimensions; a++) {
        const difference = points[i * dimensions + a]! - others[j * dimensions + a]!;
        square += difference * difference;
      }
      return { square, j };
    })
      .filter(({ j }) => among !== undefined || j !== i)
      .sort((a, b) => a.square - b.square || a.j - b.j)
      .slice(0, k);
    for (const [at, { square, j }] of found.entries()) {
      squares[i * k + at] = square;
      indices[i * k + at] = j;
    }
  }
  return { squares, indices };
}
