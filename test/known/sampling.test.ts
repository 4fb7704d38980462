/** What sampling refuses, and what the refusal says. */
import { expect, test } from "vitest";
import { ArgumentError } from "../../engine/errors.ts";
import {
  batchesPerEpoch,
  batchIndices,
  SAMPLING_LAWS,
  SAMPLING_SHADERS,
  validateSampling,
} from "../../engine/sampling.ts";
import { sources } from "../../shaders/node.ts";

const message = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return (error as Error).message;
  }
  return "";
};

test("every law has its WGSL file", () => {
  for (const law of SAMPLING_LAWS) expect(sources[SAMPLING_SHADERS[law]]).toContain(law);
});

test.each(SAMPLING_LAWS)("%s accepts a batch size that divides", (law) => {
  expect(message(() => validateSampling(law, 12, 4))).toBe("");
});

test.each(["reshuffled", "sequential", "symmetric"] as const)("%s names both remedies", (law) => {
  const refusal = message(() => validateSampling(law, 100, 12));
  expect(refusal).toContain(`${law} batches of 12 do not divide 100 samples, 4 are left over`);
  expect(refusal).toContain("the nearest are 10 and 20");
  expect(refusal).toContain('lastBatch: "drop"');
  expect(message(() => validateSampling(law, 100, 12, "drop"))).toBe("");
});

test("laws without epochs need no division", () => {
  expect(message(() => validateSampling("withReplacement", 100, 12))).toBe("");
  expect(message(() => validateSampling("distinct", 100, 12))).toBe("");
  expect(message(() => validateSampling("fullBatch", 100, 12))).toBe("");
});

test("a batch larger than the data is refused unless samples may repeat", () => {
  for (const law of ["distinct", "reshuffled", "sequential", "symmetric"] as const) {
    expect(message(() => validateSampling(law, 10, 11, "drop"))).toContain(
      `a ${law} batch of 11 needs as many samples, the data set has 10`,
    );
  }
  expect(message(() => validateSampling("withReplacement", 10, 11))).toBe("");
});

test.each([0, -1, 2.5, Number.NaN, Infinity])("batchSize %d is refused", (batchSize) => {
  expect(message(() => validateSampling("withReplacement", 10, batchSize))).toContain(
    `batchSize is ${batchSize}; give an integer from 1`,
  );
});

test.each([0, 1.5, 2 ** 32])("%d samples are refused", (samples) => {
  expect(message(() => validateSampling("distinct", samples, 1))).toContain("the data set has");
});

test("fullBatch is all samples in order, whatever the batch size", () => {
  const lane = { seed: 1, condition: 0, replica: 0 };
  expect([...batchIndices("fullBatch", lane, 9, 5, 2)]).toEqual([0, 1, 2, 3, 4]);
  expect([...batchIndices("sequential", lane, 9, 6, 2)]).toEqual([0, 1]);
  expect([...batchIndices("sequential", lane, 5, 7, 2)]).toEqual([4, 5]);
});

test("batches in an epoch", () => {
  expect(batchesPerEpoch("reshuffled", 13, 4)).toBe(3);
  expect(batchesPerEpoch("fullBatch", 13, 4)).toBe(1);
  expect(batchesPerEpoch("distinct", 12, 4)).toBe(null);
});
