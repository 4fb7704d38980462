/** Names near to one that was not found, for "did you mean". */

/** Insertions, deletions and substitutions between two words (Levenshtein 1966). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_value, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}

/** Up to three candidates within a third of the length (at least 2), or sharing a beginning. */
export function nearest(name: string, candidates: readonly string[]): string[] {
  const wanted = name.toLowerCase();
  const limit = Math.max(2, Math.floor(wanted.length / 3));
  return candidates
    .map((candidate) => {
      const lower = candidate.toLowerCase();
      const isPrefix = wanted.length >= 3 && lower.startsWith(wanted);
      return { candidate, distance: isPrefix ? 0 : editDistance(wanted, lower) };
    })
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** `did you mean a or b?`, else the sentence that names where all of them are listed. */
export function suggest(name: string, candidates: readonly string[], otherwise: string): string {
  const near = nearest(name, candidates);
  return near.length === 0 ? otherwise : `did you mean ${near.join(" or ")}?`;
}
