/**
 * Colors of figures and pages: the Okabe-Ito palette, which stays apart for color-blind readers.
 *
 * `PAPER` is for files on disk: literal colors on a white ground. `INLINE` is for figures inside a
 * page: CSS variables that `pageColors` defines for light and dark and for print.
 *
 * @see Okabe and Ito 2002, Color Universal Design. The yellow is left out: it vanishes on white.
 */

export interface Theme {
  /** null where the page behind shows through. */
  readonly background: string | null;
  readonly foreground: string;
  /** Tick labels, legend. */
  readonly muted: string;
  readonly grid: string;
  readonly theory: string;
  readonly series: readonly string[];
}

/** Symbols of point sets, in the order of the colors, so that print without color can be read. */
export const SYMBOLS = ["circle", "square", "triangle", "diamond", "cross", "star", "wye"] as const;

/** Dashes of several theory lines in one figure, which all have one color. */
export const DASHES = [null, "5 3", "1.5 2.5", "7 2.5 1.5 2.5"] as const;

const LIGHT: Theme = {
  background: "#ffffff",
  foreground: "#1b1f24",
  muted: "#57606a",
  grid: "#e7eaee",
  theory: "#1b1f24",
  series: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b6b6b"],
};

// The same hues, lifted where they would sink into a dark ground.
const DARK: Theme = {
  background: "#14181d",
  foreground: "#e6e9ec",
  muted: "#a5aeb8",
  grid: "#2a3038",
  theory: "#f2f4f6",
  series: ["#4aa8e0", "#f08438", "#2fc49a", "#e09cc3", "#f2b63c", "#9bd6fa", "#a0a0a0"],
};

/** Figures on disk. */
export const PAPER: Theme = LIGHT;

const seriesVariable = (index: number): string => `--series-${index}`;

/** Figures inside a page. */
export const INLINE: Theme = {
  background: null,
  foreground: "var(--foreground)",
  muted: "var(--muted)",
  grid: "var(--grid)",
  theory: "var(--theory)",
  series: LIGHT.series.map((_color, index) => `var(${seriesVariable(index)})`),
};

const declarations = (theme: Theme): string =>
  [
    `--background: ${theme.background}`,
    `--foreground: ${theme.foreground}`,
    `--muted: ${theme.muted}`,
    `--grid: ${theme.grid}`,
    `--theory: ${theme.theory}`,
    ...theme.series.map((color, index) => `${seriesVariable(index)}: ${color}`),
  ]
    .map((line) => `${line};`)
    .join(" ");

/** CSS that defines the variables of `INLINE`: light, dark where preferred, light in print. */
export const pageColors = (): string =>
  `:root { color-scheme: light dark; ${declarations(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${declarations(DARK)} } }
@media print { :root { color-scheme: light; ${declarations(LIGHT)} } }`;

export const FONT =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
