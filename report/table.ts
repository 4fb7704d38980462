/** Columns of text set side by side, for any table in a terminal. */

export type Alignment = "left" | "right" | "point";

export interface Column {
  /** One line or several, separated by newlines. */
  readonly title: string;
  readonly align: Alignment;
  readonly cells: readonly string[];
}

const GAP = "  ";

/** Columns a terminal gives to a text; combining marks take none. */
export const displayWidth = (text: string): number => [...text.replace(/\p{M}/gu, "")].length;

const pad = (text: string, width: number): string =>
  " ".repeat(Math.max(0, width - displayWidth(text)));

/** Cells padded so that their decimal points (or the ends of their integers) stand in line. */
function alignPoints(cells: readonly string[]): string[] {
  const integerPart = (cell: string): string => /^[−+-]?(\d+|∞|NaN)/.exec(cell)?.[0] ?? "";
  const widest = Math.max(0, ...cells.map((cell) => displayWidth(integerPart(cell))));
  return cells.map((cell) => (cell === "" ? "" : pad(integerPart(cell), widest) + cell));
}

const headLines = ({ title }: Column): string[] => title.split("\n");

/** Lines of one width: the head of `heads` lines, then the cells. */
function layOutColumn(column: Column, heads: number): string[] {
  const { align, cells } = column;
  const titles = headLines(column);
  const body = align === "point" ? alignPoints(cells) : cells;
  const lines = [...titles, ...Array<string>(Math.max(0, heads - titles.length)).fill(""), ...body];
  const width = Math.max(...lines.map(displayWidth));
  return lines.map((cell) =>
    align === "right" ? pad(cell, width) + cell : cell + pad(cell, width),
  );
}

const isFilled = ({ cells }: Column): boolean => cells.some((cell) => cell !== "");

/**
 * A table of columns of one length: titles, a rule, rows, two spaces between columns.
 *
 * Columns whose cells are all empty are left out.
 */
export function printTable(columns: readonly Column[]): string {
  const shown = columns.filter(isFilled);
  const heads = Math.max(0, ...shown.map((column) => headLines(column).length));
  const laidOut = shown.map((column) => layOutColumn(column, heads));
  const lines = (laidOut[0] ?? []).map((_cell, row) =>
    laidOut
      .map((column) => column[row])
      .join(GAP)
      .trimEnd(),
  );
  if (lines.length === 0) return "";
  const rule = laidOut.map((column) => "─".repeat(displayWidth(column[0]!))).join(GAP);
  return `${[...lines.slice(0, heads), rule, ...lines.slice(heads)].join("\n")}\n`;
}

/** Width of columns side by side. */
const widthOf = (columns: readonly Column[]): number =>
  columns
    .filter(isFilled)
    .reduce((sum, column) => sum + GAP.length + displayWidth(layOutColumn(column, 0)[0]!), 0);

/**
 * A table broken into blocks under each other, none wider than `width`; each begins with `heads`.
 *
 * The columns of one group stay together. A group that is too wide alone is a block of its own.
 */
export function printWrapped(
  heads: readonly Column[],
  groups: readonly (readonly Column[])[],
  width: number,
): string {
  const blocks: Column[][] = [];
  const headWidth = widthOf(heads) - GAP.length;
  let room = 0;
  for (const group of groups) {
    const needed = widthOf(group);
    if (blocks.length === 0 || needed > room) {
      blocks.push([...heads]);
      room = width - headWidth;
    }
    blocks.at(-1)!.push(...group);
    room -= needed;
  }
  return blocks.map(printTable).join("\n");
}
