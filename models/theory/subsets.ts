/** Sets of samples as bit masks: the steps of sums over all orders of the batches of an epoch. */

/** Calls `visit` with every subset of m members of `members` (both as bit masks). */
export function forEachBatch(members: number, m: number, visit: (batch: number) => void): void {
  const extend = (batch: number, rest: number, missing: number) => {
    if (missing === 0) {
      visit(batch);
      return;
    }
    for (let left = rest; left !== 0; ) {
      const member = left & -left;
      left ^= member;
      extend(batch | member, left, missing - 1);
    }
  };
  extend(0, members, m);
}

/** How many members a set has. */
export function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
