/**
 * Three networks under every sampling law in every schedule, against the float64 twin over 20 steps;
 * `workgroup`, whose kernels take long to compile, has the MLP here and the others in
 * `workgroupLaws.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { SCHEDULES } from "../../engine/plan/schedule.ts";
import { SAMPLING_LAWS } from "../../engine/sampling.ts";
import { describeWithDevice } from "../gpu.ts";
import { mlp, NETWORKS } from "../networks.ts";
import { BOUND, errorsAgainst, lawOptions, stateAfter } from "../scheduleLaws.ts";

describeWithDevice("schedules", "software", (device) => {
  describe.each(Object.values(NETWORKS))("$model.name", (network) => {
    const here = SCHEDULES.filter((schedule) => schedule !== "workgroup" || network === mlp);

    describe.each(SAMPLING_LAWS)("%s", (law) => {
      const given = lawOptions(network, law);
      const error = errorsAgainst(given);
      test.each(here)("%s", async (schedule) => {
        expect(error(await stateAfter(device(), given, schedule))).toBeLessThanOrEqual(BOUND);
      });
    });
  });

  test.each(SCHEDULES)(
    "negative control: a rate off by 1 in 1000 is seen in %s",
    async (schedule) => {
      const state = await stateAfter(device(), lawOptions(mlp, "distinct"), schedule);
      for (const rates of [
        [0.05005, 0.02],
        [0.05, 0.02002],
      ]) {
        const error = errorsAgainst(lawOptions(mlp, "distinct", rates));
        expect(error(state)).toBeGreaterThan(BOUND);
      }
    },
  );
});
