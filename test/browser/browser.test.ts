/**
 * The engine in a browser: page → comlink → dedicated worker → WebGPU, in headless Chromium, and
 * the same program in Node on the same driver (SwiftShader).
 *
 * There is no skip: without a Chromium this fails with the remedy.
 */
import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Device, openDevice } from "../../engine/device.ts";
import { bruteNeighbors } from "../bruteNeighbors.ts";
import { launchChromium } from "./chromium.ts";
import type { PageEngine } from "./page/main.ts";
import { uniformPoints } from "./page/neighbors.ts";
import { programs } from "./page/programs.ts";
import { type PageServer, servePage } from "./server.ts";

declare global {
  /** Set by `page/main.ts`. */
  var engine: PageEngine;
}

describe("the engine in a browser's worker", () => {
  let server: PageServer;
  let browser: Browser;
  let page: Page;
  let device: Device;
  const problems: string[] = [];

  beforeAll(async () => {
    server = await servePage();
    browser = await launchChromium();
    page = await browser.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    await page.goto(server.url);
    await page.waitForFunction(() => globalThis.engine !== undefined);
    device = await openDevice({ adapter: "SwiftShader" });
  });

  afterAll(async () => {
    await device?.destroy();
    await browser?.close();
    await server?.close();
  });

  test("opens a device there and says that it is software", async () => {
    const info = await page.evaluate(() => globalThis.engine.device());
    expect(info.source).toBe("browser");
    expect(info.software).toBe(true);
  });

  test("draws the words of Random123 and of Node, and reports progress", async () => {
    const { dice, progress } = await page.evaluate(async () => {
      const progress: string[] = [];
      const dice = await globalThis.engine.run("thrownDice", { draws: 1000 }, (done) => {
        progress.push(done);
      });
      return { dice, progress };
    });
    // Random123 tests/kat_vectors: threefry2x32 20, digits of pi as counter and key.
    expect(dice.words.slice(0, 2)).toEqual([0xc4923a9c, 0x483df7a0]);
    const here = await programs.thrownDice(device, { draws: 1000 }, () => undefined);
    expect(dice.words).toEqual(here.words);
    // Chromium and Node use the same SwiftShader: the same f32 operations, bit for bit.
    expect(dice.normals).toEqual(here.normals);
    expect(progress).toEqual(["compiled", "read"]);
  });

  test("errors cross with name and message", async () => {
    const error = await page.evaluate(async () => {
      const run = globalThis.engine.run as (name: string, args: unknown) => Promise<unknown>;
      return run("nonsense", {}).then(
        () => undefined,
        (thrown: Error) => ({ name: thrown.name, message: thrown.message }),
      );
    });
    expect(error?.name).toBe("ArgumentError");
    expect(error?.message).toContain('no program "nonsense"; there are: thrownDice');
    const unknown = page.evaluate(() =>
      globalThis.engine.run("experiment", { id: "phlogiston", parameters: {}, seed: 1 }),
    );
    await expect(unknown).rejects.toThrow(/there is no "phlogiston"; there are heavy-ball-mode/);
  });

  // Both run SwiftShader on this processor. With the packed Chromium it is the same build and the
  // results were equal bit for bit; another Chromium (THERMOGRAD_CHROMIUM) brings another version,
  // which may order a sum or fuse a multiply-add differently. Such differences are 2^-24 = 6e-8 an
  // operation; over 200 steps of some hundred operations each they add like a random walk,
  // sqrt(2e4) 6e-8 = 8e-6, and the dynamics contracts. Other indices, a lost weight decay or
  // momentum would be seen at 1e-2.
  const ROUNDING = 1e-5;

  test("trains networks to the same weights as Node", async () => {
    const { theta, params, progress } = await page.evaluate(async () => {
      const progress: number[] = [];
      const trained = await globalThis.engine.run("network", { seed: 3 }, (steps) => {
        progress.push(steps);
      });
      return { theta: [...trained.theta], params: trained.params, progress };
    });
    const here = await programs.network(device, { seed: 3 }, () => undefined);
    expect(theta).toHaveLength(32 * params);
    expect(progress.at(-1)).toBe(200);
    const scale = Math.max(...here.theta.map(Math.abs));
    const difference = (there: ArrayLike<number>): number =>
      Math.max(...here.theta.map((value, i) => Math.abs(value - there[i]!))) / scale;
    expect(difference(theta)).toBeLessThanOrEqual(ROUNDING);
    // Negative control: another seed is another run.
    const other = await programs.network(device, { seed: 4 }, () => undefined);
    expect(difference(other.theta)).toBeGreaterThan(1e-2);
  });

  test("finds the neighbors that a loop over all pairs finds", async () => {
    const given = { points: 500, dimensions: 7, k: 3 };
    const found = await page.evaluate(async (wanted) => {
      const { squares, indices } = await globalThis.engine.run(
        "neighbors",
        wanted,
        () => undefined,
      );
      return { squares: [...squares], indices: [...indices] };
    }, given);
    const { squares, indices } = bruteNeighbors(uniformPoints(given), given.dimensions, given.k);
    expect(found).toEqual({ squares: [...squares], indices: [...indices] });
  });

  test("runs an experiment to the same estimates as Node, with progress", async () => {
    const settings = {
      id: "heavy-ball-mode",
      parameters: { replicas: 256, steps: 200, burnIn: 100 },
      seed: 5,
    };
    const { quantities, fractions } = await page.evaluate(async (given) => {
      const fractions: number[] = [];
      const result = await globalThis.engine.run("experiment", given, ({ fraction }) => {
        fractions.push(fraction);
      });
      return { quantities: result.quantities, fractions };
    }, settings);
    const here = await programs.experiment(device, settings, () => undefined);
    expect(here.quantities.length).toBeGreaterThan(0);
    expect(quantities.map(({ name }) => name)).toEqual(here.quantities.map(({ name }) => name));
    quantities.forEach(({ name, estimate, predicted }, i) => {
      const { value } = here.quantities[i]!.estimate;
      // Averages over replicas and steps of trajectories that differ by rounding.
      expect(Math.abs(estimate.value - value), name).toBeLessThanOrEqual(1e-4 * Math.abs(value));
      expect(estimate.standardError, name).toBeGreaterThan(0);
      expect(predicted, name).toBe(here.quantities[i]!.predicted);
    });
    // Negative control: another seed is seen.
    const other = await programs.experiment(device, { ...settings, seed: 6 }, () => undefined);
    const [mine, its] = [here, other].map((result) => result.quantities[0]!.estimate.value);
    expect(Math.abs(its! - mine!)).toBeGreaterThan(1e-4 * Math.abs(mine!));
    expect(fractions.length).toBeGreaterThan(0);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBeLessThanOrEqual(1);
  });

  test("tunes once, and finds the answer again after a reload, in IndexedDB", async () => {
    const ask = () =>
      page.evaluate(() => globalThis.engine.run("tuning", { replicas: 64 }, () => undefined));
    const cold = await ask();
    expect(cold.by).toBe("measurement");
    const measured = cold.trials.filter((trial) => (trial.replicaStepsPerSecond ?? 0) > 0);
    expect(measured.map(({ setting }) => setting)).toContainEqual(cold.setting);
    // Another worker, another device: nothing is left in memory.
    await page.reload();
    await page.waitForFunction(() => globalThis.engine !== undefined);
    const warm = await ask();
    expect(warm).toMatchObject({ by: "cache", setting: cold.setting, seconds: 0 });
    expect(warm.trials).toEqual(cold.trials);
    // Negative control: another program is measured.
    const other = await page.evaluate(() =>
      globalThis.engine.run("tuning", { replicas: 65 }, () => undefined),
    );
    expect(other.by).toBe("measurement");
  });

  test("nothing was reported on the page's console", () => {
    expect(problems).toEqual([]);
  });
});
