/** Linked WGSL with where each stretch of it came from. */
import type { LinkedShader } from "../wgsl/link.ts";

export interface Stretch {
  /** `shaders/lib/normal.wgsl`, or `generated loss_gradient`. */
  readonly file: string;
  /** Number of the first line within that file. */
  readonly firstLine: number;
  readonly lines: readonly string[];
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

const isBlank = ({ lines }: Stretch): boolean => lines.every((line) => line.trim() === "");

export const printStretches = (shader: LinkedShader): string[] =>
  stretches(shader).flatMap((stretch) => (isBlank(stretch) ? [] : printStretch(stretch)));

const printStretch = ({ file, firstLine, lines }: Stretch): string[] => [
  `// ── ${file}:${firstLine}`,
  ...lines,
];
