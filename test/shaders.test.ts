/**
 * Every WGSL file links with its defaults and compiles alone, without messages, on Dawn's null
 * backend: full validation on any machine, no GPU needed.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { link } from "../engine/wgsl/link.ts";
import { sources } from "../shaders/node.ts";
import { nullDevice } from "./gpu.ts";
import { compile } from "./kernel.ts";
import { uninitialized } from "./uninitialized.ts";

let device: GPUDevice;
beforeAll(async () => {
  device = await nullDevice();
});
afterAll(() => device.destroy());

describe.each(Object.entries(sources))("shaders/%s.wgsl", (path, text) => {
  test("links with its defaults and compiles without messages", async () => {
    await compile(device, link(path, {}, sources).code);
  });

  test("initializes every variable of function scope", () => {
    // Dawn does not zero a loop-local `var` again on each iteration, as the specification says.
    expect(uninitialized(text)).toEqual([]);
  });

  test("keeps to 100 columns and 200 lines, and opens with what it is", () => {
    const lines = text.replace(/\n$/, "").split("\n");
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(200);
    expect(lines[0]).toMatch(/^\/\/ \S/);
  });
});

test("negative controls: what does not compile, and what is not initialized, is seen", async () => {
  await expect(compile(device, "fn f() -> f32 { return 1u; }")).rejects.toThrow("1:17");
  const text = `
    var<private> outside: u32;
    @group(0) @binding(0) var<storage, read_write> data: array<u32>;
    fn f() { var a: f32; var b = 1.0; for (var i = 0u; i < 2u; i++) { var c: array<f32, 3>; } }`;
  expect(uninitialized(text)).toEqual(["a", "c"]);
});

test("library files hold functions and constants only", () => {
  const libraries = Object.entries(sources).filter(([path]) => path.startsWith("lib/"));
  expect(libraries.length).toBeGreaterThan(0);
  for (const [path, text] of libraries) {
    expect(text, path).not.toMatch(/@group|@compute|\boverride\b/);
    expect(text, path).toContain("// twin: ");
  }
});
