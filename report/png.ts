/**
 * A PNG file of 8-bit pixels with opacity.
 *
 * Source: Portable Network Graphics, third edition (W3C 2025): signature, then the chunks IHDR, IDAT
 * (a zlib stream of rows, each after its filter's number), IEND. Left out: filters, palettes, interlacing.
 */
import { zlibSync } from "fflate";

/** CRC-32 of annex D: the polynomial 0xedb88320, low bit first. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i += 1) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

/** `pixels` [row, column, red green blue opacity]. */
export function pngFile(rows: number, columns: number, pixels: Uint8Array): Uint8Array {
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, columns);
  view.setUint32(4, rows);
  // Eight bits a channel, color with opacity; no other compression, filter or order there is.
  head.set([8, 6, 0, 0, 0], 8);
  const lines = new Uint8Array(rows * (1 + 4 * columns));
  for (let row = 0; row < rows; row += 1) {
    const line = pixels.subarray(4 * row * columns, 4 * (row + 1) * columns);
    lines.set(line, row * (1 + 4 * columns) + 1);
  }
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const parts = [
    signature,
    chunk("IHDR", head),
    chunk("IDAT", zlibSync(lines, { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ];
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
