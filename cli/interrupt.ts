/** Ctrl-C: the first asks the run to stop, the second ends the process. */
import { EXIT, type Io } from "./io.ts";

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Signals reach the process as before. */
  readonly release: () => void;
}

/** `beforeExit` puts the terminal in order when the second signal ends everything. */
export function catchInterrupt(
  io: Io,
  actions: { onFirst: () => void; beforeExit: () => void },
): Interrupt {
  const controller = new AbortController();
  const release = io.onInterrupt(() => {
    if (controller.signal.aborted) {
      actions.beforeExit();
      io.exit(EXIT.interrupted);
      return;
    }
    actions.onFirst();
    controller.abort();
  });
  return { signal: controller.signal, release };
}

/** Whether an error is the run's answer to the signal, and not a failure of its own. */
export const isAbort = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted &&
  (error === signal.reason || (error instanceof Error && error.name === "AbortError"));
