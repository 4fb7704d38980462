/** What a dispatch carries and how long a round is, on a queue whose speed is known. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { DeviceInfo } from "../../engine/device.ts";
import { lanesAtRate, Pacer } from "../../engine/run/pacer.ts";

const device = (source: DeviceInfo["source"], done: () => Promise<undefined>) => ({
  gpu: { queue: { onSubmittedWorkDone: done } } as unknown as GPUDevice,
  info: { source } as DeviceInfo,
});

/** A pacer that has learned the pace of a device of so many replica-steps per second. */
async function paced(rate: number, lanes: number, source: DeviceInfo["source"] = "system") {
  let clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  let work = 0;
  const pacer = new Pacer(
    device(source, async () => {
      clock += (1000 * work) / rate;
      return undefined;
    }),
    undefined,
  );
  for (let i = 0; i < 20; i += 1) {
    const some = pacer.lanes(lanes);
    work = some * pacer.steps(some, 1e6);
    await pacer.submitted(work);
    await pacer.idle();
  }
  return pacer;
}

describe("pacer", () => {
  afterEach(() => void vi.restoreAllMocks());

  test("a dispatch takes a tenth of a second, less than half of that in a browser", async () => {
    for (const [source, seconds] of [
      ["system", 0.1],
      ["browser", 0.04],
    ] as const) {
      for (const [rate, lanes] of [
        [2e6, 256],
        [2e6, 16_384],
        [1.7e7, 65_536],
        [1e9, 1_000_000],
      ] as const) {
        const pacer = await paced(rate, lanes, source);
        const some = pacer.lanes(lanes);
        const took = (some * pacer.steps(some, 1e6)) / rate;
        expect(took).toBeLessThan(1.02 * seconds);
        expect(took).toBeGreaterThan(0.7 * seconds);
      }
    }
  });

  test("lanes and steps are cut evenly, and steps enough share the loads of a state", async () => {
    const pacer = await paced(1.7e7, 65_536);
    expect(pacer.lanes(65_536)).toBe(32_768);
    expect(pacer.steps(32_768, 1e6)).toBeGreaterThanOrEqual(32);
    expect(pacer.lanes(10_000)).toBe(10_000);
    const most = pacer.steps(32_768, 1e6);
    expect(pacer.steps(32_768, most + 2)).toBe(Math.ceil((most + 2) / 2));
    expect(pacer.steps(32_768, 3)).toBe(3);
    expect(pacer.steps(1024, 5000, 256)).toBeLessThanOrEqual(256);
    expect(lanesAtRate({ info: { source: "system" } as DeviceInfo }, 1.7e7)).toBe(53_125);
  });

  test("a round ends in half a second, or in eight where few steps would waste loads", async () => {
    for (const [rate, lanes, least, longest] of [
      [2e6, 256, 0.45, 0.65],
      [2e6, 16_384, 0.45, 0.85],
      [2e6, 1_000_000, 7.4, 8.6],
      [1.7e7, 1_000_000, 1.8, 2.2],
      [1800, 1024, 7.4, 8.6],
    ] as const) {
      const seconds = ((await paced(rate, lanes)).round(lanes) * lanes) / rate;
      expect(seconds, `${rate} ${lanes}`).toBeGreaterThan(least);
      expect(seconds, `${rate} ${lanes}`).toBeLessThan(longest);
    }
    expect((await paced(1800, 1024)).round(1024, 1)).toBe(1);
    expect((await paced(100, 1024)).round(1024)).toBe(1);
  });

  test("what the caller fixes stays", () => {
    const pacer = new Pacer(
      device("system", async () => undefined),
      7,
    );
    expect([pacer.lanes(1e6), pacer.steps(1e6, 100), pacer.steps(1e6, 3)]).toEqual([1e6, 7, 3]);
    expect(pacer.steps(1e6, 100, 5)).toBe(5);
  });
});
