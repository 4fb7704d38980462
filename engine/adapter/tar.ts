/**
 * Reads ustar archives held in memory: regular files only, as the packed SwiftShader and Chromium
 * libraries need. POSIX.1-1988 header: name 0-99, size 124-135 (octal), checksum 148-155,
 * type 156, prefix 345-499. Leaves out links, long-name extensions and writing.
 */
import { DataError } from "../errors.ts";

const BLOCK = 512;

export interface TarFile {
  /** Path below the archive's root, `/` between folders. */
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

const text = (header: Uint8Array, start: number, length: number): string => {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
};

const octal = (header: Uint8Array, start: number, length: number): number =>
  Number.parseInt(text(header, start, length).trim() || "0", 8);

/** Sum of the header's bytes with the checksum field taken as spaces. */
const checksum = (header: Uint8Array): number =>
  header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);

/** Files of an archive. @throws DataError when it is damaged or holds what is not a plain file. */
export function readTar(archive: Uint8Array): TarFile[] {
  const files: TarFile[] = [];
  let offset = 0;
  while (offset + BLOCK <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) return files;
    if (checksum(header) !== octal(header, 148, 8)) {
      throw new DataError(`readTar: header at byte ${offset} has a wrong checksum; unpack again.`);
    }
    // GNU tar writes "ustar  " and other things where POSIX keeps the prefix.
    const prefix = text(header, 257, 6) === "ustar" ? text(header, 345, 155) : "";
    const path = prefix ? `${prefix}/${text(header, 0, 100)}` : text(header, 0, 100);
    const length = octal(header, 124, 12);
    const start = offset + BLOCK;
    if (start + length > archive.length) {
      throw new DataError(`readTar: ${path} ends past the archive's end; it is cut short.`);
    }
    const type = String.fromCharCode(header[156]!);
    if (path.startsWith("/") || path.split("/").includes("..")) {
      throw new DataError(`readTar: ${path} leaves the archive's folder; refused.`);
    }
    if (type === "0" || type === "\0") {
      const bytes = archive.subarray(start, start + length);
      files.push({ path, mode: octal(header, 100, 8) & 0o777, bytes });
    } else if (type !== "5") {
      throw new DataError(
        `readTar: ${path} is of type "${type}", only files and folders are read.`,
      );
    }
    offset = start + Math.ceil(length / BLOCK) * BLOCK;
  }
  throw new DataError("readTar: the archive has no end mark; it is cut short.");
}
