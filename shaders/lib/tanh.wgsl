// Hyperbolic tangent in float32, branch-free: 8 multiply-adds, 2 multiplications, 1 division.
// tanh x = x (1 + y p(y)) / (1 + y q(y)), y = x^2, type (9, 8), minimax in relative error on
// |x| <= 9.2 (2.7e-8 before rounding). Relative error in float32 below 4.8e-7 (4 ulp), also near
// 0, where nothing cancels (measured in test/gpu/functions.test.ts). |tanh| never exceeds 1, so
// the derivative 1 - tanh^2 is never negative.
// twin: Math.tanh

fn tanh_accurate(x: f32) -> f32 {
  let z = clamp(x, -9.0, 9.0);
  let y = z * z;
  let p = (((1.30679174e-8 * y + 2.04071966e-5) * y + 3.48356157e-3) * y + 0.133709893) * y + 1.0;
  let q = (((7.66065398e-7 * y + 3.26579175e-4) * y + 2.58315001e-2) * y + 0.467043072) * y + 1.0;
  return clamp(z * p / q, -1.0, 1.0);
}
