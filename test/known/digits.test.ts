/** The vendored digits are the published ones, and the split is what it says it is. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Dataset, subset } from "../../models/dataset.ts";
import { allDigits, digits } from "../../models/digits.ts";

const pixels = (dataset: Dataset) => dataset.fields.x!.data;
const labels = (dataset: Dataset) => dataset.fields.digit!.data;

function classCounts(dataset: Dataset): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const label of labels(dataset)) counts[label]! += 1;
  return counts;
}

describe("digits", () => {
  it("are the file that scikit-learn distributes, byte for byte", () => {
    const all = allDigits();
    const lines: string[] = [];
    for (let sample = 0; sample < all.samples; sample++) {
      const row = Array.from(pixels(all).subarray(64 * sample, 64 * sample + 64), (v) => v * 16);
      lines.push(`${[...row, labels(all)[sample]].join(",")}\n`);
    }
    // zcat sklearn/datasets/data/digits.csv.gz | sha256sum (scikit-learn 1.2.1)
    const published = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8";
    expect(createHash("sha256").update(lines.join("")).digest("hex")).toBe(published);
  });

  it("have the published class counts and the first image of the documentation", () => {
    const all = allDigits();
    expect(all.samples).toBe(1797);
    expect(classCounts(all)).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    expect(Array.from(pixels(all).subarray(0, 8), (v) => v * 16)).toEqual([
      0, 0, 5, 13, 9, 1, 0, 0,
    ]);
    expect(Math.max(...pixels(all))).toBe(1);
  });

  it("are split by class, completely, the same way each time", () => {
    const { train, test } = digits({ seed: 3 });
    expect([train.samples, test.samples]).toEqual([1440, 357]);
    const total = classCounts(allDigits());
    const inTrain = classCounts(train);
    for (const [label, count] of classCounts(test).entries()) {
      expect(count + inTrain[label]!).toBe(total[label]);
      expect(Math.abs(inTrain[label]! - (total[label]! * 1440) / 1797)).toBeLessThan(1);
    }
    const key = (dataset: Dataset) =>
      Array.from({ length: dataset.samples }, (_, i) =>
        [...pixels(dataset).subarray(64 * i, 64 * i + 64), labels(dataset)[i]].join(),
      );
    const both = [...key(train), ...key(test)];
    expect(both.sort()).toEqual(key(allDigits()).sort());
    expect(digits({ seed: 3 })).toEqual({ train, test });
    expect(digits({ seed: 4 }).train.fields).not.toEqual(train.fields);
  });

  it("come in random order: neighbors share a class about one time in ten", () => {
    const { train } = digits({ seed: 9 });
    const list = labels(train);
    let same = 0;
    for (let i = 1; i < list.length; i++) same += list[i] === list[i - 1] ? 1 : 0;
    // Binomial(1439, 0.1): 144 ± 11.4, asserted at 4 standard deviations.
    expect(Math.abs(same - 144)).toBeLessThan(46);
  });

  it("refuse a split that leaves a part empty", () => {
    expect(() => digits({ trainSamples: 1797, seed: 1 })).toThrow(/1 to 1796/);
    expect(() => digits({ trainSamples: 10.5, seed: 1 })).toThrow(/10.5/);
  });
});

describe("subset", () => {
  it("copies whole samples and refuses what is not there", () => {
    const z = { data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2] };
    const toy: Dataset = { name: "toy", samples: 3, fields: { z }, origin: "test" };
    const part = subset(toy, "part", [2, 0]);
    expect(part.fields.z!.data).toEqual(Float64Array.of(5, 6, 1, 2));
    expect(part.samples).toBe(2);
    expect(() => subset(toy, "part", [3])).toThrow(/sample 3/);
  });
});
