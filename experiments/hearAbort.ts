/** A pause in long work of the host: events are handled, and an abort is heard. */

/** @throws the signal's reason when it is aborted. */
export async function hearAbort(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  if (signal?.aborted) throw signal.reason;
}
