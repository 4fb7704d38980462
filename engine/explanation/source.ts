/** Linked WGSL with where each stretch of it came from. */
import type { LinkedShader } from "../wgsl/link.ts";

export interface Stretch {
  /** `shaders/lib/normal.wgsl`, or `generated loss_gradient`. */
  readonly file: string;
  /** Number of the first line within that file. */
  readonly firstLine: number;
  readonly lines: readonly string[];
}

/** What was printed of earlier kernels: text → the kernel's number. */
export interface Printed {
  readonly seen: Map<string, number>;
  readonly number: number;
}

/** The text cut where the file changes. */
export function stretches({ code, origin }: LinkedShader): readonly Stretch[] {
  const found: { file: string; firstLine: number; lines: string[] }[] = [];
  code
    .replace(/\n$/, "")
    .split("\n")
    .forEach((text, i) => {
      const { file, line } = origin[i]!;
      const last = found[found.length - 1];
      if (last?.file === file) last.lines.push(text);
      else found.push({ file, firstLine: line, lines: [text] });
    });
  return found;
}

/** A stretch as short as this is printed again. */
const SHORT = 4;

const isBlank = ({ lines }: Stretch): boolean => lines.every((line) => line.trim() === "");

/** With `printed`, long stretches that an earlier kernel has are named, not repeated. */
export const printStretches = (shader: LinkedShader, printed?: Printed): string[] =>
  stretches(shader).flatMap((stretch) => (isBlank(stretch) ? [] : printStretch(stretch, printed)));

function printStretch({ file, firstLine, lines }: Stretch, printed?: Printed): string[] {
  const head = `// ── ${file}:${firstLine}`;
  const text = lines.join("\n");
  const before = printed?.seen.get(text);
  if (before !== undefined && lines.length > SHORT) return [`${head} (as in ${before})`];
  printed?.seen.set(text, printed.number);
  return [head, ...lines];
}
