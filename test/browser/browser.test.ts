/**
 * The engine in a browser: page → comlink → dedicated worker → WebGPU, in headless Chromium, and
 * the same program in Node on the same driver (SwiftShader).
 *
 * There is no skip: without a Chromium this fails with the remedy.
 */
import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Device, openDevice } from "../../engine/device.ts";
import { launchChromium } from "./chromium.ts";
import type { PageEngine } from "./page/main.ts";
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
  });

  test("nothing was reported on the page's console", () => {
    expect(problems).toEqual([]);
  });
});
