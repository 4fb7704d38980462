// NPZ archives against the format's specification (NumPy NEP 1, version 1.0).
import { strFromU8, unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { DataError } from "../../engine/errors.ts";
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz } from "../../report/npz.ts";
import { seriesRecord } from "./fakes.ts";

describe("npy", () => {
  it("has magic, version, header length, dict and padding as specified", () => {
    const bytes = encodeNpy({ shape: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6) });
    expect([...bytes.slice(0, 8)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
    const headerLength = bytes[8]! + 256 * bytes[9]!;
    // "the total … magic + 2 + length + header is divisible by 64, for alignment purposes"
    expect((10 + headerLength) % 64).toBe(0);
    const header = strFromU8(bytes.slice(10, 10 + headerLength));
    expect(header.trimEnd()).toBe("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }");
    expect(header.endsWith("\n")).toBe(true);
    expect(bytes.length).toBe(10 + headerLength + 48);
    expect(new DataView(bytes.buffer).getFloat64(10 + headerLength + 8, true)).toBe(2);
  });

  it.each([
    ["a vector", [3], Float32Array.of(1, 2, 3), "'<f4'", "(3,)"],
    ["a scalar", [], Float64Array.of(7), "'<f8'", "()"],
    ["integers", [1, 2], Int32Array.of(-1, 5), "'<i4'", "(1, 2)"],
    ["nothing", [0, 4], Float64Array.of(), "'<f8'", "(0, 4)"],
  ])("writes and reads %s", (_name, shape, data, descr, tuple) => {
    const bytes = encodeNpy({ shape, data });
    const header = strFromU8(bytes.slice(10, bytes.length - data.byteLength));
    expect(header).toContain(`'descr': ${descr}`);
    expect(header).toContain(`'shape': ${tuple}`);
    expect(decodeNpy(bytes)).toEqual({ shape, data });
  });

  it("writes the window of a buffer, not the whole", () => {
    const window = Float64Array.of(1, 2, 3, 4).subarray(1, 3);
    expect([...decodeNpy(encodeNpy({ shape: [2], data: window })).data]).toEqual([2, 3]);
  });

  it("refuses a shape that does not fit, and bytes that are no array", () => {
    expect(() => encodeNpy({ shape: [2, 2], data: Float64Array.of(1) })).toThrow(DataError);
    expect(() => decodeNpy(Uint8Array.of(1, 2, 3))).toThrow(DataError);
  });
});

describe("npz", () => {
  const record = seriesRecord();

  it("has an entry per array, named by record, observable and field, and the rest as JSON", () => {
    const { arrays, meta } = decodeNpz(encodeNpz({ main: record }));
    expect([...arrays.keys()].sort()).toEqual([
      "main/loss/steps.npy",
      "main/loss/values.npy",
      "main/run/frozen.npy",
    ]);
    expect(arrays.get("main/loss/values.npy")?.shape).toEqual([1, 2, 3, 4]);
    expect(arrays.get("main/loss/values.npy")?.data[9]).toBe(9 / 8);
    expect(arrays.get("main/run/frozen.npy")).toEqual({ shape: [2, 3], data: record.run.frozen });
    expect(meta).toMatchObject({
      main: {
        loss: {
          kind: "series",
          quantities: ["loss"],
          every: 10,
          steps: { array: "main/loss/steps.npy" },
          values: {
            array: "main/loss/values.npy",
            unit: "loss",
            axes: [{}, {}, {}, { name: "time" }],
          },
        },
        run: { conditions: [{ learningRate: 0.1 }, { learningRate: 0.2 }] },
      },
    });
  });

  it("is the same bytes each time, and a zip others can open", () => {
    const bytes = encodeNpz({ main: record });
    expect(encodeNpz({ main: record })).toEqual(bytes);
    expect(Object.keys(unzipSync(bytes))).toContain("meta.json");
  });

  it("is an archive of metadata alone when nothing was recorded", () => {
    expect(decodeNpz(encodeNpz({}))).toEqual({ arrays: new Map(), meta: {} });
  });
});
