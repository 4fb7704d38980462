/**
 * Run records as one NPZ archive, for `numpy.load`.
 *
 * An entry per array, named `record/observable/field.npy`, and `meta.json` with everything that is
 * not an array: axes, units, quantities, provenance. Format: NumPy NEP 1, version 1.0 (magic,
 * version, little-endian header length, a Python dict padded with spaces to a multiple of 64).
 * Leaves out object and string arrays, and archives beyond 4 GiB (zip64).
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { strFromU8, strToU8, unzipSync, type Zippable, zipSync } from "fflate";
import { DataError, LimitError } from "../engine/errors.ts";
import type { Field, RunRecord } from "../engine/record.ts";

type NumberArray = Float64Array | Float32Array | Int32Array;

/** One array of an archive. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: NumberArray;
}

const ALIGNMENT = 64;
const ZIP_LIMIT = 2 ** 32 - 1;
// Typed arrays have the byte order of the host; the descriptor says which.
const BYTE_ORDER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? "<" : ">";

const isArray = (value: unknown): value is NumberArray =>
  value instanceof Float64Array || value instanceof Float32Array || value instanceof Int32Array;

const isField = (value: unknown): value is Field =>
  typeof value === "object" && value !== null && "axes" in value && "data" in value;

const descriptor = (data: NumberArray): string =>
  `${BYTE_ORDER}${data instanceof Int32Array ? "i" : "f"}${data.BYTES_PER_ELEMENT}`;

/** The bytes of one `.npy` file, version 1.0, row-major. */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  const length = shape.reduce((product, axis) => product * axis, 1);
  if (length !== data.length) {
    throw new DataError(
      `npy: shape [${shape.join(", ")}] holds ${length} numbers, the array has ${data.length}; ` +
        "give the lengths of all its axes.",
    );
  }
  const axes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descriptor(data)}', 'fortran_order': False, 'shape': ${axes}, }`;
  const preamble = 10;
  const unpadded = preamble + dict.length + 1;
  const headerBytes = Math.ceil(unpadded / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(headerBytes + data.byteLength);
  bytes.set([0x93, ...strToU8("NUMPY"), 1, 0]);
  new DataView(bytes.buffer).setUint16(8, headerBytes - preamble, true);
  bytes.set(strToU8(`${dict}${" ".repeat(headerBytes - unpadded)}\n`), preamble);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), headerBytes);
  return bytes;
}

/** The array of one `.npy` file that `encodeNpy` wrote. Throws DataError on anything else. */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isNpy = bytes.length > 10 && bytes[0] === 0x93 && strFromU8(bytes.slice(1, 6)) === "NUMPY";
  const start = isNpy ? 10 + view.getUint16(8, true) : 0;
  const header = isNpy ? strFromU8(bytes.slice(10, start)) : "";
  const match = /'descr': '([<>])(f8|f4|i4)'.*'shape': \(([\d, ]*)\)/.exec(header);
  if (match === null || match[1] !== BYTE_ORDER) {
    throw new DataError(
      "npy: not a version 1.0 array of f8, f4 or i4 in this machine's byte order; " +
        "read it with numpy.load.",
    );
  }
  const shape = match[3]!.split(",").flatMap((axis) => (axis.trim() === "" ? [] : [Number(axis)]));
  const buffer = bytes.slice(start).buffer;
  if (match[2] === "f8") return { shape, data: new Float64Array(buffer) };
  return { shape, data: match[2] === "f4" ? new Float32Array(buffer) : new Int32Array(buffer) };
}

/** Moves the arrays of `value` into `arrays`; returns what is left, with names in their place. */
function separate(value: unknown, path: string, arrays: Map<string, NpyArray>): unknown {
  if (isField(value)) {
    const shape = value.axes.map((axis) => axis.length);
    arrays.set(`${path}.npy`, { shape, data: value.data });
    return { array: `${path}.npy`, axes: value.axes, unit: value.unit };
  }
  if (isArray(value)) {
    arrays.set(`${path}.npy`, { shape: [value.length], data: value });
    return { array: `${path}.npy` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const rest = Object.entries(value).map(([key, item]) => [
    key,
    separate(item, `${path}/${key}`, arrays),
  ]);
  return Object.fromEntries(rest);
}

/** [condition, replica], which `RunInfo` keeps flat. */
function shapeLost(name: string, { run }: RunRecord, arrays: Map<string, NpyArray>): void {
  const shape = [run.conditions.length, run.replicas.count];
  arrays.set(`${name}/run/frozen.npy`, { shape, data: run.frozen });
  if (run.unsolved) arrays.set(`${name}/run/unsolved.npy`, { shape, data: run.unsolved });
}

/**
 * Bytes of an NPZ archive of all records, reproducible byte for byte.
 *
 * @throws LimitError beyond 4 GiB.
 */
export function encodeNpz(records: Readonly<Record<string, RunRecord>>): Uint8Array {
  const arrays = new Map<string, NpyArray>();
  const meta: Record<string, unknown> = {};
  for (const [name, record] of Object.entries(records)) {
    meta[name] = separate(record, name, arrays);
    shapeLost(name, record, arrays);
  }
  const total = [...arrays.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  if (total > ZIP_LIMIT) {
    throw new LimitError(
      `npz: the records hold ${total} bytes, the archive takes ${ZIP_LIMIT}; ` +
        "record less often or fewer observables.",
    );
  }
  const files: Zippable = { "meta.json": strToU8(JSON.stringify(meta, null, 1)) };
  for (const [path, array] of arrays) files[path] = encodeNpy(array);
  // A fixed time stamp: the same run gives the same bytes.
  return zipSync(files, { level: 1, mtime: new Date(1980, 0, 1) });
}

/** Arrays and metadata of an archive that `encodeNpz` wrote. */
export function decodeNpz(bytes: Uint8Array): { arrays: Map<string, NpyArray>; meta: unknown } {
  const arrays = new Map<string, NpyArray>();
  let meta: unknown = {};
  for (const [path, file] of Object.entries(unzipSync(bytes))) {
    if (path === "meta.json") meta = JSON.parse(strFromU8(file));
    else arrays.set(path, decodeNpy(file));
  }
  return { arrays, meta };
}
