/**
 * The file of an interrupted run: which run it was, the experiment's bytes, a checksum.
 *
 * Layout, little-endian: magic `THERMOCK`, u32 length of the header, header (JSON, UTF-8), the
 * experiment's bytes, SHA-256 of everything before. Parameters and seed come from here when a run
 * is resumed: a trajectory must not change in the middle.
 */
import { CheckpointError } from "../engine/errors.ts";

export interface CheckpointHeader {
  /** Layout of the file. */
  readonly format: 1;
  readonly thermograd: string;
  readonly experiment: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly quick: boolean;
}

export interface Checkpoint {
  readonly header: CheckpointHeader;
  /** What the experiment handed to `onCheckpoint`. */
  readonly bytes: Uint8Array;
}

const MAGIC = new TextEncoder().encode("THERMOCK");
const PREAMBLE = MAGIC.length + 4;
const DIGEST = 32;

const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

export async function encodeCheckpoint({ header, bytes }: Checkpoint): Promise<Uint8Array> {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const body = new Uint8Array(PREAMBLE + text.length + bytes.length);
  body.set(MAGIC);
  new DataView(body.buffer).setUint32(MAGIC.length, text.length, true);
  body.set(text, PREAMBLE);
  body.set(bytes, PREAMBLE + text.length);
  const file = new Uint8Array(body.length + DIGEST);
  file.set(body);
  file.set(await sha256(body), body.length);
  return file;
}

/**
 * The run in a checkpoint file.
 *
 * @throws CheckpointError if it is no checkpoint, damaged, or of another version of thermograd.
 */
export async function decodeCheckpoint(
  file: Uint8Array,
  name: string,
  version: string,
): Promise<Checkpoint> {
  if (file.length < PREAMBLE || !isSame(file.subarray(0, MAGIC.length), MAGIC)) {
    throw new CheckpointError(
      `--resume ${name}: is not a thermograd checkpoint; give the file an interrupted run named.`,
    );
  }
  const end = file.length - DIGEST;
  const isWhole = end > PREAMBLE && isSame(await sha256(file.subarray(0, end)), file.subarray(end));
  if (!isWhole) {
    throw new CheckpointError(
      `--resume ${name}: is damaged, its ${file.length} bytes do not match their checksum; ` +
        "use another copy or start the run again.",
    );
  }
  const length = new DataView(file.buffer, file.byteOffset).getUint32(MAGIC.length, true);
  const text = new TextDecoder().decode(file.subarray(PREAMBLE, PREAMBLE + length));
  const header = JSON.parse(text) as CheckpointHeader;
  if (header.format !== 1 || header.thermograd !== version) {
    throw new CheckpointError(
      `--resume ${name}: was written by thermograd ${header.thermograd}, this is ${version}; ` +
        `resume with thermograd ${header.thermograd} or start the run again.`,
    );
  }
  return { header, bytes: file.slice(PREAMBLE + length, end) };
}
