/**
 * Accuracy of the WGSL function library on the device against float64, over dense grids.
 *
 * The bounds are those stated in the heads of `shaders/lib/*.wgsl`; 1 ulp is 6e-8 to 1.2e-7
 * relative. The WGSL specification guarantees far less for its builtins (exp 3 + 2|x| ulp, sin
 * 2^-11 absolute), which is why the library exists. The float64 references are JavaScript's Math
 * (error below 1e-15) and, for erf, a series and a continued fraction checked at known values.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDevice } from "../gpu.ts";
import { mapFloats } from "../kernel.ts";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});
afterAll(() => device.destroy());

const LARGEST = 3.4028234663852886e38;
/** Smallest normal float32. */
const NORMAL = 2 ** -126;

/** Maclaurin series for |x| < 2, Lentz's continued fraction of erfc above (DLMF 7.6.1, 7.9.1). */
function erf(x: number): number {
  const t = Math.abs(x);
  if (t < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  // erfc t = exp(-t²)/√π · 1/(t + (1/2)/(t + (2/2)/(t + (3/2)/(t + …)))), evaluated backward.
  let fraction = t;
  for (let n = 60; n >= 1; n--) fraction = t + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-t * t) / (Math.sqrt(Math.PI) * fraction));
}

/** `count` float32 numbers: even spacing. */
const linear = (from: number, to: number, count = 100_000) =>
  Float32Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

/** Even spacing in the exponent, so that every scale is seen. */
const logarithmic = (from: number, to: number, count = 50_000) =>
  Float32Array.from({ length: count }, (_, i) => from * (to / from) ** (i / (count - 1)));

const both = (x: Float32Array) => Float32Array.from([...x, ...x.map((v) => -v)]);
const join = (...parts: Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

type Reference = (x: number) => number;

async function worst(file: string, name: string, x: Float32Array, f: Reference, relative: boolean) {
  const y = await mapFloats(device, file, name, x);
  let error = 0;
  let at = 0;
  for (let i = 0; i < x.length; i++) {
    const exact = f(x[i]!);
    const scale = relative ? Math.abs(exact) : 1;
    const e = exact === 0 ? Math.abs(y[i]!) : Math.abs(y[i]! - exact) / scale;
    if (!(e <= error)) [error, at] = [Number.isNaN(e) ? Infinity : e, x[i]!];
  }
  console.info(
    `${name}: worst ${relative ? "relative" : "absolute"} error ${error.toExponential(2)} at ${at}`,
  );
  return error;
}

const sigmoid: Reference = (x) => 1 / (1 + Math.exp(-x));
const softplus: Reference = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

test("the erf reference reproduces tabulated values", () => {
  // Abramowitz & Stegun, table 7.1, and DLMF: erf 0.5, 1, 2, 3; the branches meet at 2.
  expect(Math.abs(erf(0.5) - 0.5204998778130465)).toBeLessThan(1e-15);
  expect(Math.abs(erf(1) - 0.8427007929497149)).toBeLessThan(1e-15);
  expect(Math.abs(erf(2) - 0.9953222650189527)).toBeLessThan(1e-15);
  expect(Math.abs(erf(-3) + 0.9999779095030014)).toBeLessThan(1e-15);
  expect(Math.abs(erf(2) - erf(1.9999999999999998))).toBeLessThan(1e-14);
});

describe("relative error over dense grids", () => {
  const relative: [string, string, Reference, number, Float32Array][] = [
    ["exp", "exp_accurate", Math.exp, 2e-7, join(linear(-87.3, 88.72), both(logarithmic(1e-8, 1)))],
    [
      "exp_minus_one",
      "exp_minus_one",
      Math.expm1,
      5e-7,
      join(linear(-87.3, 88.72), both(logarithmic(1e-8, 1))),
    ],
    ["log", "log_accurate", Math.log, 2e-7, join(logarithmic(NORMAL, 3e38), linear(0.4, 2.5))],
    [
      "tanh",
      "tanh_accurate",
      Math.tanh,
      4.8e-7,
      join(linear(-12, 12), both(logarithmic(NORMAL, 12))),
    ],
    ["erf", "erf_accurate", erf, 3e-7, join(linear(-6, 6), both(logarithmic(1e-30, 6)))],
    ["sigmoid", "sigmoid_accurate", sigmoid, 4e-7, join(linear(-87, 87), linear(-4, 4))],
    ["sigmoid", "softplus_accurate", softplus, 4e-7, join(linear(-87, 87), linear(-4, 4))],
  ];
  test.each(relative)("lib/%s %s", async (file, name, f, bound, x) => {
    expect(await worst(`lib/${file}`, name, x, f, true)).toBeLessThan(bound);
  });
});

describe("absolute error of sin and cos", () => {
  const x = () => join(linear(-1e4, 1e4, 200_000), linear(-8, 8), both(logarithmic(1e-20, 1e4)));
  test("sin_accurate", async () => {
    expect(await worst("lib/trigonometry", "sin_accurate", x(), Math.sin, false)).toBeLessThan(
      2e-7,
    );
  });
  test("cos_accurate", async () => {
    expect(await worst("lib/trigonometry", "cos_accurate", x(), Math.cos, false)).toBeLessThan(
      2e-7,
    );
  });
});

test("the same bounds reject a float16-grade approximation", async () => {
  // Negative control: the assertion must fail where the function is wrong by 1 part in 10⁵.
  const wrong: Reference = (x) => Math.tanh(x) * (1 + 1e-5);
  expect(await worst("lib/tanh", "tanh_accurate", linear(-3, 3), wrong, true)).toBeGreaterThan(
    4.8e-7,
  );
});

describe("ends of the range", () => {
  const at = async (file: string, name: string, ...x: number[]) => [
    ...(await mapFloats(device, file, name, Float32Array.from(x))),
  ];

  test("exp saturates at a finite value above 3e38 and goes to 0", async () => {
    const [large, larger, small, zero] = await at("lib/exp", "exp_accurate", 89, LARGEST, -88, 0);
    expect(large).toBeGreaterThan(3e38);
    expect(large).toBeLessThanOrEqual(LARGEST);
    expect(larger).toBe(large);
    expect(small).toBe(0);
    expect(zero).toBe(1);
  });

  test("log of zero and of negative numbers is the largest negative number", async () => {
    const y = await at("lib/log", "log_accurate", 0, -1, -LARGEST, 1);
    expect(y).toEqual([-LARGEST, -LARGEST, -LARGEST, 0]);
  });

  test("tanh saturates, never passes 1, and is odd", async () => {
    const x = join(linear(5, 20), Float32Array.of(100, LARGEST));
    const y = await mapFloats(device, "lib/tanh", "tanh_accurate", both(x));
    expect(y.every((v) => Math.abs(v) <= 1)).toBe(true);
    for (let i = 0; i < x.length; i++) expect(y[i + x.length]).toBe(-y[i]!);
    const ends = await at("lib/tanh", "tanh_accurate", 0, 20, LARGEST);
    expect(ends[0]).toBe(0);
    expect(Math.abs(ends[1]! - 1)).toBeLessThan(4.8e-7);
    expect(ends[2]).toBe(ends[1]);
  });

  test("erf is 0 at 0, odd, and 1 far out", async () => {
    const y = await at("lib/erf", "erf_accurate", 0, 4, LARGEST, -LARGEST, 0.5, -0.5);
    expect(y.slice(0, 4)).toEqual([0, 1, 1, -1]);
    expect(y[5]).toBe(-y[4]!);
  });

  test("sigmoid and softplus keep both sides", async () => {
    const s = await at("lib/sigmoid", "sigmoid_accurate", -1000, 1000, 0);
    expect(s).toEqual([0, 1, 0.5]);
    const p = await at("lib/sigmoid", "softplus_accurate", -1000, 1000);
    expect(p).toEqual([0, 1000]);
  });
});
