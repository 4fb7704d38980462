/**
 * Checkpoint bytes: what is put in comes out; what was cut, changed, or belongs to another run is
 * refused with a sentence that says so.
 */
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../engine/errors.ts";
import { series } from "../../engine/observe/series.ts";
import { hex, pack, sha256, unpack } from "../../engine/run/container.ts";
import { createEnsemble } from "../../engine/run/createEnsemble.ts";
import type { EnsembleOptions } from "../../engine/run/options.ts";
import { sgd } from "../../engine/update/sgd.ts";
import { linearRegression, network, scaleInvariant } from "../composites.ts";
import { describeWithDevice } from "../gpu.ts";
import { sampleData } from "../parity.ts";

const ARRAYS = {
  floats: Float32Array.of(1.5, -0, Number.NaN, Number.POSITIVE_INFINITY),
  doubles: Float64Array.of(Math.PI, 5e-324),
  signed: Int32Array.of(-1, 2 ** 31 - 1, 7),
  unsigned: Uint32Array.of(2 ** 32 - 1),
  bytes: Uint8Array.of(1, 2, 3, 4, 5),
  empty: new Float32Array(0),
};
const HEADER = { kind: "test", step: 12, name: "η = ½" };

const packed = (): Promise<Uint8Array> => pack(HEADER, ARRAYS);

describe("container", () => {
  test("gives back header and arrays, bit by bit", async () => {
    const { header, arrays } = await unpack(await packed(), "test");
    expect(header).toEqual(HEADER);
    expect(arrays).toEqual(ARRAYS);
    expect(Object.is(arrays.floats![1], -0)).toBe(true);
  });

  test("is the same for the same content", async () => {
    expect(await packed()).toEqual(await packed());
  });

  test("reads bytes that begin anywhere in their buffer", async () => {
    const bytes = await packed();
    // As readFile gives them for a small file: a Buffer that is a part of Node's pool.
    const pooled = Buffer.from(Buffer.from(bytes));
    for (const shift of [0, 1, 3]) {
      const larger = new Uint8Array(bytes.length + 8);
      larger.set(bytes, shift);
      const view = larger.subarray(shift, shift + bytes.length);
      expect((await unpack(view, "test")).arrays).toEqual(ARRAYS);
    }
    const small = await pack({}, { one: Float64Array.of(1) });
    const buffer = Buffer.from(small);
    expect(buffer.byteLength).toBeLessThan(buffer.buffer.byteLength);
    expect((await unpack(buffer, "test")).arrays).toEqual({ one: Float64Array.of(1) });
    expect((await unpack(pooled, "test")).header).toEqual(HEADER);
  });

  test("packs views of larger buffers", async () => {
    const view = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    const { arrays } = await unpack(await pack({}, { view }), "test");
    expect(arrays.view).toEqual(Float32Array.of(1, 2));
  });

  test("refuses every single changed byte", async () => {
    const bytes = await packed();
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at]! ^= 0x10;
      await expect(unpack(changed, "run.checkpoint"), `byte ${at}`).rejects.toThrow(
        at < 8
          ? `run.checkpoint: ${bytes.length} bytes that do not begin as a thermograd checkpoint`
          : `run.checkpoint: damaged, its checksum does not hold (${bytes.length} bytes)`,
      );
    }
  });

  test("refuses cut, lengthened and foreign bytes", async () => {
    const bytes = await packed();
    for (const length of [0, 1, 8, 43, 44, bytes.length - 8, bytes.length - 1]) {
      const error = await unpack(bytes.slice(0, length), "test").catch((e: unknown) => e);
      expect(error, `${length} bytes`).toBeInstanceOf(CheckpointError);
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    await expect(unpack(longer, "test")).rejects.toThrow("its checksum does not hold");
    const foreign = new TextEncoder().encode(
      "PK\u0003\u0004 a zip file of someone else, long enough",
    );
    await expect(unpack(foreign, "test")).rejects.toThrow("give a file that thermograd wrote.");
  });

  test("sha256 of the empty message and of abc", async () => {
    // FIPS 180-2, appendix B.1; RFC 6234 for the empty one.
    expect(hex(await sha256(new Uint8Array(0)))).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    expect(hex(await sha256(new TextEncoder().encode("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

describeWithDevice("checkpoints of ensembles", "null", (device) => {
  const model = linearRegression(2);
  const base = {
    model,
    data: sampleData(model, 12, 1),
    update: sgd({ learningRate: 0.1, batchSize: 2 }),
    replicas: 4,
    seed: 1,
  } satisfies EnsembleOptions;

  const saved = async (options: EnsembleOptions = base): Promise<Uint8Array> => {
    await using ensemble = await createEnsemble(device(), options);
    return ensemble.checkpoint();
  };

  const resume = async (from: Uint8Array, options: EnsembleOptions = base): Promise<void> => {
    await using ensemble = await createEnsemble(device(), { ...options, from });
    expect(ensemble.step).toBe(0);
  };

  test("fit the same options, however fast or observed", async () => {
    const bytes = await saved();
    await resume(bytes);
    await resume(bytes, { ...base, execution: { workgroup: 8, lanesPerChunk: 3 } });
    await resume(bytes, { ...base, observables: { loss: series({ of: "loss" }) } });
    // Hyperparameters come from the checkpoint.
    await resume(bytes, { ...base, update: sgd({ learningRate: 0.2, batchSize: 2 }) });
  });

  const other = sampleData(model, 12, 2);
  const flat = scaleInvariant(2);
  const wider = network(2, 3);
  const differences: Readonly<Record<string, Partial<EnsembleOptions>>> = {
    seed: { seed: 2 },
    data: { data: other },
    "number of samples": { data: sampleData(model, 14, 1) },
    model: { model: flat, data: sampleData(flat, 12, 1) },
    "number of parameters": { model: wider, data: sampleData(wider, 12, 1) },
    sampling: { sampling: "distinct" },
    replicas: { replicas: 5 },
    shard: { replicas: { first: 1, count: 4 } },
    "common noise": { commonNoise: true },
    conditions: { sweep: { learningRate: [0.1, 0.2] } },
    velocity: { update: sgd({ learningRate: 0.1, batchSize: 2, momentum: 0.5 }) },
  };

  test.each(Object.entries(differences))("refuse another %s", async (_what, difference) => {
    const bytes = await saved();
    const error = await resume(bytes, { ...base, ...difference }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toContain(
      "checkpoint: made by another ensemble (model, data, update rule, sampling, replicas or seed " +
        "differ); create the ensemble with the options it was made with.",
    );
  });

  test("refuse hyperparameters that the new ensemble cannot run", async () => {
    const noisy = { ...base, update: sgd({ learningRate: 0.1, batchSize: 2, gradientNoise: 1 }) };
    await expect(resume(await saved(noisy))).rejects.toThrow(
      "checkpoint: the ensemble was created without gradientNoise",
    );
    const distinct: EnsembleOptions = { ...base, sampling: "distinct" };
    const large = { ...distinct, update: sgd({ learningRate: 0.1, batchSize: 6 }) };
    await expect(resume(await saved(large), distinct)).rejects.toThrow(
      "checkpoint: batchSize is 6, the ensemble was created for distinct batches of up to 2",
    );
    await resume(await saved(distinct), large);
  });

  test("refuse a container of something else, and damaged bytes", async () => {
    await expect(resume(await packed())).rejects.toThrow(
      "checkpoint: holds no ensemble; give bytes made by ensemble.checkpoint().",
    );
    const bytes = await saved();
    await expect(resume(bytes.slice(0, -1))).rejects.toBeInstanceOf(CheckpointError);
  });
});
