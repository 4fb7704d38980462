/**
 * What the tuner found, kept in the browser's IndexedDB, which pages and workers of an origin share.
 *
 * What cannot be read or written (private windows, full disks) costs a measurement, and is no error.
 */
import type { TuningStore } from "./platform.ts";

const NAME = "thermograd";
const TABLE = "tuning";

const settled = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  return settled(request);
}

async function withTable<T>(
  mode: IDBTransactionMode,
  work: (table: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  try {
    return await settled(work(database.transaction(TABLE, mode).objectStore(TABLE)));
  } finally {
    database.close();
  }
}

export const tuningDatabase: TuningStore = {
  read: (key) =>
    withTable<unknown>("readonly", (table) => table.get(key)).then(
      (found) => (typeof found === "string" ? found : null),
      () => null,
    ),
  write: (key, text) =>
    withTable("readwrite", (table) => table.put(text, key)).then(
      () => undefined,
      () => undefined,
    ),
};
