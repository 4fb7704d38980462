// e^x in float32, relative error below 2e-7 (measured in test/gpu/functions.test.ts), on any
// adapter: WGSL's own exp may be off by 3 + 2|x| ulp. x = n ln 2 + r with |r| <= ln(2) / 2
// (Cody & Waite); e^r = 1 + r + r^2 P(r), P minimax in relative error.
// Range: x > 88.72 gives e^88.72 = 3.4e38, the largest finite value, so that a divergence bound
// sees it (WGSL may assume that infinities do not occur); x < -87.33 gives 0.
// twin: Math.exp

fn exp_accurate(x: f32) -> f32 {
  let z = clamp(x, -87.33, 88.72);
  let n = floor(z * 1.4426950409 + 0.5);
  // ln 2 in two parts: n * 0.693359375 is exact.
  let r = (z - n * 0.693359375) + n * 2.12194440e-4;
  let p = (((1.38144335e-3 * r + 8.36879667e-3) * r + 4.16683964e-2) * r + 0.166665196) * r
    + 0.49999994;
  let mantissa = (p * r) * r + r + 1.0;
  // Multiply by 2^n in the exponent's bits; the clamp keeps the exponent in the normal range.
  let scaled = bitcast<f32>(bitcast<i32>(mantissa) + (i32(n) << 23u));
  return select(scaled, 0.0, x < -87.33);
}
