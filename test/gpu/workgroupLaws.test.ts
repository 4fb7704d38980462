/**
 * The schedule `workgroup` under every sampling law against the float64 twin over 20 steps, for the
 * networks of `schedules.test.ts` that take long to compile: one kernel has all of a replica's step,
 * and each law its own.
 */
import { describe, expect, test } from "vitest";
import { SAMPLING_LAWS } from "../../engine/sampling.ts";
import { describeWithDevice } from "../gpu.ts";
import { cnn, scaleInvariant } from "../networks.ts";
import { BOUND, errorsAgainst, lawOptions, stateAfter } from "../scheduleLaws.ts";

describeWithDevice("schedule workgroup", "software", (device) => {
  describe.each([cnn, scaleInvariant])("$model.name", (network) => {
    test.each(SAMPLING_LAWS)("%s", async (law) => {
      const given = lawOptions(network, law);
      const state = await stateAfter(device(), given, "workgroup");
      expect(errorsAgainst(given)(state)).toBeLessThanOrEqual(BOUND);
    });
  });

  test("negative control: the state under another law is seen", async () => {
    const state = await stateAfter(device(), lawOptions(cnn, "distinct"), "workgroup");
    expect(errorsAgainst(lawOptions(cnn, "sequential"))(state)).toBeGreaterThan(BOUND);
  });
});
