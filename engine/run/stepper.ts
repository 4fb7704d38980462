/** What takes steps, whatever the schedule. */

/** Steps to take, and where they stand in a run. */
export interface Stretch {
  readonly firstStep: number;
  readonly steps: number;
  /** The order of a shuffled epoch must be built anew at the first step. */
  readonly rebuild: boolean;
  /** Where observing began and the window's first step after it; null: record nothing. */
  readonly window: { readonly observeFirst: number; readonly first: number } | null;
}

export interface Stepper {
  /** Steps after which all chunks stand level again: about half a second of work. */
  readonly round: number;
  /** Takes the steps in every chunk; resolves when the last dispatches are queued. */
  take(stretch: Stretch): Promise<void>;
  /**
   * Brings the lanes' state up to date, before others read it. Between calls it may lie behind: calls of a
   * few steps each then cost no more than one of many.
   */
  flush(): void;
  /** The same, before others change it. */
  release(): void;
  /** Resolves when nothing is queued. */
  idle(): Promise<void>;
  /** Sums of observables to zero. */
  clearMoments(): void;
  destroy(): void;
}
