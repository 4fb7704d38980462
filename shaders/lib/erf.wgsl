// Error function erf x = 2/sqrt(pi) int_0^x exp(-t^2) dt in float32, relative error below 3e-7
// (measured in test/gpu/functions.test.ts). |x| <= 0.92: x + x P(x^2). Above:
// 1 - exp(-t - t Q(t)), t = |x|, Q minimax in the absolute error of erf; 1 for |x| >= 4.
// twin: erf of engine/ops (float64); WGSL has no builtin erf.
//#import lib/exp

fn erf_accurate(x: f32) -> f32 {
  let square = min(x * x, 1.0);
  let p = ((((-5.95375488e-4 * square + 4.9859439e-3) * square - 2.67617218e-2) * square
    + 0.112816826) * square - 0.376124799) * square + 0.128379151;
  let t = min(abs(x), 4.0);
  let q = ((((-2.13984953e-4 * t + 3.21495556e-3) * t - 2.28899643e-2) * t
    + 0.10526184) * t + 0.635718286) * t + 0.128514364;
  let outer = 1.0 - exp_accurate(-t - t * q);
  return select(p * x + x, select(outer, -outer, x < 0.0), t > 0.92);
}
