// Packs scikit-learn's digits.csv.gz (1797 lines of 64 pixels and a label) into digits.ts.
// Usage: node models/data/packDigits.mjs path/to/digits.csv.gz
// Layout before deflate: 1797 x 64 pixel bytes (0..16, row-major 8x8 images), then 1797 labels.
import { readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync, gunzipSync } from "node:zlib";

const source = process.argv[2];
if (!source) throw new Error("usage: node models/data/packDigits.mjs path/to/digits.csv.gz");
const text = gunzipSync(readFileSync(source)).toString("utf8").trim();
const rows = text.split("\n").map((line) => line.split(",").map(Number));
const bytes = new Uint8Array(rows.length * 65);
for (const [sample, row] of rows.entries()) {
  const label = row[64];
  const pixels = row.slice(0, 64);
  const legal = pixels.every((v) => Number.isInteger(v) && v >= 0 && v <= 16);
  if (row.length !== 65 || !legal || !(label >= 0 && label <= 9)) {
    throw new Error(`line ${sample + 1} is not 64 pixels in 0..16 and a label in 0..9`);
  }
  bytes.set(pixels, sample * 64);
  bytes[rows.length * 64 + sample] = label;
}
const packed = deflateRawSync(bytes, { level: 9, memLevel: 9 }).toString("base64");
const lines = packed.match(/.{1,98}/g).join("\n");
writeFileSync(
  new URL("./digits.ts", import.meta.url),
  `// Made by packDigits.mjs; origin and license in README.md beside this file.
// Raw deflate of ${rows.length} x 64 pixel bytes and ${rows.length} label bytes, base64 (atob skips the line breaks).
export const SAMPLES = ${rows.length};
export const PACKED = \`
${lines}
\`;
`,
);
