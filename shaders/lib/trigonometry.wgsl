// sin and cos in float32, absolute error below 2e-7 for |x| <= 1e4 (measured in
// test/gpu/functions.test.ts); beyond, the reduction loses digits, and from |x| ~ 3e9 on the
// result is meaningless. WGSL's own sin allows 2^-11. x = n pi/2 + r by pi/2 in three parts of
// which n times the first two is exact for |n| < 2^13 (Cody & Waite 1980); minimax on |r| <= pi/4.
// twin: Math.sin, Math.cos

// sin r for |r| <= pi/4.
fn sin_octant(r: f32) -> f32 {
  let square = r * r;
  let p = (-1.95144545e-4 * square + 8.33215471e-3) * square - 0.166666552;
  return (p * square) * r + r;
}

// cos r for |r| <= pi/4.
fn cos_octant(r: f32) -> f32 {
  let square = r * r;
  let p = (2.44322091e-5 * square - 1.38873083e-3) * square + 4.16666456e-2;
  return (p * square) * square - 0.5 * square + 1.0;
}

// sin(r + quarters pi/2) for |r| <= pi/4.
fn sin_quarters(r: f32, quarters: u32) -> f32 {
  let value = select(sin_octant(r), cos_octant(r), (quarters & 1u) == 1u);
  return select(value, -value, (quarters & 2u) == 2u);
}

// Number of quarter turns nearest to x.
fn nearest_quarters(x: f32) -> f32 {
  return floor(x * 0.636619772 + 0.5);
}

// x - n pi/2
fn reduce_quarters(x: f32, n: f32) -> f32 {
  return ((x - n * 1.5703125) - n * 4.83751296997e-4) - n * 7.54978995e-8;
}

fn sin_accurate(x: f32) -> f32 {
  let n = nearest_quarters(x);
  return sin_quarters(reduce_quarters(x, n), bitcast<u32>(i32(n)));
}

fn cos_accurate(x: f32) -> f32 {
  let n = nearest_quarters(x);
  return sin_quarters(reduce_quarters(x, n), bitcast<u32>(i32(n)) + 1u);
}
