/** Fields of bytes: three in a float of a data row, put there and read back without loss. */
import { describe, expect, test } from "vitest";
import { defineModel, explain, op, sgd } from "../../engine/index.ts";
import type { Model } from "../../engine/model.ts";
import { checkData } from "../../engine/run/checkData.ts";
import { dataBuffer } from "../../engine/run/dataBuffer.ts";
import { literal, variable } from "../../engine/wgsl/indexing.ts";
import { type DataSource, fieldElement, packRows, rowLayout } from "../../engine/wgsl/row.ts";
import { generator } from "../generator.ts";

const model = (bytes: number): Model =>
  defineModel({
    name: "pixels",
    params: { w: [bytes], v: [5] },
    sample: { t: [], x: { bytes: [bytes] }, z: [5], digit: { labels: 3 } },
    loss: ({ w, v }, { t, x, z, digit }) =>
      op.square(op.sub(op.add(op.dot(w, x), op.dot(v, z)), op.add(t, digit))),
  });

function data(bytes: number, samples: number): DataSource {
  const random = generator(bytes).uniform;
  const fill = (count: number, value: () => number) => Float64Array.from({ length: count }, value);
  return {
    name: "pixels",
    samples,
    fields: {
      t: { data: fill(samples, random), shape: [] },
      x: {
        data: Uint8Array.from({ length: bytes * samples }, () => Math.floor(256 * random())),
        shape: [bytes],
      },
      z: { data: fill(5 * samples, random), shape: [5] },
      digit: { data: fill(samples, () => Math.floor(3 * random())), shape: [] },
    },
  };
}

/** What WGSL of the form `f32((u32(…) >> s) & 255u)`, or nothing around it, makes of a float. */
function decoded(value: (loaded: string) => string, float: number): number {
  const text = value("@");
  if (text === "@") return float;
  const [, shift] = /^f32\(\(u32\(@\) >> (\d+)u\) & 255u\)$/.exec(text)!;
  return (Math.trunc(float) >>> Number(shift)) & 255;
}

describe("rows with bytes", () => {
  test.each([1, 2, 3, 4, 12, 13, 784])("hold %i bytes without loss", (bytes) => {
    const source = data(bytes, 4);
    const { fields } = model(bytes);
    const row = rowLayout(fields);
    const rows = packRows(source, fields, row);
    for (const { name, size } of fields) {
      for (let sample = 0; sample < source.samples; sample += 1) {
        for (let i = 0; i < size; i += 1) {
          const { at, value } = fieldElement(row, name, literal(i));
          const float = rows[sample * 4 * row.vectors + at.constant]!;
          const given = source.fields[name]!.data[sample * size + i]!;
          expect(decoded(value, float)).toBe(Math.fround(given));
        }
      }
    }
  });

  test("take a third of the memory", () => {
    const floats = defineModel({
      params: { w: [784] },
      sample: { x: [784], digit: { labels: 10 } },
      loss: ({ w }, { x }) => op.dot(w, x),
    });
    expect(rowLayout(floats.fields).vectors).toBe(197);
    expect(rowLayout(model(784).fields)).toEqual({
      offsets: { t: 269, x: 0, z: 264, digit: 270 },
      packed: ["x"],
      vectors: 68,
    });
  });

  test("are read at an index that a loop computes", () => {
    const { at, value } = fieldElement(rowLayout(model(13).fields), "x", variable("i", 13));
    expect([...at.terms]).toEqual([["(i / 3u)", 1]]);
    expect(value("row[q]")).toBe("f32((u32(row[q]) >> (8u * ((i % 3u)))) & 255u)");
  });

  test("say so in explain", () => {
    const { text } = explain(model(784), {
      update: sgd({ learningRate: 1, batchSize: 1 }),
      samples: 2,
      unroll: 0,
    });
    expect(text).toContain("x [784]  floats 0…261 of 272 in a row, three bytes in each");
  });
});

describe("data for bytes", () => {
  const wrong = (value: number) => () => {
    const source = data(3, 4);
    const x = Float64Array.from(source.fields.x!.data);
    x[4] = value;
    checkData({ ...source, fields: { ...source.fields, x: { data: x, shape: [3] } } }, model(3));
  };

  test("are whole numbers from 0 to 255", () => {
    expect(wrong(255)).not.toThrow();
    for (const value of [-1, 256, 0.5]) {
      expect(wrong(value)).toThrow(
        `field "x" of sample 1 is ${value}, declared as bytes; use whole numbers from 0 to 255`,
      );
    }
  });

  test("have the declared shape", () => {
    expect(() =>
      defineModel({ params: { w: [] }, sample: { x: { bytes: [0] } }, loss: ({ w }) => w }),
    ).toThrow('sample field "x" has shape [0]');
  });

  test("that pass the device's binding limit are refused with numbers and remedies", () => {
    const limits = { maxStorageBufferBindingSize: 1000, maxBufferSize: 1e9 };
    const { fields } = model(13);
    const row = rowLayout(fields);
    const upload = () => dataBuffer({ limits } as GPUDevice, data(13, 20), fields, row);
    expect(16 * row.vectors).toBe(64);
    expect(upload).toThrow(
      "data pixels: 20 samples of 64 bytes are 1280 bytes, this device binds 1000; use at most 15 samples",
    );
  });
});
