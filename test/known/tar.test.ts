/** The ustar reader against archives made by GNU tar 1.34, and against damaged ones. */
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readTar } from "../../engine/adapter/tar.ts";
import { DataError } from "../../engine/errors.ts";

const unzip = (base64: string): Uint8Array =>
  new Uint8Array(gunzipSync(Buffer.from(base64, "base64")));

// tar --owner=0 --group=0 --mtime=@0 -cf - empty lib gzipped, with
// empty: 0 bytes, mode 755; lib/long.txt: 600 times "a", mode 644.
const ARCHIVE = unzip(
  "H4sIAAAAAAACA+3TQQrCMBBA0TlKTqAT20nOU0FEaI3UEfT2gssWdZWg8N9mBpLdZw7TxR9Sl6pqNntNVV3O9R7VUp" +
    "ag0sDt6sMcgsyl+Kd/397/1Hjab+X3+u9SJ8Ho36T/WM7Hjd+9Zv/U9+/6x9gt+8dsiftvYQAqEAAAAAAAAAAAAAAA" +
    "0MwTQZNTRQAoAAA=",
);
// The same with --format=ustar of a symbolic link.
const LINK = unzip(
  "H4sIAAAAAAACA+3POw7CQAwE0D1KjjAEoT0PBUXEJygsRW4fiTJIUG33XjOWxoV9mx7X0lmS1Fo/mWSf3/NhrKdjGc" +
    "bL/dnWzse9X+28lGSZ5/Zr71+/fw4AAAAAAAAAAAA62gAbvDMAACgAAA==",
);

const altered = (change: (bytes: Uint8Array) => void): Uint8Array => {
  const bytes = ARCHIVE.slice();
  change(bytes);
  return bytes;
};

/** Overwrites the first header's name and puts its checksum right. */
const renamed = (name: string): Uint8Array =>
  altered((bytes) => {
    bytes.fill(0, 0, 100);
    bytes.set(new TextEncoder().encode(name));
    bytes.fill(32, 148, 156);
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bytes.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  });

describe("readTar", () => {
  test("reads GNU tar's files, folders left out", () => {
    const files = readTar(ARCHIVE);
    expect(files.map(({ path, mode, bytes }) => [path, mode, bytes.length])).toEqual([
      ["empty", 0o755, 0],
      ["lib/long.txt", 0o644, 600],
    ]);
    expect(new TextDecoder().decode(files[1]!.bytes)).toBe("a".repeat(600));
  });

  test("refuses a damaged header", () => {
    const bad = altered((bytes) => {
      bytes[3]! ^= 1;
    });
    expect(() => readTar(bad)).toThrow(
      new DataError("readTar: header at byte 0 has a wrong checksum; unpack again."),
    );
  });

  test.each([512 * 3, 512 * 3 + 700, 512 * 5])("refuses an archive cut at byte %i", (end) => {
    expect(() => readTar(ARCHIVE.subarray(0, end))).toThrow(/cut short/);
  });

  test("refuses links and paths that leave the folder", () => {
    expect(() => readTar(LINK)).toThrow(/link is of type "2"/);
    expect(readTar(renamed("other"))[0]!.path).toBe("other");
    expect(() => readTar(renamed("../evil"))).toThrow(/leaves the archive's folder/);
    expect(() => readTar(renamed("/etc/evil"))).toThrow(/leaves the archive's folder/);
  });
});
