/** What a replica and an ensemble keep on the device. */
import type { LaneWords } from "../run/chunk.ts";

export interface ExplainedMemory {
  /** Bytes of one replica, by buffer; buffers that are not there are left out. */
  readonly perReplica: Readonly<Record<string, number>>;
  /** Bytes that all replicas share: data and hyperparameters. */
  readonly shared: number;
  readonly lanes: number;
  /** Bytes of the ensemble. */
  readonly total: number;
}

export function explainMemory(words: LaneWords, lanes: number, shared: number): ExplainedMemory {
  const bytes = Object.entries({ ...words, frozen: 1 }).map(([name, count]) => [name, 4 * count]);
  const perReplica = Object.fromEntries(bytes.filter(([, count]) => count !== 0)) as Record<
    string,
    number
  >;
  const one = Object.values(perReplica).reduce((sum, count) => sum + count, 0);
  return { perReplica, shared, lanes, total: shared + lanes * one };
}

/** 36 B, 1.2 KiB, 3.4 MiB */
export function printBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const rank = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** rank).toPrecision(3))} ${units[rank]}`;
}

export function printMemory({ perReplica, shared, lanes, total }: ExplainedMemory): string {
  const parts = Object.entries(perReplica).map(([name, bytes]) => `${name} ${printBytes(bytes)}`);
  return (
    `device memory: ${parts.join(", ")} a replica; ${lanes} replicas and ` +
    `${printBytes(shared)} for all of them make ${printBytes(total)}`
  );
}
