// Natural logarithm in float32, relative error below 2e-7 (measured in
// test/gpu/functions.test.ts): x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)),
// log(1 + f) = f - f^2/2 + f^3 P(f), P minimax in relative error.
// Range: zero, negative and subnormal x give -3.4028235e38, the largest finite magnitude: WGSL may
// assume that NaN and infinities do not occur, and this value trips a divergence bound.
// twin: Math.log, Math.log1p

// log(1 + f) + n ln 2 for 1 + f in [sqrt(1/2), sqrt(2)].
fn log_parts(f: f32, n: f32) -> f32 {
  let p = ((((((-0.0764610618 * f + 0.127791151) * f - 0.13164185) * f + 0.14199695) * f
    - 0.166227654) * f + 0.200012922) * f - 0.250008374) * f + 0.333333313;
  let square = f * f;
  // ln 2 in two parts: n * 0.693359375 is exact.
  let small = (square * f) * p - n * 2.12194440e-4 - 0.5 * square;
  return (f + small) + n * 0.693359375;
}

fn log_accurate(x: f32) -> f32 {
  let bits = bitcast<i32>(max(x, 0x1p-126));
  let n = (bits - 0x3F3504F3) >> 23u; // 0x3F3504F3 = sqrt(1/2)
  let f = bitcast<f32>(bits - (n << 23u)) - 1.0;
  return select(log_parts(f, f32(n)), -0x1.fffffep+127, x < 0x1p-126);
}

// log(1 + y) for y in [0, 1], without cancellation at small y.
fn log1p_unit(y: f32) -> f32 {
  let upper = y > 0.41421356;
  return log_parts(select(y, 0.5 * (y - 1.0), upper), select(0.0, 1.0, upper));
}
