/**
 * Named typed arrays and a JSON header in one run of bytes, with a checksum.
 *
 * Layout: the 8 bytes `TGRAD1\r\n`; SHA-256 of all that follows (32 bytes); u32 length of the header
 * (little-endian); the header as UTF-8 JSON, padded with spaces to a multiple of 8; the arrays, each
 * padded to 8 bytes. Line end and checksum tell a text-mode copy or a cut file from a good one.
 */
import { CheckpointError } from "../errors.ts";

const MAGIC = new TextEncoder().encode("TGRAD1\r\n");
const TYPES = { Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array } as const;

export type Packed = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

interface Entry {
  readonly name: string;
  readonly type: keyof typeof TYPES;
  readonly length: number;
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Bytes of a header and arrays; `unpack` is the inverse. */
export async function pack(
  header: object,
  arrays: Readonly<Record<string, Packed>>,
): Promise<Uint8Array> {
  const entries: Entry[] = Object.entries(arrays).map(([name, array]) => ({
    name,
    type: array.constructor.name as keyof typeof TYPES,
    length: array.length,
  }));
  const json = new TextEncoder().encode(JSON.stringify({ header, entries }));
  const start = MAGIC.length + 32 + 4;
  const headerLength = padded(start + json.length) - start;
  const total = Object.values(arrays).reduce(
    (sum, a) => sum + padded(a.byteLength),
    start + headerLength,
  );
  const bytes = new Uint8Array(total);
  bytes.set(MAGIC);
  bytes.fill(0x20, start, start + headerLength);
  bytes.set(json, start);
  new DataView(bytes.buffer).setUint32(start - 4, headerLength, true);
  let at = start + headerLength;
  for (const array of Object.values(arrays)) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  bytes.set(await sha256(bytes.subarray(MAGIC.length + 32)), MAGIC.length);
  return bytes;
}

/** Throws `CheckpointError` when the bytes are no container, or damaged. */
export async function unpack(
  bytes: Uint8Array,
  what: string,
): Promise<{ header: Record<string, unknown>; arrays: Record<string, Packed> }> {
  const start = MAGIC.length + 32 + 4;
  if (bytes.length < start || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new CheckpointError(
      `${what}: ${bytes.length} bytes that do not begin as a thermograd checkpoint; ` +
        "give a file that thermograd wrote.",
    );
  }
  const sum = hex(await sha256(bytes.subarray(MAGIC.length + 32)));
  if (sum !== hex(bytes.subarray(MAGIC.length, MAGIC.length + 32))) {
    throw new CheckpointError(
      `${what}: damaged, its checksum does not hold (${bytes.length} bytes); ` +
        "use an earlier checkpoint or begin anew.",
    );
  }
  // A copy, so that typed arrays start at multiples of their element size; not `slice`, which for
  // Node's Buffer is a view into a pool.
  const { buffer } = new Uint8Array(bytes);
  const headerLength = new DataView(buffer).getUint32(start - 4, true);
  const json = new TextDecoder().decode(new Uint8Array(buffer, start, headerLength));
  const { header, entries } = JSON.parse(json) as {
    header: Record<string, unknown>;
    entries: Entry[];
  };
  const arrays: Record<string, Packed> = {};
  let at = start + headerLength;
  for (const { name, type, length } of entries) {
    const array = new TYPES[type](buffer, at, length);
    arrays[name] = array;
    at += padded(array.byteLength);
  }
  return { header, arrays };
}
