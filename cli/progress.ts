/**
 * One line on stderr that is redrawn while a run goes on; nothing where stderr is no terminal.
 */
import type { Progress } from "../experiments/experiment.ts";
import { printDuration, siPrefixed } from "../report/notation.ts";
import type { Io } from "./io.ts";

const REDRAW_INTERVAL_MS = 100;
const BAR = 24;
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_LINE = "\r\x1b[2K";

export interface ProgressLine {
  readonly update: (progress: Progress) => void;
  /** Writes a line of text above the progress line. */
  readonly say: (text: string) => void;
  /** Clears the line and shows the cursor again. */
  readonly stop: () => void;
}

export interface ProgressOptions {
  /** Before the phase, e.g. `[2/7] quadratic`. */
  readonly label?: string;
  /** Milliseconds; a test gives its own clock. */
  readonly now?: () => number;
}

function bar(fraction: number): string {
  const filled = Math.round(fraction * BAR);
  return "█".repeat(filled) + "░".repeat(BAR - filled);
}

/** `observe ████░░░░  43 %  12.3 M replica-steps/s  1 min 20 s left` */
export function printProgress(progress: Progress, secondsLeft: number | null): string {
  const fraction = Math.min(1, Math.max(0, progress.fraction || 0));
  const percent = `${Math.floor(fraction * 100)} %`.padStart(5);
  const parts = [`${progress.phase} ${bar(fraction)} ${percent}`];
  if (progress.replicaStepsPerSecond > 0) {
    parts.push(`${siPrefixed(progress.replicaStepsPerSecond)} replica-steps/s`);
  }
  if (secondsLeft !== null) parts.push(`${printDuration(secondsLeft)} left`);
  return parts.join("  ");
}

/** The progress line of one run. */
export function createProgress(io: Io, options: ProgressOptions = {}): ProgressLine {
  const { label, now = () => performance.now() } = options;
  let start: { fraction: number; time: number } | null = null;
  let lastDrawn = Number.NEGATIVE_INFINITY;
  let isShown = false;
  const clear = () => {
    if (isShown) io.stderr.write(`${CLEAR_LINE}${SHOW_CURSOR}`);
    isShown = false;
  };
  const update = (progress: Progress) => {
    if (!io.isTTY) return;
    const time = now();
    // A resumed run starts beyond 0: only what was done since counts for the time left.
    start ??= { fraction: progress.fraction, time };
    if (time - lastDrawn < REDRAW_INTERVAL_MS) return;
    lastDrawn = time;
    const done = progress.fraction - start.fraction;
    const seconds = (time - start.time) / 1000;
    const left = done > 0 && seconds > 1 ? (seconds * (1 - progress.fraction)) / done : null;
    const text = printProgress(progress, left);
    const line = (label === undefined ? text : `${label} ${text}`).slice(
      0,
      (io.stderr.columns || 80) - 1,
    );
    io.stderr.write(`${isShown ? "" : HIDE_CURSOR}${CLEAR_LINE}${line}`);
    isShown = true;
  };
  const say = (text: string) => {
    clear();
    io.stderr.write(`${text}\n`);
  };
  return { update, say, stop: clear };
}
